/**
 * The plan: what to do on disk so that the wanted entries become true here. Opens nothing, changes nothing.
 *
 * Rules for trees. Tombstones go deepest first, then live entries shallowest first. A live entry keeps its parents alive. A
 * directory's tombstone waits while anything lives below it. Where a file or symlink wins over a directory, everything below goes
 * to the trash; an entry below a path that is a live file here waits. What waits is merged nowhere, so digests differ meanwhile.
 */
import { type Entry, isLive, isSameContent, tombstoneOf } from './entry.ts';
import { type Moved, type MovedTree, movedTrees } from './moved-tree.ts';
import { consequence } from './observe.ts';
import { ancestorsOf, depthOf, parentOf, type RelPath } from './path.ts';
import { resolve } from './resolve.ts';
import { sameVersion, type Writer } from './version.ts';

/** The index as a plan reads it. */
export interface View {
  get(path: RelPath): Entry | undefined;
  /** How many live entries are directly in a directory. */
  liveChildren(directory: RelPath): number;
  /** Every live entry anywhere below a directory; costs a pass over the index. */
  liveBelow(directory: RelPath): Iterable<Entry>;
  /** Whether the deletion of a live entry is held: by the index it lives, but nothing of it is on the disk. */
  isHeld(path: RelPath): boolean;
}

/** An entry of a peer that should become true here. */
export interface Wanted {
  readonly entry: Entry;
  /**
   * Modes of parents that the peer was asked for, because they have no live entry here; undefined where the peer has none
   * either.
   */
  readonly parentModes?: ReadonlyMap<RelPath, number | undefined> | undefined;
  /** Never as part of a tree that moves as a whole: the disk did not let it. */
  readonly singly?: boolean | undefined;
}

/** One step on disk. `was` is the entry that the step was planned upon: the disk must still show it. */
export type Action =
  /** The index alone changes: a version grows, or a path is gone that was never here. */
  | { readonly do: 'record'; readonly entry: Entry; readonly was: Entry | undefined }
  /** A file or symlink goes to the trash; an empty directory goes. */
  | { readonly do: 'remove'; readonly entry: Entry; readonly was: Entry; readonly conflict: boolean }
  /** A directory is made, in place of a file or symlink perhaps. */
  | { readonly do: 'mkdir'; readonly entry: Entry; readonly was: Entry | undefined; readonly conflict: boolean }
  /** A file moves, and leaves its tombstone. */
  | {
      readonly do: 'rename';
      readonly entry: Entry;
      readonly was: Entry | undefined;
      readonly source: Entry;
      readonly tombstone: Entry;
      readonly conflict: boolean;
    }
  /** A directory moves with all that lives below it (`below`, parents first), and each path leaves its tombstone. */
  | ({ readonly do: 'move' } & MovedTree)
  /** A symlink is made; `below` is what the directory in its place still holds, as this instance's tombstones. */
  | {
      readonly do: 'symlink';
      readonly entry: Entry;
      readonly was: Entry | undefined;
      readonly below: readonly Entry[];
      readonly conflict: boolean;
    }
  /** Permission bits change, content and date stay. */
  | { readonly do: 'chmod'; readonly entry: Entry; readonly was: Entry }
  /** Content must come from the trash, a local copy or a peer; then it replaces what stands there. */
  | {
      readonly do: 'fetch';
      readonly entry: Entry;
      readonly was: Entry | undefined;
      readonly below: readonly Entry[];
      readonly conflict: boolean;
    };

/** A wanted entry that cannot become true yet. */
export interface Pending {
  readonly path: RelPath;
  /**
   * `occupied`: something lives below the directory. `blocked`: a parent is a live file here. `parent`: the parent named by
   * `ask` has no live entry here, the peer has to say its mode.
   */
  readonly why: 'occupied' | 'blocked' | 'parent';
  readonly ask?: RelPath;
}

