/** The recheck of a tree that is to move as a whole: what is in it must be what is known of it, nothing else and nothing less. */
import type { MovedTree } from '../core/moved-tree.ts';
import { childOf, type RelPath } from '../core/path.ts';
import { type Disk, type Stat, seenOf } from './disk.ts';
import type { DomainIndex } from './index-store.ts';

/** Where a tree is, and what is known of it. */
export interface TreeContext {
  readonly disk: Disk;
  place(path: RelPath): string;
  readonly index: DomainIndex;
}

/**
 * What the disk shows of a tree under its old name, by old path; or the first path that is not as it is known: changed, gone, or one
 * that the tree does not have, be it ignored or special.
 */
export function lookAtTree(
  tree: MovedTree,
  is: TreeContext,
): ReadonlyMap<RelPath, Stat> | { readonly stranger: RelPath } {
  const stats = new Map<RelPath, Stat>();
  const members = [tree, ...tree.below].map(({ source }) => source);
  for (const { path } of members) {
    const place = is.place(path);
    const stat = is.disk.lstat(place);
    const seen = stat && seenOf(stat, () => is.disk.readlink(place));
    if (!seen || !is.index.meet(path, seen, stat.inode, stat.birth)) return { stranger: path };
    stats.set(path, stat);
  }
  for (const { path, kind } of members) {
    if (kind !== 'directory') continue;
    for (const name of is.disk.list(is.place(path)))
      if (!stats.has(childOf(path, name))) return { stranger: childOf(path, name) };
  }
  return stats;
}
