/** How long an instance's event loop was blocked, by its own metric. */
import { total } from '../e2e/exposition.ts';
import type { Instance } from '../e2e/instance.ts';

/** The longest block since the scrape before, or since the start of the process, in milliseconds. */
export async function longestBlock(instance: Instance): Promise<number> {
  return total(await instance.metrics(), 'nodejs_eventloop_lag_max_seconds') * 1000;
}
