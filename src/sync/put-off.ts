/**
 * When comparing with a peer is put off: while changes are under way the roots differ for a reason that is known, and a descent would
 * find in the order of hashes what the feed tells in a better one.
 */

/** Digest intervals for which it is put off while what is under way gets on … */
const MOVING_AT_MOST = 30;
/** … and while that stands. Then roots are compared all the same. */
const STANDING_AT_MOST = 3;

export class PutOff {
  #since: number | undefined;
  #place = '';
  #movedAt = 0;

  /** Whether it may be put off, with what is under way at a place; every time of asking is remembered. Times are milliseconds. */
  isGranted(place: string, now: number, intervalMs: number): boolean {
    if (place !== this.#place) this.#movedAt = now;
    this.#place = place;
    if (this.#since === undefined) return true;
    const stands = now - Math.max(this.#since, this.#movedAt);
    return now - this.#since < MOVING_AT_MOST * intervalMs && stands < STANDING_AT_MOST * intervalMs;
  }

  /** It was put off at a time, or was not. */
  note(isPutOff: boolean, now: number): void {
    this.#since = isPutOff ? (this.#since ?? now) : undefined;
  }
}
