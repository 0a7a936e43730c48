/** The listener for peers: sockets, their limits, and a shutdown that lets answers end. */
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerGarbage } from './garbage.ts';
import { MAX_HEADER_BYTES, MAX_WAIT_MS } from './protocol.ts';
import { type PeerRoutes, peerApp } from './routes.ts';
import { tlsServer } from './tls.ts';

/** What a server puts up with; times in milliseconds. */
export interface ServerLimits {
  /** Sockets at a time: those of 64 peers with twice what their clients open. One more is closed at once, without an answer. */
  readonly sockets: number;
  /** For a request with its body, a bundle's list at most: whoever takes longer holds a socket for nothing. */
  readonly request: number;
  /** For its line and headers: they come in one packet or two. */
  readonly headers: number;
  /** How often these two are looked at. */
  readonly check: number;
  /** For any progress of a socket, in an answer too: longer than a feed is held open. */
  readonly idle: number;
}

const LIMITS: ServerLimits = {
  sockets: 2048,
  request: 30_000,
  headers: 10_000,
  check: 10_000,
  idle: MAX_WAIT_MS + 65_000,
};
/** Above the client's idle timeout: a server that closes first meets requests already on their way. */
const KEEP_ALIVE_MS = 65_000;
/** What answers under way may take at shutdown: half of the ten seconds that a process has to stop. */
const DRAIN_MS = 5_000;

/** A listener that peers ask. */
export interface PeerServer {
  /**
   * Starts to listen; port 0 takes a free one. Answers what it is bound to.
   *
   * @throws an Error that names the address, the reason and the option to change
   */
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /** Ends open polls, lets answers under way end for a few seconds, cuts off the rest. */
  close(): Promise<void>;
}

/** Makes the listener; nothing is bound before `listen`. */
export function createPeerServer(routes: PeerRoutes, limits: Partial<ServerLimits> = {}): PeerServer {
  const stopping = new AbortController();
  const { sockets, request, headers, check, idle } = { ...LIMITS, ...limits };
  const options: ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: request,
    headersTimeout: headers,
    connectionsCheckingInterval: check,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Node would refuse without a word; the gate says why.
    requireHostHeader: false,
    noDelay: true,
  };
  const { server, handle } = serverOf(routes, options, stopping.signal);
  server.on('checkExpectation', handle);
  server.setTimeout(idle);
  server.maxConnections = sockets;
  const { roleid, protocols } = routes.serving.self();
  answerGarbage(server, { roleid, protocol: Math.min(...protocols) });
  return {
    listen: (host, port) => listen(server, host, port),
    close: () => drain(server, stopping),
  };
}

function serverOf(routes: PeerRoutes, options: ServerOptions, stopping: AbortSignal) {
  const { tls, onHandshakeRefused = () => {} } = routes;
  const answer: RequestListener = peerApp(routes, stopping).callback();
  if (tls) return tlsServer(options, answer, tls, onHandshakeRefused, stopping);
  return { server: createServer(options, answer), handle: answer };
}

async function listen(server: Server, host: string, port: number): Promise<{ host: string; port: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (error) {
    throw new Error(`cannot listen on ${host}:${port}: ${reasonOf(error)}`, { cause: error });
  } finally {
    server.off('error', reject);
  }
  const bound = server.address() as AddressInfo;
  return { host: bound.address, port: bound.port };
}

async function drain(server: Server, stopping: AbortController): Promise<void> {
  stopping.abort(new Error('this instance is being stopped'));
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  // A socket that was busy until now is idle once its answer has ended, and nothing else closes it.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  try {
    await promise;
  } finally {
    clearInterval(sweep);
    clearTimeout(deadline);
  }
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'the port is in use; stop what listens there or choose another address with --listen';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address; choose one of its own with --listen';
    case 'EACCES':
      return 'the port needs privileges; choose one above 1023 with --listen';
    case 'ENOTFOUND':
      return 'the name is not known; choose an address with --listen';
    default:
      return `${(error as Error).message}; choose another address with --listen`;
  }
}
