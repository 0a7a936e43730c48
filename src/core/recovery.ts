/** What to bring back from the trash: decided here, done by `folder/recover.ts`. */
import { type Entry, isEqual, isLive, type Seen } from './entry.ts';
import type { RelPath } from './path.ts';
import type { Mark } from './version.ts';

/** Something that was thrown away here. */
export interface Discarded {
  readonly path: RelPath;
  /** When it was thrown away, milliseconds since 1970. */
  readonly at: number;
  readonly seen: Seen;
  /** The newest mark of its version. */
  readonly mark: Mark;
  /** It lost a conflict. */
  readonly conflict: boolean;
  /** Where it lies on the volume. */
  readonly place: string;
}

/** Something that is to come back, and what that undoes. */
export interface Recovery {
  readonly item: Discarded;
  readonly undoes: 'deletion' | 'replacement';
}

/**
 * What stood at each path at a time: of all that was thrown away since, the first. What stands there as it was is left out.
 *
 * @param now what the index says of a path
 */
export function undoing(
  discarded: Iterable<Discarded>,
  since: number,
  now: (path: RelPath) => Entry | undefined,
): Recovery[] {
  return recoveries(
    discarded,
    item => item.at >= since,
    (a, b) => a.at < b.at,
    now,
  );
}

/**
 * The newest of what was thrown away at a path; below it, of what does not live any more.
 *
 * @param mark of that version alone
 */
export function restoring(
  discarded: Iterable<Discarded>,
  path: RelPath,
  mark: Mark | undefined,
  now: (path: RelPath) => Entry | undefined,
): Recovery[] {
  const isMeant = (item: Discarded) =>
    (item.path === path || !isLive(now(item.path))) &&
    (mark === undefined || (item.mark.stamp === mark.stamp && item.mark.writer === mark.writer));
  return recoveries(discarded, isMeant, (a, b) => a.at > b.at, now);
}

/** One for each path, parents first. */
function recoveries(
  discarded: Iterable<Discarded>,
  isMeant: (item: Discarded) => boolean,
  isBetter: (a: Discarded, b: Discarded) => boolean,
  now: (path: RelPath) => Entry | undefined,
): Recovery[] {
  const chosen = new Map<RelPath, Discarded>();
  for (const item of discarded) {
    if (!isMeant(item)) continue;
    const known = chosen.get(item.path);
    if (!known || isBetter(item, known)) chosen.set(item.path, item);
  }
  const found: Recovery[] = [];
  for (const item of chosen.values()) {
    const entry = now(item.path);
    if (entry && isLive(entry) && isEqual(entry, item.seen)) continue;
    found.push({ item, undoes: isLive(entry) ? 'replacement' : 'deletion' });
  }
  return found.sort((a, b) => (a.item.path < b.item.path ? -1 : 1));
}
