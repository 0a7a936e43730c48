/**
 * Small files by the batch: written to staging, read for serving. One call does a whole batch synchronously, so that a thread of
 * its own can do it while the main thread goes on; see `small-files-worker.ts`.
 */
import { type Disk, DiskError, type Stat } from './disk.ts';

/** A file to be made, with everything that it will have. */
export interface Draft {
  /** Relative to the volume's root; what stands there under that name goes. */
  readonly place: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
}

/** A file that is to be read only if it is still this one. */
export interface Copy {
  /** Directories on the way that have to be real ones, each relative to the volume's root, the outermost first. */
  readonly parents: readonly string[];
  readonly place: string;
  readonly size: number;
  readonly mtime: number;
}

/** Writes and reads batches of small files. */
export interface SmallFiles {
  /** What each is now, or why it could not be made, in their order. */
  write(drafts: readonly Draft[]): Promise<readonly (Stat | DiskError)[]>;
  /** The bytes of each, in their order; undefined for a file that is not plainly what it should be, for whatever reason. */
  read(copies: readonly Copy[], notAfter: number): Promise<readonly (Uint8Array | undefined)[]>;
}

/** Does it in the calling thread. */
export function inlineSmallFiles(disk: Disk): SmallFiles {
  return {
    write: async drafts => writeFiles(disk, drafts),
    read: async (copies, notAfter) => readFiles(disk, copies, notAfter),
  };
}

/** {@link SmallFiles.write}, now. */
export function writeFiles(disk: Disk, drafts: readonly Draft[]): (Stat | DiskError)[] {
  return drafts.map(({ place, bytes, mode, mtime }) => {
    try {
      return disk.create(place, bytes, mode, mtime);
    } catch (error) {
      if (error instanceof DiskError) return error;
      throw error;
    }
  });
}

/**
 * {@link SmallFiles.read}, now.
 *
 * @param notAfter a file with a later date (milliseconds since 1970) is left out: it could be rewritten without that showing
 */
export function readFiles(disk: Disk, copies: readonly Copy[], notAfter: number): (Uint8Array | undefined)[] {
  const real = new Map<string, boolean>();
  const isReal = (directory: string) => {
    let is = real.get(directory);
    if (is === undefined) {
      is = disk.lstat(directory)?.kind === 'directory';
      real.set(directory, is);
    }
    return is;
  };
  return copies.map(({ parents, place, size, mtime }) => {
    try {
      if (mtime > notAfter || !parents.every(isReal)) return undefined;
      return disk.readUnchanged(place, size, mtime);
    } catch (error) {
      if (error instanceof DiskError) return undefined;
      throw error;
    }
  });
}
