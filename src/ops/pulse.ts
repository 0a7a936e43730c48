/** Signs of life that come from the work itself: a timer of its own would go on ticking after the work has stopped. */

/** How often the event loop is measured when it was stalled in the last minute … */
const TICK_MS = 1_000;
/**
 * … and when it was not: each tick wakes the process, at rest for more CPU time than the work of that second takes. The first stall is
 * measured by so much too short.
 */
const SELDOM_TICK_MS = 5_000;
/** A tick that is late by more is a stall: shorter ones are ordinary work (a garbage collection, a large JSON). */
const STALL_MS = 1000;
/** One stall counts no more than this: a machine that was suspended or a process that was stopped is well afterwards. */
const COUNTED_MS = 10_000;
/** The span in which stalls are added up. */
const WINDOW_MS = 60_000;

/** What the process measured of itself. */
export interface Vitals {
  /** Milliseconds since the engine last completed a round of its loop, times when nothing at all could run left out. */
  readonly beatAgeMs: number;
  /** For how many milliseconds of the last minute the event loop was stalled; one stall counts for 10 s at most. */
  readonly stalledMs: number;
}

/** Takes the engine's beats and measures the event loop. */
export class Pulse {
  readonly #now: () => number;
  #beatAt: number;
  /** When the next tick is due; what is later than this counts as stalled. */
  #dueAt = 0;
  #stalls: { at: number; ms: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param now milliseconds of a clock that never jumps */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#beatAt = now();
  }

  /** Measures the event loop from now on; does not keep the process alive. */
  start(): void {
    if (this.#timer === undefined) this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The engine completed a round of its loop. To be called when it starts, and then at least every 10 seconds. */
  beat(): void {
    this.#beatAt = this.#now();
  }

  vitals(): Vitals {
    // A probe may be the first thing that runs after a stall.
    this.#measure();
    const stalledMs = this.#stalls.reduce((sum, stall) => sum + Math.min(stall.ms, COUNTED_MS), 0);
    return { beatAgeMs: this.#now() - this.#beatAt, stalledMs };
  }

  #schedule(): void {
    const ms = this.#stalls.length > 0 ? TICK_MS : SELDOM_TICK_MS;
    this.#dueAt = this.#now() + ms;
    this.#timer = setTimeout(() => {
      this.#measure();
      this.#schedule();
    }, ms).unref();
  }

  #measure(): void {
    const now = this.#now();
    const late = now - this.#dueAt;
    if (this.#timer !== undefined && late > STALL_MS) {
      this.#dueAt = now;
      this.#stalls.push({ at: now, ms: late });
      this.#beatAt = Math.min(now, this.#beatAt + late);
    }
    this.#stalls = this.#stalls.filter(stall => now - stall.at < WINDOW_MS);
  }
}
