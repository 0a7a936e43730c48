/**
 * Memory: what is kept of a domain besides its entries. The newest heartbeat that was heard of each origin, when this instance was
 * there to hear and to be heard, up to when deletions are forgotten, and since when some are held.
 */
import { type Clock, MAX_SKEW_MS } from '../core/clock.ts';
import type { Attendance } from '../core/retention.ts';
import type { Cache } from './cache.ts';

/** What remembering needs of a replica. */
export interface MemoryContext {
  readonly cache: Cache;
  readonly clock: Clock;
  readonly self: number;
  /** When the volume was made, milliseconds since 1970. */
  readonly created: number;
  /** Since when deletions are held, as far as a next process has to know. */
  holdingSince(): number | undefined;
}

export class Memory {
  readonly #is: MemoryContext;
  #heard = new Map<number, number>();
  #attendance: Attendance;
  /** The last writing. */
  #saved: Promise<void> = Promise.resolve();

  constructor(context: MemoryContext) {
    this.#is = context;
    const now = context.clock.now();
    this.#attendance = { created: context.created, before: 0, since: now, forgotten: now };
  }

  /** The newest heartbeat by origin, milliseconds since 1970. */
  get heard(): ReadonlyMap<number, number> {
    return this.#heard;
  }

  /** When this instance was there to hear and to be heard. */
  get attendance(): Attendance {
    return this.#attendance;
  }

  /** Takes over what the process before this one remembered; answers since when that held deletions, if it did. */
  async load(): Promise<number | undefined> {
    const { cache, clock, self } = this.#is;
    const { heard, forgotten, holdingSince } = await cache.loadMemory();
    this.#heard = new Map(Object.entries(heard).map(([origin, at]) => [Number(origin), at]));
    this.#attendance = {
      ...this.#attendance,
      before: this.#heard.get(self) ?? 0,
      since: clock.now(),
      // Who remembers nothing may have forgotten anything.
      forgotten: forgotten ?? clock.now(),
    };
    return holdingSince;
  }

  /** Writes it down, so that it survives a crash. One after the other: they write the same file. */
  save(): Promise<void> {
    this.#saved = this.#saved
      .catch(() => {})
      .then(() => {
        const holdingSince = this.#is.holdingSince();
        const heard = Object.fromEntries(this.#heard);
        const { forgotten } = this.#attendance;
        return this.#is.cache.saveMemory({ heard, forgotten, ...(holdingSince !== undefined && { holdingSince }) });
      });
    return this.#saved;
  }

  /** Takes newer heartbeats; answers whether any was. */
  hear(beats: Iterable<readonly [origin: number, at: number]>): boolean {
    let news = false;
    // One that is further ahead than any clock may be is of a clock that was put right since: nothing true would ever be newer.
    const latest = this.#is.clock.now() + MAX_SKEW_MS;
    for (const [origin, at] of beats) {
      const known = this.#heard.get(origin);
      if (known !== undefined && known <= latest && at <= known) continue;
      this.#heard.set(origin, at);
      news = true;
    }
    return news;
  }

  /** Deletions up to a date are forgotten by somebody that this instance has heard of: no deletion counts as known for being here. */
  forgot(upTo: number): void {
    const forgotten = Math.max(this.#attendance.forgotten, Math.min(upTo, this.#is.clock.now()));
    this.#attendance = { ...this.#attendance, forgotten };
  }

  /** This instance counts as one that starts anew: it has nothing left that others would have to have heard of. */
  startAnew(): void {
    this.#attendance = { ...this.#attendance, before: 0, since: this.#is.clock.now() };
  }

  /** The clock was put right: without this, this instance would seem to have been heard of in the future until then. */
  putRight(): void {
    const { clock, self } = this.#is;
    if ((this.#heard.get(self) ?? 0) > clock.now()) this.#heard.set(self, clock.now());
  }
}
