/**
 * Reasons to look: the paths that are to be looked at, each with all reasons for it. Those of a path at which something is applied
 * over time wait until that is over.
 */
import type { RelPath } from '../core/path.ts';
import type { FirstLooks } from './first-look.ts';

/** Why a path is looked at: a sum of the flags below. Two reasons are one by `|`, and a burst of events makes no objects. */
export type Reason = number;

/** An event, or a look at something else. */
export const HINTED = 1;
/** A scan met it, or missed it. */
export const SCANNED = 2;
/** A new directory is listed a second time: without another reason it needs no third. */
export const RELISTED = 4;
/** A writer has finished. */
export const CLOSED = 8;
/** Everything below may be new. */
export const DEEP = 16;
/** It is a first look. */
export const FIRST = 32;

/** A new directory is listed again after so long: its watch may have come later than its first files. */
const LIST_AGAIN_MS = 1_000;

/** Whether one of some flags is in a reason. */
export function isOf(flags: Reason, reason: Reason): boolean {
  return (reason & flags) !== 0;
}

export class Reasons {
  readonly #firsts: FirstLooks;
  readonly #due = new Map<RelPath, Reason>();
  /** Paths at which something is applied over time, and the reasons to look at them that came meanwhile. */
  readonly #applying = new Map<RelPath, Reason>();
  /** When directories are listed again. */
  readonly #again = new Map<RelPath, number>();

  constructor(firsts: FirstLooks) {
    this.#firsts = firsts;
  }

  /** Paths that are due. */
  get size(): number {
    return this.#due.size;
  }

  /** `first`: whether the look is a first one, where another look knows better. */
  add(path: RelPath, reason: Reason, first = this.#firsts.isFirst(path)): void {
    const at = this.#applying.has(path) ? this.#applying : this.#due;
    at.set(path, (at.get(path) ?? 0) | reason | (first ? FIRST : 0));
  }

  /** The paths that have been due for longest. */
  first(count: number): RelPath[] {
    const first: RelPath[] = [];
    for (const path of this.#due.keys()) {
      first.push(path);
      if (first.length === count) break;
    }
    return first;
  }

  /** All reasons to look at a path. */
  of(path: RelPath): Reason {
    return this.#due.get(path) ?? 0;
  }

  /** The same, and from then on there is none. */
  take(path: RelPath): Reason {
    const reason = this.of(path);
    this.#due.delete(path);
    return reason;
  }

  /** Nothing is due at these paths until {@link resume}. */
  suspend(paths: Iterable<RelPath>): void {
    for (const path of paths) this.#applying.set(path, (this.#applying.get(path) ?? 0) | this.take(path));
  }

  /** Due is what came before, or meanwhile. */
  resume(paths: Iterable<RelPath>): void {
    for (const path of paths) {
      const reason = this.#applying.get(path);
      this.#applying.delete(path);
      if (reason) this.#due.set(path, reason);
    }
  }

  /** A new directory was listed: it is listed again. */
  listed(path: RelPath, now: number): void {
    this.#again.set(path, now + LIST_AGAIN_MS);
  }

  /** What is to be listed again by now is due. */
  relist(now: number): void {
    for (const [path, at] of this.#again) {
      if (at > now) continue;
      this.#again.delete(path);
      this.add(path, RELISTED | DEEP);
    }
  }

  /** When a directory is listed again next. */
  get relistAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const at of this.#again.values()) next = Math.min(next, at);
    return next;
  }
}
