/** How one path differs between this instance and a peer, in the words of whoever looks at the two directories. */
import { type Entry, isEqual, isLive } from './entry.ts';
import { compareEntries } from './resolve.ts';

/** Every way in which a path may differ. */
export const DIFFERENCES = [
  /** It is there, and not here. */
  'missing',
  /** It is here, and not there. */
  'extra',
  /** It is here and there, and what is here loses. */
  'older',
  /** It is here and there, and what is here wins. */
  'newer',
  /** The directories show the same; what is remembered of deletions, or of who changed it, is not the same yet. */
  'memory',
] as const;
export type Difference = (typeof DIFFERENCES)[number];

/** How two entries of one path that are not the same differ; undefined stands for what is not known at all. */
export function differenceOf(own: Entry | undefined, theirs: Entry | undefined): Difference {
  if (!isLive(own) && !isLive(theirs)) return 'memory';
  if (!isLive(own)) return 'missing';
  if (!isLive(theirs)) return 'extra';
  if (isEqual(own, theirs)) return 'memory';
  return compareEntries(own, theirs) > 0 ? 'newer' : 'older';
}
