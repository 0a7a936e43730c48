/**
 * Outcomes: what becomes of a want once something was done about it, or could not be. A failure of one path is data; it never ends a
 * cycle.
 */
import type { Clock } from '../core/clock.ts';
import { type Entry, isLive, isSameContent } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import type { Action, Pending } from '../core/plan.ts';
import { resolve } from '../core/resolve.ts';
import type { ActionResult, Folder } from './folder.ts';
import { PeerError } from './peer.ts';
import type { Tally } from './pull-report.ts';
import type { Wants } from './wants.ts';

/** A want that waits for something else in the tree is listed after so long. */
const LIST_WAITING_MS = 10_000;
/** A transfer that failed so often in a row is listed: a peer that restarts fails once or twice. */
const LIST_FAILED_TRIES = 3;

export interface OutcomeOptions {
  readonly folder: Folder;
  readonly wants: Wants;
  readonly clock: Clock;
}

/** Something to be done, and the report that it belongs to. */
export interface Doing {
  readonly action: Action;
  readonly tally: Tally;
}

export class Outcomes {
  readonly #is: OutcomeOptions;

  constructor(options: OutcomeOptions) {
    this.#is = options;
    // What kept it from being pulled is no news of a path that nobody offers any more.
    options.wants.onGone(path => options.folder.problems.clear(path, 'waiting', 'transfer', 'unwritable'));
  }

  /** Applies actions and settles their wants. */
  async apply(doings: readonly Doing[]): Promise<void> {
    if (doings.length === 0) return;
    const actions = doings.map(({ action }) => action);
    const results = await this.#is.folder.apply(actions, path => this.#is.wants.get(path)?.via);
    for (const [i, result] of results.entries()) this.#applied(doings[i]!, result);
  }

  /** A wanted path is true. */
  settle(path: RelPath, entry = this.#is.folder.get(path)): void {
    const { folder, wants } = this.#is;
    if (entry) wants.done(path, entry);
    folder.problems.clear(path, 'waiting', 'gone', 'transfer', 'unwritable');
  }

  /** Something else in the tree has to come first. */
  wait(path: RelPath, why: Pending['why']): void {
    const { wants, folder, clock } = this.#is;
    const want = wants.get(path);
    if (!want) return;
    wants.postpone(path, clock.now());
    if (clock.now() - want.since < LIST_WAITING_MS) return;
    const reason =
      why === 'occupied' ? 'something lives below the directory that is to go' : 'a parent is a file or symlink here';
    folder.problems.report(path, 'waiting', reason, clock.now());
  }

  /**
   * A transfer failed, for a reason of the peer where one is given: later again. Of what a peer withholds another one is asked at once,
   * and where there is none it takes a person.
   */
  retry(path: RelPath, tally: Tally, withheldBy?: number): void {
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
  refused(entry: Entry, roleid: number, status: number, tally: Tally): void {
    const error = new PeerError(status, `peer ${roleid} cannot read it, and lists why: look there`);
    if (!error.withholdsItem) this.struck(entry, roleid);
    else {
      tally.trouble = error.message;
      this.retry(entry.path, tally, roleid);
    }
  }

  /** The peer does not have it after all, and looks at that path itself. */
  struck(entry: Entry, roleid: number): void {
    const { wants, folder, clock } = this.#is;
    folder.discard(entry);
    const want = wants.get(entry.path);
    // Of what was announced since then nothing is said.
    if (!want || !isSameContent(want.entry, entry)) return;
    const last = want.sources.size === 1;
    wants.strike(entry.path, roleid);
    // What was changed here since then wins over it, and is nobody's loss.
    if (last && isLive(entry) && resolve(folder.get(entry.path), want.entry).do === 'take')
      folder.problems.report(
        entry.path,
        'gone',
        'no peer has it any more as it was announced; it waits for a new announcement',
        clock.now(),
      );
  }

  /** This disk refuses what was received. */
  failedLocally(error: unknown, entries: readonly Entry[]): void {
    const { folder, clock } = this.#is;
    const message = error instanceof Error ? error.message : String(error);
    for (const { path } of entries)
      folder.problems.report(path, 'unwritable', `${message}; it is tried again`, clock.now());
  }

  #applied({ action, tally }: Doing, result: ActionResult): void {
    const { wants, folder, clock } = this.#is;
    switch (result.result) {
      case 'done':
        tally.done(action);
        for (const { entry } of result.truths) this.settle(entry.path, entry);
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
}
