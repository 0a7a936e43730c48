/** The operators' port as a socket: its limits, its errors and its end. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { PROBLEM_TYPE, type Problem, problemOf } from './problem.ts';

/** A token and what a browser or a scraper adds; nothing here needs more. */
const MAX_HEADER_BYTES = 8 * 1024;
/** Questions are one packet long: whoever needs more holds a connection for nothing. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** How often these two are looked at. */
const CHECK_MS = 10_000;
/** A connection that moves no byte, such as a reader that stopped reading. Whoever takes longer to answer says meanwhile that he is at it. */
export const IDLE_TIMEOUT_MS = 30_000;
/** Longer than the usual scrape interval of a minute, so that a scraper keeps its connection. */
const KEEP_ALIVE_MS = 75_000;
/** Scrapers, probes and some people; more is a mistake or an attack, and each costs memory. */
const MAX_CONNECTIONS = 256;
/** How long answers under way may take once the end has come: the whole stop has 10 s. */
const CLOSE_GRACE_MS = 1000;

/** A certificate with its key in PEM, as it is now, and word of each new one until the signal aborts. */
export interface ListenerTls {
  readonly current: { readonly cert: string; readonly key: string };
  onChange(tell: (changed: { readonly cert: string; readonly key: string }) => void, signal: AbortSignal): void;
}

/** An open port. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Takes no more connections, lets answers under way end, and closes all connections within a second. */
  close(): Promise<void>;
}

/** Why a port could not be had; the message is for the operator. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Opens a port for operators (0: any that is free).
 *
 * @param failed hears of connections that could not be accepted (EMFILE, ENFILE); the port stays open
 * @param tls whether TLS is spoken, and by which certificate
 * @param idleMs after so long a connection that moves no byte is closed
 * @throws ListenError
 */
export async function listen(
  handle: RequestListener,
  host: string,
  port: number,
  failed: (error: Error) => void,
  tls?: ListenerTls,
  idleMs = IDLE_TIMEOUT_MS,
): Promise<Listener> {
  const closing = new AbortController();
  const server = serverOf(handle, tls, idleMs, closing.signal);
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw new ListenError(explain(error, host, port), { cause: error });
  }
  server.on('error', failed);
  const { address, port: bound } = server.address() as AddressInfo;
  return { host: address, port: bound, close: () => close(server, closing) };
}

const OPTIONS: ServerOptions = {
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  // Node would refuse without a word; the application says why.
  requireHostHeader: false,
};

function plainOrTls(handle: RequestListener, tls: ListenerTls | undefined, closing: AbortSignal): Server {
  if (tls === undefined) return createServer(OPTIONS, handle);
  const context = ({ cert, key }: ListenerTls['current']) => ({ cert, key, minVersion: 'TLSv1.3' }) as const;
  const server = createTlsServer({ ...OPTIONS, ...context(tls.current), handshakeTimeout: HEADERS_TIMEOUT_MS }, handle);
  tls.onChange(changed => server.setSecureContext(context(changed)), closing);
  return server;
}

function serverOf(handle: RequestListener, tls: ListenerTls | undefined, idleMs: number, closing: AbortSignal): Server {
  const latest = new WeakMap<Duplex, ServerResponse>();
  const server = plainOrTls(
    (request, response) => {
      latest.set(request.socket, response);
      // A connection that was busy when the end came is not closed by the server itself.
      response.once('finish', () => {
        if (!server.listening) request.socket.end();
      });
      handle(request, response);
    },
    tls,
    closing,
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(idleMs);
  server.on('checkExpectation', handle);
  server.on('connect', (_: IncomingMessage, socket: Duplex) =>
    refuse(
      socket.on('error', () => {}),
      problemOf(501, 'this is no proxy: CONNECT is not known'),
    ),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const answer = latest.get(socket);
    // Within an answer that has begun, a problem would be read as a part of it.
    const isAnswering = answer?.headersSent === true && !answer.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) socket.destroy();
    else refuse(socket, garbageProblem(error.code));
  });
  return server;
}

/** What is no HTTP, or too much of it, never reaches the application. */
function refuse(socket: Duplex, problem: Problem): void {
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function garbageProblem(code: string | undefined) {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return problemOf(431, `headers are ${MAX_HEADER_BYTES} bytes at most`);
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problemOf(408, 'the request did not arrive in time');
    default:
      return problemOf(400, 'this is not HTTP/1.1; is it TLS? This port speaks plain HTTP');
  }
}

async function close(server: Server, closing: AbortController): Promise<void> {
  closing.abort();
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  try {
    await closed;
  } finally {
    clearTimeout(deadline);
  }
}

function explain(error: unknown, host: string, port: number): string {
  const code = (error as NodeJS.ErrnoException).code;
  const where = `cannot open the operators' port ${host.includes(':') ? `[${host}]` : host}:${port}`;
  const next = 'choose another with --ops-listen HOST:PORT';
  switch (code) {
    case 'EADDRINUSE':
      return `${where}: it is in use; stop what listens there, or ${next}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${where}: this host has no such address; ${next}`;
    case 'EACCES':
      return `${where}: ports below 1024 need a privilege; ${next}`;
    default:
      return `${where}: ${(error as Error).message}; ${next}`;
  }
}
