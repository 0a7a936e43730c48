/** The moment at which something becomes true, to a few milliseconds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Hopeless } from '../e2e/until.ts';

/** Whatever takes longer does not work. */
const DEADLINE_MS = 10 * 60_000;

/** How closely it is looked, and what is shown when it was in vain. */
export interface Watchfulness {
  /** Milliseconds between two looks: the error of the moment. */
  readonly everyMs?: number;
  readonly deadlineMs?: number;
  readonly evidence?: () => string;
}

/**
 * Looks until the condition holds; answers the moment on the clock of `performance.now()`. A condition that throws does not hold
 * yet, unless it is {@link Hopeless}; one that answers a number asks to be looked at again after so many milliseconds.
 *
 * @throws naming what was waited for, and the evidence
 */
export async function momentOf(
  what: string,
  condition: () => boolean | number | Promise<boolean | number>,
  { everyMs = 2, deadlineMs = DEADLINE_MS, evidence = () => '' }: Watchfulness = {},
): Promise<number> {
  const end = performance.now() + deadlineMs;
  let reason = '';
  for (;;) {
    let pause = everyMs;
    try {
      const answer = await condition();
      if (answer === true) return performance.now();
      if (answer !== false) pause = answer;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
      if (error instanceof Hopeless) throw new Error(`${what}: ${reason}\n${evidence()}`);
    }
    if (performance.now() > end) throw new Error(`waited in vain for ${what}. ${reason}\n${evidence()}`);
    await sleep(pause);
  }
}
