/** The listener for peers: sockets, their limits, and a shutdown that lets answers end. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { formatProblem } from './problem.ts';
import { MAX_HEADER_BYTES, MAX_WAIT_MS, PROBLEM, PROTOCOL, PROTOCOL_HEADER, ROLEID_HEADER } from './protocol.ts';
import { type PeerRoutes, peerApp } from './routes.ts';

/** A request with its body, a bundle's list at most: whoever takes longer holds a socket for nothing. Answers are not limited. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Line and headers come in one packet or two. */
const HEADERS_TIMEOUT_MS = 10_000;
/** A socket without any progress, in an answer too: longer than a feed is held open. */
const IDLE_TIMEOUT_MS = MAX_WAIT_MS + 65_000;
/** Above the client's idle timeout: a server that closes first meets requests already on their way. */
const KEEP_ALIVE_MS = 65_000;
/** Sockets in all: 32 peers with twice the sockets their clients open, and strangers besides. */
const MAX_SOCKETS = 2048;
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
export function createPeerServer(routes: PeerRoutes): PeerServer {
  const stopping = new AbortController();
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
    },
    peerApp(routes, stopping.signal).callback(),
  );
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.maxConnections = MAX_SOCKETS;
  const roleid = routes.serving.self().roleid;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => refuse(socket, roleid, error.code));
  return {
    listen: (host, port) => listen(server, host, port),
    close: () => drain(server, stopping),
  };
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

/** What is no request never reaches the routes: answered by hand, in the same form. */
function refuse(socket: Socket, roleid: number, code: string | undefined): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, title] = malformed(code);
  const body = formatProblem(status, title, 'the request cannot be read');
  const headers = [
    `${ROLEID_HEADER}: ${roleid}`,
    `${PROTOCOL_HEADER}: ${PROTOCOL}`,
    `content-type: ${PROBLEM}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
}

function malformed(code: string | undefined): [number, string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'Request header fields too large'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'Request timeout'];
  return [400, 'Bad request'];
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
