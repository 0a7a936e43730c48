/** Time as an argument: the engine never reads a clock of its own, so that a simulator can run it on a virtual one. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts (never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Lets other work run before the caller goes on: between two slices of a long computation. */
  yield(): Promise<void>;
}

/** Chance as an argument: a number from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number;
