/**
 * Directories whose mode keeps their own owner from changing names in them: one is opened for a step and shut again. Where the step was
 * interrupted it may still be open, which is no change of its mode.
 */
import { ancestorsOf, type RelPath } from '../core/path.ts';
import { type Disk, DiskError } from './disk.ts';
import type { DomainIndex } from './index-store.ts';
import { placeOf } from './scan.ts';

/** What an owner needs to change names in a directory. */
const OPEN = 0o700;

/** Changes what stands at a place, whose directory is opened for just so long where it is shut. */
export function whileOpen(disk: Disk, place: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== 'EACCES') throw error;
    const parent = place.slice(0, place.lastIndexOf('/'));
    const mode = disk.lstat(parent)?.mode ?? 0o755;
    disk.chmod(parent, mode | OPEN);
    try {
      change();
    } finally {
      disk.chmod(parent, mode);
    }
  }
}

/** The directories above a path that are opened for a step; not its own alone, for others may have had to be made again on the way. */
export function shutAbove(path: RelPath, index: DomainIndex): RelPath[] {
  return [...ancestorsOf(path)].filter(parent => {
    const known = index.onDisk(parent);
    return known?.kind === 'directory' && (known.mode & OPEN) !== OPEN;
  });
}

/** Shuts the directories above a path that a step has left open. Throws a DiskError. */
export function shutAgain(
  path: RelPath,
  { disk, directory, index }: { readonly disk: Disk; readonly directory: string; readonly index: DomainIndex },
): void {
  for (const parent of shutAbove(path, index)) {
    const { mode } = index.onDisk(parent)!;
    const place = placeOf(directory, parent);
    const stat = disk.lstat(place);
    if (stat?.kind === 'directory' && stat.mode === (mode | OPEN)) disk.chmod(place, mode);
  }
}
