/**
 * Pulling: wants become true, one domain at a time.
 *
 *   plan (pure) -> object? -> structure -> small files in bundles -> commit        and, in a lane of their own, large files
 *
 * A failure of one path is data; it never ends the cycle.
 */
import { type Clock, Pause } from '../core/clock.ts';
import { type Entry, isLive } from '../core/entry.ts';
import { ancestorsOf, type RelPath } from '../core/path.ts';
import { type Action, type Pending, plan } from '../core/plan.ts';
import type { ActionResult, Folder } from './folder.ts';
import { type Peer, PeerError } from './peer.ts';
import { type PullReport, Tally } from './pull-report.ts';
import type { Want, Wants } from './wants.ts';
import { WriteBehind } from './write-behind.ts';

/** Wants in one plan. */
const BATCH = 8_000;
/** A file up to this size travels in a bundle, held in memory whole on both sides. */
export const SMALL_BYTES = 256 * 1024;
/** Files in one bundle … */
const BUNDLE_FILES = 1_000;
/** … and their bytes: what a slow link carries in some seconds. */
const BUNDLE_BYTES = 4 * 1024 * 1024;
/** Bundles under way at once: one is written to disk while others travel. */
const BUNDLES_AT_ONCE = 3;
/** Large files under way at once in a domain. */
const LARGE_AT_ONCE = 2;
/** How often a halted domain is looked at again. */
const HALTED_MS = 1_000;
/** Wants are looked at at least so often. */
const PAUSE_AT_MOST_MS = 60_000;
/** A want that waits for something else in the tree is listed after so long. */
const LIST_WAITING_MS = 10_000;

/** A transfer that failed so often in a row is listed: a peer that restarts fails once or twice. */
const LIST_FAILED_TRIES = 3;
/** How often a large file on its way in makes sure that it may go on. */
const OBJECTION_BYTES = 64 * 1024 * 1024;

const NO_BYTES = new Uint8Array(0);

/** Somebody to fetch from. */
export interface Source {
  readonly peer: Peer;
  /** Whether it is of this instance's site: asked before others. */
  readonly near: boolean;
}

export interface PullOptions {
  readonly folder: Folder;
  readonly wants: Wants;
  readonly clock: Clock;
  readonly self: number;
  /** A live peer by its roleid. */
  source(roleid: number): Source | undefined;
  /** Clocks minus ours, in milliseconds, by roleid, as far as they are known. */
  skews(): ReadonlyMap<number, number>;
  onReport(report: PullReport): void;
  /** A peer's parents are learned like anything else of it. */
  onEntries(roleid: number, entries: readonly Entry[]): void;
}

type Fetch = Extract<Action, { do: 'fetch' }>;

export class Puller {
  readonly #is: PullOptions;
  #objection: string | undefined;
  /** What a transfer threw although it never should: ends {@link run}. */
  #failure: unknown;
  /** Large transfers under way; of a path one at a time, because two would write to one staged file. */
  readonly #transfers = new Map<RelPath, Promise<void>>();
  readonly #pause = new Pause();
  readonly #since: number;

