/**
 * The lane of small files: fetched in bundles and staged while others travel, installed together.
 *
 *   add -> queue -> fetched (some at once) -> staged -> installed (one group at a time)
 *
 * Bringing a file to the disk takes about as long as bringing thousands there, and whoever waits for it fetches nothing meanwhile: so
 * neither waits for the other.
 */
import type { Clock } from '../core/clock.ts';
import type { RelPath } from '../core/path.ts';
import type { Action } from '../core/plan.ts';
import type { Folder } from './folder.ts';
import type { Outcomes } from './outcome.ts';
import { PeerError, type Source } from './peer.ts';
import type { Tally } from './pull-report.ts';
import type { Wants } from './wants.ts';

/** A file up to this size travels in a bundle, held in memory whole on both sides. */
export const SMALL_BYTES = 256 * 1024;
/** Files in one bundle … */
const BUNDLE_FILES = 1_000;
/** … and their bytes: what a slow link carries in some seconds. */
const BUNDLE_BYTES = 4 * 1024 * 1024;
/** Bundles under way at once: one is written to disk while others travel. */
const BUNDLES_AT_ONCE = 3;
/** So many staged files are worth a group of their own … */
const GROUP_FILES = 4_000;
/** … and fewer after so long, while others are still on their way. */
const GROUP_MS = 500;
/** What is staged and not installed yet, at most: past it nothing more is planned. */
const STAGED_AT_MOST = 16_000;
/** After so long what was staged when an objection arose is tried again. */
const OBJECTED_MS = 1_000;

export type Fetch = Extract<Action, { do: 'fetch' }>;

export interface BundlesOptions {
  readonly folder: Folder;
  readonly wants: Wants;
  readonly clock: Clock;
  readonly outcomes: Outcomes;
  /** A live peer by its roleid. */
  source(roleid: number): Source | undefined;
  /** Who to fetch a path from. */
  sourceOf(path: RelPath): number | undefined;
  /** Something was thrown that nobody here may throw. */
  onFailure(error: unknown): void;
}

/** What was added at once. */
interface Consignment {
  readonly tally: Tally;
  readonly signal: AbortSignal;
  /** Files of it that are neither installed nor given up. */
  left: number;
  readonly onOver: () => void;
}

interface Small {
  readonly action: Fetch;
  readonly of: Consignment;
}

interface Bundle {
  readonly roleid: number;
  readonly of: Consignment;
  readonly actions: Fetch[];
  bytes: number;
}

export class Bundles {
  readonly #is: BundlesOptions;
  readonly #queue: Bundle[] = [];
  #fetching = 0;
  #staged: Small[] = [];
  /** What is staged has waited for long enough. */
  #late = false;
  #installing = false;
  #underway = 0;
  #failed = false;
  #changed = Promise.withResolvers<void>();

  constructor(options: BundlesOptions) {
    this.#is = options;
  }

  /** Files that are queued, on their way, staged or being installed. */
  get underway(): number {
    return this.#underway;
  }

