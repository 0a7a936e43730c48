/**
 * Applying: the only code that changes the synchronised tree. One action at a time, each a synchronous step of recheck and change.
 *
 * The recheck is what keeps files: if the disk is not what the index says, nothing is touched, the path is looked at and planned
 * again. What is answered, and recorded, is what is true afterwards, never the intention.
 */
import { type Entry, isEqual, isLive, type Seen } from '../core/entry.ts';
import { consequence } from '../core/observe.ts';
import { ancestorsOf, childOf, PRIVATE, parentOf, type RelPath } from '../core/path.ts';
import type { Action } from '../core/plan.ts';
import { compareMarks, mergeVersions, newest, sameVersion } from '../core/version.ts';
import { type Disk, DiskError, type Stat, seenOf } from './disk.ts';
import type { DomainIndex, Identity, Kept } from './index-store.ts';
import { placeOf } from './scan.ts';
import { whileOpen } from './shut-directory.ts';
import type { Staging } from './staging.ts';
import type { Trash } from './trash.ts';
import { lookAtTree } from './whole-tree.ts';

/** What applying needs to know. */
export interface ApplyContext {
  readonly disk: Disk;
  /** The domain's directory, relative to the volume's root. */
  readonly directory: string;
  readonly index: DomainIndex;
  readonly staging: Staging;
  readonly trash: Trash;
  readonly self: number;
  /** What was seen of directories in this synchronous stretch, by place; one look at each is enough for many files. */
  readonly directories: Map<string, Stat | undefined>;
  now(): number;
  ignored(path: RelPath): boolean;
  /** A path that is missing and not announced counts as absent. */
  isMissing(path: RelPath): boolean;
  /** So does one whose deletion is held; a directory of these is made again where something is to stand in it. */
  isHeld(path: RelPath): boolean;
}

/** What is true of a path after an action. */
export interface Truth {
  readonly entry: Entry;
  readonly identity?: Identity;
  readonly kept?: Kept;
}

/** How an action went. */
export type Applied =
  | { readonly result: 'done'; readonly truths: readonly Truth[] }
  /** The disk was not as planned upon: these paths are to be looked at (`deep`: with all below). */
  | { readonly result: 'changed'; readonly look: readonly RelPath[]; readonly deep: boolean }
  /** The system refused; `begun`: perhaps only after something in the tree was changed already. */
  | { readonly result: 'failed'; readonly code: string; readonly message: string; readonly begun: boolean };

/** What stands at a path. */
interface Standing {
  readonly seen: Seen;
  readonly stat: Stat;
}

/** Ends an action whose recheck failed. */
class Changed extends Error {
  readonly look: readonly RelPath[];
  readonly deep: boolean;
  constructor(look: readonly RelPath[], deep = false) {
    super('changed underfoot');
    this.look = look;
    this.deep = deep;
  }
}

/** Carries out one action. Throws only what is no fault of the disk. */
export function apply(action: Action, is: ApplyContext): Applied {
  const keepsDirectories = action.do !== 'mkdir' && action.do !== 'move' && action.was?.kind !== 'directory';
  if (!keepsDirectories) is.directories.clear();
  const step = new Step(is);
  try {
    return { result: 'done', truths: step.run(action) };
  } catch (error) {
    if (error instanceof Changed) return { result: 'changed', look: error.look, deep: error.deep };
    if (!(error instanceof DiskError)) throw error;
    return { result: 'failed', code: error.code, message: error.message, begun: step.begun };
  } finally {
    if (!keepsDirectories) is.directories.clear();
  }
}

class Step {
  /** Something in the tree was changed, or tried to be. */
  begun = false;
  readonly #is: ApplyContext;
  /** Directories whose deletion was held, and that stand again. */
  readonly #revived: Truth[] = [];

  constructor(is: ApplyContext) {
    this.#is = is;
  }

