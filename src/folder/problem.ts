/** A failure of one path is data: it is listed until it has healed, and never ends a cycle. */
import type { RelPath } from '../core/path.ts';

/** What kind of failure it is; a closed set, so that it can label a metric. */
export type ProblemClass =
  /** The file changes all the time and is not announced. */
  | 'busy'
  /** Another file system is mounted there: its subtree is left alone. */
  | 'mount'
  /** A pipe, a socket or a device: nothing that is synchronised. */
  | 'special'
  /** Its path has more bytes than any may have. */
  | 'too-long'
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
  /** Its transfer fails again and again. */
  | 'transfer'
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

/** So many new ones a minute are told one by one: a whole tree that cannot be read must not flood a log. */
const TOLD_PER_MINUTE = 20;

/** The problems of one domain, one for each path. */
export class Problems {
  readonly #byPath = new Map<RelPath, Problem>();
  readonly #onNew: (problem: Problem) => void;
  #told = { since: 0, count: 0 };

  /** @param onNew told of a path that was in order before, a few times a minute at most */
  constructor(onNew: (problem: Problem) => void = () => {}) {
    this.#onNew = onNew;
  }

  report(path: RelPath, problemClass: ProblemClass, message: string, now: number): void {
    const known = this.#byPath.get(path);
    if (!known && this.#byPath.size >= MAX_LISTED) return;
    const since = known?.class === problemClass ? known.since : now;
    const problem = { path, class: problemClass, message, since };
    this.#byPath.set(path, problem);
    if (known?.class !== problemClass) this.#tell(problem, now);
  }

  /** The path is in order again; with classes given, only where it was one of them. */
  clear(path: RelPath, ...classes: ProblemClass[]): void {
    const known = this.#byPath.size > 0 ? this.#byPath.get(path) : undefined;
    if (known && (classes.length === 0 || classes.includes(known.class))) this.#byPath.delete(path);
  }

  get(path: RelPath): Problem | undefined {
    // A scan asks a million times, when there is none: the hash of a string alone would take it a second.
    return this.#byPath.size > 0 ? this.#byPath.get(path) : undefined;
  }

  list(): Problem[] {
    return [...this.#byPath.values()];
  }

  #tell(problem: Problem, now: number): void {
    if (now - this.#told.since > 60_000) this.#told = { since: now, count: 0 };
    if (++this.#told.count <= TOLD_PER_MINUTE) this.#onNew(problem);
  }
}
