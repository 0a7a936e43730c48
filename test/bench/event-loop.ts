/** How long an instance's event loop was blocked, by its own metric. */
import { setTimeout as sleep } from 'node:timers/promises';
import { total } from '../e2e/exposition.ts';
import type { Instance } from '../e2e/instance.ts';

/** The delay is measured by a timer of this period, which is part of what is told. */
const PERIOD_MS = 10;
/** After a scrape the first period is not counted. */
const SKIPPED_MS = 5 * PERIOD_MS;

/** The longest block since the scrape before, or since the start of the process, in milliseconds. */
export async function longestBlock(instance: Instance): Promise<number> {
  const longest = total(await instance.metrics(), 'nodejs_eventloop_lag_max_seconds') * 1000;
  await sleep(SKIPPED_MS);
  return Math.max(0, longest - PERIOD_MS);
}
