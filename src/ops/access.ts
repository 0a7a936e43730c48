/** Who may ask for what on the operators' port. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether an address is one of this host's own (127.0.0.0/8, also as IPv4 in IPv6, and ::1). */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/**
 * Whether a request comes from this host. One that a proxy forwards does not, although the proxy may run here.
 */
export function isLocal(request: IncomingMessage): boolean {
  const { headers, socket } = request;
  return (
    headers.forwarded === undefined && headers['x-forwarded-for'] === undefined && isLoopback(socket.remoteAddress)
  );
}

/** Whether a request carries one of the tokens (`Authorization: Bearer …`). How long that takes says nothing about them. */
export function hasToken(request: IncomingMessage, tokens: readonly string[]): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given === undefined) return false;
  const hash = hashOf(given);
  return tokens.reduce((found, token) => timingSafeEqual(hash, hashOf(token)) || found, false);
}

/** Equal lengths, as the comparison needs them. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
