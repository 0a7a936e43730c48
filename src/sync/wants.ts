/**
 * Wants: the paths of one domain that this instance should have and has not yet. Learning is per peer, wanting is per domain: one
 * want a path, whoever announced it, so one bad path never blocks anything behind it.
 */
import { type Entry, isEqual, isLive } from '../core/entry.ts';
import { ancestorsOf, type RelPath } from '../core/path.ts';
import { resolve } from '../core/resolve.ts';
import { Deadlines } from './deadlines.ts';

/** Past so many wants learning pauses: what is not learned yet stays with the peer. */
export const MAX_WANTS = 100_000;
/** First wait after a failure; it doubles … */
const RETRY_FIRST_MS = 250;
/** … up to this. */
const RETRY_AT_MOST_MS = 60_000;

/** One path that is wanted. */
export interface Want {
  readonly path: RelPath;
  /** Content as a peer announced it; the version is merged from all who did. */
  entry: Entry;
  /** Peers that have it, with the sequence of their feed at which they said so; replaced by {@link Wants} alone. */
  sources: ReadonlyMap<number, number>;
  /** The site it was learned from. */
  readonly via: string;
  readonly since: number;
  /** Not before (milliseconds since 1970); changed by {@link Wants} alone. */
  nextTry: number;
  tries: number;
  /** A transfer of its own is under way. */
  transfer: AbortController | undefined;
  /** Only a person can heal it: it is an item error, and does not count as lag. */
  stuck: boolean;
  /** What the peer said of its parents. */
  parentModes: Map<RelPath, number | undefined> | undefined;
  /** It did not fit into a tree that moves as a whole: from now on it is done by itself. */
  singly: boolean;
}

/** What is wanted from one peer, that left out which only a person can heal. */
export interface Pending {
  readonly count: number;
  /** Of the files among them. */
  readonly bytes: number;
  /** Since when the oldest is wanted. */
  readonly since: number;
}

export class Wants {
  readonly #wants = new Map<RelPath, Want>();
  /** Those that may be tried at once, … */
  readonly #ready = new Set<Want>();
  /** … and the others, by when they may; a deadline that is not the want's own any more is passed over. */
  readonly #later = new Deadlines<Want>();
  /** What is wanted from each peer: kept up, because operators ask while there are most. */
  readonly #sums = new Map<number, { count: number; bytes: number }>();
  #bytes = 0;
  /** The source of what was added last: one for all of an answer, which are up to some thousand wants. */
  #source: ReadonlyMap<number, number> = new Map();
  /** Paths at which something is under way: not of a want, which may go and come again meanwhile. */
  readonly #underway = new Set<RelPath>();
  #wake = () => {};
  #onGone: (path: RelPath) => void = () => {};
  #roomWaiters = new Set<() => void>();

  get size(): number {
    return this.#wants.size;
  }

  /** Bytes of all files that are wanted. */
  get bytes(): number {
    return this.#bytes;
  }

  get(path: RelPath): Want | undefined {
    return this.#wants.get(path);
  }

