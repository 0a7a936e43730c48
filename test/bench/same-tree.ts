/** Whether two very large trees are equal: directory by directory, so that neither is held in memory. */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/**
 * Compares names, kinds, sizes, dates to the millisecond and modes; no content. Names are taken for UTF-8, which all are that the
 * benchmark makes.
 *
 * @throws naming the first path at which they differ
 */
export function assertSameLargeTree(a: string, b: string): void {
  const [left, right] = [readdirSync(a).sort(), readdirSync(b).sort()];
  for (const [i, name] of left.entries())
    if (name !== right[i]) throw new Error(`${join(a, name)} has no counterpart in ${b}, which has ${right[i]} there`);
  if (right.length > left.length) throw new Error(`${join(b, right[left.length]!)} has no counterpart in ${a}`);
  for (const name of left) {
    const [here, there] = [join(a, name), join(b, name)];
    const [one, other] = [lstatSync(here), lstatSync(there)];
    if (lookOf(one) !== lookOf(other)) throw new Error(`${here} is ${lookOf(one)}, ${there} is ${lookOf(other)}`);
    if (one.isDirectory()) assertSameLargeTree(here, there);
  }
}

/** All that must be equal: kind and mode, and of a file size and date. */
function lookOf(stat: Stats): string {
  const mode = stat.mode.toString(8);
  return stat.isFile() ? `${mode} ${stat.size} ${Math.floor(stat.mtimeMs)}` : mode;
}