  /** Fetches and installs files; resolves when each is installed or given up for now. What a signal cuts off is given up. */
  add(actions: readonly Fetch[], tally: Tally, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const of: Consignment = { tally, signal, left: 0, onOver: resolve };
    for (const bundle of this.#cut(actions, of)) {
      this.#queue.push(bundle);
      of.left += bundle.actions.length;
      for (const { entry } of bundle.actions) this.#is.wants.begin(entry.path);
    }
    this.#underway += of.left;
    if (of.left === 0) resolve();
    while (this.#fetching < BUNDLES_AT_ONCE && this.#queue.length > 0) this.#startLane();
    return promise;
  }

  /** Resolves when more may be added without holding too much, or after a failure. */
  async room(): Promise<void> {
    while (!this.#failed && (this.#queue.length >= BUNDLES_AT_ONCE || this.#staged.length >= STAGED_AT_MOST))
      await this.#changed.promise;
  }

  /** Resolves when nothing is under way, or after a failure. */
  async idle(): Promise<void> {
    while (!this.#failed && this.#underway > 0) await this.#changed.promise;
  }

  #startLane(): void {
    this.#fetching++;
    const lane = async () => {
      for (let bundle = this.#queue.shift(); bundle; bundle = this.#queue.shift()) await this.#fetch(bundle);
    };
    lane()
      .catch(error => this.#fail(error))
      .finally(() => {
        this.#fetching--;
        this.#installDue();
      });
  }

  #cut(actions: readonly Fetch[], of: Consignment): Bundle[] {
    const bundles: Bundle[] = [];
    const open = new Map<number, Bundle>();
    for (const action of actions) {
      const roleid = this.#is.sourceOf(action.entry.path);
      if (roleid === undefined) {
        this.#is.wants.postpone(action.entry.path, this.#is.clock.now());
        continue;
      }
      let bundle = open.get(roleid);
      if (!bundle || bundle.actions.length >= BUNDLE_FILES || bundle.bytes + action.entry.size > BUNDLE_BYTES) {
        bundle = { roleid, of, actions: [], bytes: 0 };
        bundles.push(bundle);
        open.set(roleid, bundle);
      }
      bundle.actions.push(action);
      bundle.bytes += action.entry.size;
    }
    return bundles;
  }

  async #fetch({ roleid, of, actions }: Bundle): Promise<void> {
    const { folder, outcomes } = this.#is;
    const { tally, signal } = of;
    const waiting = new Map(actions.map(action => [action.entry.path, action]));
    const received: { action: Fetch; bytes: Uint8Array }[] = [];
    try {
      signal.throwIfAborted();
      const source = this.#is.source(roleid);
      if (!source) throw new PeerError(0, 'it is not connected');
      const files = actions.map(({ entry: { path, size, mtime } }) => ({ path, size, mtime }));
      for await (const items of source.peer.bundle(folder.domain, files, signal))
        for (const item of items) {
          const action = waiting.get(item.path);
          if (!action) continue;
          if ('bytes' in item && item.bytes.length === action.entry.size) {
            tally.bytes += item.bytes.length;
            received.push({ action, bytes: item.bytes });
          } else {
            if ('status' in item) outcomes.refused(action.entry, roleid, item.status, tally);
            else outcomes.struck(action.entry, roleid);
            this.#over({ action, of });
          }
          waiting.delete(item.path);
        }
    } catch (error) {
      if (error instanceof PeerError) tally.trouble = error.message;
      else if (!signal.aborted) outcomes.failedLocally(error, entriesOf(actions));
    }
    for (const action of waiting.values()) {
      if (!signal.aborted) outcomes.retry(action.entry.path, tally);
      this.#over({ action, of });
    }
    await this.#stage(received, of);
  }

  async #stage(
    received: readonly { readonly action: Fetch; readonly bytes: Uint8Array }[],
    of: Consignment,
  ): Promise<void> {
    const { folder, wants, clock, outcomes } = this.#is;
    if (received.length === 0) return;
    const refused = await folder.put(received.map(({ action, bytes }) => ({ entry: action.entry, bytes })));
    for (const [i, error] of refused.entries()) {
      const { action } = received[i]!;
      if (!error) {
        of.tally.fetched++;
        if (this.#staged.push({ action, of }) === 1) void this.#hasten(this.#staged, of.signal);
        continue;
      }
      outcomes.failedLocally(error, [action.entry]);
      wants.postpone(action.entry.path, clock.now());
      this.#over({ action, of });
    }
    this.#installDue();
  }

  /**
   * Whoever is on its way may take long: what is staged waits no longer than this. By no clock's difference: a clock may be put back, and
   * a timer be early by a millisecond.
   */
  async #hasten(group: readonly Small[], signal: AbortSignal): Promise<void> {
    await this.#is.clock.sleep(GROUP_MS, signal);
    if (group !== this.#staged) return;
    this.#late = true;
    this.#installDue();
  }

  /** Begins with the next group, if it is time: it is large, or all there is, or others are on their way for too long. */
  #installDue(): void {
    if (this.#installing || this.#staged.length === 0) return;
    if (this.#fetching > 0 && this.#staged.length < GROUP_FILES && !this.#late) return;
    const group = this.#staged;
    this.#staged = [];
    this.#late = false;
    this.#installing = true;
    this.#install(group)
      .catch(error => this.#fail(error))
      .finally(() => {
        this.#installing = false;
        for (const small of group) this.#over(small);
        this.#installDue();
      });
  }

  async #install(group: readonly Small[]): Promise<void> {
    const { folder, wants, clock, outcomes } = this.#is;
    if (folder.objection() === undefined)
      await outcomes.apply(group.map(({ action, of: { tally } }) => ({ action, tally })));
    // It stays staged, and is not fetched again.
    else for (const { action } of group) wants.delay(action.entry.path, clock.now() + OBJECTED_MS, clock.now());
  }

  #over({ action, of }: Small): void {
    this.#is.wants.end(action.entry.path);
    this.#underway--;
    if (--of.left === 0) of.onOver();
    this.#change();
  }

  /** Of what was under way then nobody knows the end, and nobody waits for it. */
  #fail(error: unknown): void {
    this.#failed = true;
    this.#is.onFailure(error);
    this.#change();
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function entriesOf(actions: readonly Fetch[]) {
  return actions.map(({ entry }) => entry);
}
