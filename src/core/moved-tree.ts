/**
 * Directories that were renamed with all that is in them: where everything in a directory here is wanted at the same place in
 * another one, and nowhere else, one step moves it all. Nothing is guessed: of each file its origin has said where it came from.
 */
import { type Entry, isLive } from './entry.ts';
import { childOf, nameOf, parentOf, type RelPath } from './path.ts';

/** One path that changes its name: what is at `source` here becomes `entry`, and leaves `tombstone`. */
export interface Moved {
  readonly entry: Entry;
  readonly was: Entry | undefined;
  readonly source: Entry;
  readonly tombstone: Entry;
}

/** A directory that changes its name with all that lives below it; in `below` directories come before what is in them. */
export interface MovedTree extends Moved {
  readonly below: readonly Moved[];
}

/** A wanted entry, and what is here in its place. */
interface Taken {
  readonly entry: Entry;
  readonly was: Entry | undefined;
  /** It was tried as part of a tree before, and did not fit. */
  readonly singly?: boolean | undefined;
}

/** What is known of a plan when trees are looked for. */
export interface Wishes {
  /** What is wanted to be gone, by path. */
  readonly gone: ReadonlyMap<RelPath, Taken>;
  /** What is wanted to live, shallowest first. */
  readonly live: readonly Taken[];
  /** Files that one step renames: target by source. */
  readonly moves: ReadonlyMap<RelPath, RelPath>;
  /** What is to hold something: it stays, or is made again. */
  readonly parents: ReadonlySet<RelPath>;
  /** How many live entries are directly in a directory here. */
  liveChildren(directory: RelPath): number;
  /** Whether a directory can be put at a path, whatever else the plan does. */
  canHold(path: RelPath): boolean;
}

/** The largest trees that can move as they are, by the path of their new directory. */
export function movedTrees(wishes: Wishes): Map<RelPath, MovedTree> {
  return new Search(wishes).run();
}

class Search {
  readonly #is: Wishes;
  /** What is wanted directly in a directory. */
  readonly #children = new Map<RelPath, Taken[]>();
  readonly #sources: ReadonlyMap<RelPath, RelPath>;
  readonly #trees = new Map<RelPath, MovedTree>();

  constructor(wishes: Wishes) {
    this.#is = wishes;
    this.#sources = new Map([...wishes.moves].map(([source, target]) => [target, source]));
    for (const want of wishes.live) {
      const parent = parentOf(want.entry.path);
      if (parent === undefined) continue;
      const children = this.#children.get(parent);
      if (children) children.push(want);
      else this.#children.set(parent, [want]);
    }
  }

  run(): Map<RelPath, MovedTree> {
    if (this.#sources.size === 0) return this.#trees;
    for (const want of this.#is.live.toReversed()) {
      const source = want.entry.kind === 'directory' ? this.#sourceOf(want.entry.path) : undefined;
      const tree = source && this.#tree(want, source);
      if (tree) this.#trees.set(want.entry.path, tree);
    }
    for (const tree of [...this.#trees.values()]) for (const { entry } of tree.below) this.#trees.delete(entry.path);
    for (const path of [...this.#trees.keys()]) if (!this.#is.canHold(path)) this.#trees.delete(path);
    return this.#trees;
  }

  /** The directory that something in a new directory came from. */
  #sourceOf(directory: RelPath): RelPath | undefined {
    for (const { entry } of this.#children.get(directory) ?? []) {
      const source = this.#sources.get(entry.path) ?? this.#trees.get(entry.path)?.source.path;
      if (source !== undefined) return parentOf(source);
    }
    return undefined;
  }

  /** A directory as a tree, where all that lives in the source comes along. */
  #tree(want: Taken, source: RelPath): MovedTree | undefined {
    const moved = this.#moved(want, source);
    if (!moved) return undefined;
    const direct: Moved[] = [];
    const deeper: Moved[] = [];
    for (const child of this.#children.get(want.entry.path) ?? []) {
      const passage = this.#child(child, childOf(source, nameOf(child.entry.path)));
      if (!passage) continue;
      direct.push(passage);
      if ('below' in passage) deeper.push(...passage.below);
    }
    if (direct.length !== this.#is.liveChildren(source)) return undefined;
    return { ...moved, below: [...direct, ...deeper] };
  }

  #child(want: Taken, source: RelPath): Moved | MovedTree | undefined {
    switch (want.entry.kind) {
      case 'directory': {
        const tree = this.#trees.get(want.entry.path);
        if (tree) return tree.source.path === source ? tree : undefined;
        return this.#is.liveChildren(source) === 0 ? this.#moved(want, source) : undefined;
      }
      case 'file':
        return this.#sources.get(want.entry.path) === source ? this.#moved(want, source) : undefined;
      case 'symlink':
        return this.#moved(want, source);
      case 'tombstone':
        return undefined;
      default:
        return want.entry.kind satisfies never;
    }
  }

  /** One path, where what stands at the source needs nothing but its new name. */
  #moved({ entry, was, singly }: Taken, source: RelPath): Moved | undefined {
    const going = this.#is.gone.get(source);
    if (!going || this.#is.parents.has(source) || going.singly || singly || isLive(was) || !isLive(going.was))
      return undefined;
    const same = going.was.kind === entry.kind && going.was.mode === entry.mode && going.was.target === entry.target;
    return same ? { entry, was, source: going.was, tombstone: going.entry } : undefined;
  }
}
