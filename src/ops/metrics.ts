/** The metrics, in the text format of Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Operation } from '../core/operation.ts';
import {
  APPLIED_CHANGES,
  DRIFT,
  FAILED_CHANGES,
  FLUSHES,
  LOCAL_CHANGES,
  RECEIVED_FILES,
  RELOADS,
  REQUESTS,
  RETRIES,
  SAVED,
  type SAVINGS,
  type SCAN_RESULTS,
  type SCAN_TRIGGERS,
  SCANS,
  TRANSFERRED,
  type Transfer,
} from './countings.ts';
import { type Counting, Counts } from './counts.ts';
import { EVENT_LOOP_METRICS, measureEventLoop } from './event-loop.ts';
import { type Fold, fold, MAX_PAIRS, pairsOf, type Reading, type Sample } from './reading.ts';
import { READINGS } from './readings.ts';
import type { Status } from './status.ts';

/** Defaults of the library that are gauges with a counter's name, which every linter of metrics refuses. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** The library's own timer for the event loop cannot be left out, but be due so late (24 days) that it costs nothing. */
const SELDOM_MS = 2 ** 31 - 1;

/** From what a person does not notice to what a person complains about, in seconds. */
const DELAYS_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
/** From some thousand files to some ten million on a slow disk, in seconds. */
const SCANS_S = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900];

/** What was pulled, as far as it is counted. */
export interface Pulled {
  readonly fetched: number;
  readonly retried: number;
  readonly failed: number;
  readonly operations: Readonly<Partial<Record<Operation, number>>>;
  readonly saved: Readonly<Partial<Record<(typeof SAVINGS)[number], number>>>;
  readonly arrivals: readonly { readonly origin: number; readonly ms: number; readonly sinceWrittenMs: number }[];
}

/** What happened on this server's side of a domain, as far as it is counted. */
export type Reported =
  | { readonly did: 'change'; readonly operations: Pulled['operations'] }
  | { readonly did: 'drift'; readonly operation: Operation }
  | {
      readonly did: 'scan';
      readonly trigger: (typeof SCAN_TRIGGERS)[number];
      readonly result: (typeof SCAN_RESULTS)[number];
      readonly ms: number;
    }
  | { readonly did: 'flush'; readonly result: 'ok' | 'failed' };

/** A metric of the library, and where its series come from. */
interface Shown {
  readonly metric: Gauge | Counter;
  readonly folded: Fold | undefined;
  read(status: Status): readonly Sample[];
}

