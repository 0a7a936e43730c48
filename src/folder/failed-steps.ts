/**
 * Steps at which the disk failed half way: what they were to make true may stand there, and what was there before may be gone. None of
 * their paths is looked at before the disk has said what became of it: it would be taken for a change of now, which wins everywhere.
 */
import { type Clock, Pause } from '../core/clock.ts';
import { isLive } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import type { Action } from '../core/plan.ts';
import type { Truth } from './apply.ts';
import { type Disk, DiskError } from './disk.ts';
import type { DomainIndex } from './index-store.ts';
import { type Intent, recordOf, singleIntentsOf, voidOf } from './intents.ts';
import { type Became, becameOf } from './interrupted.ts';
import type { JournalRecord } from './journal.ts';
import type { Looker } from './look.ts';
import type { Via } from './path-event.ts';
import { placeOf } from './scan.ts';
import { shutAbove, shutAgain } from './shut-directory.ts';
import type { Staging } from './staging.ts';

/** A disk that does not say what became of a step is asked again after so long. */
const ASK_AGAIN_MS = 1_000;
/** Where there is nothing to ask for. */
const IDLE_MS = 86_400_000;

/** What is needed to find out what became of a step. */
export interface FailedStepContext {
  readonly disk: Disk;
  /** The domain's directory, relative to the volume's root. */
  readonly directory: string;
  readonly clock: Clock;
  readonly index: DomainIndex;
  readonly staging: Staging;
  readonly looker: Looker;
  /** Why volume or domain are not those that were started with: then nothing on them says anything. */
  guard(): string | undefined;
  /** Takes outcomes into the journal. */
  record(records: readonly JournalRecord[]): void;
  /** Takes what an action made true into the index. */
  commit(action: Action, truths: readonly Truth[], via: Via): void;
}

type Why = Pick<DiskError, 'code' | 'message'>;

interface Step {
  readonly action: Action;
  readonly via: Via;
  readonly intents: readonly Intent[];
  /** Paths that it may have changed: those of the intents, and directories that it may have left open. */
  readonly paths: readonly RelPath[];
  /** Why it is not known yet what became of it. */
  why: Why | undefined;
}

export class FailedSteps {
  readonly #is: FailedStepContext;
  /** Steps of which that is not known, by each of their paths. */
  readonly #open = new Map<RelPath, Step>();
  readonly #pause = new Pause();

  constructor(context: FailedStepContext) {
    this.#is = context;
  }

  /** A step failed: the disk is asked at once, and where it does not answer until it does. The paths of the step itself are suspended. */
  add(action: Action, via: Via): void {
    const site = via(action.entry.path);
    const intents = singleIntentsOf(action, this.#is.directory);
    const step: Step = { action, via: () => site, intents, paths: this.#pathsOf(intents), why: undefined };
    if (this.#settle(step)) return;
    for (const path of step.paths) this.#open.set(path, step);
    this.#is.looker.suspend(step.paths.filter(path => path !== action.entry.path));
    this.#pause.wake();
  }

  /** Whether nobody knows yet what stands at a path. */
  has(path: RelPath): boolean {
    return this.#open.has(path);
  }

  /** Why a step cannot be taken because nobody knows what stands where it is to change something, or undefined. */
  objection(action: Action): Why | undefined {
    if (this.#open.size === 0) return undefined;
    const intents = singleIntentsOf(action, this.#is.directory);
    return intents.map(({ will }) => this.#open.get(will.path)?.why).find(why => why !== undefined);
  }

  /** The intents that the journal has to keep. */
  get intents(): Intent[] {
    return [...this.#steps()].flatMap(({ intents }) => intents);
  }

  /** Asks the disk until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#pause.of(this.#open.size > 0 ? ASK_AGAIN_MS : IDLE_MS, this.#is.clock, signal);
      for (const step of this.#steps()) if (!signal.aborted && this.#settle(step)) this.#close(step);
    }
  }

  #steps(): ReadonlySet<Step> {
    return new Set(this.#open.values());
  }

  /** Takes what became true; answers false where the disk does not say. */
  #settle(step: Step): boolean {
    const { index, guard, record, commit } = this.#is;
    const { action, via, intents } = step;
    const objection = guard();
    if (objection !== undefined) {
      step.why = { code: 'ENODEV', message: objection };
      return false;
    }
    const truths: Truth[] = [];
    const records: JournalRecord[] = [];
    try {
      for (const intent of intents) {
        const what = this.#becameOf(intent);
        if (what.became === 'true') truths.push(what.truth);
        records.push(what.became === 'true' ? recordOf(what.truth) : voidOf(intent, index));
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      step.why = error;
      return false;
    }
    record(records);
    if (truths.length > 0) commit(action, truths, via);
    return true;
  }

  /** What was missing already, and is announced to nobody, was not taken away by the step. */
  #becameOf(intent: Intent): Became {
    const { disk, directory, index, staging, looker } = this.#is;
    const { path } = intent.will;
    const wasThere = isLive(index.get(path)) && !looker.isMissing(path) && !looker.isHeld(path);
    if (isLive(intent.will) && !wasThere && !disk.lstat(placeOf(directory, path))) {
      shutAgain(path, this.#is);
      return { became: 'nothing' };
    }
    return becameOf(intent, { disk, directory, index, writtenAt: 0, staged: entry => staging.place(entry) });
  }

  #close({ paths }: Step): void {
    for (const path of paths) this.#open.delete(path);
    this.#is.looker.resume(paths);
  }

  #pathsOf(intents: readonly Intent[]): RelPath[] {
    const paths = intents.map(({ will }) => will.path);
    return [...new Set([...paths, ...paths.flatMap(path => shutAbove(path, this.#is.index))])];
  }
}
