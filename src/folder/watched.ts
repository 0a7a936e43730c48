/** What a process watches by inotify, as the kernel tells of its descriptors. */
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
