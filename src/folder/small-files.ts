/**
 * Small files by the batch: written to staging, installed in the tree, read for serving. One call does a whole batch synchronously, so that a thread of
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

/** A staged file that is to get its name, where none has it. */
export interface Installation {
  readonly from: string;
  readonly place: string;
  /** Directories on the way that have to be real ones of the domain's file system, the outermost first. */
  readonly parents: readonly string[];
  /** Owner and group of the file: those of its directory, or it is not installed. */
  readonly uid: number;
  readonly gid: number;
}

/** A file that is to be read only if it is still this one. */
export interface Copy {
  /** Directories on the way that have to be real ones, each relative to the volume's root, the outermost first. */
  readonly parents: readonly string[];
  readonly place: string;
  readonly size: number;
  readonly mtime: number;
}

/** Writes, installs and reads batches of small files. */
export interface SmallFiles {
  /** What each is now, or why it could not be made, in their order. */
  write(drafts: readonly Draft[]): Promise<readonly (Stat | DiskError)[]>;
  /** Whether each has its name now, in their order; whatever is not as it has to be is left alone. */
  install(directory: string, files: readonly Installation[]): Promise<readonly boolean[]>;
  /** The bytes of each, in their order; undefined for a file that is not plainly what it should be, for whatever reason. */
  read(copies: readonly Copy[], notAfter: number): Promise<readonly (Uint8Array | undefined)[]>;
}

/** Installations after which parents are looked at again: some milliseconds. */
const STRETCH = 64;

/** Does it in the calling thread. */
export function inlineSmallFiles(disk: Disk): SmallFiles {
  return {
    write: async drafts => writeFiles(disk, drafts),
    install: async (directory, files) => installFiles(disk, directory, files),
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
 * {@link SmallFiles.install}, now.
 *
 * @param directory the domain's: all parents are of its file system
 */
export function installFiles(disk: Disk, directory: string, files: readonly Installation[]): boolean[] {
  const parents = new Map<string, Stat | undefined>();
  const statOf = (place: string) => {
    if (!parents.has(place)) parents.set(place, disk.lstat(place));
    return parents.get(place);
  };
  return files.map((file, i) => {
    // Nobody holds them: what was seen of them is soon out of date.
    if (i % STRETCH === 0) parents.clear();
    try {
      return install(disk, directory, file, statOf);
    } catch (error) {
      if (error instanceof DiskError) return false;
      throw error;
    }
  });
}

function install(
  disk: Disk,
  directory: string,
  { from, place, parents, uid, gid }: Installation,
  statOf: (place: string) => Stat | undefined,
): boolean {
  const root = statOf(directory);
  const above = [directory, ...parents].map(statOf);
  if (!above.every(stat => stat?.kind === 'directory' && stat.device === root?.device)) return false;
  const owner = above.at(-1)!;
  if (owner!.uid !== uid || owner!.gid !== gid || disk.lstat(place)) return false;
  disk.rename(from, place);
  return true;
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
