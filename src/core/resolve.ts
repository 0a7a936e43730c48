/**
 * The order of entries: which of two entries of one path wins, everywhere and by whatever route they meet.
 *
 * It is a total order that agrees with causality, so merging is commutative, associative and idempotent. (Ordering concurrent
 * entries by file date and sequential ones by version is not associative: what was overwritten comes back by another route.)
 */
import { type Entry, isEqual, isLive } from './entry.ts';
import {
  compareMarks,
  dominates,
  mergeVersions,
  newest,
  sameVersion,
  type Version,
  withoutHistory,
} from './version.ts';

/** What is to be done about an entry that a peer announced. */
export type Verdict =
  /** Nothing is new. */
  | { readonly do: 'nothing' }
  /** What stands here stays; only its version grows. */
  | { readonly do: 'merge'; readonly entry: Entry }
  /** The peer's entry wins; `entry` carries the merged version. */
  | { readonly do: 'take'; readonly entry: Entry; readonly conflict: boolean };

const KIND_RANK: Record<Entry['kind'], number> = { tombstone: 0, symlink: 1, directory: 2, file: 3 };

/** What decides between two entries of one path, from first to last; above 0: `a` wins. */
const RULES: readonly (readonly [name: string, compare: (a: Entry, b: Entry) => number])[] = [
  ['newer mark', (a, b) => compareMarks(newest(a.version), newest(b.version))],
  ['later date', (a, b) => compareNumbers(fileDate(a), fileDate(b))],
  ['live over deleted', (a, b) => Number(isLive(a)) - Number(isLive(b))],
  ['kind', (a, b) => KIND_RANK[a.kind] - KIND_RANK[b.kind]],
  ['later deletion', (a, b) => compareNumbers(a.mtime, b.mtime)],
  ['larger size', (a, b) => compareNumbers(a.size, b.size)],
  ['higher mode', (a, b) => (a.kind === 'tombstone' ? 0 : a.mode - b.mode)],
  ['target', (a, b) => compareText(a.target ?? '', b.target ?? '')],
];

/**
 * Orders two entries of one path; above 0: `a` wins. By the newest mark; if even that is the same (only without history), the
 * later date of a file, then a live entry over a tombstone, then the rest in a fixed order.
 */
export function compareEntries(a: Entry, b: Entry): number {
  for (const [, compare] of RULES) {
    const order = compare(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** Which rule decides between two entries of one path; undefined where none does: they are equal. */
export function decidingRule(a: Entry, b: Entry): string | undefined {
  return RULES.find(([, compare]) => compare(a, b) !== 0)?.[0];
}

/** Whether two entries were made without knowledge of one another, and both with a history. */
export function inConflict(a: Version, b: Version): boolean {
  return !dominates(a, b) && !dominates(b, a) && !withoutHistory(a) && !withoutHistory(b);
}

/** What this instance does about a peer's entry of the same path. */
export function resolve(local: Entry | undefined, remote: Entry): Verdict {
  if (local === undefined) return { do: 'take', entry: remote, conflict: false };
  const version = mergeVersions(local.version, remote.version);
  if (isEqual(local, remote) || compareEntries(local, remote) >= 0)
    return sameVersion(version, local.version) ? { do: 'nothing' } : { do: 'merge', entry: { ...local, version } };
  if (version === remote.version) return { do: 'take', entry: remote, conflict: false };
  return { do: 'take', entry: { ...remote, version }, conflict: inConflict(local.version, remote.version) };
}

/** The entry that both sides end with. */
export function merge(a: Entry, b: Entry): Entry {
  const verdict = resolve(a, b);
  return verdict.do === 'nothing' ? a : verdict.entry;
}

function fileDate(entry: Entry): number {
  return entry.kind === 'file' ? entry.mtime : Number.NEGATIVE_INFINITY;
}

function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
