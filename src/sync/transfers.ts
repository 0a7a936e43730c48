/**
 * The lane of large files: each alone, resumable, some at once; small ones never wait for them.
 */
import type { Clock } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import { plan } from '../core/plan.ts';
import type { Folder } from './folder.ts';
import type { Outcomes } from './outcome.ts';
import { PeerError, type Source } from './peer.ts';
import type { Tally } from './pull-report.ts';
import type { Want, Wants } from './wants.ts';
import { WriteBehind } from './write-behind.ts';

/** Large files under way at once in a domain. */
const LARGE_AT_ONCE = 2;
/** What finds no free lane is looked at again after so long; one that becomes free wakes it. */
const NO_LANE_MS = 1_000;
/** How often a large file on its way in makes sure that it may go on. */
const OBJECTION_BYTES = 64 * 1024 * 1024;

export interface TransfersOptions {
  readonly folder: Folder;
  readonly wants: Wants;
  readonly clock: Clock;
  readonly self: number;
  readonly outcomes: Outcomes;
  /** A live peer by its roleid. */
  source(roleid: number): Source | undefined;
  /** Who to fetch a path from. */
  sourceOf(path: RelPath): number | undefined;
  tally(): Tally;
  onReport(tally: Tally, startedAt: number): void;
  /** Something was thrown that nobody here may throw. */
  onFailure(error: unknown): void;
}

export class Transfers {
  readonly #is: TransfersOptions;
  /** Of a path one at a time, because two would write to one staged file. */
  readonly #running = new Map<RelPath, Promise<void>>();

  constructor(options: TransfersOptions) {
    this.#is = options;
  }

  /** Transfers under way. */
  get size(): number {
    return this.#running.size;
  }

  /** Resolves when those that are under way have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** Begins to fetch a file, or has it wait for a free lane. */
  start(entry: Entry, signal: AbortSignal): void {
    const { folder, wants, clock, sourceOf, onFailure } = this.#is;
    const want = wants.get(entry.path);
    const roleid = sourceOf(entry.path);
    if (!want || roleid === undefined || this.#running.size >= LARGE_AT_ONCE || this.#running.has(entry.path)) {
      if (want && !want.transfer) wants.delay(entry.path, clock.now() + NO_LANE_MS, clock.now());
      return;
    }
    const objection = this.#lacksRoom(entry);
    if (objection !== undefined) {
      folder.problems.report(entry.path, 'unwritable', `${objection}; it is tried again`, clock.now());
      wants.postpone(entry.path, clock.now(), true);
      return;
    }
    want.transfer = new AbortController();
    wants.begin(entry.path);
    const transfer = this.#fetch(want, entry, roleid, AbortSignal.any([signal, want.transfer.signal]))
      .catch(onFailure)
      .finally(() => {
        this.#running.delete(entry.path);
        want.transfer = undefined;
        wants.end(entry.path);
        wants.hurry(clock.now());
      });
    this.#running.set(entry.path, transfer);
  }

  #lacksRoom(entry: Entry): string | undefined {
    const { folder } = this.#is;
    try {
      return folder.lacksRoom(entry.size - folder.received(entry));
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #fetch(want: Want, entry: Entry, roleid: number, signal: AbortSignal): Promise<void> {
    const { folder, clock, self, outcomes, onReport } = this.#is;
    const startedAt = clock.now();
    const tally = this.#is.tally();
    try {
      await this.#receive(entry, roleid, tally, signal);
      tally.fetched++;
    } catch (error) {
      if (error instanceof PeerError && error.refusesItem) outcomes.struck(entry, roleid);
      else if (!signal.aborted) {
        if (error instanceof PeerError) tally.trouble = error.message;
        else {
          outcomes.failedLocally(error, [entry]);
          // Half a file that this disk has no room for would keep all others out.
          folder.discard(entry);
        }
        outcomes.retry(entry.path, tally, error instanceof PeerError && error.withholdsItem ? roleid : undefined);
      }
      if (want.transfer?.signal.aborted) folder.discard(entry);
      if (tally.retried > 0) onReport(tally, startedAt);
      return;
    }
    // The tree may have changed meanwhile: plan anew, for what was transferred.
    const { actions, settled, pending } = plan(folder, [{ ...want, entry }], self, clock.now());
    for (const path of settled) outcomes.settle(path);
    if (pending.length > 0) outcomes.wait(entry.path, pending[0]!.why);
    await outcomes.apply(actions.map(action => ({ action, tally })));
    onReport(tally, startedAt);
  }

  async #receive(entry: Entry, roleid: number, tally: Tally, signal: AbortSignal): Promise<void> {
    const source = this.#is.source(roleid);
    if (!source) throw new PeerError(0, 'it is not connected');
    const inlet = this.#is.folder.append(entry);
    const writer = new WriteBehind(inlet);
    try {
      let size = inlet.size;
      let unasked = 0;
      tally.save('resumed', size);
      const stream = await source.peer.file(this.#is.folder.domain, entry, size, signal);
      for await (const bytes of stream) {
        size += bytes.length;
        if (size > entry.size) throw new PeerError(412, 'it sent more than the file has');
        tally.bytes += bytes.length;
        unasked += bytes.length;
        // Nothing is left of them here once they are written.
        await writer.add(bytes);
        if (unasked < OBJECTION_BYTES) continue;
        unasked = 0;
        const objection = this.#is.folder.objection();
        if (objection !== undefined) throw new Error(objection);
      }
      if (size < entry.size) throw new PeerError(0, 'it sent less than the file has');
      await writer.end();
      await inlet.end();
    } catch (error) {
      // What has come need not come again.
      await writer.end().catch(() => {});
      throw error;
    } finally {
      inlet.close();
    }
  }
}