  /** A peer has an entry that wins here. Another announcement adds a source; a newer one supersedes the want. */
  add(entry: Entry, peer: { roleid: number; site: string }, sequence: number, now: number): void {
    const want = this.#wants.get(entry.path);
    if (want) {
      this.#change(want, () => announceAgain(want, entry, peer.roleid, sequence, now));
      // A newer entry may be tried at once; another source changes nothing of when.
      if (want.nextTry <= now) this.#ready.add(want);
    } else {
      if (this.#source.get(peer.roleid) !== sequence) this.#source = new Map([[peer.roleid, sequence]]);
      const added: Want = {
        path: entry.path,
        entry,
        sources: this.#source,
        via: peer.site,
        since: now,
        nextTry: now,
        tries: 0,
        transfer: undefined,
        stuck: false,
        parentModes: undefined,
        singly: false,
      };
      this.#wants.set(entry.path, added);
      this.#ready.add(added);
      this.#count(added, 1);
    }
    this.#wake();
  }

  /** The want is fulfilled by an entry, unless a newer one superseded it meanwhile. */
  done(path: RelPath, entry: Entry): void {
    const want = this.#wants.get(path);
    if (!want || (entry !== want.entry && resolve(entry, want.entry).do !== 'nothing')) return;
    this.#delete(want);
  }

  /** A peer does not have it after all. Without a source left the want waits for a new announcement. */
  strike(path: RelPath, roleid: number): void {
    const want = this.#wants.get(path);
    if (!want?.sources.has(roleid)) return;
    this.#change(want, () => {
      want.sources = new Map([...want.sources].filter(([source]) => source !== roleid));
    });
    if (want.sources.size === 0) this.#delete(want);
  }

  /** A peer is none any more. */
  strikeAll(roleid: number): void {
    for (const want of [...this.#wants.values()]) this.strike(want.path, roleid);
  }

  /** It failed: later again, each time after twice the wait. */
  postpone(path: RelPath, now: number, stuck = false): void {
    const want = this.#wants.get(path);
    if (!want) return;
    this.#schedule(want, now + Math.min(RETRY_AT_MOST_MS, RETRY_FIRST_MS * 2 ** want.tries), now);
    want.tries = Math.min(want.tries + 1, 16);
    this.#change(want, () => {
      want.stuck = stuck;
    });
  }

  /** Not before `at`, and that is no failure. */
  delay(path: RelPath, at: number, now: number): void {
    const want = this.#wants.get(path);
    if (want) this.#schedule(want, at, now);
  }

  /** Something is begun at a path: until its end what is wanted there is not ready. */
  begin(path: RelPath): void {
    this.#underway.add(path);
  }

  /** It is over, one way or the other. */
  end(path: RelPath): void {
    this.#underway.delete(path);
    this.#wake();
  }

  /**
   * Wants that can be tried now, each with those of its parents that are wanted too: so many, or up to twice as many until the next
   * directory begins, because one that was renamed does not move as a whole where part of it is left out.
   */
  ready(now: number, limit: number): Want[] {
    for (let first = this.#later.first; first && first.at <= now; first = this.#later.first) {
      this.#later.take();
      if (this.#holds(first)) this.#ready.add(first.item);
    }
    const batch = new Set<Want>();
    const parents = new Set<RelPath>();
    for (const want of this.#ready) {
      if (batch.size >= limit && (want.entry.kind === 'directory' || batch.size >= 2 * limit)) break;
      if (this.#isUnderway(want)) continue;
      batch.add(want);
      for (const parent of ancestorsOf(want.path)) {
        if (parents.has(parent)) break;
        parents.add(parent);
        const above = this.#wants.get(parent);
        if (above && !batch.has(above) && !this.#isUnderway(above)) batch.add(above);
      }
    }
    // A rename is one step only where its source goes in the same plan.
    for (const { entry } of [...batch]) {
      const source = entry.from && this.#wants.get(entry.from.path);
      if (source) batch.add(source);
    }
    return [...batch];
  }

  /** When the next want can be tried, or undefined. */
  nextTry(): number | undefined {
    let next: number | undefined;
    for (const want of this.#ready) {
      if (this.#isUnderway(want)) continue;
      next = want.nextTry;
      break;
    }
    while (this.#later.first && !this.#holds(this.#later.first)) this.#later.take();
    const later = this.#later.first?.at;
    return next === undefined || (later !== undefined && later < next) ? later : next;
  }

  /** What waits for its turn may be tried at once. What failed keeps its wait: a disk that is full, or a peer that breaks off, still does so. */
  hurry(now: number): void {
    for (const want of this.#wants.values())
      if (!want.stuck && want.tries === 0 && want.nextTry > now) {
        want.nextTry = now;
        this.#ready.add(want);
      }
    this.#wake();
  }

  /** Up to where of a peer's feed everything is applied, given how far it was read. */
  doneUpTo(roleid: number, cursor: number): number {
    if (this.countOf(roleid) === 0) return cursor;
    let done = cursor;
    for (const want of this.#wants.values()) {
      const sequence = want.stuck ? undefined : want.sources.get(roleid);
      if (sequence !== undefined) done = Math.min(done, sequence - 1);
    }
    return done;
  }

  /** Wants of a peer, those left out that only a person can heal. */
  countOf(roleid: number): number {
    return this.#sums.get(roleid)?.count ?? 0;
  }

  /** The same with more of it; undefined where there is nothing. */
  pendingFrom(roleid: number): Pending | undefined {
    const sum = this.#sums.get(roleid);
    if (!sum?.count) return undefined;
    // Wants are in the order in which they came.
    for (const { sources, stuck, since } of this.#wants.values())
      if (!stuck && sources.has(roleid)) return { ...sum, since };
    return undefined;
  }

  list(): Iterable<Want> {
    return this.#wants.values();
  }

  /** Resolves when a want is added. */
  onWake(wake: () => void): void {
    this.#wake = wake;
  }

  /** Learning has to wait for {@link room}. */
  get isFull(): boolean {
    return this.#wants.size >= MAX_WANTS;
  }

  /** Told of each path that is not wanted any more, fulfilled or not. */
  onGone(onGone: (path: RelPath) => void): void {
    this.#onGone = onGone;
  }

  /** Resolves when there is room for more. */
  room(signal: AbortSignal): Promise<void> {
    if (!this.isFull || signal.aborted) return Promise.resolve();
    return new Promise(resolve => {
      const go = () => {
        this.#roomWaiters.delete(go);
        signal.removeEventListener('abort', go);
        resolve();
      };
      this.#roomWaiters.add(go);
      signal.addEventListener('abort', go, { once: true });
    });
  }

  /**
   * What comes of a path where something is under way waits too: that may be what it is renamed from. And so does what is to live below
   * it: its parent would be made here, where the file on its way is to stand first.
   */
  #isUnderway({ path, entry }: Want): boolean {
    if (this.#underway.size === 0) return false;
    if (this.#underway.has(path) || (entry.from !== undefined && this.#underway.has(entry.from.path))) return true;
    if (isLive(entry)) for (const parent of ancestorsOf(path)) if (this.#underway.has(parent)) return true;
    return false;
  }

  #schedule(want: Want, at: number, now: number): void {
    want.nextTry = at;
    if (at <= now) this.#ready.add(want);
    else {
      this.#ready.delete(want);
      this.#later.add(at, want);
    }
  }

  /** Whether a deadline is still that of its want. */
  #holds({ at, item }: { readonly at: number; readonly item: Want }): boolean {
    return item.nextTry === at && this.#wants.get(item.path) === item && !this.#ready.has(item);
  }

  /** Changes what is counted of a want. */
  #change(want: Want, change: () => void): void {
    this.#count(want, -1);
    change();
    this.#count(want, 1);
  }

  #count({ entry, stuck, sources }: Want, by: 1 | -1): void {
    const bytes = entry.kind === 'file' ? by * entry.size : 0;
    this.#bytes += bytes;
    if (stuck) return;
    for (const roleid of sources.keys()) {
      let sum = this.#sums.get(roleid);
      if (!sum) {
        sum = { count: 0, bytes: 0 };
        this.#sums.set(roleid, sum);
      }
      sum.count += by;
      sum.bytes += bytes;
    }
  }

  #delete(want: Want): void {
    this.#wants.delete(want.path);
    this.#ready.delete(want);
    this.#count(want, -1);
    want.transfer?.abort();
    this.#onGone(want.path);
    if (this.#roomWaiters.size > 0 && this.#wants.size < MAX_WANTS / 2) for (const go of [...this.#roomWaiters]) go();
  }
}

function announceAgain(want: Want, entry: Entry, roleid: number, sequence: number, now: number): void {
  const verdict = resolve(want.entry, entry);
  if (verdict.do === 'take') {
    want.entry = verdict.entry;
    want.sources = new Map();
    want.nextTry = now;
    want.tries = 0;
    want.stuck = false;
    want.parentModes = undefined;
    // The newer content is fetched when the transfer has ended; of a deleted path the transfer is of no use.
    if (entry.kind !== 'file') want.transfer?.abort();
  } else if (verdict.do === 'merge') want.entry = verdict.entry;
  if (isEqual(want.entry, entry)) want.sources = new Map([...want.sources, [roleid, sequence]]);
}
