/**
 * Which looks are first looks: the first successful one of this process at a path. It cannot know when what it finds happened, and
 * `core/observe.ts` gives it another version.
 */
import { isBelow, type RelPath } from '../core/path.ts';

export class FirstLooks {
  #scanned = false;
  /** What the last scan could not read; undefined: the domain's root. */
  #unread: readonly (RelPath | undefined)[] = [];
  /** What became unreadable between a look and its announcement. */
  readonly #lost = new Set<RelPath>();

  /** Whether the first scan has ended. */
  get scanned(): boolean {
    return this.#scanned;
  }

  /** Whether there is nothing left that was never looked at. */
  get areOver(): boolean {
    return this.#scanned && this.#unread.length === 0 && this.#lost.size === 0;
  }

  /** Whether a look at a path is a first one. */
  isFirst(path: RelPath): boolean {
    return (
      !this.#scanned ||
      this.#lost.has(path) ||
      this.#unread.some(at => at === undefined || at === path || isBelow(path, at))
    );
  }

  /** What a look noticed at a path was not announced, and it cannot be looked at any more: when it can, nobody knows what was meanwhile. */
  lost(path: RelPath): void {
    this.#lost.add(path);
  }

  /** A path was looked at with success, or something was applied there. */
  looked(path: RelPath): void {
    // A scan says so a million times, when nothing is lost.
    if (this.#lost.size > 0) this.#lost.delete(path);
  }

  /** A scan has ended; `counts`: what it did not meet is missing. */
  scanEnded(unread: readonly (RelPath | undefined)[], counts: boolean): void {
    this.#unread = unread;
    if (counts) this.#scanned = true;
  }
}
