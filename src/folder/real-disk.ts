/** A volume of this machine: {@link Disk} on `node:fs`. */
import fs from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { fromBytes, toBytes } from '../core/path.ts';
import { type Disk, DiskError, type Reader, type Stat, type Writer } from './disk.ts';
import { runsOf } from './holes.ts';
import { WriteBack } from './write-back.ts';

const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_TRUNC, O_WRONLY } =
  fs.constants;

/** Opens a path for naming it only: needs no permission on it and waits for nobody. The same on every Linux that Node runs on. */
const O_PATH = 0o10000000;
/** A symlink is refused; a FIFO that appears where a file was does not block the process. */
const CAREFUL = O_NOFOLLOW | O_NONBLOCK;
/** What stands for bytes that are not UTF-8 in the names that Node decodes. */
const REPLACEMENT = '\ufffd';
/** Mode of private files. */
const PRIVATE_MODE = 0o600;
const PERMISSIONS = 0o777;
/** `ENOSPC` sends people looking for bytes. */
const NO_INODES =
  'no inodes are left, though bytes are (df -i); remove files, those in the trash count too, or give the file system more inodes';
/** What chown(2) takes for "as it is". */
const SAME_OWNER = -1;

const readAt = promisify(fs.read);
const writeAt = promisify(fs.writev);
const fsync = promisify(fs.fsync);

/** The volume at a directory of this machine. The root may be a symlink; nothing below it is followed. */
export function realDisk(root: string): Disk {
  return new RealDisk(resolve(root));
}

