/** A scanner without a thread: for disks that live in this process. */
import type { Disk } from '../../src/folder/disk.ts';
import { type Scanner, walk } from '../../src/folder/scan.ts';

export function walking(disk: Disk): Scanner {
  return async function* scan({ directory }, signal) {
    for (const batch of walk(disk, directory)) {
      signal.throwIfAborted();
      yield batch;
    }
  };
}
