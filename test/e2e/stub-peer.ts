/** Servers that stand where a peer should be, and answer what no peer would. */
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';

/** A server in a peer's place. */
export interface StubPeer extends AsyncDisposable {
  /** Requests or connections so far. */
  readonly asked: () => number;
}

/** What the stub with a roleid would say of itself if it were a peer. */
export function selfOf(roleid: number): Record<string, unknown> {
  const name = `dfsync${roleid}`;
  return { roleid, name, site: 'north', version: '0.1.0', epoch: 'stub', clock: Date.now(), protocols: [1] };
}

/** Answers HTTP. */
export async function httpStub(
  port: number,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<StubPeer> {
  return listening(createHttpServer(answer), port, 'request');
}

/** Answers JSON by path, 404 where there is none; every answer says that it comes from the roleid. */
export function jsonStub(
  port: number,
  roleid: number,
  bodies: (path: string) => unknown,
  headers: Record<string, string> = {},
): Promise<StubPeer> {
  return httpStub(port, (request, response) => {
    const body = bodies(request.url!.split('?', 1)[0]!);
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type': 'application/json',
      'dfsync-roleid': String(roleid),
      'dfsync-protocol': '1',
      ...headers,
    });
    response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
  });
}

/** Answers each connection with bytes that are no HTTP. */
export async function noiseStub(port: number, noise: Uint8Array): Promise<StubPeer> {
  return listening(
    createServer(socket => socket.on('error', () => {}).end(noise)),
    port,
    'connection',
  );
}

async function listening(server: Server, port: number, event: 'request' | 'connection'): Promise<StubPeer> {
  const sockets = new Set<Socket>();
  let asked = 0;
  server.on(event, () => asked++);
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