  run(action: Action): Truth[] {
    const truths = this.#run(action);
    return [...this.#revived, ...truths];
  }

  #run(action: Action): Truth[] {
    switch (action.do) {
      case 'record':
        return this.#record(action.entry, action.was);
      case 'remove':
        return action.was.kind === 'directory' ? this.#removeDirectory(action.entry, action.was) : this.#remove(action);
      case 'mkdir':
        return this.#mkdir(action);
      case 'rename':
        return this.#rename(action);
      case 'move':
        return this.#move(action);
      case 'symlink':
        return this.#symlink(action);
      case 'chmod':
        return this.#chmod(action.entry, action.was);
      case 'fetch':
        return this.#install(action);
      default:
        return action satisfies never;
    }
  }

  #record(entry: Entry, was: Entry | undefined): Truth[] {
    this.#expectIndex(entry.path, was);
    // A tombstone for a path that has appeared meanwhile would delete it in the index alone.
    if (entry.kind === 'tombstone' && !isLive(this.#is.index.get(entry.path))) this.#expectAbsent(entry.path);
    return [{ entry, ...keptOf(this.#is.index, entry) }];
  }

  #remove({ entry, was, conflict }: Extract<Action, { do: 'remove' }>): Truth[] {
    if (this.#standing(was))
      this.#writable(entry.path, place => this.#is.trash.take(place, was, conflict, this.#is.now()));
    return [{ entry }];
  }

  #removeDirectory(entry: Entry, was: Entry): Truth[] {
    const isThere = this.#standing(was);
    // What was to go, or to move away, before it: its own step did not succeed. Gone from the disk or not, it would have no parent.
    if (this.#is.index.liveChildren(entry.path) > 0) throw new Changed([entry.path]);
    if (!isThere) return [{ entry }];
    try {
      this.#writable(entry.path, place => this.#is.disk.rmdir(place));
      return [{ entry }];
    } catch (error) {
      if (!(error instanceof DiskError) || (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST')) throw error;
    }
    const unknown = this.#unknownIn(entry.path);
    if (unknown.length > 0) throw new Changed(unknown, true);
    // All that is left is ignored, special or mounted: only this instance can know, so it revives the directory.
    const version = consequence(mergeVersions(was.version, entry.version), this.#is.self);
    return this.#truth({ ...was, version });
  }

  #mkdir({ entry, was, conflict }: Extract<Action, { do: 'mkdir' }>): Truth[] {
    const there = this.#standing(was, entry);
    if (there) {
      if (isEqual(entry, there.seen)) return [truthOf(entry, there.stat)];
      this.#writable(entry.path, place => this.#is.trash.take(place, was!, conflict, this.#is.now()));
    }
    this.#makeDirectory(entry);
    return this.#truth(entry);
  }

  #rename({ entry, was, source, tombstone, conflict }: Extract<Action, { do: 'rename' }>): Truth[] {
    if (!this.#standing(source)) throw new Changed([source.path]);
    const there = this.#standing(was, entry);
    const from = placeOf(this.#is.directory, source.path);
    this.#writable(entry.path, () =>
      this.#writable(source.path, () => this.#replace(entry, there ? was : undefined, conflict, from)),
    );
    if (entry.mode !== source.mode) attempt(() => this.#is.disk.chmod(this.#place(entry.path), entry.mode));
    return [...this.#truth(entry), { entry: tombstone }];
  }

  #move(tree: Extract<Action, { do: 'move' }>): Truth[] {
    const { disk, index } = this.#is;
    const members = [tree, ...tree.below];
    for (const { entry, was, source } of members) {
      this.#expectIndex(source.path, source);
      this.#expectIndex(entry.path, was);
    }
    if (this.#standing(tree.was, tree.entry)) throw new Changed([tree.entry.path]);
    if (!this.#standing(tree.source)) throw new Changed([tree.source.path]);
    const found = lookAtTree(tree, { disk, index, place: path => this.#place(path) });
    if ('stranger' in found) throw new Changed([found.stranger], true);
    this.#writable(tree.entry.path, to => this.#writable(tree.source.path, from => disk.rename(from, to)));
    return members.flatMap(({ entry, source, tombstone }) => [
      truthOf(entry, found.get(source.path)!),
      { entry: tombstone },
    ]);
  }

  #symlink({ entry, was, below, conflict }: Extract<Action, { do: 'symlink' }>): Truth[] {
    const there = this.#standing(was, entry);
    if (there && isEqual(entry, there.seen)) return [truthOf(entry, there.stat)];
    const staged = this.#is.staging.place(entry);
    this.#is.staging.symlink(entry);
    this.#give(staged, entry.path);
    return [...this.#clearAndReplace(entry, there ? was : undefined, below, conflict, staged), ...this.#truth(entry)];
  }

  #chmod(entry: Entry, was: Entry): Truth[] {
    if (!this.#standing(was)) throw new Changed([entry.path]);
    this.begun = true;
    attempt(() => this.#is.disk.chmod(this.#place(entry.path), entry.mode));
    return this.#truth(entry);
  }

  #install({ entry, was, below, conflict }: Extract<Action, { do: 'fetch' }>): Truth[] {
    const there = this.#standing(was, entry);
    if (there && isEqual(entry, there.seen)) {
      this.#is.staging.discard(entry);
      return [truthOf(entry, there.stat)];
    }
    const staged = this.#is.staging.place(entry);
    const stat = this.#dress(staged, entry, there?.stat);
    const cleared = this.#clearAndReplace(entry, there ? was : undefined, below, conflict, staged);
    return [...cleared, ...(stat ? [truthOf(entry, stat)] : this.#truth(entry))];
  }

  /** Gives a staged file its mode, date and owner; answers what it is, where that is known without another look. */
  #dress(staged: string, entry: Entry, there: Stat | undefined): Stat | undefined {
    const { disk, staging } = this.#is;
    const finished = staging.takeFinished(entry);
    const owner = there?.kind === 'file' ? there : this.#directoryAt(parentOf(entry.path));
    const mine = finished ?? disk.lstat(staged);
    if (!mine) throw new DiskError('ENOENT', 'staged file of', entry.path);
    if (mine.size !== entry.size)
      throw new DiskError('EIO', `staged file with ${mine.size} of ${entry.size} bytes of`, entry.path);
    const isForeign = owner !== undefined && (owner.uid !== mine.uid || owner.gid !== mine.gid);
    if (finished && !isForeign) return finished;
    if (isForeign) disk.chown(staged, owner.uid, owner.gid);
    attempt(() => disk.chmod(staged, entry.mode));
    attempt(() => disk.setDate(staged, entry.mtime));
    return undefined;
  }

  #clearAndReplace(
    entry: Entry,
    was: Entry | undefined,
    below: readonly Entry[],
    conflict: boolean,
    staged: string,
  ): Truth[] {
    if (was?.kind !== 'directory') {
      // A directory whose deletion is held leaves what was below it, as one that stands does.
      if (below.length > 0) this.#expectCovered(entry.path, below);
      this.#writable(entry.path, () => this.#replace(entry, was, conflict, staged));
      this.#is.staging.left(staged);
      return below.map(tombstone => ({ entry: tombstone }));
    }
    this.#expectCovered(entry.path, below);
    for (const { path } of below) {
      const known = this.#is.index.get(path);
      if (isLive(known) && !this.#standing(known) && !this.#is.isHeld(path)) throw new Changed([path]);
    }
    const unknown = this.#unknownIn(entry.path);
    if (unknown.length > 0) throw new Changed(unknown, true);
    this.#writable(entry.path, place => {
      this.#is.trash.take(place, was, conflict, this.#is.now());
      this.#is.disk.rename(staged, place);
    });
    this.#is.staging.left(staged);
    return below.map(tombstone => ({ entry: tombstone }));
  }

  /**
   * What lives below must be what the plan made tombstones of: what has changed since would go without one, or under one that
   * loses to what was announced of it.
   */
  #expectCovered(directory: RelPath, below: readonly Entry[]): void {
    const planned = new Map(below.map(tombstone => [tombstone.path, tombstone]));
    for (const { path, version } of this.#is.index.liveBelow(directory)) {
      const tombstone = planned.get(path);
      if (!tombstone || compareMarks(newest(tombstone.version), newest(version)) <= 0) throw new Changed([path]);
    }
  }

  /** Puts a file into place; what stood there gets a second name in the trash first, so that the path is never absent. */
  #replace(entry: Entry, was: Entry | undefined, conflict: boolean, from: string): void {
    const { disk, trash, now } = this.#is;
    const place = this.#place(entry.path);
    const second = isLive(was) ? trash.keep(place, was, conflict, now()) : undefined;
    if (isLive(was) && second === undefined) trash.take(place, was, conflict, now());
    try {
      disk.rename(from, place);
    } catch (error) {
      // Else there is one more of it in the trash each time that this is tried.
      if (isLive(was) && second !== undefined) trash.unkeep(second, place, was);
      throw error;
    }
  }

  /**
   * What stands on disk as the index says, or undefined where it is absent as the index says; where it is neither, ends the action. What
   * already equals the wanted entry is as good.
   */
  #standing(known: Entry | undefined, wanted?: Entry): Standing | undefined {
    const path = (known ?? wanted)!.path;
    this.#expectIndex(path, known);
    if (!this.#expectParents(path, wanted !== undefined)) return undefined;
    const there = this.#look(path);
    const asKnown = isLive(known) ? this.#is.index.onDisk(path) : undefined;
    if (there && [asKnown, wanted].some(entry => entry && isEqual(entry, there.seen))) return there;
    if (!there && (!isLive(known) || this.#is.isMissing(path))) return undefined;
    throw new Changed([path]);
  }

  /** Planned upon another entry than the index has by now: plan again. */
  #expectIndex(path: RelPath, known: Entry | undefined): void {
    const current = this.#is.index.get(path);
    const same =
      current === undefined
        ? known === undefined
        : known !== undefined && isEqual(current, known) && sameVersion(current.version, known.version);
    if (!same) throw new Changed([path]);
  }

  #expectAbsent(path: RelPath): void {
    try {
      this.#expectParents(path, false);
    } catch (error) {
      if (error instanceof Changed) return;
      throw error;
    }
    if (this.#look(path)) throw new Changed([path]);
  }

  /** Ends the action where a parent is not as it should be. Answers false where one is gone and held, and not to be revived. */
  #expectParents(path: RelPath, revive: boolean): boolean {
    const root = this.#directoryAt(undefined);
    // Nearly always none: no array for each of a hundred thousand files.
    let gone: RelPath[] | undefined;
    for (const parent of ancestorsOf(path)) {
      const stat = this.#directoryAt(parent);
      if (!stat && this.#is.isHeld(parent)) gone = [parent, ...(gone ?? [])];
      else if (stat?.kind !== 'directory') throw new Changed([parent]);
      else if (stat.device !== root?.device) throw new DiskError('EXDEV', 'mount above', path);
    }
    if (!gone) return true;
    if (revive) for (const parent of gone) this.#revive(parent);
    return revive;
  }

  /** Puts a directory back whose deletion is held. */
  #revive(path: RelPath): void {
    const entry = this.#is.index.get(path);
    if (entry?.kind !== 'directory') throw new Changed([path]);
    this.#makeDirectory(entry);
    this.#is.directories.set(this.#place(path), this.#is.disk.lstat(this.#place(path)));
    this.#revived.push(...this.#truth(entry));
  }

  #makeDirectory({ path, mode }: Entry): void {
    this.#writable(path, place => {
      this.#is.disk.mkdir(place, mode);
      this.#give(place, path);
    });
  }

  /** What is new has the owner and group of the directory that it is for. */
  #give(place: string, path: RelPath): void {
    const { disk } = this.#is;
    const owner = this.#directoryAt(parentOf(path));
    const mine = disk.lstat(place);
    if (owner && mine && (owner.uid !== mine.uid || owner.gid !== mine.gid)) disk.chown(place, owner.uid, owner.gid);
  }

  /** What stands at a directory's path; undefined: the domain's root. */
  #directoryAt(path: RelPath | undefined): Stat | undefined {
    const place = placeOf(this.#is.directory, path);
    const { directories, disk } = this.#is;
    if (!directories.has(place)) directories.set(place, disk.lstat(place));
    return directories.get(place);
  }

  #look(path: RelPath): Standing | undefined {
    const place = this.#place(path);
    const stat = this.#is.disk.lstat(place);
    if (!stat) return undefined;
    const seen = seenOf(stat, () => this.#is.disk.readlink(place));
    // A special file is nothing that is synchronised, and nothing that may be replaced.
    if (!seen) throw new DiskError('EINVAL', 'a special file stands at', path);
    return { seen, stat };
  }

  /** The entry with what the file system made of it. */
  #truth(entry: Entry): Truth[] {
    const stat = this.#is.disk.lstat(this.#place(entry.path));
    if (!stat) throw new Changed([entry.path]);
    return [truthOf(entry, stat)];
  }

  /** Paths below a directory that are on disk, not ignored and not in the index as they stand. */
  #unknownIn(directory: RelPath): RelPath[] {
    const unknown: RelPath[] = [];
    for (const name of this.#is.disk.list(this.#place(directory))) {
      const path = childOf(directory, name);
      const stat = name === PRIVATE ? undefined : this.#is.disk.lstat(this.#place(path));
      if (!stat || stat.kind === 'special' || this.#is.ignored(path) || this.#isMount(stat)) continue;
      if (!isLive(this.#is.index.get(path))) unknown.push(path);
      else if (stat.kind === 'directory') unknown.push(...this.#unknownIn(path));
    }
    return unknown;
  }

  #isMount(stat: Stat): boolean {
    return stat.device !== this.#is.disk.lstat(this.#is.directory)?.device;
  }

  /** Changes what stands at a path, in a directory that may be shut. */
  #writable(path: RelPath, change: (place: string) => void): void {
    this.begun = true;
    const place = this.#place(path);
    whileOpen(this.#is.disk, place, () => change(place));
  }

  #place(path: RelPath): string {
    return placeOf(this.#is.directory, path);
  }
}

/** The entry with what the file system made of it. */
export function truthOf(entry: Entry, stat: Stat): Truth {
  return { entry, identity: { inode: stat.inode, birth: stat.birth }, ...keptAttributes(entry, stat) };
}

function keptOf(index: DomainIndex, entry: Entry): { kept?: Kept } {
  const kept = isLive(entry) ? index.kept(entry.path) : undefined;
  return kept ? { kept } : {};
}

/** What a file system keeps although something else was asked for. */
function keptAttributes(entry: Entry, stat: Stat): { kept?: Kept } {
  const mtime = entry.kind === 'file' ? stat.mtime : entry.mtime;
  const mode = entry.kind === 'symlink' ? entry.mode : stat.mode;
  return mtime === entry.mtime && mode === entry.mode ? {} : { kept: { mtime, mode } };
}

/** What says nothing of what the file system can keep: it may go well the next time. */
const PASSING: readonly string[] = ['EIO', 'ENOSPC', 'EDQUOT', 'ENOMEM', 'EROFS', 'ESTALE', 'ETIMEDOUT'];

/** A file system that refuses an attribute keeps its own; the read-back tells. Throws where it is the disk that fails. */
export function attempt(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!(error instanceof DiskError) || PASSING.includes(error.code)) throw error;
  }
}