/** One instance's metrics, in a registry of its own. */
export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #status: () => Status;
  readonly #shown: Shown[];
  readonly #counts = new Map<Counting, Counts>();
  readonly #propagation: Histogram;
  readonly #visible: Histogram;
  readonly #scan: Histogram;
  /** Domains of which something became visible. */
  readonly #seen = new Set<string>();
  readonly #showEventLoop: () => void;

  /** @param status asked once per scrape */
  constructor(status: () => Status) {
    const registers = [this.#registry];
    this.contentType = this.#registry.contentType;
    this.#status = status;
    this.#shown = READINGS.map(reading => this.#shownReading(reading));
    this.#count(TRANSFERRED, 'sum');
    for (const counting of [LOCAL_CHANGES, APPLIED_CHANGES, FAILED_CHANGES, RECEIVED_FILES, RETRIES, SAVED])
      this.#count(counting);
    for (const counting of [SCANS, DRIFT, FLUSHES, RELOADS, REQUESTS]) this.#count(counting);
    this.#propagation = new Histogram({
      name: 'dfsync_propagation_seconds',
      help: 'From the moment at which its origin saw a change to its being applied here, by the site of the origin.',
      labelNames: ['site'],
      buckets: DELAYS_S,
      registers,
    });
    this.#visible = new Histogram({
      name: 'dfsync_write_to_visible_seconds',
      help: 'From the writing of a file, or any other change, on any server to its being visible here.',
      labelNames: ['domain'],
      buckets: DELAYS_S,
      registers,
    });
    this.#scan = new Histogram({
      name: 'dfsync_scan_duration_seconds',
      help: 'How long scans of a domain took that counted.',
      buckets: SCANS_S,
      registers,
    });
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: SELDOM_MS });
    for (const name of [...MISNAMED, ...EVENT_LOOP_METRICS]) this.#registry.removeSingleMetric(name);
    this.#showEventLoop = measureEventLoop(registers);
  }

  /** Bytes that travelled: to be called once per request, not per chunk. */
  addTransfer({ bytes, ...labels }: Transfer): void {
    this.#add(TRANSFERRED, labels, bytes);
  }

  /** A stretch of pulling has ended; `siteOf`: the site of an origin, undefined where it is not of the network any more. */
  pulled(domain: string, report: Pulled, siteOf: (origin: number) => string | undefined): void {
    this.#addAll(APPLIED_CHANGES, domain, 'op', report.operations);
    this.#addAll(SAVED, domain, 'reason', report.saved);
    this.#add(RECEIVED_FILES, { domain }, report.fetched);
    this.#add(RETRIES, { domain }, report.retried);
    this.#add(FAILED_CHANGES, { domain }, report.failed);
    for (const { origin, ms, sinceWrittenMs } of report.arrivals) {
      this.#visible.observe({ domain }, sinceWrittenMs / 1000);
      this.#seen.add(domain);
      const site = siteOf(origin);
      if (site !== undefined) this.#propagation.observe({ site }, ms / 1000);
    }
  }

  /** Something happened on this server's side of a domain. */
  reported(domain: string, report: Reported): void {
    switch (report.did) {
      case 'change':
        this.#addAll(LOCAL_CHANGES, domain, 'op', report.operations);
        break;
      case 'drift':
        this.#add(DRIFT, { domain, op: report.operation });
        break;
      case 'scan':
        this.#add(SCANS, { domain, trigger: report.trigger, result: report.result });
        if (report.result === 'ok') this.#scan.observe(report.ms / 1000);
        break;
      case 'flush':
        this.#add(FLUSHES, { domain, result: report.result });
        break;
      default:
        report satisfies never;
    }
  }

  /** A request was answered. */
  requested(listener: 'peers' | 'operators', route: string, code: number): void {
    this.#add(REQUESTS, { listener, route, code: String(code) });
  }

  /** A changed network description was taken, or refused. */
  configReloaded(result: 'success' | 'failure'): void {
    this.#add(RELOADS, { result });
  }

  /** Everything, as of now, in the text format. */
  render(): Promise<string> {
    const status = this.#status();
    const isLarge = pairsOf(status) > MAX_PAIRS;
    for (const { metric, folded, read } of this.#shown) {
      const samples = read(status);
      show(metric, isLarge && folded ? fold(samples, folded) : samples);
    }
    this.#forgetDomains(status);
    this.#showEventLoop();
    return this.#registry.metrics();
  }

  #forgetDomains({ domains }: Status): void {
    const present = new Set(domains.map(({ domain }) => domain));
    for (const domain of this.#seen) {
      if (present.has(domain)) continue;
      this.#visible.remove({ domain });
      this.#seen.delete(domain);
    }
  }

  #shownReading(reading: Reading): Shown {
    const { name, help, labels, counter, folded } = reading;
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    return {
      metric: counter ? new Counter(options) : new Gauge(options),
      folded,
      read: status => reading.read(status),
    };
  }

  #count(counting: Counting, folded?: Fold): void {
    const { name, help, labels } = counting;
    const metric = new Counter({ name, help, labelNames: [...labels], registers: [this.#registry] });
    const counts = new Counts(counting);
    this.#counts.set(counting, counts);
    this.#shown.push({ metric, folded, read: status => counts.read(status) });
  }

  #add(counting: Counting, labels: Readonly<Record<string, string>>, by?: number): void {
    this.#counts.get(counting)!.add(labels, by);
  }

  #addAll(counting: Counting, domain: string, name: string, sums: Readonly<Record<string, number | undefined>>): void {
    for (const [value, sum] of Object.entries(sums)) this.#add(counting, { domain, [name]: value }, sum);
  }
}

/** Replaces the series of a metric. */
function show(metric: Gauge | Counter, samples: readonly Sample[]): void {
  metric.reset();
  for (const [labels, value] of samples) metric.inc(labels, value);
}
