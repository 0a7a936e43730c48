/** Second names of files: a file that is to leave its place keeps one until something else stands there. */
import { type Disk, DiskError } from './disk.ts';

/** How a system says that a file gets no second name; by FUSE it may be a call that is not there. */
const REFUSALS: readonly string[] = ['EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES'];

/** Answers whether the file has one now; not where the system refuses it (protected_hardlinks, file systems without links). */
export function gaveName(disk: Disk, file: string, name: string): boolean {
  try {
    disk.link(file, name);
    return true;
  } catch (error) {
    if (error instanceof DiskError && REFUSALS.includes(error.code)) return false;
    throw error;
  }
}