class RealDisk implements Disk {
  readonly #root: string;
  #writeBack: WriteBack | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  lstat(path: string): Stat | undefined {
    return this.#try('lstat', path, at => {
      try {
        const stat = fs.lstatSync(at, { throwIfNoEntry: false });
        if (stat === undefined || !isDateUnsure(stat)) return stat && statOf(stat, Math.floor(stat.mtimeMs));
        const exact = fs.lstatSync(at, { bigint: true, throwIfNoEntry: false });
        return exact && exactStatOf(exact);
      } catch (error) {
        if (codeOf(error) === 'ENOTDIR') return undefined;
        throw error;
      }
    });
  }

  list(path: string): string[] {
    return this.#try('list', path, at =>
      pinned(at, O_DIRECTORY, directory => {
        const names = fs.readdirSync(directory);
        if (!names.some(name => name.includes(REPLACEMENT))) return names;
        return fs.readdirSync(directory, { encoding: 'buffer' }).map(fromBytes);
      }),
    );
  }

  readlink(path: string): string {
    return this.#try('readlink', path, at => fromBytes(fs.readlinkSync(at, { encoding: 'buffer' })));
  }

  mkdir(path: string, mode: number): void {
    this.#try('mkdir', path, at => {
      fs.mkdirSync(at, mode);
      unlessRefused(() => setMode(at, mode));
    });
  }

  rmdir(path: string): void {
    this.#try('rmdir', path, at => fs.rmdirSync(at));
  }

  symlink(target: string, path: string): void {
    this.#try('symlink', path, at => fs.symlinkSync(native(target), at));
  }

  link(from: string, to: string): void {
    this.#try('link', to, at => fs.linkSync(this.#at(from), at));
  }

  rename(from: string, to: string): void {
    this.#try('rename', to, at => fs.renameSync(this.#at(from), at));
  }

  unlink(path: string): void {
    this.#try('unlink', path, at => fs.unlinkSync(at));
  }

  chmod(path: string, mode: number): void {
    this.#try('chmod', path, at => setMode(at, mode));
  }

  setDate(path: string, mtime: number): void {
    this.#try('set date of', path, at => fs.lutimesSync(at, dateOf(mtime), dateOf(mtime)));
  }

  chown(path: string, uid: number, gid: number): void {
    this.#try('chown', path, at => {
      unlessRefused(() => {
        try {
          fs.lchownSync(at, uid, gid);
        } catch (error) {
          if (codeOf(error) !== 'EPERM') throw error;
          // Nobody but root gives files away; a member may give his own to a group.
          fs.lchownSync(at, SAME_OWNER, gid);
        }
      });
    });
  }

  copy(from: string, to: string): void {
    this.#try('copy', from, at =>
      pinned(at, 0, (source, fd) => {
        requireFile(fs.fstatSync(fd));
        // Never through a symlink, nor into a file that has another name elsewhere.
        remove(this.#at(to));
        fs.copyFileSync(source, this.#at(to), fs.constants.COPYFILE_FICLONE | fs.constants.COPYFILE_EXCL);
      }),
    );
  }

  readFile(path: string): Uint8Array {
    return this.#withOpen('read', path, O_RDONLY, fd => fs.readFileSync(fd));
  }

  writeFile(path: string, bytes: Uint8Array, mode: number): void {
    this.#withOpen('write', path, O_WRONLY | O_CREAT | O_TRUNC, fd => {
      unlessRefused(() => fs.fchmodSync(fd, mode));
      fs.writeFileSync(fd, bytes);
    });
  }

  create(path: string, bytes: Uint8Array, mode: number, mtime: number): Stat {
    return this.#try('create', path, at => {
      const fd = createNew(at, (mode & PERMISSIONS) | PRIVATE_MODE);
      try {
        for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done);
        const date = dateOf(mtime);
        unlessRefused(() => fs.futimesSync(fd, date, date));
        const stat = statOfOpen(fd);
        if (stat.mode === (mode & PERMISSIONS)) return stat;
        // The umask took some of it, or its owner may not write to it.
        unlessRefused(() => fs.fchmodSync(fd, mode & PERMISSIONS));
        return statOfOpen(fd);
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  readUnchanged(path: string, size: number, mtime: number): Uint8Array | undefined {
    return this.#try('read', path, at => {
      const fd = openToRead(at);
      try {
        const isUnchanged = () => {
          const stat = statOfOpen(fd);
          return stat.kind === 'file' && stat.size === size && stat.mtime === mtime;
        };
        if (!isUnchanged()) return undefined;
        const bytes = Buffer.allocUnsafe(size);
        let done = 0;
        for (let read = -1; done < size && read !== 0; done += read)
          read = fs.readSync(fd, bytes, done, size - done, done);
        return done === size && isUnchanged() ? bytes : undefined;
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  append(path: string, bytes: Uint8Array): void {
    this.#withOpen('append to', path, O_WRONLY | O_CREAT | O_APPEND, fd => fs.writeFileSync(fd, bytes));
  }

  openRead(path: string): Reader {
    return new OpenFile(path, this.#open('open', path, O_RDONLY));
  }

  openAppend(path: string): Writer {
    return new OpenFile(path, this.#open('open', path, O_WRONLY | O_CREAT));
  }

  async syncFile(path: string): Promise<void> {
    const file = new OpenFile(path, this.#open('open', path, O_RDONLY));
    try {
      await file.sync();
    } finally {
      file.close();
    }
  }

  sync(): Promise<void> {
    this.#writeBack ??= new WriteBack(this.#root);
    return this.#writeBack.run();
  }

  space(): { free: number; total: number } {
    return this.#try('statfs', '', at => {
      const { bavail, blocks, bsize } = fs.statfsSync(at);
      return { free: bavail * bsize, total: blocks * bsize };
    });
  }

  #at(path: string): string | Buffer {
    // With a slash at its end the root is followed where it is a symlink; nothing else ever is.
    return native(`${this.#root}/${path}`);
  }

  #try<T>(operation: string, path: string, act: (at: string | Buffer) => T): T {
    try {
      return act(this.#at(path));
    } catch (error) {
      const code = codeOf(error);
      const why = code === 'ENOSPC' && this.#lacksInodes(path) ? NO_INODES : undefined;
      throw new DiskError(code, operation, path, { cause: error, why });
    }
  }

  /** Whether there is room for bytes and for no file more, where a path is to be. */
  #lacksInodes(path: string): boolean {
    try {
      const { bavail, files, ffree } = fs.statfsSync(this.#at(path.slice(0, Math.max(0, path.lastIndexOf('/')))));
      // Without a number of files at all there is no bound (btrfs).
      return files > 0 && ffree === 0 && bavail > 0;
    } catch {
      return false;
    }
  }

  #open(operation: string, path: string, flags: number): number {
    return this.#try(operation, path, at => {
      const fd = flags === O_RDONLY ? openToRead(at) : fs.openSync(at, flags | CAREFUL, PRIVATE_MODE);
      try {
        requireFile(fs.fstatSync(fd));
        return fd;
      } catch (error) {
        fs.closeSync(fd);
        throw error;
      }
    });
  }

  #withOpen<T>(operation: string, path: string, flags: number, act: (fd: number) => T): T {
    const fd = this.#open(operation, path, flags);
    try {
      return this.#try(operation, path, () => act(fd));
    } finally {
      fs.closeSync(fd);
    }
  }
}

