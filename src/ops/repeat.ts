/** A bound on what is said again and again: a peer that flaps or a full disk must not fill the log. */

/** How long repetitions of one record are counted together. */
export const WINDOW_MS = 60_000;

/** How often one and the same record is written per window: enough to see a state go back and forth. */
export const PER_WINDOW = 5;

/** Records that are remembered at once; beyond that the oldest window is closed early. */
const MAX_OPEN = 1000;

interface Window<T> {
  readonly opened: number;
  readonly last: T;
  seen: number;
}

/** A record that was held back, and how often. */
export interface Suppressed<T> {
  readonly record: T;
  readonly count: number;
}

/** Counts records by key. Time, in milliseconds, is an argument. */
export class Repeats<T> {
  // In order of opening, so that expired windows are at the front.
  readonly #windows = new Map<string, Window<T>>();

  /** Whether a record is to be written now. */
  admit(key: string, record: T, now: number): boolean {
    const window = this.#windows.get(key);
    if (window !== undefined) return ++window.seen <= PER_WINDOW;
    this.#windows.set(key, { opened: now, last: record, seen: 1 });
    return true;
  }

  /** Closes the windows that are over (at `Infinity`: all) and answers what was held back in them. */
  close(now: number): Suppressed<T>[] {
    const suppressed: Suppressed<T>[] = [];
    for (const [key, window] of this.#windows) {
      // A clock that was set back must not keep a window open.
      if (Math.abs(now - window.opened) < WINDOW_MS && this.#windows.size < MAX_OPEN) break;
      this.#windows.delete(key);
      if (window.seen > PER_WINDOW) suppressed.push({ record: window.last, count: window.seen - PER_WINDOW });
    }
    return suppressed;
  }
}
