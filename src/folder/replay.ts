/**
 * Replay: brings an index to where it was when the process ended, from its journal and a look at the disk.
 *
 * What is recorded as true is taken. An intent without its outcome means that the process died in between: the disk decides, and
 * what took something away to put another thing there is finished, for that is no deletion. A file that a loss of power left short
 * is set aside and forgotten: it comes again from a peer.
 */
import { type Entry, isEqual, isLive, type Seen } from '../core/entry.ts';
import { ancestorsOf, parentOf, type RelPath } from '../core/path.ts';
import { sameVersion } from '../core/version.ts';
import { attempt, truthOf } from './apply.ts';
import { type Disk, DiskError, type Stat, seenOf } from './disk.ts';
import type { DomainIndex, Kept } from './index-store.ts';
import type { JournalRecord } from './journal.ts';
import { placeOf } from './scan.ts';

/** What a replay works on. */
export interface ReplayContext {
  /** When the journal was last written to, by the clock of the disk. */
  readonly writtenAt: number;
  readonly disk: Disk;
  /** The domain's directory, relative to the volume's root. */
  readonly directory: string;
  readonly index: DomainIndex;
  /** The index has all that was here when the journal began: what has no entry came later. */
  readonly remembers: boolean;
  /** Where an entry is staged. */
  staged(entry: Entry): string;
  /** Moves what stands in the tree in place of an entry into the trash. */
  setAside(place: string, entry: Entry): void;
  /** The entry of a path changed. */
  touch(path: RelPath): void;
}

type Intent = Extract<JournalRecord, { will: Entry }>;
type Moves = Extract<JournalRecord, { moves: unknown }>['moves'];

/** Replays records, oldest first. */
export function replay(records: readonly JournalRecord[], is: ReplayContext): void {
  const intents = new Map<RelPath, Intent>();
  const unsynced = new Map<RelPath, Entry>();
  const trees = new Map<RelPath, Moves>();
  for (const record of records) {
    if ('will' in record) intents.set(record.will.path, record);
    else if ('unsynced' in record) unsynced.set(record.unsynced.path, record.unsynced);
    else if ('synced' in record) unsynced.delete(record.synced);
    else if ('did' in record) for (const done of record.did) fulfil(done, intents, is);
    else if ('moves' in record) {
      for (const [will, gone] of record.moves) {
        intents.set(will.path, { will, moved: placeOf(is.directory, gone.path) });
        intents.set(gone.path, { will: gone });
      }
      if (record.moves[0]) trees.set(record.moves[0][0].path, record.moves);
    } else if ('moved' in record)
      for (const [entry, gone] of trees.get(record.moved) ?? []) arrive(entry, gone, intents, is);
    else {
      const path = 'is' in record ? record.is.path : record.drop;
      intents.delete(path);
      if ('is' in record) is.index.set(record.is, record.identity, record.kept);
      else is.index.drop(path);
      is.touch(path);
    }
  }
  for (const entry of unsynced.values()) if (dropTorn(entry, is)) intents.delete(entry.path);
  for (const intent of intents.values()) settle(intent, is);
}

/** With the date that was given to it, and short: nobody has written to it since, the system lost its end. Answers whether it was so. */
function dropTorn(entry: Entry, { disk, directory, index, setAside, touch }: ReplayContext): boolean {
  try {
    const place = placeOf(directory, entry.path);
    const stat = disk.lstat(place);
    // What the file system made of the date, of this file and of no later one.
    const known = index.get(entry.path);
    const kept = known && sameVersion(known.version, entry.version) ? index.onDisk(entry.path)?.mtime : undefined;
    const dates = [entry.mtime, kept];
    if (stat?.kind !== 'file' || stat.size >= entry.size || !dates.includes(stat.mtime)) return false;
    setAside(place, entry);
    index.drop(entry.path);
    touch(entry.path);
    return true;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return false;
  }
}

function fulfil(
  [path, inode, birth]: readonly [RelPath, number, number],
  intents: Map<RelPath, Intent>,
  { index, touch }: ReplayContext,
): void {
  const intent = intents.get(path);
  if (!intent) return;
  intents.delete(path);
  index.set(intent.will, { inode, birth });
  touch(path);
}

/** A path has its new name: it is the same file as under its old one. */
function arrive(entry: Entry, gone: Entry, intents: Map<RelPath, Intent>, is: ReplayContext): void {
  const identity = is.index.identity(gone.path);
  fulfil([entry.path, identity?.inode ?? 0, identity?.birth ?? 0], intents, is);
  fulfil([gone.path, 0, 0], intents, is);
}

/** Whether every parent of a path is a real directory. */
export function hasParents(disk: Disk, directory: string, path: RelPath): boolean {
  for (const parent of ancestorsOf(path))
    if (disk.lstat(placeOf(directory, parent))?.kind !== 'directory') return false;
  return true;
}

