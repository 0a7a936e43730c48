/** The machine's clock. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Clock } from './core/clock.ts';

/** Longest wait that a timer of Node can take. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    if (signal?.aborted) return;
    await setTimeout(Math.min(Math.max(0, ms), LONGEST_MS), undefined, signal && { signal }).catch(() => {});
  },
  yield: () => setImmediate(),
};
