/** What lies in the trash: read back from the names that `trash.ts` gives. */

import { MAX_PREFIX } from '../core/digest.ts';
import { childOf, parentOf, parsePath, type RelPath } from '../core/path.ts';
import type { Discarded } from '../core/recovery.ts';
import { type Disk, DiskError, seenOf } from './disk.ts';
import type { DomainIndex } from './index-store.ts';
import { hashName } from './trash.ts';

/** `<name>~<stamp>.<writer>`, what was thrown away once more as `.<n>`, and `.conflict`. */
const ITEM = /^(.*)~(\d+)\.(\d+)(?:\.\d+)?(\.conflict)?$/s;
/** Stands for a name that was too long to keep: the hash of its path. */
const HASHED = /^[0-9a-f]{16}$/;

/** A thrown away directory, above what was in it. */
type Whole = Pick<Discarded, 'at' | 'mark' | 'conflict'>;

/**
 * Everything in a domain's trash, one item after the other, so that the reader can pause. When an item was thrown away is when its
 * inode last changed: a rename and a link do that.
 *
 * @param trash relative to the volume's root
 * @param since days that ended before are left out, milliseconds since 1970
 * @param index tells names apart which look alike
 */
export function* itemsIn(disk: Disk, trash: string, since: number, index: DomainIndex): Generator<Discarded> {
  const firstDay = new Date(Math.max(0, since)).toISOString().slice(0, 10);
  for (const day of namesIn(disk, trash).sort())
    if (day >= firstDay) yield* below(`${trash}/${day}`, undefined, undefined);

  function* below(place: string, parent: RelPath | undefined, whole: Whole | undefined): Generator<Discarded> {
    for (const name of namesIn(disk, place)) yield* at(`${place}/${name}`, name, parent, whole);
  }

  function* at(
    place: string,
    name: string,
    parent: RelPath | undefined,
    whole: Whole | undefined,
  ): Generator<Discarded> {
    const stat = disk.lstat(place);
    const seen = stat && seenOf(stat, () => disk.readlink(place));
    const match = whole || !seen || isParent(seen.kind, childOf(parent, name)) ? null : ITEM.exec(name);
    const path = parsePath(match ? itemPath(match[1]!, parent) : childOf(parent, name));
    if (!seen || 'refused' in path) return;
    const thrown =
      whole ??
      (match && {
        at: stat.ctime,
        mark: { stamp: Number(match[2]), writer: Number(match[3]) },
        conflict: match[4] !== undefined,
      });
    if (thrown) yield { path: path.path, seen, place, ...thrown };
    if (seen.kind === 'directory') yield* below(place, path.path, thrown ?? undefined);
  }

  /** A directory that items lie in, whatever its name looks like. */
  function isParent(kind: string, path: RelPath): boolean {
    return kind === 'directory' && index.get(path) !== undefined;
  }

  function itemPath(name: string, parent: RelPath | undefined): RelPath {
    const path = childOf(parent, name);
    return HASHED.test(name) && !index.get(path) ? (pathOfHash(name, parent, index) ?? path) : path;
  }
}

/** The path in a directory that a hash stands for. */
function pathOfHash(hash: string, parent: RelPath | undefined, index: DomainIndex): RelPath | undefined {
  for (const { path } of index.under([hash.slice(0, MAX_PREFIX)]))
    if (parentOf(path) === parent && hashName(path) === hash) return path;
  return undefined;
}

/** Somebody else may empty the trash meanwhile. */
function namesIn(disk: Disk, place: string): string[] {
  try {
    return disk.list(place);
  } catch (error) {
    if (error instanceof DiskError) return [];
    throw error;
  }
}
