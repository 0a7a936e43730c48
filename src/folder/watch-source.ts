/** What every source of events owes to the watcher above it, and gets from it. */

/** A reason to look at a path; never a fact. */
export interface Hint {
  /** Relative to the volume's root, names escaped as `core/path.ts` says; `''`: anything may have changed, scan everything. */
  readonly path: string;
  /** Somebody closed the file after writing, or moved it in: it is complete. */
  readonly closed: boolean;
  /** A directory appeared here: events of what is below may never come, look at all of it. */
  readonly deep: boolean;
}

/** Something that an operator should know of. */
export interface Trouble {
  /** The thing, the reason and the next step. */
  readonly message: string;
  /** Changes may have gone unseen: scan everything. */
  readonly lostEvents: boolean;
}

/** Where a source delivers. */
export interface Sink {
  hints(hints: readonly Hint[]): void;
  trouble(trouble: Trouble): void;
  /** An event of the probe file came through. */
  probed(): void;
}

/** A source of events that runs. */
export interface Source {
  readonly kind: 'inotifywait' | 'chokidar' | 'polling';
  /** Why events may be missing at present. */
  readonly degraded: string | undefined;
  /** The process that holds the kernel's watches; undefined: none does. */
  readonly pid: number | undefined;
  /**
   * Makes sure that directories are watched, given their inodes; begins anew where one is not. A directory that appears while watches
   * are set up, in one that has been passed, may never get any.
   */
  cover(inodes: Iterable<number>): Promise<void>;
  close(): Promise<void>;
}

/** Everything may have changed. */
export const RESCAN: Hint = { path: '', closed: false, deep: true };

/** The file that the watcher touches to prove that events arrive, relative to the volume's root. */
export const PROBE_FILE = '.dfsync/probe';

/**
 * How long hints are collected, in milliseconds: a program that makes a file causes three or four events within one of them. A
 * change must reach the peers within some ten, so it is not more.
 */
const BATCH_MS = 5;

/** Collects hints for a moment and delivers them together, one for each path. */
export class HintBatch {
  readonly #deliver: (hints: readonly Hint[]) => void;
  #hints = new Map<string, Hint>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deliver: (hints: readonly Hint[]) => void) {
    this.#deliver = deliver;
  }

  add(hint: Hint): void {
    const old = this.#hints.get(hint.path);
    this.#hints.set(
      hint.path,
      old ? { path: hint.path, closed: old.closed || hint.closed, deep: old.deep || hint.deep } : hint,
    );
    this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS);
  }

  /** Drops what was collected; nothing is delivered any more until the next {@link add}. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#hints = new Map();
  }

  #flush(): void {
    const hints = [...this.#hints.values()];
    this.clear();
    this.#deliver(hints);
  }
}
