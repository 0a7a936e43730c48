/** Makes the trees that are measured: always the same for the same numbers, dates too. */

import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as yielded } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Seconds since 1970 of the first file; the others follow, so that no two dates are the same by accident. */
const FIRST_DATE = 1_700_000_000;
const MEGABYTE = 1 << 20;
/** Files made in one stretch: between two of them a signal is heard. */
const SLICE = 1_000;

/** A tree of small files, as many in each directory. */
export interface Grove {
  readonly files: number;
  readonly directories: number;
  /** About so many bytes in each. */
  readonly bytes: number;
}

/** Where the file of a number is. */
export function fileOf({ files, directories }: Grove, number: number): string {
  const each = Math.ceil(files / directories);
  return `d${String(Math.floor(number / each)).padStart(5, '0')}/f${String(number).padStart(7, '0')}.txt`;
}

/** Makes a tree of small files below a directory. */
export async function growSmallFiles(root: string, grove: Grove): Promise<void> {
  let directory = '';
  for (let number = 0; number < grove.files; number++) {
    if (number % SLICE === 0) await yielded();
    const path = fileOf(grove, number);
    const parent = path.slice(0, path.indexOf('/'));
    if (parent !== directory) {
      directory = parent;
      mkdirSync(join(root, parent), { recursive: true });
    }
    writeFileSync(join(root, path), contentOf(number, grove.bytes));
    // In the middle of a millisecond: on its edge it would be read as the one before.
    const date = FIRST_DATE + (number + 0.5) / 1000;
    utimesSync(join(root, path), date, date);
  }
}

/** What a small file holds: text, no two the same, their sizes a fifth up and down. */
export function contentOf(number: number, bytes: number): string {
  const size = Math.max(1, Math.round(bytes * (0.8 + ((number * 7919) % 401) / 1000)));
  return `${number} of a tree of small files. `.repeat(Math.ceil(size / 20)).slice(0, size);
}

/** The name of the large file. */
export const LARGE_FILE = 'large.bin';

/** One file of random bytes: nothing can be sparse or compressed. */
export function growLargeFile(root: string, bytes: number): void {
  mkdirSync(root, { recursive: true });
  const fd = openSync(join(root, LARGE_FILE), 'w');
  const chunk = Buffer.alloc(MEGABYTE);
  for (let left = bytes; left > 0; left -= chunk.length)
    writeSync(fd, randomFillSync(chunk), 0, Math.min(left, chunk.length));
  closeSync(fd);
}

/** This project's dependencies, as npm installed them. */
export const DEPENDENCIES = realpathSync(fileURLToPath(new URL('../../node_modules', import.meta.url)));

/** Copies the dependencies of this project, or a share of them, dates and symlinks as they are. */
export function copyDependencies(root: string, share: number): void {
  const names = readdirSync(DEPENDENCIES).sort();
  for (const name of names.slice(0, Math.ceil(names.length * share)))
    cpSync(join(DEPENDENCIES, name), join(root, name), {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
}
