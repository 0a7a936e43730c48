/** Time as an argument: the engine never reads a clock of its own, so that a simulator can run it on a virtual one. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts (never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Lets other work run before the caller goes on: between two slices of a long computation. */
  yield(): Promise<void>;
}

/** Clocks of servers may differ by as much: what is dated further ahead is not believed until time has caught up. Milliseconds. */
export const MAX_SKEW_MS = 10 * 60_000;

/** Chance as an argument: a number from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number;

/** A wait that others can end: of whoever has nothing to do until something happens. */
export class Pause {
  #woken: AbortController | undefined;

  /** Waits for so many milliseconds, until {@link wake} or until the signal aborts. */
  async of(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#woken = woken;
    await clock.sleep(ms, AbortSignal.any([signal, woken.signal]));
    this.#woken = undefined;
  }

  /** Ends the wait, if there is one. */
  wake(): void {
    const woken = this.#woken;
    // Once is enough: an abort makes an error each time.
    this.#woken = undefined;
    woken?.abort();
  }
}
