/** The scans of a domain: at the start, at intervals, when they are asked for, and soon again after one that did not count. */
import { type Clock, Pause, type Random } from '../core/clock.ts';
import type { DomainName } from '../core/path.ts';
import type { ScanReport } from './full-scan.ts';
import type { Looker } from './look.ts';
import type { ReplicaReport, ScanResult, ScanTrigger } from './replica-report.ts';
import type { Scanner } from './scan.ts';

/** How long after a scan that failed or did not count the next one begins. */
const RETRY_MS = 10_000;

/** What scanning again and again needs, besides what looks at what was found. */
export interface ScanLoopOptions {
  readonly domain: DomainName;
  readonly clock: Clock;
  readonly random: Random;
  readonly scanner: Scanner;
  readonly scanIntervalMs: number;
  /** The first scan has ended; it counts once this has. */
  onFirstScan(): void | Promise<void>;
  /** Told of each scan that has ended. */
  onScan?(domain: DomainName, report: ScanReport): void;
  onEvent(event: string, fields: Record<string, unknown>): void;
  onReport?(report: ReplicaReport): void;
}

export class ScanLoop {
  readonly #looker: Looker;
  readonly #is: ScanLoopOptions;
  #last: ScanReport | undefined;
  /** Why the last scan failed; undefined: it has ended. */
  #failure: string | undefined;
  #asked = false;
  #trigger: ScanTrigger = 'start';
  readonly #pause = new Pause();

  constructor(looker: Looker, options: ScanLoopOptions) {
    this.#looker = looker;
    this.#is = options;
  }

  /** The last scan that has ended. */
  get last(): ScanReport | undefined {
    return this.#last;
  }

  /** Scans now, or again once the scan under way has ended. */
  ask(): void {
    this.#asked = true;
    this.#pause.wake();
  }

  /** Scans until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, scanIntervalMs } = this.#is;
    while (!signal.aborted) {
      this.#asked = false;
      const startedAt = clock.now();
      const result = await this.#scan(signal);
      if (signal.aborted) return;
      this.#is.onReport?.({ did: 'scan', trigger: this.#trigger, result, ms: clock.now() - startedAt });
      // Varied, so that the instances of a site do not scan a shared storage at once.
      const interval = scanIntervalMs * (0.75 + random() / 2);
      if (!this.#asked) await this.#pause.of(result === 'ok' ? interval : RETRY_MS, clock, signal);
      this.#trigger = this.#asked ? 'lost-events' : result === 'ok' ? 'interval' : 'retry';
    }
  }

  async #scan(signal: AbortSignal): Promise<ScanResult> {
    const { domain, scanner } = this.#is;
    const wasReady = this.#looker.ready;
    try {
      const report = await this.#looker.scan(scanner, signal);
      if (report.objection !== undefined && report.objection !== this.#last?.objection)
        this.#is.onEvent('scan does not count', {
          domain,
          reason: report.objection,
          next: 'heal that; it is scanned again in ten seconds',
        });
      if (this.#looker.ready && !wasReady) await this.#is.onFirstScan();
      this.#last = report;
      this.#failure = undefined;
      this.#is.onScan?.(domain, report);
      return report.objection === undefined ? 'ok' : 'objected';
    } catch (error) {
      if (signal.aborted) return 'failed';
      const failure = String(error);
      if (failure !== this.#failure)
        this.#is.onEvent('scan failed', {
          domain,
          reason: failure,
          next: 'look at the volume; it is scanned again in ten seconds',
        });
      this.#failure = failure;
      return 'failed';
    }
  }
}
