/** The delay of the event loop, as the metrics show it. */
import { type ELDHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

const NS_PER_S = 1e9;

/** By the names that prom-client gives them, which dashboards know. */
const SHOWN: readonly [name: string, what: string, read: (delays: ELDHistogram) => number][] = [
  ['nodejs_eventloop_lag_min_seconds', 'The shortest', delays => delays.min],
  ['nodejs_eventloop_lag_max_seconds', 'The longest', delays => delays.max],
  ['nodejs_eventloop_lag_mean_seconds', 'The mean', delays => delays.mean],
  ['nodejs_eventloop_lag_stddev_seconds', 'The standard deviation of the', delays => delays.stddev],
  ['nodejs_eventloop_lag_p50_seconds', 'The 50th percentile of the', delays => delays.percentile(50)],
  ['nodejs_eventloop_lag_p90_seconds', 'The 90th percentile of the', delays => delays.percentile(90)],
  ['nodejs_eventloop_lag_p99_seconds', 'The 99th percentile of the', delays => delays.percentile(99)],
];

export const EVENT_LOOP_METRICS = SHOWN.map(([name]) => name);

/**
 * Measures each round of the event loop that does anything. A timer, which is what prom-client takes, would wake an idle process a
 * hundred times a second, for more CPU time than all else that it does.
 *
 * @returns what sets the gauges to what was measured since it was called last
 */
export function measureEventLoop(registers: Registry[]): () => void {
  const delays = monitorEventLoopDelay({ samplePerIteration: true });
  // A process begins in one long round, in which nobody can wait for it: it does not listen yet.
  setImmediate(() => delays.enable());
  const gauges = SHOWN.map(([name, what, read]) => {
    const help = `${what} delay of the event loop since the scrape before, in seconds.`;
    return { gauge: new Gauge({ name, help, registers }), read };
  });
  return () => {
    // Of no round at all nothing but nonsense could be told.
    for (const { gauge, read } of gauges) gauge.set(delays.count === 0 ? 0 : read(delays) / NS_PER_S);
    delays.reset();
  };
}
