/** A peer that speaks the protocol as well as it must to be asked on, and lies where a case tells it to. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { zstdCompressSync } from 'node:zlib';

/** The questions that it can lie in answer to. */
export type Asked = 'self' | 'domains' | 'digests' | 'entries' | 'changes' | 'file' | 'bundle';
export type Answer = (response: ServerResponse, request: IncomingMessage) => void;
export type Lies = Partial<Record<Asked, Answer>>;

/** The domain that it lies about. */
const DOMAIN = 'acme.example';
/** A root that no tree has: whoever compares has to descend. */
export const NOWHERE = '00000000000000aa';
/** How long its feed is held open without news; well below what the client waits. */
const POLL_MS = 500;

const ROUTES: readonly (readonly [RegExp, Asked])[] = [
  [/^\/v1\/self$/, 'self'],
  [/^\/v1\/domains$/, 'domains'],
  [/\/digests$/, 'digests'],
  [/\/entries$/, 'entries'],
  [/^\/v1\/changes$/, 'changes'],
  [/\/files\//, 'file'],
  [/\/bundle$/, 'bundle'],
];

/** A server in the place of an instance. */
export class HostilePeer implements AsyncDisposable {
  readonly roleid: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** How often each question was asked since the lies began. */
  readonly asked = new Map<string, number>();
  #lies: Lies = {};
  #announced: readonly object[] = [];
  /** New with each set of lies, so that whoever asks begins anew. */
  #epoch = 0;

  private constructor(roleid: number) {
    this.roleid = roleid;
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on('connection', socket => {
      this.#sockets.add(socket.on('error', () => {}));
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async at(port: number, roleid: number): Promise<HostilePeer> {
    const peer = new HostilePeer(roleid);
    peer.#server.listen(port, '127.0.0.1');
    await once(peer.#server, 'listening');
    return peer;
  }

  /** Lies from now on, and announces entries in its feed; whoever is in the middle of a question is cut off. */
  lie(lies: Lies, announced: readonly object[] = []): void {
    this.#lies = lies;
    this.#announced = announced;
    this.#epoch++;
    this.asked.clear();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Headers that every answer of this instance has. */
  get headers(): Record<string, string> {
    return { 'dfsync-roleid': String(this.roleid), 'dfsync-protocol': '1' };
  }

  get epoch(): string {
    return `lie ${this.#epoch}`;
  }

  self(): object {
    const name = `dfsync${this.roleid}`;
    return {
      roleid: this.roleid,
      name,
      site: 'north',
      version: '0.1.0',
      epoch: this.epoch,
      clock: Date.now(),
      protocols: [1],
    };
  }

  domains(digest = NOWHERE): object {
    const state = { domain: DOMAIN, state: 'serving', digest, entries: 1, files: 1, bytes: 1, heard: {} };
    return { epoch: this.epoch, sequence: 0, domains: [state] };
  }

  changes(entries: readonly unknown[], sequence: number, more: object = {}): object {
    const changes = entries.map(entry => ({ domain: DOMAIN, entry }));
    return { epoch: this.epoch, sequence, reset: false, changes, heard: {}, ...more };
  }

  json(response: ServerResponse, body: unknown): void {
    response
      .writeHead(200, { ...this.headers, 'content-type': 'application/json' })
      .end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, 'http://x');
    const asked = ROUTES.find(([route]) => route.test(url.pathname))?.[1];
    if (asked === undefined) {
      response.writeHead(404, this.headers).end();
      return;
    }
    this.asked.set(asked, (this.asked.get(asked) ?? 0) + 1);
    const lie = this.#lies[asked];
    if (lie) lie(response, request);
    else if (asked === 'changes') this.#tellChanges(response, url.searchParams.get('since') === '0');
    else if (asked === 'file' || asked === 'bundle') response.writeHead(404, this.headers).end();
    else this.json(response, this.#honest(asked));
  }

  #tellChanges(response: ServerResponse, fromBeginning: boolean): void {
    if (fromBeginning && this.#announced.length > 0) this.json(response, this.changes(this.#announced, 1));
    else setTimeout(() => this.json(response, this.changes([], this.#announced.length > 0 ? 1 : 0)), POLL_MS);
  }

  #honest(asked: Exclude<Asked, 'changes' | 'file' | 'bundle'>): unknown {
    switch (asked) {
      case 'self':
        return this.self();
      case 'domains':
        return this.domains();
      case 'digests':
        return { nodes: [] };
      case 'entries':
        return '';
      default:
        return asked satisfies never;
    }
  }
}

/** An entry as an honest peer would announce it, but for what a case changes. */
export function announced(path: string, more: object = {}): object {
  return { path, kind: 'file', size: 4, mtime: 1_700_000_000_000, mode: 0o644, version: { 2: Date.now() }, ...more };
}

/** Writes until the other end has had enough. */
export function endlessly(response: ServerResponse, headers: Record<string, string>, chunk: string | Buffer): void {
  response.writeHead(200, headers);
  const write = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', write);
  write();
}

/** A few kilobytes in zstd that unfold to so many mebibytes of a text, repeated. */
export function bomb(mebibytes: number, before: string, text: string, after: string): Buffer {
  const times = Math.floor((mebibytes << 20) / text.length);
  return zstdCompressSync(Buffer.concat([Buffer.from(before), Buffer.from(text.repeat(times)), Buffer.from(after)]));
}
