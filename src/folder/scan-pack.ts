/**
 * A scan's batch on its way between threads: all paths in one buffer, all numbers in another, which change hands without being
 * copied. As objects a million sightings would take the receiving thread several seconds.
 */
import type { RelPath } from '../core/path.ts';
import type { Stat } from './disk.ts';
import type { Hidden, ScanBatch, Sighting } from './scan.ts';

/** A {@link ScanBatch} in buffers. */
export interface PackedBatch {
  /** UTF-8, one after the other. */
  readonly paths: Uint8Array;
  /** Where each path ends. */
  readonly ends: Uint32Array;
  /** {@link NUMBERS} of each sighting. */
  readonly numbers: Float64Array;
  /** Paths with bytes that are no UTF-8, and targets of symlinks, by the number of the sighting. */
  readonly odd: ReadonlyMap<number, RelPath>;
  readonly targets: ReadonlyMap<number, string>;
  readonly hidden: readonly Hidden[];
}

const KINDS = ['file', 'directory', 'symlink', 'special'] as const;
const NUMBERS = ['size', 'mtime', 'mode', 'inode', 'birth', 'ctime', 'device', 'links', 'uid', 'gid'] as const;
const WIDTH = NUMBERS.length + 1;

export function pack({ sightings, hidden }: ScanBatch): PackedBatch {
  const ends = new Uint32Array(sightings.length);
  const numbers = new Float64Array(sightings.length * WIDTH);
  const odd = new Map<number, RelPath>();
  const targets = new Map<number, string>();
  let text = '';
  for (const [i, { path, stat, target }] of sightings.entries()) {
    if (path.isWellFormed()) text += path;
    else odd.set(i, path);
    ends[i] = text.length;
    if (target !== undefined) targets.set(i, target);
    numbers[i * WIDTH] = KINDS.indexOf(stat.kind);
    for (const [n, name] of NUMBERS.entries()) numbers[i * WIDTH + 1 + n] = stat[name];
  }
  const paths = new TextEncoder().encode(text);
  // Most names are ASCII: there characters are bytes.
  if (paths.length !== text.length) {
    let bytes = 0;
    for (const [i, { path }] of sightings.entries()) {
      if (!odd.has(i)) bytes += Buffer.byteLength(path);
      ends[i] = bytes;
    }
  }
  return { paths, ends, numbers, odd, targets, hidden };
}

/** The batch is used up: its buffers go at once, because until garbage is collected those of a million paths are 100 MB. */
export function unpack(packed: PackedBatch): ScanBatch {
  const { paths, ends, numbers, odd, targets, hidden } = packed;
  const bytes = Buffer.from(paths.buffer, paths.byteOffset, paths.byteLength);
  const sightings = Array.from(ends, (end, i): Sighting => {
    const path = odd.get(i) ?? (bytes.toString('utf8', i === 0 ? 0 : ends[i - 1], end) as RelPath);
    const target = targets.get(i);
    const stat = statAt(numbers, i * WIDTH);
    return target === undefined ? { path, stat } : { path, stat, target };
  });
  for (const buffer of buffersOf(packed)) buffer.transfer(0);
  return { sightings, hidden };
}

/** What must change hands rather than be copied. */
export function buffersOf({ paths, ends, numbers }: PackedBatch): ArrayBuffer[] {
  return [paths.buffer, ends.buffer, numbers.buffer] as ArrayBuffer[];
}

function statAt(numbers: Float64Array, at: number): Stat {
  return {
    kind: KINDS[numbers[at]!]!,
    size: numbers[at + 1]!,
    mtime: numbers[at + 2]!,
    mode: numbers[at + 3]!,
    inode: numbers[at + 4]!,
    birth: numbers[at + 5]!,
    ctime: numbers[at + 6]!,
    device: numbers[at + 7]!,
    links: numbers[at + 8]!,
    uid: numbers[at + 9]!,
    gid: numbers[at + 10]!,
  };
}
