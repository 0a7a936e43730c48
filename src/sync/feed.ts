/**
 * The feed: the newest index changes of this instance in order, for peers to long-poll. Nothing of it is persisted: the digest tree
 * is the truth, the feed is the fast path.
 */
import type { Clock } from '../core/clock.ts';
import type { DomainName, RelPath } from '../core/path.ts';

/** How often an instance says that it is there: the resolution of every lag across the network. */
export const HEARTBEAT_MS = 10_000;
/**
 * Changes that are remembered: a peer that was away longer compares digests instead. A directory of 500,000 files that is renamed makes
 * a million, which arrive in pairs of a new name and an old one, so that each pair is one rename there; full it takes 16 MB.
 */
const CAPACITY = 2 ** 20;
/** Why a wait is over. */
const NEWS = 'news';

/** One change of the index: the path says it all, its entry is read when a peer asks. */
export interface FeedItem {
  readonly sequence: number;
  readonly domain: DomainName;
  /** undefined: the whole domain has become ready. */
  readonly path: RelPath | undefined;
  /** The site it was learned from; undefined: made here. */
  readonly via: string | undefined;
}

type Way = Pick<FeedItem, 'domain' | 'via'>;

/** How far a peer is with this instance's feed, as it last said. */
export interface Done {
  /** Everything up to here is applied. */
  readonly sequence: number;
  /** Everything up to here is known there. */
  readonly learned: number;
  /** When it said so, milliseconds since 1970. */
  readonly at: number;
  /** When it last said that it had come further, or that it was at the end. */
  readonly movedAt: number;
}

export class Feed {
  /** New at every start, so that a peer's cursor of a former life is known as such. */
  readonly epoch: string;
  readonly #done = new Map<number, Done>();
  /** The ring, in columns: an object for each change would take four times the room. */
  readonly #paths: (RelPath | undefined)[] = [];
  /** Where in `#ways` the rest of a change stands. */
  readonly #wayOf: number[] = [];
  /** What changes have in common, once each: there are no more than domains times sites. */
  readonly #ways: Way[] = [];
  #sequence = 0;
  #beats = 0;
  readonly #waiting = new Set<() => void>();

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  /** How far each peer is, by roleid. */
  get done(): ReadonlyMap<number, Done> {
    return this.#done;
  }

  /** A peer says how far it is. */
  noteDone(roleid: number, sequence: number, learned: number, at: number): void {
    const before = this.#done.get(roleid);
    const stands = before?.sequence === sequence && before.learned === learned && sequence < this.#sequence;
    this.#done.set(roleid, { sequence, learned, at, movedAt: stands ? before.movedAt : at });
  }

  /** The sequence of the newest change. */
  get sequence(): number {
    return this.#sequence;
  }

  append(domain: DomainName, path: RelPath | undefined, via: string | undefined): void {
    const place = this.#sequence++ % CAPACITY;
    this.#paths[place] = path;
    this.#wayOf[place] = this.#way(domain, via);
    this.#wake();
  }

  #way(domain: DomainName, via: string | undefined): number {
    const known = this.#ways.findIndex(way => way.domain === domain && way.via === via);
    return known >= 0 ? known : this.#ways.push({ domain, via }) - 1;
  }

  /** Whether the feed still has everything after a cursor. */
  covers(since: number): boolean {
    return since <= this.#sequence && since >= this.#sequence - CAPACITY;
  }

  /** The changes after a cursor, oldest first. */
  *after(since: number): Generator<FeedItem> {
    for (let sequence = since + 1; sequence <= this.#sequence; sequence++) {
      const place = (sequence - 1) % CAPACITY;
      const { domain, via } = this.#ways[this.#wayOf[place]!]!;
      yield { sequence, domain, path: this.#paths[place], via };
    }
  }

  /** Heartbeats so far. */
  get beats(): number {
    return this.#beats;
  }

  /** A heartbeat: everybody who waits is told, also where nothing has changed. */
  beat(): void {
    this.#beats++;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    // They come to it after this stretch, in which there may be a thousand changes more.
    this.#waiting.clear();
  }

  /** Resolves at the next change, heartbeat, or abort, or after some milliseconds. */
  async news(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    // One signal for all of it: combined ones are dear, and so is the error that an abort without a reason makes.
    const over = new AbortController();
    const wake = () => over.abort(NEWS);
    this.#waiting.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    await clock.sleep(ms, over.signal);
    this.#waiting.delete(wake);
    signal.removeEventListener('abort', wake);
  }
}
