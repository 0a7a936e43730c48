/** Files that may still be written: one is announced when its writer has closed it, or when it has stood still for the settle time. */
import type { RelPath } from '../core/path.ts';
import type { Stat } from './disk.ts';

/** A file that has not settled for so long is listed as busy. */
const BUSY_MS = 10_000;
/** A file that is closed so often … */
const MANY_CLOSES = 10;
/** … within so long changes all the time: from then on it has to stand still too. */
const MANY_WITHIN_MS = 5_000;
/** So many files are remembered for that before old ones are forgotten. */
const MAX_CLOSED = 1_000;

interface Unsettled {
  readonly first: boolean;
  readonly signature: string;
  /** Since when the signature stands. */
  readonly since: number;
  readonly noticed: number;
}

export class Settling {
  readonly #settleMs: number;
  readonly #files = new Map<RelPath, Unsettled>();
  readonly #closed = new Map<RelPath, { count: number; readonly since: number }>();

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /** Whether a file can be announced now; if not, it comes up in {@link due}. `first`: a first look noticed it. */
  isSettled(path: RelPath, stat: Stat, closed: boolean, first: boolean, now: number): boolean {
    const finished = closed && this.#closes(path, now) <= MANY_CLOSES;
    if (finished || now - stat.ctime >= this.#settleMs) {
      this.forget(path);
      return true;
    }
    const signature = `${stat.inode} ${stat.size} ${stat.mtime} ${stat.ctime}`;
    const known = this.#files.get(path);
    if (known?.signature === signature && now - known.since >= this.#settleMs) {
      this.#files.delete(path);
      return true;
    }
    if (known?.signature !== signature)
      this.#files.set(path, { first, signature, since: now, noticed: known?.noticed ?? now });
    return false;
  }

  /** How often a file was closed lately, this time included. */
  #closes(path: RelPath, now: number): number {
    let closed = this.#closed.get(path);
    if (!closed || now - closed.since > MANY_WITHIN_MS) {
      closed = { count: 0, since: now };
      // Insertion order is that of dates.
      this.#closed.delete(path);
      this.#closed.set(path, closed);
    }
    for (const [old, { since }] of this.#closed) {
      if (this.#closed.size <= MAX_CLOSED && now - since <= MANY_WITHIN_MS) break;
      this.#closed.delete(old);
    }
    return ++closed.count;
  }

  /** Files that have not settled. */
  get size(): number {
    return this.#files.size;
  }

  /** Whether a file has been changing for long. */
  isBusy(path: RelPath, now: number): boolean {
    const file = this.#files.get(path);
    return file !== undefined && now - file.noticed >= BUSY_MS;
  }

  /** Whether a file is waited for. */
  has(path: RelPath): boolean {
    // A scan asks a million times, when there is none: the hash of a string alone would take it a second.
    return this.#files.size > 0 && this.#files.has(path);
  }

  forget(path: RelPath): void {
    // A scan calls it a million times, when there is nothing to forget.
    if (this.#files.size > 0) this.#files.delete(path);
  }

  /** Files that may have settled by now. */
  *due(now: number): Generator<{ readonly path: RelPath; readonly first: boolean }> {
    for (const [path, file] of this.#files) if (this.#at(file) <= now) yield { path, first: file.first };
  }

  /** When the next file may have settled. */
  get nextAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const file of this.#files.values()) next = Math.min(next, this.#at(file));
    return next;
  }

  #at(file: Unsettled): number {
    return file.since + this.#settleMs;
  }
}
