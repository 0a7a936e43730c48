/** Files that may still be written: one is announced when its writer has closed it, or when it has stood still for the settle time. */
import type { RelPath } from '../core/path.ts';
import type { Stat } from './disk.ts';

/** A file that has not settled for so long is listed as busy. */
const BUSY_MS = 10_000;

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

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /** Whether a file can be announced now; if not, it comes up in {@link due}. `first`: a first look noticed it. */
  isSettled(path: RelPath, stat: Stat, closed: boolean, first: boolean, now: number): boolean {
    const signature = `${stat.inode} ${stat.size} ${stat.mtime} ${stat.ctime}`;
    const known = this.#files.get(path);
    const unchanged = known?.signature === signature && now - known.since >= this.#settleMs;
    if (closed || unchanged || now - stat.ctime >= this.#settleMs) {
      this.#files.delete(path);
      return true;
    }
    if (known?.signature !== signature)
      this.#files.set(path, { first, signature, since: now, noticed: known?.noticed ?? now });
    return false;
  }

  /** Whether a file has been changing for long. */
  isBusy(path: RelPath, now: number): boolean {
    const file = this.#files.get(path);
    return file !== undefined && now - file.noticed >= BUSY_MS;
  }

  forget(path: RelPath): void {
    this.#files.delete(path);
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
