/**
 * Keeps the trash of a whole volume within its bounds: what is too old goes, and the oldest of what is too much. It works in short
 * stretches, because a day of the trash can have a million files.
 */
import type { Clock } from '../core/clock.ts';
import { type Disk, DiskError } from './disk.ts';

/** How often the bounds are looked at. */
const SWEEP_MS = 60_000;
/** How often the trash is measured anew: people take things out of it, too. */
const MEASURE_MS = 6 * 3_600_000;
/** Steps on the disk in one synchronous stretch: a few milliseconds. */
const SLICE = 128;
/** What is too much is removed down to this share of the bound, so that it is not exceeded again at once. */
const DOWN_TO = 0.95;
const DAY_MS = 86_400_000;
/** What else somebody put there is left alone. */
const DAY = /^\d{4}-\d\d-\d\d$/;

/** One domain's trash. */
export interface TrashArea {
  /** Relative to the volume's root. */
  readonly directory: string;
  /** Bytes thrown into it since the process started. */
  readonly thrown: number;
}

export interface TrashBounds {
  /** What was thrown away longer ago goes. */
  readonly days: number;
  /** Of all areas together. */
  readonly bytes: { readonly bytes: number } | { readonly ratio: number };
}

interface Measured {
  readonly bytes: number;
  /** What had been thrown into it by then. */
  readonly thrown: number;
  readonly at: number;
}

export class TrashKeeper {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #areas: () => readonly TrashArea[];
  readonly #bounds: () => TrashBounds;
  readonly #measured = new Map<string, Measured>();

  constructor(disk: Disk, clock: Clock, areas: () => readonly TrashArea[], bounds: () => TrashBounds) {
    this.#disk = disk;
    this.#clock = clock;
    this.#areas = areas;
    this.#bounds = bounds;
  }

  /** Bytes in an area, as far as is known; undefined before it was measured. */
  bytesIn({ directory, thrown }: TrashArea): number | undefined {
    const measured = this.#measured.get(directory);
    return measured && measured.bytes + thrown - measured.thrown;
  }

  /** Sweeps from time to time until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.sweep(signal);
      } catch (error) {
        // What is wrong with the volume is said by those who guard it; the trash waits until it is well.
        if (!(error instanceof DiskError)) throw error;
      }
      await this.#clock.sleep(SWEEP_MS, signal);
    }
  }

  /** Removes what is too old, then the oldest of what is too much. Throws a DiskError where the volume cannot be asked. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { days } = this.#bounds();
    const lastDay = new Date(this.#clock.now() - days * DAY_MS).toISOString().slice(0, 10);
    for (const { directory } of this.#areas())
      for (const day of this.#days(directory))
        if (day < lastDay) await this.#remove(`${directory}/${day}`, Number.POSITIVE_INFINITY, directory, signal);
    for (const area of this.#areas()) await this.#measure(area, signal);
    const limit = this.#limit();
    if (this.#total() > limit) await this.#shrink(limit * DOWN_TO, signal);
  }

  #limit(): number {
    const { bytes } = this.#bounds();
    return 'bytes' in bytes ? bytes.bytes : bytes.ratio * this.#disk.space().total;
  }

  #total(): number {
    return this.#areas().reduce((sum, area) => sum + (this.bytesIn(area) ?? 0), 0);
  }

  async #measure(area: TrashArea, signal: AbortSignal): Promise<void> {
    const { directory } = area;
    const known = this.#measured.get(directory);
    if (known && this.#clock.now() - known.at < MEASURE_MS) return;
    let bytes = 0;
    // What is thrown in meanwhile is counted twice rather than not at all.
    const { thrown } = area;
    await this.#walk(directory, signal, (_, size) => {
      bytes += size;
    });
    if (!signal.aborted) this.#measured.set(directory, { bytes, thrown, at: this.#clock.now() });
  }

  /** Removes the oldest days whole while that does not suffice, and of the next one what was thrown away first. */
  async #shrink(target: number, signal: AbortSignal): Promise<void> {
    const days = this.#areas().flatMap(({ directory }) => this.#days(directory).map(day => ({ directory, day })));
    days.sort((a, b) => (a.day < b.day ? -1 : 1));
    for (const { directory, day } of days) {
      const excess = this.#total() - target;
      if (excess <= 0 || signal.aborted) return;
      const items: { at: number; size: number }[] = [];
      await this.#walk(`${directory}/${day}`, signal, (at, size) => items.push({ at, size }));
      items.sort((a, b) => a.at - b.at);
      let freed = 0;
      const last = items.find(({ size }) => {
        freed += size;
        return freed >= excess;
      });
      await this.#remove(`${directory}/${day}`, last?.at ?? Number.POSITIVE_INFINITY, directory, signal);
    }
  }

  /** Removes what was thrown away up to a time. */
  async #remove(place: string, upTo: number, directory: string, signal: AbortSignal): Promise<void> {
    const remove = (at: number, size: number, path: string) => {
      if (at > upTo) return;
      this.#disk.unlink(path);
      const known = this.#measured.get(directory);
      if (known) this.#measured.set(directory, { ...known, bytes: known.bytes - size });
    };
    await this.#walk(place, signal, remove, path => this.#disk.rmdir(path));
    if (!signal.aborted) this.#attempt(() => this.#disk.rmdir(place));
  }

  /**
   * Visits every file below a place with the time of its last change, which is when it was thrown away (or before: with its
   * directory), and, with `leave`, every directory after what is in it.
   */
  async #walk(
    place: string,
    signal: AbortSignal,
    visit: (at: number, size: number, path: string) => void,
    leave?: (path: string) => void,
  ): Promise<void> {
    let steps = 0;
    for (const step of this.#below(place, leave)) {
      if (signal.aborted) return;
      this.#attempt(() => visit(step.at, step.size, step.path));
      if (++steps % SLICE === 0) await this.#clock.yield();
    }
  }

  *#below(
    place: string,
    leave: ((path: string) => void) | undefined,
  ): Generator<{ path: string; at: number; size: number }> {
    for (const name of this.#list(place)) {
      const path = `${place}/${name}`;
      const stat = this.#disk.lstat(path);
      if (!stat) continue;
      if (stat.kind !== 'directory') yield { path, at: stat.ctime, size: stat.size };
      else {
        yield* this.#below(path, leave);
        if (leave) this.#attempt(() => leave(path));
      }
    }
  }

  /** Somebody else may empty the trash meanwhile, or keep a part of it. */
  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  #days(directory: string): string[] {
    return this.#list(directory).filter(name => DAY.test(name));
  }

  #list(place: string): string[] {
    try {
      return this.#disk.list(place);
    } catch (error) {
      if (error instanceof DiskError) return [];
      throw error;
    }
  }
}
