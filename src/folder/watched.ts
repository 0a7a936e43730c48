/** What a process watches by inotify, as the kernel tells of its descriptors. */
import { readdirSync, readlinkSync } from 'node:fs';
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

/** How many watches a process has, and how many one user may; undefined where the system does not say. */
export interface InotifyUse {
  readonly watches: number | undefined;
  readonly limit: number | undefined;
}

/** Counts them in /proc, which has a line for each: a hundred kilobytes for each thousand directories. */
export async function inotifyUse(pid: number): Promise<InotifyUse> {
  return { watches: await watchesOf(pid), limit: await limitOf() };
}

async function watchesOf(pid: number): Promise<number | undefined> {
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

async function limitOf(): Promise<number | undefined> {
  try {
    return Number(await readFile('/proc/sys/fs/inotify/max_user_watches', 'latin1'));
  } catch {
    return undefined;
  }
}
