/**
 * `/events`: what happens on an instance, as server-sent events. Whoever connects is told how everything stands, then every change;
 * whoever lost the connection gets what happened meanwhile, as far as it is remembered.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Status } from './status.ts';
import { type Message, messagesOf, StatusChanges } from './status-changes.ts';

/** Some people and some screens; more is a mistake. */
const MAX_CLIENTS = 32;
/** What one client may leave unread: he is cut off, connects again and gets the rest. */
const MAX_UNREAD_BYTES = 256 * 1024;
/** Messages that are remembered for those who come back. */
const REMEMBERED = 1_000;
/** How often the status is looked at while anybody listens. */
const LOOK_MS = 1_000;
/** Changed paths that are told one by one between two looks; the rest is counted. */
const PATHS_PER_LOOK = 50;
/** Shorter than any idle timeout on the way. */
const HEARTBEAT_MS = 10_000;
/** When whoever was cut off should come back. */
const RETRY_MS = 2_000;

/** A change of one path. */
export interface PathChange {
  readonly domain: string;
  readonly path: string;
  readonly kind: string;
  readonly size: number;
  readonly did: 'made' | 'pulled';
  readonly conflict: boolean;
}

export class Events {
  readonly #status: () => Status;
  readonly #clients = new Set<ServerResponse>();
  readonly #changes = new StatusChanges();
  /** New with each process, so that nobody takes a message of another life for one that he had. */
  readonly #life = randomUUID().slice(0, 8);
  #remembered: { readonly sequence: number; readonly text: string }[] = [];
  #sequence = 0;
  #paths = 0;
  #more = new Map<string, number>();
  #beatAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(status: () => Status) {
    this.#status = status;
  }

  /** A path has changed. */
  path({ conflict, ...change }: PathChange): void {
    if (conflict) this.tell({ event: 'conflict', data: change });
    // Whom it would be told, nobody looks for either.
    if (!this.#timer) return;
    if (++this.#paths <= PATHS_PER_LOOK) this.tell({ event: 'change', data: change });
    else this.#more.set(change.domain, (this.#more.get(change.domain) ?? 0) + 1);
  }

  /** Something happened. */
  tell(message: Message): void {
    const text = textOf(message, `${this.#life}-${++this.#sequence}`);
    this.#remembered.push({ sequence: this.#sequence, text });
    if (this.#remembered.length > 2 * REMEMBERED) this.#remembered = this.#remembered.slice(-REMEMBERED);
    for (const client of this.#clients) this.#send(client, text);
  }

  /**
   * Tells a client from now on, until one of both goes. Answers whether there is room for him.
   *
   * @param last the id of the last message that he had
   */
  attach(client: ServerResponse, last: string | undefined): boolean {
    if (this.#clients.size >= MAX_CLIENTS) return false;
    client.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store' });
    this.#send(client, `retry: ${RETRY_MS}\n\n`);
    for (const message of messagesOf(this.#status())) this.#send(client, textOf(message));
    for (const text of this.#since(last)) this.#send(client, text);
    this.#clients.add(client);
    client.once('close', () => this.#detach(client));
    if (!this.#timer) {
      // What changed while nobody listened is no news: everybody was just told how it stands.
      this.#changes.of(this.#status());
      this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    }
    return true;
  }

  /** Ends with everybody. */
  close(): void {
    for (const client of this.#clients) client.end();
  }

  #detach(client: ServerResponse): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    for (const message of this.#changes.of(this.#status())) this.tell(message);
    for (const [domain, more] of this.#more) this.tell({ event: 'more', data: { domain, changes: more } });
    this.#more.clear();
    this.#paths = 0;
    const now = performance.now();
    if (now - this.#beatAt < HEARTBEAT_MS) return;
    this.#beatAt = now;
    for (const client of this.#clients) this.#send(client, ':\n\n');
  }

  /** What somebody missed; nothing where his last message is of another life, or forgotten. */
  #since(last: string | undefined): string[] {
    const [, life, sequence] = /^([0-9a-f]+)-(\d+)$/.exec(last ?? '') ?? [];
    if (life !== this.#life) return [];
    return this.#remembered.filter(each => each.sequence > Number(sequence)).map(({ text }) => text);
  }

  #send(client: ServerResponse, text: string): void {
    if (client.destroyed || client.writableEnded) return;
    client.write(text);
    if (client.writableLength > MAX_UNREAD_BYTES) client.destroy();
  }
}

function textOf({ event, data }: Message, id?: string): string {
  // JSON has no line ends, so it is one line of data.
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
