/**
 * Steps that were interrupted, by the end of the process or by a disk that failed: what became of an intent. What took something away to
 * put another thing there is finished, for that is no deletion.
 */
import { type Entry, isEqual, isLive, type Seen } from '../core/entry.ts';
import { ancestorsOf, parentOf, type RelPath } from '../core/path.ts';
import { attempt, type Truth, truthOf } from './apply.ts';
import { type Disk, DiskError, type Stat, seenOf } from './disk.ts';
import type { DomainIndex, Kept } from './index-store.ts';
import type { Intent } from './intents.ts';
import { hasParents, placeOf } from './scan.ts';
import { shutAgain, whileOpen } from './shut-directory.ts';

/** Where intents come true. */
export interface InterruptedContext {
  readonly disk: Disk;
  /** The domain's directory, relative to the volume's root. */
  readonly directory: string;
  /** What was true before. */
  readonly index: DomainIndex;
  /** When the last intent was written down, by the clock of the disk. */
  readonly writtenAt: number;
  /** Where an entry is staged. */
  staged(entry: Entry): string;
}

/** What became of an intent. */
export type Became =
  /** What was there before still is. */
  | { readonly became: 'nothing' }
  | { readonly became: 'true'; readonly truth: Truth }
  /** Something else stands there (`stat`), or nothing where one of both had stood. */
  | { readonly became: 'other'; readonly stat: Stat | undefined };

/** What the disk says of an intent, having finished it where its destination is missing. Throws a DiskError. */
export function becameOf(intent: Intent, is: InterruptedContext): Became {
  const entry = intent.will;
  const stat = finish(intent, is);
  shutAgain(entry.path, is);
  const seen = stat && seenOf(stat, () => is.disk.readlink(placeOf(is.directory, entry.path)));
  const was = is.index.onDisk(entry.path);
  if (!seen) {
    if (!isLive(entry)) return { became: 'true', truth: { entry } };
    return isLive(was) || isUsedUp(intent, is) ? { became: 'other', stat } : { became: 'nothing' };
  }
  if (was && isEqual(was, seen)) return { became: 'nothing' };
  const kept = keptAs(entry, seen, is);
  if (!kept && !isEqual(entry, seen)) return { became: 'other', stat };
  const identity = { inode: stat.inode, birth: stat.birth };
  return { became: 'true', truth: { entry, identity, ...(kept && { kept }) } };
}

/**
 * What stands there as the file system keeps the intended, if it keeps other attributes than these: it is asked what it makes of them,
 * with something that is thrown away again. As a change of the intended that would win everywhere.
 */
function keptAs(entry: Entry, seen: Seen, { disk, staged }: InterruptedContext): Kept | undefined {
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
function finish({ will: entry, staged, moved }: Intent, is: InterruptedContext): Stat | undefined {
  const { disk, directory, index } = is;
  const place = placeOf(directory, entry.path);
  const was = index.get(entry.path);
  if (disk.lstat(place) || !isLive(entry) || !hasParents(disk, directory, entry.path)) return disk.lstat(place);
  if (entry.kind === 'directory' && isLive(was) && was.kind !== 'directory') {
    whileOpen(disk, place, () => disk.mkdir(place, entry.mode));
    const above = disk.lstat(placeOf(directory, parentOf(entry.path)));
    if (above) disk.chown(place, above.uid, above.gid);
  } else if (staged && isWhole(disk.lstat(is.staged(entry)), entry))
    whileOpen(disk, place, () => install(is.staged(entry), place, entry, disk));
  else if (
    moved?.startsWith(`${directory}/`) &&
    isWhole(disk.lstat(moved), entry) &&
    isDated(disk.lstat(moved), entry, index.kept(moved.slice(directory.length + 1) as RelPath))
  )
    whileOpen(disk, place, () => whileOpen(disk, moved, () => install(moved, place, entry, disk)));
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
export function isUsedUp({ will, staged }: Intent, is: InterruptedContext): boolean {
  return (
    will.kind === 'file' &&
    staged === true &&
    is.disk.lstat(is.staged(will)) === undefined &&
    isAfterJournal(will.path, is)
  );
}

/** Whether what stands at a path, or where nothing does what held it, was changed after the process had written its last line. */
export function isAfterJournal(path: RelPath, { disk, directory, writtenAt }: InterruptedContext): boolean {
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
