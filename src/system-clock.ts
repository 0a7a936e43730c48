/** The machine's clock. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from './core/clock.ts';

/** Longest wait that a timer of Node can take. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  // Not the one of node:timers/promises: an abort, which is how most waits end, costs it an error with a stack.
  sleep: (ms, signal) =>
    new Promise(resolve => {
      if (signal?.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(Math.max(0, ms), LONGEST_MS));
      signal?.addEventListener('abort', end, { once: true });
    }),
  yield: () => setImmediate(),
};
