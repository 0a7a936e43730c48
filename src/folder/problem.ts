/** A failure of one path is data: it is listed until it has healed, and never ends a cycle. */
import type { RelPath } from '../core/path.ts';

/** What kind of failure it is; a closed set, so that it can label a metric. */
export type ProblemClass =
  /** The file changes all the time and is not announced. */
  | 'busy'
  /** Another file system is mounted there: its subtree is left alone. */
  | 'mount'
  /** It cannot be read. */
  | 'unreadable'
  /** The file system kept other attributes than asked for. */
  | 'attributes'
  /** The version lies in the future. */
  | 'clock'
  /** No peer has it any more. */
  | 'gone'
  /** It waits for something else in the tree. */
  | 'waiting'
  /** It cannot be written. */
  | 'unwritable'
  /** A peer sent a path or an entry that is refused. */
  | 'refused';

/** A path that is not in order, and why. */
export interface Problem {
  readonly path: RelPath;
  readonly class: ProblemClass;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** So many are listed; the rest are only counted. */
const MAX_LISTED = 10_000;

/** The problems of one domain, one for each path. */
export class Problems {
  readonly #byPath = new Map<RelPath, Problem>();

  report(path: RelPath, problemClass: ProblemClass, message: string, now: number): void {
    const known = this.#byPath.get(path);
    if (!known && this.#byPath.size >= MAX_LISTED) return;
    const since = known?.class === problemClass ? known.since : now;
    this.#byPath.set(path, { path, class: problemClass, message, since });
  }

  /** The path is in order again; with classes given, only where it was one of them. */
  clear(path: RelPath, ...classes: ProblemClass[]): void {
    const known = this.#byPath.get(path);
    if (known && (classes.length === 0 || classes.includes(known.class))) this.#byPath.delete(path);
  }

  list(): Problem[] {
    return [...this.#byPath.values()];
  }
}