/**
 * An open descriptor. It is closed only when no read or write is under way in the thread pool: these know it by its number, which
 * the next open file would get.
 */
class OpenFile implements Reader, Writer {
  readonly #path: string;
  readonly #fd: number;
  #size: number;
  #busy = 0;
  #closed = false;

  constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
    this.#size = fs.fstatSync(fd).size;
  }

  get size(): number {
    return this.#size;
  }

  stat(): Stat {
    try {
      return statOfOpen(this.#fd);
    } catch (error) {
      throw new DiskError(codeOf(error), 'stat', this.#path, { cause: error });
    }
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#use('read', async fd => (await readAt(fd, into, 0, into.length, position)).bytesRead);
  }

  write(...parts: Uint8Array[]): Promise<void> {
    return this.#use('write', async fd => {
      for (const { hole, data } of runsOf(parts)) {
        this.#size += hole;
        for (let left = data; left.length > 0; ) {
          const { bytesWritten } = await writeAt(fd, left, this.#size);
          this.#size += bytesWritten;
          left = without(left, bytesWritten);
        }
      }
    });
  }

  sync(): Promise<void> {
    return this.#use('sync', fsync);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#busy === 0) fs.closeSync(this.#fd);
  }

  async #use<T>(operation: string, act: (fd: number) => Promise<T>): Promise<T> {
    if (this.#closed) throw new DiskError('EBADF', operation, this.#path);
    this.#busy++;
    try {
      return await act(this.#fd);
    } catch (error) {
      throw new DiskError(codeOf(error), operation, this.#path, { cause: error });
    } finally {
      if (--this.#busy === 0 && this.#closed) fs.closeSync(this.#fd);
    }
  }
}

/** What is left of parts after so many bytes: a write may end early. */
function without(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let done = bytes;
  return parts.flatMap(part => {
    const taken = Math.min(done, part.length);
    done -= taken;
    return taken === part.length ? [] : [part.subarray(taken)];
  });
}

/**
 * Runs an operation that would follow a symlink on what stands at a path itself. Between an lstat and the operation anybody who may
 * write to the tree could put a symlink there; an open descriptor stays what it is.
 */
function pinned<T>(at: string | Buffer, flags: number, act: (at: string | Buffer, fd: number) => T): T {
  const onLinux = process.platform === 'linux';
  const fd = fs.openSync(at, flags | CAREFUL | (onLinux ? O_PATH : O_RDONLY));
  try {
    return act(onLinux ? `/proc/self/fd/${fd}` : at, fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Sets the permission bits and leaves set-group-id and its like: a new directory has it from the one above. */
function setMode(at: string | Buffer, mode: number): void {
  pinned(at, 0, (path, fd) => {
    const stat = fs.fstatSync(fd);
    if (stat.isSymbolicLink()) throw Object.assign(new Error('a symlink has no mode'), { code: 'ELOOP' });
    fs.chmodSync(path, (stat.mode & 0o7000) | (mode & PERMISSIONS));
  });
}

/** How a file system says that it has no such attribute, or none with this value. */
const NOT_KEPT: readonly string[] = ['EPERM', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EOVERFLOW', 'ERANGE'];

/** An attribute of what we have just made is refused only where the file system does not keep it; the stat afterwards tells. */
function unlessRefused(set: () => void): void {
  try {
    set();
  } catch (error) {
    if (!NOT_KEPT.includes(codeOf(error))) throw error;
  }
}

/**
 * Opens for reading without setting the date of the last access, where the file is ours: a tree that is synchronised is read by every
 * peer, and none of it is anybody's use of it.
 */
function openToRead(at: string | Buffer): number {
  try {
    return fs.openSync(at, O_RDONLY | CAREFUL | (O_NOATIME ?? 0));
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error;
    return fs.openSync(at, O_RDONLY | CAREFUL);
  }
}

/** A new file, whatever was there before, with a mode as far as the umask lets it. */
function createNew(at: string | Buffer, mode: number): number {
  const flags = O_WRONLY | O_CREAT | O_EXCL | CAREFUL;
  try {
    return fs.openSync(at, flags, mode);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    fs.unlinkSync(at);
    return fs.openSync(at, flags, mode);
  }
}

/**
 * A date as Node takes it. The middle of the millisecond: what a double rounds, in either direction, stays within it. Before 1970 as
 * text, because Node takes a negative number for "now".
 */
function dateOf(mtime: number): number | string {
  const seconds = (mtime + 0.5) / 1000;
  return seconds < 0 ? String(seconds) : seconds;
}

function remove(at: string | Buffer): void {
  try {
    fs.unlinkSync(at);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function requireFile(stat: fs.Stats): void {
  if (stat.isFile()) return;
  const code = stat.isDirectory() ? 'EISDIR' : stat.isSymbolicLink() ? 'ELOOP' : 'EINVAL';
  throw Object.assign(new Error('not a regular file'), { code });
}

/** A double cannot hold nanoseconds: a date of 999,999 of them past a millisecond reads as the next one. */
function isDateUnsure(stat: fs.Stats): boolean {
  return Number.isInteger(stat.mtimeMs);
}

function statOfOpen(fd: number): Stat {
  const stat = fs.fstatSync(fd);
  if (!isDateUnsure(stat)) return statOf(stat, Math.floor(stat.mtimeMs));
  return exactStatOf(fs.fstatSync(fd, { bigint: true }));
}

function exactStatOf(stat: fs.BigIntStats): Stat {
  const inMillisecond = ((stat.mtimeNs % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return statOf(stat, Number((stat.mtimeNs - inMillisecond) / 1_000_000n));
}

function statOf(stat: fs.Stats | fs.BigIntStats, mtime: number): Stat {
  return {
    kind: stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'special',
    size: Number(stat.size),
    mtime,
    mode: Number(stat.mode) & PERMISSIONS,
    inode: Number(stat.ino),
    birth: milliseconds(stat, 'birthtime'),
    ctime: milliseconds(stat, 'ctime'),
    device: Number(stat.dev),
    links: Number(stat.nlink),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
  };
}

/** One number for one time, whichever way it was asked for. */
function milliseconds(stat: fs.Stats | fs.BigIntStats, which: 'birthtime' | 'ctime'): number {
  if (typeof stat.size === 'number') return (stat as fs.Stats)[`${which}Ms`];
  const ns = (stat as fs.BigIntStats)[`${which}Ns`];
  return Number(ns / 1_000_000_000n) * 1000 + Number(ns % 1_000_000_000n) / 1_000_000;
}

/** What Node takes for a path or a symlink's target: bytes where the name is no text. */
function native(text: string): string | Buffer {
  return text.isWellFormed() ? text : toBytes(text);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'EUNKNOWN';
}
