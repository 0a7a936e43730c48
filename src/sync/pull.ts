/**
 * Pulling: wants become true, one domain at a time.
 *
 *   plan (pure) -> object? -> structure -> small files, in bundles        and, in a lane of their own, large files
 *
 * What comes next is planned while small files are still on their way, unless it would take a directory from under them.
 */
import { type Clock, Pause } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import { ancestorsOf, type RelPath } from '../core/path.ts';
import { type Action, type Pending, plan } from '../core/plan.ts';
import { Bundles, type Fetch, SMALL_BYTES } from './bundles.ts';
import type { Folder } from './folder.ts';
import { Outcomes } from './outcome.ts';
import { PeerError, type Source } from './peer.ts';
import { type PullReport, Tally } from './pull-report.ts';
import { Transfers } from './transfers.ts';
import type { Want, Wants } from './wants.ts';

/** Wants in one plan. */
const BATCH = 8_000;
/** How often a halted domain is looked at again. */
const HALTED_MS = 1_000;
/** Wants are looked at at least so often. */
const PAUSE_AT_MOST_MS = 60_000;

const NO_BYTES = new Uint8Array(0);

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

export class Puller {
  readonly #is: PullOptions;
  readonly #outcomes: Outcomes;
  readonly #bundles: Bundles;
  readonly #transfers: Transfers;
  #objection: string | undefined;
  /** What was thrown although it never should: ends {@link run}. */
  #failure: unknown;
  readonly #pause = new Pause();
  readonly #since: number;

  constructor(options: PullOptions) {
    this.#is = options;
    this.#since = options.clock.now();
    this.#outcomes = new Outcomes(options);
    const lane = {
      ...options,
      outcomes: this.#outcomes,
      sourceOf: (path: RelPath) => this.#sourceOf(path),
      onFailure: (error: unknown) => {
        this.#failure ??= error;
        this.#pause.wake();
      },
    };
    this.#bundles = new Bundles(lane);
    this.#transfers = new Transfers({
      ...lane,
      tally: () => this.#tally(),
      onReport: (tally, startedAt) => this.#report(tally, startedAt),
    });
    options.wants.onWake(() => this.#pause.wake());
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
    await Promise.all([this.#bundles.idle(), this.#transfers.idle()]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Answers whether there was anything to do. */
  async #cycle(signal: AbortSignal): Promise<boolean> {
    const { folder, wants, clock, self } = this.#is;
    const startedAt = clock.now();
    const batch = wants.ready(startedAt, BATCH);
    if (batch.length === 0) return false;
    const { actions, pending, settled } = plan(folder, batch, self, startedAt);
    if (this.#bundles.underway > 0 && actions.some(takesTree)) {
      // What is on its way is in no view yet: it counts in the next plan.
      await this.#bundles.idle();
      return true;
    }
    const tally = this.#tally();
    for (const path of settled) this.#outcomes.settle(path);
    await this.#ask(pending, signal);
    await this.#apply(
      actions.filter(action => action.do !== 'fetch'),
      tally,
    );
    const small = await this.#fetch(
      actions.filter(action => action.do === 'fetch'),
      tally,
      signal,
    );
    void this.#bundles.add(small, tally, signal).then(() => this.#report(tally, startedAt));
    await this.#bundles.room();
    return true;
  }

  #tally(): Tally {
    const { self, clock, skews } = this.#is;
    return new Tally({ self, since: this.#since, skews: skews(), now: () => clock.now() });
  }

  #apply(actions: readonly Action[], tally: Tally): Promise<void> {
    return this.#outcomes.apply(actions.map(action => ({ action, tally })));
  }

  /** What waits is tried again later; parents that nobody knows the mode of are asked for now. */
  async #ask(pending: readonly Pending[], signal: AbortSignal): Promise<void> {
    const { wants, folder, clock } = this.#is;
    const byPeer = new Map<number, Want[]>();
    for (const { path, why } of pending) {
      const want = wants.get(path);
      // Whoever told first may be gone, or stand by, by now.
      const roleid = this.#sourceOf(path);
      if (!want || why !== 'parent') this.#outcomes.wait(path, why);
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

  /** Installs what is here already, begins with large files; answers the small ones that have to travel. */
  async #fetch(actions: readonly Fetch[], tally: Tally, signal: AbortSignal): Promise<Fetch[]> {
    const here: Fetch[] = [];
    const away: Fetch[] = [];
    for (const action of actions) (this.#isHere(action.entry, tally) ? here : away).push(action);
    const made = await this.#makeEmpty(here);
    await this.#apply(made, tally);
    for (const { entry } of away) if (entry.size > SMALL_BYTES) this.#transfers.start(entry, signal);
    return away.filter(({ entry }) => entry.size <= SMALL_BYTES);
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
      this.#outcomes.failedLocally(error, [entry]);
      return false;
    }
  }

  /** Stages the empty ones of these files; answers all but those that the disk refused. */
  async #makeEmpty(actions: readonly Fetch[]): Promise<readonly Fetch[]> {
    const { folder, wants, clock } = this.#is;
    const empty = actions.filter(({ entry }) => entry.size === 0);
    if (empty.length === 0) return actions;
    const refused = await folder.put(empty.map(({ entry }) => ({ entry, bytes: NO_BYTES })));
    const failed = new Set<Fetch>();
    for (const [i, error] of refused.entries()) {
      if (!error) continue;
      const action = empty[i]!;
      failed.add(action);
      this.#outcomes.failedLocally(error, [action.entry]);
      wants.postpone(action.entry.path, clock.now());
    }
    return actions.filter(action => !failed.has(action));
  }

  /** Who to fetch a path from: own site first; after each failure the next one, whose disk may read what that of the last one cannot. */
  #sourceOf(path: RelPath): number | undefined {
    const want = this.#is.wants.get(path);
    const sources = [...(want?.sources.keys() ?? [])].filter(roleid => this.#is.source(roleid));
    if (!want || sources.length < 2) return sources[0];
    const isNear = (roleid: number) => this.#is.source(roleid)!.near;
    const inTurn = [...sources.filter(isNear), ...sources.filter(roleid => !isNear(roleid))];
    return inTurn[want.tries % inTurn.length];
  }

  #report(tally: Tally, startedAt: number): void {
    this.#is.onReport({ ...tally, ms: this.#is.clock.now() - startedAt });
  }
}

/** Whether an action takes away or moves a directory, in which something may be about to be installed. */
function takesTree(action: Action): boolean {
  switch (action.do) {
    case 'move':
      return true;
    case 'record':
    case 'chmod':
      return false;
    case 'fetch':
    case 'symlink':
      return action.was?.kind === 'directory' || action.below.length > 0;
    case 'remove':
    case 'mkdir':
    case 'rename':
      return action.was?.kind === 'directory';
    default:
      return action satisfies never;
  }
}

/** The parents of a path that have no live directory here. */
function unknownParents(path: RelPath, folder: Folder): RelPath[] {
  return [...ancestorsOf(path)].filter(parent => folder.get(parent)?.kind !== 'directory');
}
