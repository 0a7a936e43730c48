/** What lies in the trash: read back from the names that `trash.ts` gives. */

import { childOf, parsePath, type RelPath } from '../core/path.ts';
import type { Discarded } from '../core/recovery.ts';
import { type Disk, DiskError, seenOf } from './disk.ts';

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
 * @param named the path that a hash stands for, if it is known
 */
export function* itemsIn(
  disk: Disk,
  trash: string,
  since: number,
  named: (hash: string, parent: RelPath | undefined) => RelPath | undefined,
): Generator<Discarded> {
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
    const match = whole ? null : ITEM.exec(name);
    const item = match ? (HASHED.test(match[1]!) && named(match[1]!, parent)) || childOf(parent, match[1]!) : undefined;
    const path = parsePath(item ?? childOf(parent, name));
    const seen = stat && seenOf(stat, () => disk.readlink(place));
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
