/**
 * What a fresh look at the disk means: the only place where local changes get their stamps.
 *
 * A local change is one thing only: what is on disk is not equal to its entry, or is gone. A different inode, ctime or owner is
 * a reason to look, never a change (a backup or a chown must not outrank an edit made elsewhere).
 */
import { type Entry, entryOf, isEqual, isSameContent, type Origin, type Seen, tombstoneOf } from './entry.ts';
import type { RelPath } from './path.ts';
import { newest, type Version, type Writer, withMark } from './version.ts';

/** How a look was taken. */
export interface Look {
  /** This instance's roleid. */
  readonly self: Writer;
  /** Milliseconds since 1970; for a missing path, when it was first seen missing. */
  readonly now: number;
  /** The first successful look of this process at the path: it cannot know when what it finds happened. */
  readonly first: boolean;
}

/**
 * The entry that a path has after a look at the disk, or undefined where the look changes nothing.
 *
 * @param known what the index says; where the file system keeps other attributes than asked for, with those in their place
 */
export function observe(
  path: RelPath,
  known: Entry | undefined,
  seen: Seen | undefined,
  look: Look,
  from?: Origin,
): Entry | undefined {
  if (seen === undefined) {
    if (known === undefined || known.kind === 'tombstone') return undefined;
    return tombstoneOf(known, look.now, changed(known, undefined, look));
  }
  if (known !== undefined && isEqual(known, seen)) return undefined;
  const version = known === undefined ? met(seen, look) : changed(known, seen, look);
  return entryOf(path, seen, version, from);
}

/**
 * What was seen, as a change of it is to be told: an attribute that the file system keeps in the place of the entry's own, and shows
 * still, nobody has changed. A date is that of a content, so it is another one with another size.
 *
 * @param own what the index says
 * @param shown the same with what the file system keeps
 */
export function meant(seen: Seen, own: Entry | undefined, shown: Entry | undefined): Seen {
  if (!own || !shown || seen.kind === 'symlink' || own.kind !== seen.kind) return seen;
  const mode = seen.mode === shown.mode ? own.mode : seen.mode;
  const mtime = isSameContent(seen, shown) ? own.mtime : seen.mtime;
  return { ...seen, mode, mtime };
}

/**
 * The version of a local change that the instance itself makes as a consequence of a peer's entry: a revived directory, or what
 * a file that wins over a directory leaves below it.
 */
export function consequence(version: Version, self: Writer): Version {
  return withMark(version, self, newest(version).stamp + 1);
}

/**
 * An entry of this instance with a date of now, or undefined where its date is not ahead. For after a clock that ran ahead was put
 * right: others do not take what is dated in the future, and it would win over whatever is done until then.
 */
export function redated(entry: Entry, self: Writer, now: number): Entry | undefined {
  const { writer, stamp } = newest(entry.version);
  if (stamp <= now || (writer !== self && writer !== 0)) return undefined;
  const others = Object.entries(entry.version).filter(([by, at]) => at <= now || (Number(by) !== self && by !== '0'));
  const rest: Version = Object.fromEntries(others);
  const next = others.length > 0 ? newest(rest).stamp + 1 : 0;
  const version = withMark(rest, self, Math.max(now, next));
  return entry.kind === 'tombstone' ? { ...entry, mtime: Math.min(entry.mtime, now), version } : { ...entry, version };
}

/** A path that had an entry. */
function changed(known: Entry, seen: Seen | undefined, look: Look): Version {
  const next = newest(known.version).stamp + 1;
  if (!look.first) return withMark(known.version, look.self, Math.max(look.now, next));
  const dated = seen?.kind === 'file' ? Math.min(seen.mtime, look.now) : next;
  return withMark(known.version, 0, Math.max(next, dated));
}

/** A path met without an entry. */
function met(seen: Seen, look: Look): Version {
  if (!look.first) return { [look.self]: look.now };
  return { 0: seen.kind === 'file' ? Math.max(0, Math.min(seen.mtime, look.now)) : 0 };
}