  constructor(options: PullOptions) {
    this.#is = options;
    this.#since = options.clock.now();
    options.wants.onWake(() => this.#pause.wake());
    // What kept it from being pulled is no news of a path that nobody offers any more.
    options.wants.onGone(path => options.folder.problems.clear(path, 'waiting', 'transfer', 'unwritable'));
  }

  /** Why nothing is pulled, or undefined. */
  get objection(): string | undefined {
    return this.#objection;
  }

  /** Large files under way. */
  get fetching(): number {
    return this.#transfers.size;
  }

  /** Pulls whatever is wanted until the signal aborts; what is in flight then is finished or left for a resume. */
  async run(signal: AbortSignal): Promise<void> {
    const { folder, wants, clock } = this.#is;
    while (!signal.aborted && this.#failure === undefined) {
      this.#objection = folder.ready ? folder.objection() : undefined;
      // Nothing is wanted before the first scan has ended: the first want ends this wait.
      if (!folder.ready) await this.#pause.of(HALTED_MS, clock, signal);
      else if (this.#objection !== undefined) await clock.sleep(HALTED_MS, signal);
      else if (!(await this.#cycle(signal)))
        await this.#pause.of(
          Math.max(1, Math.min((wants.nextTry() ?? Number.POSITIVE_INFINITY) - clock.now(), PAUSE_AT_MOST_MS)),
          clock,
          signal,
        );
    }
    await Promise.all(this.#transfers.values());
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Answers whether there was anything to do. */
  async #cycle(signal: AbortSignal): Promise<boolean> {
    const { folder, wants, clock, self } = this.#is;
    const startedAt = clock.now();
    const batch = wants.ready(startedAt, BATCH);
    if (batch.length === 0) return false;
    const tally = this.#tally();
    const { actions, pending, settled } = plan(folder, batch, self, clock.now());
    for (const path of settled) this.#settle(path);
    await this.#ask(pending, signal);
    await this.#apply(
      actions.filter(action => action.do !== 'fetch'),
      tally,
    );
    await this.#fetch(
      actions.filter(action => action.do === 'fetch'),
      tally,
      signal,
    );
    this.#report(tally, startedAt);
    return true;
  }

  #tally(): Tally {
    const { self, clock, skews } = this.#is;
    return new Tally({ self, since: this.#since, skews: skews(), now: () => clock.now() });
  }

  #settle(path: RelPath): void {
    const entry = this.#is.folder.get(path);
    if (entry) this.#is.wants.done(path, entry);
    this.#is.folder.problems.clear(path, 'waiting', 'gone', 'transfer', 'unwritable');
  }

  /** What waits is tried again later; parents that nobody knows the mode of are asked for now. */
  async #ask(pending: readonly Pending[], signal: AbortSignal): Promise<void> {
    const { wants, folder, clock } = this.#is;
    const byPeer = new Map<number, Want[]>();
    for (const { path, why } of pending) {
      const want = wants.get(path);
      // Whoever told first may be gone, or stand by, by now.
      const roleid = this.#sourceOf(path);
      if (!want || why !== 'parent') this.#wait(path, why);
      else if (roleid === undefined) wants.postpone(path, clock.now());
      else byPeer.set(roleid, [...(byPeer.get(roleid) ?? []), want]);
    }
    for (const [roleid, asking] of byPeer) {
      const paths = new Set(asking.flatMap(want => unknownParents(want.path, folder)));
      try {
        const source = this.#is.source(roleid);
        if (!source) throw new PeerError(0, 'it is not connected');
        const entries = await source.peer.entriesAt(folder.domain, [...paths], signal);
        this.#is.onEntries(roleid, entries);
        const modes = new Map(
          entries.filter(entry => entry.kind === 'directory').map(entry => [entry.path, entry.mode]),
        );
        for (const want of asking)
          want.parentModes = new Map([...ancestorsOf(want.path)].map(path => [path, modes.get(path)]));
      } catch (error) {
        if (!(error instanceof PeerError) && !signal.aborted) throw error;
        for (const want of asking) wants.postpone(want.path, clock.now());
      }
    }
  }

  #wait(path: RelPath, why: Pending['why']): void {
    const { wants, folder, clock } = this.#is;
    const want = wants.get(path);
    if (!want) return;
    wants.postpone(path, clock.now());
    if (clock.now() - want.since < LIST_WAITING_MS) return;
    const reason =
      why === 'occupied' ? 'something lives below the directory that is to go' : 'a parent is a file or symlink here';
    folder.problems.report(path, 'waiting', reason, clock.now());
  }

