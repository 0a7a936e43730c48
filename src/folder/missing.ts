/**
 * What was seen missing and is not announced yet. An editor's save by rename, delete and recreate, or a moved tree, never shows as
 * absence, because everything that goes missing together is announced together, once no more goes missing.
 */
import type { RelPath } from '../core/path.ts';

/** Missing paths are announced when none has gone missing for so long … */
const QUIET_MS = 250;
/** … but at the latest so long after the first. */
const AT_MOST_MS = 10_000;
/** After a domain was halted, its files must have stopped coming back for so long before what is still missing counts. */
const RECOVERY_MS = 60_000;

/** One path that is missing. */
export interface MissingPath {
  /** When that was first seen: the stamp of its deletion. */
  readonly since: number;
  /** A first look found it. */
  readonly first: boolean;
  readonly isFile: boolean;
}

/** The old name of what was found under a new one. */
export interface OldName {
  readonly path: RelPath;
  /** A first look found it under the new one. */
  readonly first: boolean;
}

export class Missing {
  readonly #paths = new Map<RelPath, MissingPath>();
  readonly #byInode = new Map<number, RelPath>();
  /** New files whose old name is missing, by new path: announced together with it. */
  readonly #moved = new Map<RelPath, OldName>();
  #last = 0;
  #files = 0;
  #unseen = false;
  #halted: { readonly reason: string; readonly since: number } | undefined;

  get size(): number {
    return this.#paths.size;
  }

  /** Those that are files. */
  get files(): number {
    return this.#files;
  }

  /** Some of it went while nobody could see it: before a first look, or while the volume was not the right one. */
  get unseen(): boolean {
    return this.#unseen;
  }

  /** Why nothing of it is announced, or undefined. */
  get halted(): string | undefined {
    return this.#halted?.reason;
  }

  /** When all of it is to be announced; undefined: there is nothing. */
  get announceAt(): number | undefined {
    if (this.#paths.size === 0 && this.#moved.size === 0) return undefined;
    if (this.#halted) return Math.max(this.#halted.since, this.#last) + RECOVERY_MS;
    const [oldest] = this.#paths.values();
    // A peer may have deleted the old name of what was found: it waits for nothing then.
    return oldest ? Math.min(this.#last + QUIET_MS, oldest.since + AT_MOST_MS) : this.#last;
  }

  get(path: RelPath): MissingPath | undefined {
    // A scan asks a million times, when nothing is missing.
    return this.#paths.size > 0 ? this.#paths.get(path) : undefined;
  }

  paths(): RelPath[] {
    return [...this.#paths.keys()];
  }

  /** The missing path whose file had an inode. */
  ofInode(inode: number): RelPath | undefined {
    return this.#byInode.get(inode);
  }

  add(path: RelPath, missing: MissingPath, inode: number | undefined): void {
    this.#paths.set(path, missing);
    if (missing.isFile) this.#files++;
    this.#unseen ||= missing.first;
    this.#last = Math.max(this.#last, missing.since);
    if (inode) this.#byInode.set(inode, path);
  }

  /** It is there again, or announced. */
  delete(path: RelPath, inode: number | undefined): void {
    const missing = this.#paths.get(path);
    if (!missing) return;
    this.#paths.delete(path);
    if (missing.isFile) this.#files--;
    if (inode !== undefined && this.#byInode.get(inode) === path) this.#byInode.delete(inode);
    if (this.#paths.size > 0) return;
    this.#halted = undefined;
    this.#unseen = false;
  }

  /** Files come back to a halted domain: what is still missing counts only once that has stopped. */
  returned(now: number): void {
    if (this.#halted) this.#halted = { ...this.#halted, since: now };
  }

  move(to: RelPath, from: OldName): void {
    this.#moved.set(to, from);
  }

  /** The new path is not what it was: it is looked at anew. */
  unmove(to: RelPath): void {
    this.#moved.delete(to);
  }

  /** New and old paths of renamed files and directories. */
  get moved(): ReadonlyMap<RelPath, OldName> {
    return this.#moved;
  }

  takeMoved(): [to: RelPath, from: OldName][] {
    const moved = [...this.#moved];
    this.#moved.clear();
    return moved;
  }

  halt(reason: string, now: number): void {
    this.#halted = { reason, since: now };
    this.#unseen ||= this.#paths.size > 0;
  }

  resume(): void {
    this.#halted = undefined;
  }
}
