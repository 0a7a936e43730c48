/**
 * Which looks are first looks: the first successful one of this process at a path. It cannot know when what it finds happened, and
 * `core/observe.ts` gives it another version.
 */
import { isBelow, type RelPath } from '../core/path.ts';

export class FirstLooks {
  #scanned = false;
  /** What the last scan could not read; undefined: the domain's root. */
  #unread: readonly (RelPath | undefined)[] = [];

  /** Whether the first scan has ended. */
  get scanned(): boolean {
    return this.#scanned;
  }

  /** Whether there is nothing left that was never looked at. */
  get areOver(): boolean {
    return this.#scanned && this.#unread.length === 0;
  }

  /** Whether a look at a path is a first one. */
  isFirst(path: RelPath): boolean {
    return !this.#scanned || this.#unread.some(at => at === undefined || at === path || isBelow(path, at));
  }

  /** A scan has ended; `counts`: what it did not meet is missing. */
  scanEnded(unread: readonly (RelPath | undefined)[], counts: boolean): void {
    this.#unread = unread;
    if (counts) this.#scanned = true;
  }
}
