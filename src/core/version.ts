/**
 * Who changed a path, and when: a version vector whose counters are hybrid logical clocks.
 * Writer 0 means "no history": the change was found by a first look, which cannot know when it happened.
 */

/** A roleid, or 0 for "no history". */
export type Writer = number;

/** Milliseconds since 1970 by writer; never empty. */
export type Version = Readonly<Record<Writer, number>>;

/** One element of a version. */
export interface Mark {
  readonly writer: Writer;
  readonly stamp: number;
}

/** A version keeps its highest marks only: a path that eight others have written since is not in conflict with the ninth. */
export const MAX_MARKS = 8;

/** The highest (stamp, writer) of a version. */
export function newest(version: Version): Mark {
  let best = 0;
  let stamp = Number.NEGATIVE_INFINITY;
  for (const key in version) {
    const writer = Number(key);
    const at = version[writer]!;
    if (at < stamp || (at === stamp && writer < best)) continue;
    best = writer;
    stamp = at;
  }
  return { writer: best, stamp: Math.max(stamp, 0) };
}

/** Orders marks by stamp, then writer. */
export function compareMarks(a: Mark, b: Mark): number {
  return a.stamp - b.stamp || a.writer - b.writer;
}

/** The version with one mark set. */
export function withMark(version: Version, writer: Writer, stamp: number): Version {
  return trimmed({ ...version, [writer]: stamp });
}

/** The element-wise maximum of two versions. */
export function mergeVersions(a: Version, b: Version): Version {
  // Nearly always one knows the other: no object for each of a hundred thousand paths.
  if (dominates(a, b)) return a;
  if (dominates(b, a)) return b;
  const merged: Record<Writer, number> = { ...a };
  for (const writer in b) {
    const stamp = b[writer]!;
    const mine = merged[writer];
    if (mine === undefined || mine < stamp) merged[writer] = stamp;
  }
  return trimmed(merged);
}

/** Whether `a` has everything that `b` has. */
export function dominates(a: Version, b: Version): boolean {
  if (a === b) return true;
  for (const writer in b) {
    const mine = a[writer as unknown as Writer];
    if (mine === undefined || mine < b[writer]!) return false;
  }
  return true;
}

/** Whether two versions are the same. */
export function sameVersion(a: Version, b: Version): boolean {
  return dominates(a, b) && dominates(b, a);
}

/** Whether a version has marks of writer 0 only. */
export function withoutHistory(version: Version): boolean {
  for (const writer in version) if (writer !== '0') return false;
  return true;
}

function trimmed(version: Version): Version {
  const writers = Object.keys(version);
  if (writers.length <= MAX_MARKS) return version;
  const marks = writers.map(writer => ({ writer: Number(writer), stamp: version[Number(writer)]! }));
  marks.sort((a, b) => compareMarks(b, a));
  return Object.fromEntries(marks.slice(0, MAX_MARKS).map(mark => [mark.writer, mark.stamp]));
}