export interface Plan {
  readonly actions: readonly Action[];
  readonly pending: readonly Pending[];
  /** Wanted paths that are true already. */
  readonly settled: readonly RelPath[];
}

/** Mode of a directory that has to exist although nobody can say any more what its mode was. */
const FALLBACK_MODE = 0o755;

/** Plans for one domain. `self` stamps what this instance does of its own as a consequence; `now` dates what that deletes. */
export function plan(view: View, wanted: Iterable<Wanted>, self: Writer, now: number): Plan {
  return new Planner(view, self, now).plan(wanted);
}

interface Taken extends Wanted {
  readonly was: Entry | undefined;
  readonly conflict: boolean;
}

class Planner {
  readonly #view: View;
  readonly #self: Writer;
  readonly #now: number;
  /** What the actions planned so far make true. */
  readonly #after = new Map<RelPath, Entry>();
  /** By how much they change the number of live entries in a directory. */
  readonly #grown = new Map<RelPath, number>();
  /** Paths that are wanted as files or symlinks: nothing is put below them meanwhile. */
  readonly #leaves = new Set<RelPath>();
  readonly #records: Action[] = [];
  readonly #removes: Action[] = [];
  readonly #mkdirs: Action[] = [];
  readonly #renames: Action[] = [];
  readonly #rmdirs: Action[] = [];
  readonly #links: Action[] = [];
  readonly #fetches: Action[] = [];
  readonly #pending: Pending[] = [];
  readonly #settled: RelPath[] = [];

  constructor(view: View, self: Writer, now: number) {
    this.#view = view;
    this.#self = self;
    this.#now = now;
  }

  plan(wanted: Iterable<Wanted>): Plan {
    const taken = this.#resolve(wanted);
    const gone = byDepth(taken.filter(want => want.entry.kind === 'tombstone'))
      .reverse()
      .flat();
    const live = byDepth(taken.filter(want => want.entry.kind !== 'tombstone')).flat();
    const parents = parentsOf(live);
    for (const { entry } of live) if (entry.kind !== 'directory') this.#leaves.add(entry.path);
    const going = new Map(gone.map(want => [want.entry.path, want]));
    const moves = this.#moves(going, live, parents);
    const trees = this.#trees(going, live, moves, parents);
    const inTrees = new Set([...trees.values()].flatMap(pathsOf));

    for (const want of gone)
      if (want.was?.kind !== 'directory' && !moves.has(want.entry.path) && !inTrees.has(want.entry.path))
        this.#remove(want);
    for (const want of live) {
      const tree = trees.get(want.entry.path);
      if (tree) this.#move(tree);
      else if (want.entry.kind === 'directory' && !inTrees.has(want.entry.path)) this.#placeDirectory(want);
    }
    const directories = gone.filter(want => want.was?.kind === 'directory' && !inTrees.has(want.entry.path));
    const sources = new Map<RelPath, Taken>();
    for (const [source, target] of moves) sources.set(target, going.get(source)!);
    // Files are placed before directories go: a directory that receives a file does not go.
    const onto: Taken[] = [];
    for (const want of live) {
      if (want.entry.kind === 'directory' || inTrees.has(want.entry.path)) continue;
      const moved = sources.get(want.entry.path);
      if (!isLiveDirectory(this.#at(want.entry.path))) this.#place(want, moved);
      else {
        onto.push(want);
        if (moved) this.#remove(moved);
      }
    }
    for (const want of directories) this.#removeDirectory(want);
    for (const want of onto) this.#place(want, undefined);
    return {
      actions: [
        ...this.#records,
        ...this.#removes,
        ...this.#mkdirs,
        ...this.#renames,
        ...this.#rmdirs,
        ...this.#links,
        ...this.#fetches,
      ],
      pending: this.#pending,
      settled: this.#settled,
    };
  }

  #resolve(wanted: Iterable<Wanted>): Taken[] {
    const taken: Taken[] = [];
    for (const want of wanted) {
      const was = this.#view.get(want.entry.path);
      const verdict = resolve(was, want.entry);
      if (verdict.do === 'nothing') this.#settled.push(want.entry.path);
      else if (verdict.do === 'merge') {
        this.#records.push({ do: 'record', entry: verdict.entry, was });
        this.#set(verdict.entry);
      } else taken.push({ ...want, entry: verdict.entry, was, conflict: verdict.conflict });
    }
    return taken;
  }

  /** Renames that one step can do, source by target: the very version is here and its tombstone is wanted too. */
  #moves(
    going: ReadonlyMap<RelPath, Taken>,
    live: readonly Taken[],
    parents: ReadonlySet<RelPath>,
  ): Map<RelPath, RelPath> {
    const moves = new Map<RelPath, RelPath>();
    for (const { entry, was } of live) {
      const source = entry.from && going.get(entry.from.path)?.was;
      if (
        !source ||
        this.#view.isHeld(source.path) ||
        moves.has(source.path) ||
        // What is to be a directory again cannot keep its file until that is moved.
        parents.has(source.path) ||
        isLiveDirectory(was)
      )
        continue;
      if (isSameContent(source, entry) && sameVersion(source.version, entry.from!.version))
        moves.set(source.path, entry.path);
    }
    return moves;
  }

