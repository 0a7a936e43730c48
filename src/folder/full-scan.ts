/** A full scan: compares what a scanner meets with the index; each difference, and all that is not met, is a reason to look. */
import { isLive, type Seen } from '../core/entry.ts';
import { isBelow, type RelPath } from '../core/path.ts';
import { type Stat, seenOf } from './disk.ts';
import type { FirstLooks } from './first-look.ts';
import type { LocalChange, LookContext } from './look-context.ts';
import type { Obstacles } from './obstacles.ts';
import { HINTED, type Reasons, SCANNED } from './reasons.ts';
import type { Hidden, ScanBatch, Scanner } from './scan.ts';

/** A scan waits while so many looks are due. */
const MAX_DUE = 10_000;

/** How a scan went. */
export interface ScanReport {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly paths: number;
  readonly hidden: readonly Hidden[];
  /** Why what it found missing did not count. */
  readonly objection?: string;
}

/** How far a scan under way has come. */
export interface ScanProgress {
  readonly startedAt: number;
  readonly paths: number;
  /** When it got on last (milliseconds since 1970). */
  readonly movedAt: number;
}

/** What scanning needs of a looker. */
export interface FullScanContext
  extends Pick<LookContext, 'directory' | 'index' | 'clock' | 'guard' | 'ignored' | 'commitMet'> {
  readonly firsts: FirstLooks;
  readonly obstacles: Obstacles;
  readonly reasons: Reasons;
  /** Looks until no more than so many paths are due. */
  drain(target: number, signal: AbortSignal): Promise<void>;
  /** The disk shows at a path what the index says. */
  standsAsKnown(path: RelPath): void;
  /**
   * What stands at a path that the first scan meets without an entry. Nothing is applied before it has ended, and what changed after
   * this lstat is hinted at: it is as good as a fresh one.
   */
  met(path: RelPath, seen: Seen, stat: Stat): LocalChange | undefined;
}

export class FullScan {
  readonly #is: FullScanContext;
  #progress: ScanProgress | undefined;

  constructor(context: FullScanContext) {
    this.#is = context;
  }

  /** How far the scan under way has come, if there is one. */
  get progress(): ScanProgress | undefined {
    return this.#progress;
  }

  /** Something was looked at: a scan under way that waits for it gets on. */
  movedOn(): void {
    if (this.#progress) this.#progress = { ...this.#progress, movedAt: this.#is.clock.now() };
  }

  /** Scans; resolves when everything that it found was looked at. */
  async run(scanner: Scanner, signal: AbortSignal): Promise<ScanReport> {
    const startedAt = this.#is.clock.now();
    this.#progress = { startedAt, paths: 0, movedAt: startedAt };
    try {
      return await this.#run(scanner, startedAt, signal);
    } finally {
      this.#progress = undefined;
    }
  }

  async #run(scanner: Scanner, startedAt: number, signal: AbortSignal): Promise<ScanReport> {
    const { index, clock, directory, guard, firsts, obstacles, reasons, drain } = this.#is;
    const before = guard();
    const unknown: RelPath[] = [];
    const hidden: Hidden[] = [];
    // Renames can be told only once it is known what is missing.
    const deferred = index.totals.entries > 0 ? unknown : undefined;
    let paths = 0;
    index.beginScan();
    for await (const batch of scanner({ directory }, signal)) {
      paths += batch.sightings.length;
      hidden.push(...batch.hidden);
      this.#compare(batch, deferred);
      // Several batches may have come: without this they would be one long stretch.
      await clock.yield();
      await drain(MAX_DUE, signal);
      this.#progress = { startedAt, paths, movedAt: clock.now() };
    }
    signal.throwIfAborted();
    const objection = before ?? guard() ?? rootObjection(hidden);
    if (objection === undefined) for (const path of this.#unmet(hidden)) reasons.add(path, SCANNED);
    await drain(0, signal);
    for (const path of unknown) reasons.add(path, SCANNED);
    // What is in no index is not missed by a scan either.
    for (const path of obstacles.unseen()) reasons.add(path, HINTED | SCANNED);
    await drain(0, signal);
    for (const { path, why } of hidden) if (path !== undefined) obstacles.hidden(path, why);
    firsts.scanEnded(
      hidden.map(({ path }) => path),
      objection === undefined,
    );
    return { startedAt, endedAt: clock.now(), paths, hidden, ...(objection !== undefined && { objection }) };
  }

  /** What is not as the index says is due, or (with `deferred`, where it is not in the index) will be. */
  #compare({ sightings }: ScanBatch, deferred: RelPath[] | undefined): void {
    const { index, ignored, firsts, reasons, commitMet, standsAsKnown, met } = this.#is;
    const changes: LocalChange[] = [];
    for (let i = 0; i < sightings.length; i++) {
      const same = index.meetIn(sightings, i, ignored);
      if (same !== undefined) {
        standsAsKnown(same);
        continue;
      }
      const { path, stat, target } = sightings.at(i);
      if (ignored(path)) continue;
      const seen = seenOf(stat, () => target ?? '');
      const known = index.onDisk(path);
      if (deferred && !isLive(known)) deferred.push(path);
      else if (!firsts.scanned && !known && seen) {
        const change = met(path, seen, stat);
        if (change) changes.push(change);
      } else reasons.add(path, SCANNED);
    }
    if (changes.length > 0) commitMet(changes);
  }

  #unmet(hidden: readonly Hidden[]): RelPath[] {
    const { index, ignored } = this.#is;
    const covered = hidden.flatMap(({ path }) => path ?? []);
    return [...index.unmet()].filter(path => !covered.some(at => at === path || isBelow(path, at)) && !ignored(path));
  }
}

function rootObjection(hidden: readonly Hidden[]): string | undefined {
  const root = hidden.find(({ path }) => path === undefined);
  return root && `its directory cannot be read (${root.why}): bring it back, or remove the domain from this site`;
}
