/** Waiting for a condition instead of for a time. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Long enough for a loaded machine with two cores; a condition that holds sooner ends the wait sooner. */
const DEADLINE_MS = 90_000;
const POLL_MS = 100;

/** Thrown by a condition that can no longer become true: ends the wait at once. */
export class Hopeless extends Error {
  override readonly name = 'Hopeless';
}

/** How a wait is bounded and explained. */
export interface Patience {
  readonly deadlineMs?: number;
  /** What to show when the wait was in vain: the ends of the logs. */
  readonly evidence?: () => string;
}

/**
 * Resolves with the condition's first truthy answer. A condition that throws does not hold yet.
 *
 * @throws naming what was waited for, why it did not hold at the last look, and the evidence
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  patience: Patience = {},
): Promise<NonNullable<T>> {
  const end = Date.now() + (patience.deadlineMs ?? DEADLINE_MS);
  let reason = 'the condition does not hold';
  for (;;) {
    try {
      const answer = await condition();
      if (answer) return answer;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
      if (error instanceof Hopeless) break;
    }
    if (Date.now() > end) break;
    await sleep(POLL_MS);
  }
  throw new Error(`waited in vain for: ${what}\n${reason}\n${patience.evidence?.() ?? ''}`);
}
