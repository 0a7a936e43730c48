/**
 * Deletions that are held: paths that are gone from the disk, live in the index and not announced, until an operator releases or
 * undoes them, they come back, or a peer announces something newer.
 */

import type { Entry } from '../core/entry.ts';
import { type HoldLimits, holdReason } from '../core/holding.ts';
import { ancestorsOf, type RelPath } from '../core/path.ts';

/** What went missing earlier still counts for so long. */
const LATELY_MS = 60_000;

/** One path that is held. */
export interface HeldPath {
  /** When it was first seen missing: the stamp of its deletion, if it is released. */
  readonly since: number;
  /** A first look found it: what stands in its place since then is of unknown age. */
  readonly first: boolean;
  readonly kind: Entry['kind'];
  /** By which its file is known under another name; 0: unknown. */
  readonly inode: number;
}

/** What is about to be announced. */
interface Burst {
  /** Files of the index. */
  readonly files: number;
  /** Files that are missing. */
  readonly missing: number;
  readonly unseen: boolean;
}

export class Held {
  readonly #limits: HoldLimits | undefined;
  readonly #paths = new Map<RelPath, HeldPath>();
  readonly #byInode = new Map<number, RelPath>();
  /** How many held paths are anywhere below a directory. */
  readonly #below = new Map<RelPath, number>();
  #files = 0;
  #directories = 0;
  #reason = '';
  /** What went missing lately, oldest first. */
  #lately: { readonly at: number; readonly files: number; readonly held: boolean }[] = [];

  constructor(limits?: HoldLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#paths.size;
  }

  /** Those that are files. */
  get files(): number {
    return this.#files;
  }

  /** Nothing is held but directories: they were for the sake of what was below. */
  get isHollow(): boolean {
    return this.#paths.size > 0 && this.#paths.size === this.#directories;
  }

  /** Since when the oldest of them is missing. */
  get since(): number | undefined {
    for (const { since } of this.#paths.values()) return since;
    return undefined;
  }

  /** Why the newest of them are held. */
  get reason(): string {
    return this.#reason;
  }

  /** Why what is missing is to be held, or undefined. */
  judge({ files, missing, unseen }: Burst, now: number): string | undefined {
    this.#lately = this.#lately.filter(({ at }) => now - at < LATELY_MS);
    const sum = (held: boolean) => this.#lately.reduce((all, each) => all + (each.held === held ? each.files : 0), 0);
    const heldLately = Math.min(sum(true), this.#files);
    return holdReason(
      { files, missing, unseen, held: this.#files, heldLately, announcedLately: sum(false) },
      this.#limits,
    );
  }

  /** So many files were announced as deleted, or held. */
  note(files: number, now: number, held: boolean): void {
    this.#lately.push({ at: now, files, held });
  }

  get(path: RelPath): HeldPath | undefined {
    // A scan asks a million times, when nothing is held.
    return this.#paths.size > 0 ? this.#paths.get(path) : undefined;
  }

  /** The first ones, in the order in which they were held. */
  first(count: number): [RelPath, HeldPath][] {
    const first: [RelPath, HeldPath][] = [];
    for (const each of this.#paths) {
      if (first.length >= count) break;
      first.push(each);
    }
    return first;
  }

  /** Those that are missing since a time, or later. */
  paths(from = 0): RelPath[] {
    return [...this.#paths].flatMap(([path, { since }]) => (since >= from ? path : []));
  }

  /** The held path whose file had an inode. */
  ofInode(inode: number): RelPath | undefined {
    return this.#byInode.get(inode);
  }

  /** Whether anything below a directory is held. */
  isAbove(path: RelPath): boolean {
    return this.#below.has(path);
  }

  add(path: RelPath, held: HeldPath, reason = this.#reason): void {
    this.#reason = reason;
    if (this.#paths.has(path)) return;
    this.#paths.set(path, held);
    this.#count(held, 1);
    if (held.inode) this.#byInode.set(held.inode, path);
    for (const parent of ancestorsOf(path)) this.#below.set(parent, (this.#below.get(parent) ?? 0) + 1);
  }

  /** It is held no more; answers what it was. */
  delete(path: RelPath): HeldPath | undefined {
    const held = this.get(path);
    if (!held) return undefined;
    this.#paths.delete(path);
    this.#count(held, -1);
    if (this.#byInode.get(held.inode) === path) this.#byInode.delete(held.inode);
    for (const parent of ancestorsOf(path)) {
      const below = this.#below.get(parent)! - 1;
      if (below > 0) this.#below.set(parent, below);
      else this.#below.delete(parent);
    }
    return held;
  }

  #count({ kind }: HeldPath, by: 1 | -1): void {
    if (kind === 'file') this.#files += by;
    if (kind === 'directory') this.#directories += by;
  }
}
