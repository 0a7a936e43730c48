/**
 * Batches: many actions, in order, with what the journal has to know before and after each. Synchronous stretches with time between
 * them; new files go first, in a thread.
 */
import type { Clock } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import type { Action } from '../core/plan.ts';
import { type Applied, type ApplyContext, apply, type Truth, truthOf } from './apply.ts';
import { type Disk, DiskError } from './disk.ts';
import { FailedSteps } from './failed-steps.ts';
import type { DomainIndex } from './index-store.ts';
import { installNew } from './install.ts';
import { gathered, type Intent, intentsOf, learnedOf, outcomesOf, singleIntentsOf, voidOf } from './intents.ts';
import type { Journal, JournalRecord } from './journal.ts';
import type { Looker } from './look.ts';
import type { Via } from './path-event.ts';
import type { SmallFiles } from './small-files.ts';
import type { Staging } from './staging.ts';
import type { WriteOut } from './write-out.ts';

/** Up to so many files are cheaper one by one than the whole file system. */
const FEW_FILES = 8;
/** Paths in one synchronous stretch: some milliseconds. */
const SLICE = 64;

/** What applying a batch needs. */
export interface BatchContext {
  readonly disk: Disk;
  /** The domain's directory, relative to the volume's root. */
  readonly directory: string;
  readonly clock: Clock;
  readonly fsync: 'batch' | 'file' | 'off';
  readonly smallFiles: SmallFiles;
  readonly index: DomainIndex;
  readonly journal: Journal;
  readonly staging: Staging;
  readonly writeOut: WriteOut;
  readonly looker: Looker;
  /** Why volume or domain are not those that were started with. */
  guard(): string | undefined;
  /** What one stretch works on. */
  context(): ApplyContext;
  /** Takes outcomes into the journal. */
  record(records: readonly JournalRecord[]): void;
  /** Takes what an action made true into the index. */
  commit(action: Action, truths: readonly Truth[], via: Via): void;
}

export class Batches {
  readonly #is: BatchContext;
  /** Under way: their intents are in the journal alone, which therefore must not be folded. */
  #applying = 0;
  #onIdle = () => {};
  readonly #failed: FailedSteps;

  constructor(context: BatchContext) {
    this.#is = context;
    this.#failed = new FailedSteps(context);
  }

  /** Finds out what became of steps that failed, until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#failed.run(signal);
  }

  /** Intents of steps of which that is not known yet: the journal has to keep them. */
  get unknown(): readonly Intent[] {
    return this.#failed.intents;
  }

  /** Applies actions in order; every answer is in the index before it is given. */
  async apply(actions: readonly Action[], via: Via): Promise<Applied[]> {
    this.#applying++;
    try {
      const barred = actions.map(action => this.#failed.objection(action));
      const applied = await this.#applyAll(
        actions.filter((_, i) => !barred[i]),
        via,
      );
      let next = 0;
      return barred.map(why => (why ? failure(why) : applied[next++]!));
    } finally {
      if (--this.#applying === 0) this.#onIdle();
    }
  }

  /** Resolves in a moment without a batch under way, before the next one can begin. */
  async idle(): Promise<void> {
    if (this.#applying === 0) return;
    await new Promise<void>(resolve => {
      this.#onIdle = resolve;
    });
  }

  async #applyAll(actions: readonly Action[], via: Via): Promise<Applied[]> {
    const results: Applied[] = [];
    try {
      this.#is.journal.append(actions.flatMap(action => intentsOf(action, this.#is.directory)));
      this.#is.writeOut.renamed(actions.flatMap(learnedOf));
    } catch (error) {
      // Without its intent in the journal nothing may be done: a crash would take it for a local change.
      return failed(actions, 'the journal cannot be written', error);
    }
    try {
      if (this.#is.fsync !== 'off') await this.#bringToDisk(actions);
    } catch (error) {
      return failed(actions, 'what was received cannot be brought to the disk', error);
    }
    const paths = actions.map(action => action.entry.path);
    this.#is.looker.suspend(paths);
    try {
      const installed = await installNew(actions, this.#is);
      for (let start = 0; start < actions.length; ) {
        if (start > 0) await this.#is.clock.yield();
        const end = endOfStretch(actions, start);
        const records: JournalRecord[] = [];
        const context = this.#is.context();
        for (const action of actions.slice(start, end)) {
          const stat = installed.get(action);
          const applied: Applied = stat
            ? { result: 'done', truths: [truthOf(action.entry, stat)] }
            : apply(action, context);
          results.push(this.#takeIn(action, applied, via, records));
        }
        // In the same synchronous stretch: a crash in between would leave intents without their outcomes.
        this.#is.record(gathered(records));
        start = end;
      }
    } finally {
      this.#is.looker.resume(paths.filter(path => !this.#failed.has(path)));
    }
    return results;
  }

  /** Few files are brought to the disk one by one: what others have written to the same file system is not waited for. */
  async #bringToDisk(actions: readonly Action[]): Promise<void> {
    const due = actions.filter(action => action.do === 'fetch' && !this.#is.staging.isWrittenOut(action.entry));
    if (due.length > FEW_FILES) await this.#is.disk.sync();
    else await Promise.all(due.map(({ entry }) => this.#bringFileToDisk(entry)));
  }

  async #bringFileToDisk(entry: Entry): Promise<void> {
    try {
      await this.#is.disk.syncFile(this.#is.staging.place(entry));
    } catch (error) {
      // It has the mode that it will have, which may keep its own owner from opening it.
      if (error instanceof DiskError && error.code === 'EACCES') await this.#is.disk.sync();
      // What is not there costs its own action, not the others'.
      else if (!(error instanceof DiskError) || error.code !== 'ENOENT') throw error;
    }
  }

  /** Records what became of an action. */
  #takeIn(action: Action, applied: Applied, via: Via, records: JournalRecord[]): Applied {
    const { directory, index } = this.#is;
    if (applied.result === 'done') {
      for (const outcome of outcomesOf(action, applied.truths)) records.push(outcome);
      if (action.do === 'move') this.#is.looker.carried(action.source.path, action.entry.path);
      this.#is.commit(action, applied.truths, via);
    } else if (applied.result === 'failed' && applied.begun) this.#failed.add(action, via);
    else for (const intent of singleIntentsOf(action, directory)) records.push(voidOf(intent, index));
    if (applied.result === 'changed') for (const path of applied.look) this.#is.looker.hint(path, false, applied.deep);
    return applied;
  }
}

function failed(actions: readonly Action[], what: string, error: unknown): Applied[] {
  if (!(error instanceof DiskError)) throw error;
  return actions.map(() => ({ ...failure(error), message: `${what}: ${error.message}` }));
}

/** What is answered of an action that is not begun. */
function failure({ code, message }: Pick<DiskError, 'code' | 'message'>): Extract<Applied, { result: 'failed' }> {
  return { result: 'failed', code, message, begun: false };
}

/** Where a stretch of actions ends; a tree that moves counts as all its paths. */
function endOfStretch(actions: readonly Action[], start: number): number {
  let end = start;
  for (let paths = 0; end < actions.length && paths < SLICE; end++) {
    const action = actions[end]!;
    paths += action.do === 'move' ? 1 + action.below.length : 1;
  }
  return end;
}