  /** Directories that move as a whole, by their new path. */
  #trees(
    gone: ReadonlyMap<RelPath, Taken>,
    live: readonly Taken[],
    moves: ReadonlyMap<RelPath, RelPath>,
    parents: ReadonlySet<RelPath>,
  ): Map<RelPath, MovedTree> {
    const directories = new Map(
      live.flatMap(want => (want.entry.kind === 'directory' ? [[want.entry.path, want]] : [])),
    );
    const liveChildren = (path: RelPath) => this.#view.liveChildren(path);
    // Its parents are there, or come with it and before it: nothing can be in the way then.
    const canHold = (path: RelPath) =>
      [...ancestorsOf(path)].every(parent => {
        const wanted = directories.get(parent);
        const stands = wanted ? wanted.was : this.#view.get(parent);
        return !this.#leaves.has(parent) && (stands?.kind === 'directory' || (wanted !== undefined && !isLive(stands)));
      });
    return movedTrees({ gone, live, moves, parents, liveChildren, canHold });
  }

  #move(tree: MovedTree): void {
    this.#mkdirs.push({ do: 'move', ...tree });
    for (const { entry, tombstone } of [tree, ...tree.below]) {
      this.#set(entry);
      this.#set(tombstone);
    }
  }

  #remove({ entry, was, conflict }: Taken): void {
    if (isLive(was)) this.#removes.push({ do: 'remove', entry, was, conflict });
    else this.#records.push({ do: 'record', entry, was });
    this.#set(entry);
  }

  #removeDirectory({ entry, was, conflict }: Taken): void {
    const lives = this.#view.liveChildren(entry.path) + (this.#grown.get(entry.path) ?? 0);
    if (lives > 0) {
      this.#pending.push({ path: entry.path, why: 'occupied' });
      return;
    }
    this.#rmdirs.push({ do: 'remove', entry, was: was!, conflict });
    this.#set(entry);
  }

  #placeDirectory(want: Taken): void {
    if (!this.#parents(want)) return;
    const { entry, was, conflict } = want;
    if (was?.kind === 'directory' && !this.#view.isHeld(entry.path)) this.#mkdirs.push({ do: 'chmod', entry, was });
    else this.#mkdirs.push({ do: 'mkdir', entry, was, conflict });
    this.#set(entry);
  }

  #place(want: Taken, moved: Taken | undefined): void {
    if (!this.#parents(want)) {
      if (moved) this.#remove(moved);
      return;
    }
    const { entry, was, conflict } = want;
    if (moved) {
      this.#renames.push({ do: 'rename', entry, was, source: moved.was!, tombstone: moved.entry, conflict });
      this.#set(moved.entry);
    } else if (was && isSameContent(was, entry) && !this.#view.isHeld(entry.path)) {
      this.#links.push({ do: 'chmod', entry, was });
    } else {
      const below = isLiveDirectory(this.#at(entry.path)) ? this.#clear(entry.path) : [];
      if (entry.kind === 'symlink') this.#links.push({ do: 'symlink', entry, was, below, conflict });
      else this.#fetches.push({ do: 'fetch', entry, was, below, conflict });
    }
    this.#set(entry);
  }

  /** What still lives below a directory that something else replaces, as tombstones of this instance. */
  #clear(directory: RelPath): Entry[] {
    const tombstones: Entry[] = [];
    for (const entry of this.#view.liveBelow(directory)) {
      const planned = this.#after.get(entry.path) ?? entry;
      if (isLive(planned)) tombstones.push(tombstoneOf(planned, this.#now, consequence(planned.version, this.#self)));
    }
    for (const tombstone of tombstones) this.#set(tombstone);
    return tombstones;
  }

  /** Makes sure that every parent lives, reviving what has a tombstone; false where the entry has to wait. */
  #parents(want: Taken): boolean {
    const missing: RelPath[] = [];
    const parents = [...ancestorsOf(want.entry.path)];
    if (parents.some(parent => this.#leaves.has(parent))) return this.#wait({ path: want.entry.path, why: 'blocked' });
    for (const parent of parents) {
      const entry = this.#at(parent);
      if (entry?.kind === 'directory') break;
      if (isLive(entry)) return this.#wait({ path: want.entry.path, why: 'blocked' });
      if (!want.parentModes?.has(parent)) return this.#wait({ path: want.entry.path, why: 'parent', ask: parent });
      missing.unshift(parent);
    }
    for (const parent of missing) this.#revive(parent, want.parentModes?.get(parent));
    return true;
  }

  #wait(pending: Pending): false {
    this.#pending.push(pending);
    return false;
  }

  #revive(path: RelPath, mode: number | undefined): void {
    const old = this.#at(path);
    const entry: Entry = {
      path,
      kind: 'directory',
      size: 0,
      mtime: 0,
      mode: mode || old?.mode || FALLBACK_MODE,
      version: consequence(old?.version ?? { 0: 0 }, this.#self),
    };
    this.#mkdirs.push({ do: 'mkdir', entry, was: old, conflict: false });
    this.#set(entry);
  }

  #at(path: RelPath): Entry | undefined {
    return this.#after.get(path) ?? this.#view.get(path);
  }

  #set(entry: Entry): void {
    const change = Number(isLive(entry)) - Number(isLive(this.#at(entry.path)));
    const parent = parentOf(entry.path);
    if (change !== 0 && parent !== undefined) this.#grown.set(parent, (this.#grown.get(parent) ?? 0) + change);
    this.#after.set(entry.path, entry);
  }
}

function pathsOf(tree: MovedTree): RelPath[] {
  return [tree, ...tree.below].flatMap(({ entry, source }: Moved) => [entry.path, source.path]);
}

function isLiveDirectory(entry: Entry | undefined): boolean {
  return entry?.kind === 'directory';
}

/** Wants by the depth of their paths; those of one depth in the order in which they came. */
function byDepth(wants: readonly Taken[]): Taken[][] {
  const depths: Taken[][] = [];
  for (const want of wants) {
    const depth = depthOf(want.entry.path);
    while (depths.length <= depth) depths.push([]);
    depths[depth]!.push(want);
  }
  return depths;
}

/** All directories that hold something of what is wanted. */
function parentsOf(wants: readonly Taken[]): Set<RelPath> {
  const parents = new Set<RelPath>();
  for (const { entry } of wants)
    for (const parent of ancestorsOf(entry.path)) {
      if (parents.has(parent)) break;
      parents.add(parent);
    }
  return parents;
}