/** Where the disk shows neither the old nor the new, somebody has changed it since, and knew the new. */
function settle(intent: Intent, is: ReplayContext): void {
  const entry = intent.will;
  try {
    const stat = finish(intent, is);
    const seen = stat && seenOf(stat, () => is.disk.readlink(placeOf(is.directory, entry.path)));
    const was = is.index.onDisk(entry.path);
    if (seen ? was !== undefined && isEqual(was, seen) : isLive(entry) && !isLive(was) && !isUsedUp(intent, is)) return;
    const kept = seen && keptAs(entry, seen, is);
    // Without an entry what stands there may be what the intent was to replace, where the cache was lost; a file may be older besides. The
    // scan says how old it is: as a change of the intended it would win everywhere. What has no date would lose everywhere.
    const isLater = is.remembers && (seen?.kind !== 'file' || isAfterJournal(entry.path, is));
    if (seen && !was && !kept && !isEqual(entry, seen) && !isLater && !isUsedUp(intent, is)) return;
    is.index.set(entry, stat && { inode: stat.inode, birth: stat.birth }, kept);
    is.touch(entry.path);
  } catch (error) {
    // Unreadable now: the scan says what it is.
    if (!(error instanceof DiskError)) throw error;
  }
}

/**
 * What stands there as the file system keeps the intended, if it keeps other attributes than these: it is asked what it makes of them,
 * with something that is thrown away again. As a change of the intended that would win everywhere.
 */
function keptAs(entry: Entry, seen: Seen, { disk, staged }: ReplayContext): Kept | undefined {
  if (entry.kind !== seen.kind || entry.kind === 'symlink' || isEqual(entry, seen)) return undefined;
  const place = `${staged(entry)}.asked`;
  try {
    const stat = entry.kind === 'file' ? askForFile(place, entry, disk) : askForDirectory(place, entry, disk);
    const { kept } = truthOf(entry, stat);
    return kept && isEqual({ ...entry, ...kept }, seen) ? kept : undefined;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return undefined;
  }
}

function askForFile(place: string, { mode, mtime }: Entry, disk: Disk): Stat {
  const stat = disk.create(place, new Uint8Array(), mode, mtime);
  disk.unlink(place);
  return stat;
}

function askForDirectory(place: string, { mode }: Entry, disk: Disk): Stat {
  if (!disk.lstat(place)) disk.mkdir(place, mode);
  const stat = disk.lstat(place)!;
  disk.rmdir(place);
  return stat;
}

/** Finishes an intent where its destination is missing; answers what stands there. */
function finish({ will: entry, staged, moved }: Intent, is: ReplayContext): Stat | undefined {
  const { disk, directory, index } = is;
  const place = placeOf(directory, entry.path);
  const was = index.get(entry.path);
  if (disk.lstat(place) || !isLive(entry) || !hasParents(disk, directory, entry.path)) return disk.lstat(place);
  if (entry.kind === 'directory' && isLive(was) && was.kind !== 'directory') {
    disk.mkdir(place, entry.mode);
    const above = disk.lstat(placeOf(directory, parentOf(entry.path)));
    if (above) disk.chown(place, above.uid, above.gid);
  } else if (staged && isWhole(disk.lstat(is.staged(entry)), entry)) install(is.staged(entry), place, entry, disk);
  else if (
    moved?.startsWith(`${directory}/`) &&
    isWhole(disk.lstat(moved), entry) &&
    isDated(disk.lstat(moved), entry, index.kept(moved.slice(directory.length + 1) as RelPath))
  )
    install(moved, place, entry, disk);
  return disk.lstat(place);
}

function install(from: string, place: string, entry: Entry, disk: Disk): void {
  if (entry.kind === 'file') {
    attempt(() => disk.chmod(from, entry.mode));
    attempt(() => disk.setDate(from, entry.mtime));
  }
  disk.rename(from, place);
}

/**
 * A file that is not staged any more was installed: whoever changed or deleted it since had seen it. Somebody must have been there,
 * though: a loss of power may have taken the staged file, with the process that would have installed it.
 */
function isUsedUp({ will, staged }: Intent, is: ReplayContext): boolean {
  return (
    will.kind === 'file' &&
    staged === true &&
    is.disk.lstat(is.staged(will)) === undefined &&
    isAfterJournal(will.path, is)
  );
}

/** Whether what stands at a path, or where nothing does what held it, was changed after the process had written its last line. */
function isAfterJournal(path: RelPath, { disk, directory, writtenAt }: ReplayContext): boolean {
  for (const at of [path, ...ancestorsOf(path), undefined]) {
    const stat = disk.lstat(placeOf(directory, at));
    if (stat) return stat.ctime > writtenAt;
  }
  return false;
}

/** With the date of an entry, or with what the file system keeps in its place. */
function isDated(stat: Stat | undefined, entry: Entry, kept: Kept | undefined): boolean {
  return stat !== undefined && (stat.mtime === entry.mtime || stat.mtime === kept?.mtime);
}

function isWhole(staged: Stat | undefined, entry: Entry): boolean {
  return staged?.kind === entry.kind && (entry.kind !== 'file' || staged.size === entry.size);
}
