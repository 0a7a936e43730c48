/** Both ends on loopback, closed with the test. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { PeerClient, type PeerClientOptions } from '../../src/peer/client.ts';
import type { PeerRoutes } from '../../src/peer/routes.ts';
import { createPeerServer, type ServerLimits } from '../../src/peer/server.ts';
import { CLIENT, InMemoryServing, SERVER } from './in-memory-serving.ts';

export const NEVER = new AbortController().signal;

/** A client that expects instance 7 at an address. */
export function clientAt(t: TestContext, port: number, options: Partial<PeerClientOptions> = {}): PeerClient {
  const client = new PeerClient({
    roleid: SERVER,
    self: CLIENT,
    address: `127.0.0.1:${port}`,
    tokens: () => [],
    ...options,
  });
  t.after(() => client.close());
  return client;
}

/** A server of the real routes, and a client of it. */
export async function network(
  t: TestContext,
  routes: Partial<PeerRoutes> = {},
  client: Partial<PeerClientOptions> = {},
  limits: Partial<ServerLimits> = {},
) {
  const serving = new InMemoryServing();
  const server = createPeerServer({ serving, tokens: () => [], ...routes }, limits);
  const { port } = await server.listen('127.0.0.1', 0);
  t.after(() => server.close());
  return { serving, server, port, client: clientAt(t, port, client) };
}

/** A peer that answers as it likes. */
export async function impostor(t: TestContext, answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  return await listening(t, server, () => server.closeAllConnections());
}

/** Bytes on a socket, whatever they are. */
export async function tcpImpostor(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer(socket => {
    sockets.add(socket.on('error', () => {}));
    onSocket(socket);
  });
  return await listening(t, server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** Headers of an honest answer of instance 7. */
export const honest = { 'dfsync-roleid': String(SERVER), 'dfsync-protocol': '1' };

/** A request by hand, with the target exactly as given. */
export async function ask(
  port: number,
  target: string,
  {
    method = 'GET',
    body,
    headers = {},
  }: { method?: string; body?: string; headers?: Record<string, string | undefined> } = {},
) {
  const given = Object.entries({ 'dfsync-roleid': String(CLIENT), ...headers }).filter(
    ([, value]) => value !== undefined,
  );
  const req = request({
    host: '127.0.0.1',
    port,
    path: target,
    method,
    headers: Object.fromEntries(given) as Record<string, string>,
  });
  req.end(body);
  const [response] = (await once(req, 'response')) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  const text = Buffer.concat(parts).toString('latin1');
  const { 'content-type': type, 'content-encoding': coding } = response.headers;
  const isJson = type?.includes('json') && coding === undefined && text !== '';
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson ? safeJson(text) : undefined,
  };
}

/** What a server says to bytes on a socket, whatever they are, until it closes. */
export async function raw(port: number, ...parts: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  for (const part of parts) socket.write(part, 'latin1');
  return (await bytesOf(socket)).toString('latin1');
}

export async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

/** Waits until something holds; the test's own timeout bounds it, and whoever waits on after that keeps no process alive. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 5).unref());
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
function safeJson(text: string): any {
  return text.includes('}\n{') ? undefined : JSON.parse(text);
}

async function listening(
  t: TestContext,
  server: {
    listen(port: number, host: string): unknown;
    address(): unknown;
    close(): unknown;
    once(e: 'listening', f: () => void): unknown;
  },
  stop: () => void,
): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.once('listening', resolve);
  server.listen(0, '127.0.0.1');
  await promise;
  t.after(() => {
    server.close();
    stop();
  });
  return (server.address() as AddressInfo).port;
}
