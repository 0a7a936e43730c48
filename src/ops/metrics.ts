/** The metrics, in the text format of Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { EVENT_LOOP_METRICS, measureEventLoop } from './event-loop.ts';
import { READINGS, type Reading, type Sample } from './readings.ts';
import type { Status } from './status.ts';
import { type Transfer, Transfers } from './transfers.ts';

/** Defaults of the library that are gauges with a counter's name, which every linter of metrics refuses. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** The library's own timer for the event loop cannot be left out, but be due so late (24 days) that it costs nothing. */
const SELDOM_MS = 2 ** 31 - 1;

/** One instance's metrics, in a registry of its own. */
export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #status: () => Status;
  readonly #readings: { reading: Reading; metric: Gauge | Counter }[];
  readonly #transfers = new Transfers();
  readonly #transferred: Counter;
  readonly #reloads: Counter;
  readonly #lostEvents: Counter;
  readonly #showEventLoop: () => void;

  /** @param status asked once per scrape */
  constructor(status: () => Status) {
    const registers = [this.#registry];
    this.contentType = this.#registry.contentType;
    this.#status = status;
    this.#readings = READINGS.map(reading => ({ reading, metric: metricOf(reading, registers) }));
    this.#transferred = new Counter({
      name: 'dfsync_transfer_bytes_total',
      help: 'Bytes exchanged with a peer: content of files, or index (everything else).',
      labelNames: ['peer', 'domain', 'direction', 'kind'],
      registers,
    });
    this.#reloads = new Counter({
      name: 'dfsync_config_reloads_total',
      help: 'Versions of the network description that were read after the start, by result.',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['success', 'failure']) this.#reloads.inc({ result }, 0);
    this.#lostEvents = new Counter({
      name: 'dfsync_watch_lost_events_total',
      help: 'Times that the watcher lost events and a scan took its place.',
      registers,
    });
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: SELDOM_MS });
    for (const name of [...MISNAMED, ...EVENT_LOOP_METRICS]) this.#registry.removeSingleMetric(name);
    this.#showEventLoop = measureEventLoop(registers);
  }

  /** Bytes that travelled: to be called once per request, not per chunk. */
  addTransfer(transfer: Transfer): void {
    this.#transfers.add(transfer);
  }

  /** A changed network description was taken, or refused. */
  configReloaded(result: 'success' | 'failure'): void {
    this.#reloads.inc({ result });
  }

  /** The watcher lost events. */
  watchLost(): void {
    this.#lostEvents.inc();
  }

  /** Everything, as of now, in the text format. */
  render(): Promise<string> {
    const status = this.#status();
    for (const { reading, metric } of this.#readings) show(metric, reading.read(status));
    show(this.#transferred, this.#transfers.read(status));
    this.#showEventLoop();
    return this.#registry.metrics();
  }
}

function metricOf({ name, help, labels, counter }: Reading, registers: Registry[]): Gauge | Counter {
  const options = { name, help, labelNames: [...labels], registers };
  return counter ? new Counter(options) : new Gauge(options);
}

/** Replaces the series of a metric. */
function show(metric: Gauge | Counter, samples: readonly Sample[]): void {
  metric.reset();
  for (const [labels, value] of samples) metric.inc(labels, value);
}
