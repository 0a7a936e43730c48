/** What a process watches by inotify, as the kernel tells of its descriptors. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

/** One watch: `inotify wd:1 ino:98e25f sdev:fe00000 …`, numbers in hexadecimal. */
const WATCH = /^inotify wd:\S+ ino:([0-9a-f]+)/gm;

/** The inodes that a process watches; undefined where that cannot be known (no /proc, or it is gone). */
export async function watchedInodes(pid: number): Promise<ReadonlySet<number> | undefined> {
  const directory = `/proc/${pid}/fdinfo`;
  try {
    const inodes = new Set<number>();
    for (const name of await readdir(directory)) {
      const text = await readFile(`${directory}/${name}`, 'latin1');
      for (const [, inode] of text.matchAll(WATCH)) inodes.add(Number.parseInt(inode!, 16));
    }
    return inodes;
  } catch {
    return undefined;
  }
}

/**
 * Counts the watches of a process in /proc, which has a line for each: a hundred kilobytes for each thousand directories. Undefined
 * where the system does not say.
 */
export async function watchesOf(pid: number): Promise<number | undefined> {
  try {
    const files = readdirSync(`/proc/${pid}/fd`).filter(fd => isInotify(`/proc/${pid}/fd/${fd}`));
    const infos = await Promise.all(files.map(fd => readFile(`/proc/${pid}/fdinfo/${fd}`, 'latin1')));
    return infos.reduce((sum, info) => sum + info.split('inotify wd:').length - 1, 0);
  } catch {
    return undefined;
  }
}

function isInotify(link: string): boolean {
  try {
    return readlinkSync(link) === 'anon_inode:inotify';
  } catch {
    return false;
  }
}

/** How many watches one user may have; undefined where the system does not say. */
export function watchLimit(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/fs/inotify/max_user_watches', 'latin1'));
  } catch {
    return undefined;
  }
}
