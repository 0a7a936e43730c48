/** Mutual TLS: what both ends of a connection demand of each other. */
import { constants } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import { Agent, type AgentOptions, createServer, type Server, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { isNamed, namesIn, namesOf } from '../core/certificate.ts';
import type { Instance } from '../core/topology.ts';
import { brief } from './failure.ts';

/** What an instance shows, and whom it trusts; PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  /** The authorities that the other end's certificate has to come from; no others are trusted. */
  readonly ca: string;
}

/** The identity as its files say now. */
export interface TlsSource {
  readonly current: TlsIdentity;
  /** Tells of each new identity until the signal aborts. */
  onChange(tell: (identity: TlsIdentity) => void, signal: AbortSignal): void;
}

/** For the handshake: two round trips. */
const HANDSHAKE_MS = 10_000;

/** Code of the error for a certificate that names somebody else. */
export const OTHER_CERTIFICATE = 'ERR_OTHER_CERTIFICATE';

/**
 * A server that whoever has no certificate of the authorities cannot ask. A new identity takes effect at once: connections of the
 * old one, which may no longer be trusted, end with the answer under way.
 *
 * @param onRefused told of handshakes that failed: from where, and why
 */
export function tlsServer(
  options: ServerOptions,
  handle: RequestListener,
  source: TlsSource,
  onRefused: (from: string, reason: string) => void,
  stopping: AbortSignal,
): { readonly server: Server; readonly handle: RequestListener } {
  const made = new WeakMap<Socket, TlsIdentity>();
  let identity = source.current;
  const current: RequestListener = (request, response) => {
    const { socket } = request;
    response.once('finish', () => {
      if (made.get(socket) !== identity) socket.destroySoon();
    });
    handle(request, response);
  };
  const server = createServer(
    {
      ...options,
      ...contextOf(identity),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_MS,
    },
    current,
  );
  server.on('secureConnection', socket => made.set(socket, identity));
  // A socket knows its address after its end only where it was asked before.
  server.on('connection', socket => socket.remoteAddress);
  server.on('tlsClientError', (error, socket) => onRefused(addressOf(socket), refusalOf(error, socket)));
  source.onChange(changed => {
    identity = changed;
    server.setSecureContext(contextOf(identity));
    server.closeIdleConnections();
  }, stopping);
  return { server, handle: current };
}

/** An agent that talks to nobody but one instance. */
export function tlsAgent(
  options: AgentOptions,
  identity: TlsIdentity,
  peer: Pick<Instance, 'roleid' | 'server'>,
): Agent {
  return new Agent({
    ...options,
    ...contextOf(identity),
    rejectUnauthorized: true,
    // A resumed session is not held to the name again.
    maxCachedSessions: 0,
    checkServerIdentity: (_, { subjectaltname }) => {
      const names = namesIn(subjectaltname);
      if (isNamed(names, peer)) return undefined;
      const message = `the certificate there is ${namedText(names)}, not of ${peer.roleid} (${namesOf(peer).join(' or ')})`;
      return Object.assign(new Error(message), { code: OTHER_CERTIFICATE });
    },
  });
}

/** Why the certificate of whoever asks is not that of an instance; undefined where it is, or where there is no TLS. */
export function impersonation(
  { socket }: IncomingMessage,
  asking: Pick<Instance, 'roleid' | 'server'>,
): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const names = certified(socket);
  if (isNamed(names, asking)) return undefined;
  return `the certificate is ${namedText(names)}, not of roleid ${asking.roleid}: it has to name ${namesOf(asking).join(' or ')} as an alternative name`;
}

/** Asked for with every request of a kept connection. */
const known = new WeakMap<TLSSocket, readonly string[]>();

function certified(socket: TLSSocket): readonly string[] {
  const names = known.get(socket) ?? namesIn(socket.getPeerX509Certificate()?.subjectAltName);
  known.set(socket, names);
  return names;
}

function contextOf({ cert, key, ca }: TlsIdentity) {
  // No tickets: who comes back shows its certificate again, to an instance that may trust other authorities by now.
  return { cert, key, ca, minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET } as const;
}

function namedText(names: readonly string[]): string {
  return names.length === 0 ? 'of nobody (no URI or DNS alternative name)' : brief(`of ${names.join(', ')}`);
}

/** Node destroys a socket whose certificate it refuses before it tells of it, and then only the one below has the address. */
function addressOf(socket: TLSSocket & { readonly _parent?: Socket | null }): string {
  return socket.remoteAddress ?? socket._parent?.remoteAddress ?? 'an unknown address';
}

function refusalOf(error: NodeJS.ErrnoException, socket: TLSSocket): string {
  if (socket.authorizationError) return `its certificate is not accepted: ${String(socket.authorizationError)}`;
  switch (error.code) {
    case 'ERR_SSL_HTTP_REQUEST':
      return 'it speaks no TLS';
    case 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE':
      return 'it shows no certificate';
    case 'ECONNRESET':
      return 'it closed the connection: it is no peer, or does not accept our certificate, as its own log says';
    default:
      return brief(error.message);
  }
}
