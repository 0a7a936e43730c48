/** Why paths are not announced: they cannot be read, or are nothing that any index has, or change all the time. Listed until a look finds otherwise. */
import type { RelPath } from '../core/path.ts';
import { DiskError, isNoFile } from './disk.ts';
import type { LookContext } from './look-context.ts';
import type { ProblemClass } from './problem.ts';
import { placeOf } from './scan.ts';

/** Classes of what stands in a tree and is in no index for it; where it is unreadable, but for a file, whose content is meant then. */
const NOT_MET: readonly ProblemClass[] = ['mount', 'special', 'too-long'];
const UNSEEN: readonly ProblemClass[] = ['unreadable', ...NOT_MET];
const MOUNT = 'another file system is mounted here; its subtree is left alone';
const SPECIAL = 'a pipe, a socket or a device is not synchronised; it is left alone';
const TOO_LONG =
  'its path is longer than the 3840 bytes (or the name longer than the 255) that any may have; it and what is below it is left alone: shorten it';

export class Obstacles {
  readonly #is: Pick<LookContext, 'disk' | 'directory' | 'index' | 'problems' | 'clock'>;

  constructor(context: Pick<LookContext, 'disk' | 'directory' | 'index' | 'problems' | 'clock'>) {
    this.#is = context;
  }

  /** A path cannot be looked at, for a reason as a sight gives it. */
  hidden(path: RelPath, why: string): void {
    if (why === 'mount') this.#report(path, 'mount', MOUNT);
    else if (why === 'too-long') this.#report(path, 'too-long', TOO_LONG);
    else
      this.#report(path, 'unreadable', `cannot be read (${why}); it and what is below it is left alone until it can`);
  }

  special(path: RelPath): void {
    this.#report(path, 'special', SPECIAL);
  }

  busy(path: RelPath): void {
    this.#report(path, 'busy', 'it changes all the time and is announced once it stands still');
  }

  /** Paths that no index has: what is at them now no scan tells, be it that they are gone. */
  unseen(): RelPath[] {
    return this.#is.problems.list().flatMap(({ path, class: is }) => (UNSEEN.includes(is) ? path : []));
  }

  /** A path is not what its entry says, and was seen to be. */
  changed(path: RelPath): void {
    this.#is.problems.clear(path, 'busy', 'attributes', ...UNSEEN);
  }

  /** A path is what its entry says. */
  standsAsKnown(path: RelPath): void {
    // So it is of nearly all paths that are looked at.
    if (this.#is.problems.get(path) === undefined) return;
    this.#is.problems.clear(path, 'busy', ...(this.#isUnreadable(path) ? NOT_MET : UNSEEN));
  }

  /** What is listed because its content could not be read is so still. */
  #isUnreadable(path: RelPath): boolean {
    const { disk, directory, index, problems } = this.#is;
    if (problems.get(path)?.class !== 'unreadable' || index.get(path)?.kind !== 'file') return false;
    try {
      disk.openRead(placeOf(directory, path)).close();
      return false;
    } catch (error) {
      return error instanceof DiskError && !isNoFile(error);
    }
  }

  #report(path: RelPath, problemClass: ProblemClass, message: string): void {
    this.#is.problems.report(path, problemClass, message, this.#is.clock.now());
  }
}
