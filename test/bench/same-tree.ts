/** Whether two trees are equal, directory by directory, so that neither is held in memory. */
import { type BigIntStats, closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';

const CHUNK = 1 << 20;
/** Milliseconds as a floating point number round the last nanoseconds up. */
const NS_PER_MS = 1_000_000n;
const here = Buffer.alloc(CHUNK);
const there = Buffer.alloc(CHUNK);

/**
 * Compares names, kinds, sizes, dates to the millisecond, modes and targets, and content where asked for. Names are taken for UTF-8,
 * which all are that the benchmark makes.
 *
 * @throws naming the first path at which they differ
 */
export function assertSame(a: string, b: string, want: { content: boolean } = { content: false }): void {
  const [left, right] = [readdirSync(a).sort(), readdirSync(b).sort()];
  for (const [i, name] of left.entries())
    if (name !== right[i]) throw new Error(`${join(a, name)} has no counterpart in ${b}, which has ${right[i]} there`);
  if (right.length > left.length) throw new Error(`${join(b, right[left.length]!)} has no counterpart in ${a}`);
  for (const name of left) {
    const [one, other] = [join(a, name), join(b, name)];
    const stat = lstatSync(one, { bigint: true });
    const [look, counterpart] = [lookOf(one, stat), lookOf(other, lstatSync(other, { bigint: true }))];
    if (look !== counterpart) throw new Error(`${one} is ${look}, ${other} is ${counterpart}`);
    if (stat.isDirectory()) assertSame(one, other, want);
    else if (want.content && stat.isFile() && !isSameContent(one, other))
      throw new Error(`${one} and ${other} have other content, with the same date and size`);
  }
}

/** Reads everything, so that the page cache has it. Answers the number of files. */
export function readAll(root: string): number {
  let files = 0;
  for (const each of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!each.isFile()) continue;
    files++;
    const fd = openSync(join(each.parentPath, each.name), 'r');
    while (readSync(fd, here) > 0);
    closeSync(fd);
  }
  return files;
}

/** All that must be equal but for the content: kind and mode, size and date of a file, target of a symlink. */
function lookOf(path: string, stat: BigIntStats): string {
  const mode = stat.mode.toString(8);
  if (stat.isSymbolicLink()) return `${mode} to ${readlinkSync(path)}`;
  return stat.isFile() ? `${mode} ${stat.size} ${stat.mtimeNs / NS_PER_MS}` : mode;
}

function isSameContent(a: string, b: string): boolean {
  const [one, other] = [openSync(a, 'r'), openSync(b, 'r')];
  try {
    for (;;) {
      const [n, m] = [readSync(one, here), readSync(other, there)];
      if (n !== m || here.compare(there, 0, m, 0, n) !== 0) return false;
      if (n === 0) return true;
    }
  } finally {
    closeSync(one);
    closeSync(other);
  }
}
