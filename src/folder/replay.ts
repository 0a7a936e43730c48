/**
 * Replay: brings an index to where it was when the process ended, from its journal and a look at the disk.
 *
 * What is recorded as true is taken. An intent without its outcome means that the process died in between: the disk decides, and
 * what took something away to put another thing there is finished, for that is no deletion. A file that a loss of power left short
 * is set aside and forgotten: it comes again from a peer.
 */
import type { Entry } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import { sameVersion } from '../core/version.ts';
import { DiskError, type Stat } from './disk.ts';
import { type Intent, type Moves, singlesOf } from './intents.ts';
import { becameOf, type InterruptedContext, isAfterJournal, isUsedUp } from './interrupted.ts';
import type { JournalRecord } from './journal.ts';
import { placeOf } from './scan.ts';

/** What a replay works on. */
export interface ReplayContext extends InterruptedContext {
  /** The index has all that was here when the journal began: what has no entry came later. */
  readonly remembers: boolean;
  /** Moves what stands in the tree in place of an entry into the trash. */
  setAside(place: string, entry: Entry): void;
  /** The entry of a path changed. */
  touch(path: RelPath): void;
}

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
      for (const intent of singlesOf(record.moves, is.directory)) intents.set(intent.will.path, intent);
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

function settle(intent: Intent, is: ReplayContext): void {
  const entry = intent.will;
  try {
    const what = becameOf(intent, is);
    if (what.became === 'nothing' || (what.became === 'other' && isUnknown(intent, what.stat, is))) return;
    if (what.became === 'true') is.index.set(entry, what.truth.identity, what.truth.kept);
    // Where the disk shows neither the old nor the new, somebody has changed it since, and knew the new.
    else is.index.set(entry, what.stat && { inode: what.stat.inode, birth: what.stat.birth });
    is.touch(entry.path);
  } catch (error) {
    // Unreadable now: the scan says what it is.
    if (!(error instanceof DiskError)) throw error;
  }
}

/**
 * Without an entry what stands there may be what the intent was to replace, where the cache was lost; a file may be older besides. The
 * scan says how old it is: as a change of the intended it would win everywhere. What has no date would lose everywhere.
 */
function isUnknown(intent: Intent, stat: Stat | undefined, is: ReplayContext): boolean {
  const { path } = intent.will;
  if (!stat || is.index.get(path) || isUsedUp(intent, is)) return false;
  return !is.remembers || (stat.kind === 'file' && !isAfterJournal(path, is));
}
