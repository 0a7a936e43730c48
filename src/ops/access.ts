/** Who may ask for what on the operators' port: routes put {@link mayRead} or {@link mayAdmin} before their handler. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';
import type { Middleware } from 'koa';
import { type Problem, problemOf, refuse } from './problem.ts';

/** Tokens of operators; each list may be empty. */
export interface OpsTokens {
  /** They may look. */
  readonly read: readonly string[];
  /** They may look and act. */
  readonly admin: readonly string[];
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether an address is one of this host's own (127.0.0.0/8, also as IPv4 in IPv6, and ::1). */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/**
 * Whether a request comes from this host. One that a proxy forwards does not, although the proxy may run here; nor does one for a name
 * other than `localhost`: a browser here asks so for a page whose name somebody made to lead to this host (DNS rebinding).
 */
export function isLocal(request: IncomingMessage): boolean {
  const { headers, socket } = request;
  const isForwarded = headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined;
  return !isForwarded && isLoopback(socket.remoteAddress) && isOwnName(headers.host);
}

function isOwnName(host: string | undefined): boolean {
  const name = host?.replace(/:[0-9]+$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === undefined || name === 'localhost' || isIP(name) !== 0;
}

/** Whether a request carries one of the tokens (`Authorization: Bearer …`). How long that takes says nothing about them. */
export function hasToken(request: IncomingMessage, tokens: readonly string[]): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given === undefined) return false;
  const hash = hashOf(given);
  return tokens.reduce((found, token) => timingSafeEqual(hash, hashOf(token)) || found, false);
}

/** Lets through who may look: the host itself, with or without a token, and whoever has one of either kind. */
export function mayRead(tokens: () => OpsTokens): Middleware {
  return guard(request => readRefusal(request, tokens()));
}

/** Lets through who may act: nobody without an admin token, not from the host itself either, where any user and any page may ask. */
export function mayAdmin(tokens: () => OpsTokens): Middleware {
  return guard(request => adminRefusal(request, tokens()));
}

/** Why a request may not look; undefined where it may. */
export function readRefusal(request: IncomingMessage, { read, admin }: OpsTokens): Problem | undefined {
  if (isLocal(request) || hasToken(request, [...read, ...admin])) return undefined;
  return read.length + admin.length > 0
    ? problemOf(
        401,
        'ask from the host itself (as localhost), or send a read or an admin token: Authorization: Bearer TOKEN',
      )
    : problemOf(401, 'ask from the host itself (as localhost); for others, start dfsync with --read-token-file FILE');
}

/** Why a request may not act; undefined where it may. */
export function adminRefusal(request: IncomingMessage, { read, admin }: OpsTokens): Problem | undefined {
  if (hasToken(request, admin)) return undefined;
  if (admin.length === 0)
    return problemOf(
      403,
      'nobody may do this: no admin token is known here; start dfsync with --admin-token-file FILE',
    );
  if (hasToken(request, read)) return problemOf(403, 'a read token may only look; send an admin token');
  return problemOf(401, 'an admin token is needed, from the host itself too: Authorization: Bearer TOKEN');
}

function guard(refusal: (request: IncomingMessage) => Problem | undefined): Middleware {
  return async (ctx, next) => {
    const refused = refusal(ctx.req);
    if (refused === undefined) return next();
    if (refused.status === 401) ctx.set('WWW-Authenticate', 'Bearer');
    refuse(ctx, refused);
  };
}

/** Equal lengths, as the comparison needs them. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
