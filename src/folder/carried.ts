/**
 * Directories that were moved here as a whole, on a peer's behalf. What somebody did to a file in one just before that is told under
 * its old name, and the event of the move itself is no reason to look at all that came along: each of it was looked at.
 */
import { ancestorsOf, type RelPath } from '../core/path.ts';

/** An event that has not come by then does not come: seconds are long for a busy machine. */
const LATE_MS = 10_000;

interface Journey {
  readonly to: RelPath;
  readonly at: number;
}

export class Carried {
  /** By old path, oldest first. */
  readonly #journeys = new Map<RelPath, Journey>();
  /** New paths whose own event has not come yet. */
  readonly #expected = new Set<RelPath>();

  add(from: RelPath, to: RelPath, now: number): void {
    for (const [old, journey] of this.#journeys) {
      if (journey.at + LATE_MS > now) break;
      this.#journeys.delete(old);
      this.#expected.delete(journey.to);
    }
    this.#journeys.delete(from);
    this.#journeys.set(from, { to, at: now });
    this.#expected.add(to);
  }

  /** Whether an event says no more than that a directory was moved here. */
  isOwn(path: RelPath): boolean {
    return this.#expected.delete(path);
  }

  /** Where what an event names is by now, if it was carried away. */
  placeOf(path: RelPath): RelPath | undefined {
    if (this.#journeys.size === 0) return undefined;
    for (const parent of ancestorsOf(path)) {
      const journey = this.#journeys.get(parent);
      if (journey) return (journey.to + path.slice(parent.length)) as RelPath;
    }
    return undefined;
  }
}
