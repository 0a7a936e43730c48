/** A clock on which nobody waits: for code whose waiting is not what a test is about. */
import type { Clock } from '../../src/core/clock.ts';

export const INSTANT: Clock = {
  now: () => 0,
  sleep: () => Promise.resolve(),
  yield: () => Promise.resolve(),
};