  /** Applies actions and settles their wants. */
  async #apply(actions: readonly Action[], tally: Tally): Promise<void> {
    if (actions.length === 0) return;
    const results = await this.#is.folder.apply(actions, path => this.#is.wants.get(path)?.via);
    for (const [i, result] of results.entries()) this.#applied(actions[i]!, result, tally);
  }

  #applied(action: Action, result: ActionResult, tally: Tally): void {
    const { wants, folder, clock } = this.#is;
    switch (result.result) {
      case 'done':
        tally.done(action);
        for (const { entry } of result.truths) this.#settle(entry.path);
        break;
      case 'changed':
        tally.changed++;
        if (action.do === 'move') this.#separate(action);
        else wants.postpone(action.entry.path, clock.now());
        break;
      case 'failed':
        if (action.do === 'move') {
          this.#separate(action);
          break;
        }
        tally.failed++;
        wants.postpone(action.entry.path, clock.now(), true);
        folder.problems.report(action.entry.path, 'unwritable', `${result.message}; it is tried again`, clock.now());
        break;
      default:
        result satisfies never;
    }
  }

  /** What cannot move as a whole is done path by path, at once: that tells which of them is in the way. */
  #separate(tree: Extract<Action, { do: 'move' }>): void {
    for (const { entry, tombstone } of [tree, ...tree.below])
      for (const { path } of [entry, tombstone]) {
        const want = this.#is.wants.get(path);
        if (want) want.singly = true;
      }
  }

  async #fetch(actions: readonly Fetch[], tally: Tally, signal: AbortSignal): Promise<void> {
    const here: Fetch[] = [];
    const away: Fetch[] = [];
    for (const action of actions) (this.#isHere(action.entry, tally) ? here : away).push(action);
    const empty = here.filter(({ entry }) => entry.size === 0);
    const failed = await this.#put(empty.map(action => ({ action, bytes: NO_BYTES })));
    await this.#apply(
      here.filter(action => !failed.has(action)),
      tally,
    );
    const small = away.filter(({ entry }) => entry.size <= SMALL_BYTES);
    const bundles = this.#bundles(small);
    const lane = async () => {
      for (let bundle = bundles.shift(); bundle && !signal.aborted; bundle = bundles.shift())
        await this.#fetchBundle(bundle.roleid, bundle.actions, tally, signal);
    };
    for (const { entry } of away) if (entry.size > SMALL_BYTES) this.#startLarge(entry, signal);
    await Promise.all(Array.from({ length: BUNDLES_AT_ONCE }, lane));
  }

  /** Whether the content need not travel: it is empty, staged by a former life, or on this disk already. */
  #isHere(entry: Entry, tally: Tally): boolean {
    const { folder } = this.#is;
    if (entry.size === 0) return true;
    try {
      const saving = folder.received(entry) === entry.size ? 'resumed' : folder.reuse(entry) ? 'copied' : undefined;
      if (saving) tally.save(saving, entry.size);
      return saving !== undefined;
    } catch (error) {
      // Then it has to travel, or fails again where the failure is handled.
      this.#failedLocally(error, [{ entry }]);
      return false;
    }
  }

  #bundles(actions: readonly Fetch[]): { roleid: number; actions: Fetch[] }[] {
    const bundles: { roleid: number; actions: Fetch[]; bytes: number }[] = [];
    const open = new Map<number, (typeof bundles)[number]>();
    for (const action of actions) {
      const roleid = this.#sourceOf(action.entry.path);
      if (roleid === undefined) {
        this.#is.wants.postpone(action.entry.path, this.#is.clock.now());
        continue;
      }
      let bundle = open.get(roleid);
      if (!bundle || bundle.actions.length >= BUNDLE_FILES || bundle.bytes + action.entry.size > BUNDLE_BYTES) {
        bundle = { roleid, actions: [], bytes: 0 };
        bundles.push(bundle);
        open.set(roleid, bundle);
      }
      bundle.actions.push(action);
      bundle.bytes += action.entry.size;
    }
    return bundles;
  }

  /** Who to fetch a path from: own site first. */
  #sourceOf(path: RelPath): number | undefined {
    const sources = [...(this.#is.wants.get(path)?.sources.keys() ?? [])].filter(roleid => this.#is.source(roleid));
    return sources.find(roleid => this.#is.source(roleid)!.near) ?? sources[0];
  }

  async #fetchBundle(roleid: number, actions: readonly Fetch[], tally: Tally, signal: AbortSignal): Promise<void> {
    const { folder } = this.#is;
    const waiting = new Map(actions.map(action => [action.entry.path, action]));
    const received: { action: Fetch; bytes: Uint8Array }[] = [];
    try {
      const source = this.#is.source(roleid);
      if (!source) throw new PeerError(0, 'it is not connected');
      const files = actions.map(({ entry: { path, size, mtime } }) => ({ path, size, mtime }));
      for await (const item of source.peer.bundle(folder.domain, files, signal)) {
        const action = waiting.get(item.path);
        waiting.delete(item.path);
        if (!action) continue;
        if ('status' in item) this.#refused(action.entry, roleid, item.status, tally);
        else if (item.bytes.length !== action.entry.size) this.#struck(action.entry, roleid);
        else {
          tally.bytes += item.bytes.length;
          received.push({ action, bytes: item.bytes });
        }
      }
    } catch (error) {
      if (error instanceof PeerError) tally.trouble = error.message;
      else if (!signal.aborted) this.#failedLocally(error, actions);
    }
    for (const action of waiting.values()) this.#retry(action.entry.path, tally);
    const failed = await this.#put(received);
    const staged = received.flatMap(({ action }) => (failed.has(action) ? [] : action));
    tally.fetched += staged.length;
    await this.#apply(staged, tally);
  }

  /** Stages what came; answers what this disk refused. */
  async #put(files: readonly { readonly action: Fetch; readonly bytes: Uint8Array }[]): Promise<ReadonlySet<Fetch>> {
    const failed = new Set<Fetch>();
    if (files.length === 0) return failed;
    const { folder, wants, clock } = this.#is;
    const refused = await folder.put(files.map(({ action, bytes }) => ({ entry: action.entry, bytes })));
    for (const [i, error] of refused.entries()) {
      if (!error) continue;
      const { action } = files[i]!;
      failed.add(action);
      this.#failedLocally(error, [action]);
      wants.postpone(action.entry.path, clock.now());
    }
    return failed;
  }

  #startLarge(entry: Entry, signal: AbortSignal): void {
    const { wants, clock } = this.#is;
    const want = wants.get(entry.path);
    const roleid = this.#sourceOf(entry.path);
    if (!want || roleid === undefined || this.#transfers.size >= LARGE_AT_ONCE || this.#transfers.has(entry.path)) {
      // A free lane wakes what waits.
      if (want && !want.transfer) wants.delay(entry.path, clock.now() + HALTED_MS, clock.now());
      return;
    }
    const objection = this.#lacksRoom(entry);
    if (objection !== undefined) {
      this.#is.folder.problems.report(entry.path, 'unwritable', `${objection}; it is tried again`, clock.now());
      wants.postpone(entry.path, clock.now(), true);
      return;
    }
    want.transfer = new AbortController();
    const ends = AbortSignal.any([signal, want.transfer.signal]);
    const failed = (error: unknown) => {
      this.#failure = error;
    };
    const transfer = this.#fetchLarge(want, entry, roleid, ends)
      .catch(failed)
      .finally(() => {
        this.#transfers.delete(entry.path);
        want.transfer = undefined;
        wants.hurry(clock.now());
      });
    this.#transfers.set(entry.path, transfer);
  }

  #lacksRoom(entry: Entry): string | undefined {
    const { folder } = this.#is;
    try {
      return folder.lacksRoom(entry.size - folder.received(entry));
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #fetchLarge(want: Want, entry: Entry, roleid: number, signal: AbortSignal): Promise<void> {
    const { folder, clock, self } = this.#is;
    const startedAt = clock.now();
    const tally = this.#tally();
    try {
      await this.#receive(entry, roleid, tally, signal);
      tally.fetched++;
    } catch (error) {
      if (error instanceof PeerError && error.refusesItem) this.#struck(entry, roleid);
      else if (!signal.aborted) {
        if (error instanceof PeerError) tally.trouble = error.message;
        else {
          this.#failedLocally(error, [{ entry }]);
          // Half a file that this disk has no room for would keep all others out.
          folder.discard(entry);
        }
        this.#retry(entry.path, tally, error instanceof PeerError && error.withholdsItem ? roleid : undefined);
      }
      if (want.transfer?.signal.aborted) folder.discard(entry);
      if (tally.retried > 0) this.#report(tally, startedAt);
      return;
    }
    // The tree may have changed meanwhile: plan anew, for what was transferred.
    const { actions, settled, pending } = plan(folder, [{ ...want, entry }], self, clock.now());
    for (const path of settled) this.#settle(path);
    if (pending.length > 0) this.#wait(entry.path, pending[0]!.why);
    await this.#apply(actions, tally);
    this.#report(tally, startedAt);
  }

  #report(tally: Tally, startedAt: number): void {
    this.#is.onReport({ ...tally, ms: this.#is.clock.now() - startedAt });
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

  /**
   * A transfer failed, for a reason of the peer where one is given: later again. Of what a peer withholds another one is asked at once,
   * and where there is none it takes a person.
   */
  #retry(path: RelPath, tally: Tally, withheldBy?: number): void {
    const { wants, folder, clock } = this.#is;
    const { trouble } = tally;
    tally.retried++;
    const isWithheld = withheldBy !== undefined;
    if (isWithheld && (wants.get(path)?.sources.size ?? 0) > 1) {
      wants.strike(path, withheldBy);
      return;
    }
    wants.postpone(path, clock.now(), isWithheld);
    if (trouble !== undefined && (wants.get(path)?.tries ?? 0) >= LIST_FAILED_TRIES)
      folder.problems.report(path, 'transfer', `${trouble}; it is tried again`, clock.now());
  }

  /** A peer had no bytes of a file of a bundle. */
  #refused(entry: Entry, roleid: number, status: number, tally: Tally): void {
    const error = new PeerError(status, `peer ${roleid} may not read it, and lists it: give it permission there`);
    if (!error.withholdsItem) this.#struck(entry, roleid);
    else {
      tally.trouble = error.message;
      this.#retry(entry.path, tally, roleid);
    }
  }

  /** The peer does not have it after all, and looks at that path itself. */
  #struck(entry: Entry, roleid: number): void {
    const { wants, folder, clock } = this.#is;
    const last = wants.get(entry.path)?.sources.size === 1;
    wants.strike(entry.path, roleid);
    folder.discard(entry);
    if (last && isLive(entry))
      folder.problems.report(
        entry.path,
        'gone',
        'no peer has it any more as it was announced; it waits for a new announcement',
        clock.now(),
      );
  }

  /** This disk refuses what was received. */
  #failedLocally(error: unknown, actions: readonly { readonly entry: Entry }[]): void {
    const { folder, clock } = this.#is;
    const message = error instanceof Error ? error.message : String(error);
    for (const { entry } of actions)
      folder.problems.report(entry.path, 'unwritable', `${message}; it is tried again`, clock.now());
  }
}

/** The parents of a path that have no live directory here. */
function unknownParents(path: RelPath, folder: Folder): RelPath[] {
  return [...ancestorsOf(path)].filter(parent => folder.get(parent)?.kind !== 'directory');
}
