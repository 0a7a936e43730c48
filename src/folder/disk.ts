/** The few operations on the synchronised volume that everything else in this folder is made of. */
import type { Seen } from '../core/entry.ts';

/** What lstat says of a path. */
export interface Stat {
  readonly kind: 'file' | 'directory' | 'symlink' | 'special';
  readonly size: number;
  /** Whole milliseconds, rounded down; also for directories and symlinks. */
  readonly mtime: number;
  readonly mode: number;
  readonly inode: number;
  /** Milliseconds, with a fraction; 0 where the file system has none. */
  readonly birth: number;
  readonly ctime: number;
  readonly device: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
}

/** A file that is open for reading. */
export interface Reader {
  stat(): Stat;
  /** Bytes read; 0 at the end. Reads at a position of its own, so that two readers of one file do not meet. */
  read(into: Uint8Array, position: number): Promise<number>;
  close(): void;
}

/** A file that is open for writing, at its end. */
export interface Writer {
  readonly size: number;
  /** Writes parts one after the other; long runs of zeros as holes, where the file system has them. */
  write(...parts: Uint8Array[]): Promise<void>;
  /** Brings what was written to the disk. */
  sync(): Promise<void>;
  close(): void;
}

/**
 * A volume. Paths are relative to its root (`''`: the root itself), names in them escaped as `core/path.ts` says. No operation
 * follows a symlink in the last component. Operations are synchronous, so that a recheck and the change it allows are one step
 * that nothing else in this process can interrupt; only the bytes of files travel asynchronously.
 *
 * Every operation throws a {@link DiskError}.
 */
export interface Disk {
  /** undefined where nothing is (ENOENT, ENOTDIR). */
  lstat(path: string): Stat | undefined;
  /** Names in a directory, in no order. */
  list(path: string): string[];
  readlink(path: string): string;
  mkdir(path: string, mode: number): void;
  rmdir(path: string): void;
  symlink(target: string, path: string): void;
  /** A second name for a file. */
  link(from: string, to: string): void;
  /** Replaces a file at `to`. */
  rename(from: string, to: string): void;
  unlink(path: string): void;
  chmod(path: string, mode: number): void;
  /** Sets a file's date (milliseconds since 1970) such that it reads back the same. */
  setDate(path: string, mtime: number): void;
  /** Gives a path an owner and group, or the group alone where the process may do only that; silently neither, where it may not. */
  chown(path: string, uid: number, gid: number): void;
  /** A copy of a file's content, sharing blocks where the file system can. */
  copy(from: string, to: string): void;
  /** A small file, whole. */
  readFile(path: string): Uint8Array;
  /** Writes a small file, whole; `mode` holds whatever the umask. */
  writeFile(path: string, bytes: Uint8Array, mode: number): void;
  /** Makes a small file, whole and with its mode and date, as far as the file system keeps them; answers what it is then. What stands there goes. */
  create(path: string, bytes: Uint8Array, mode: number, mtime: number): Stat;
  /** A small file, whole, or undefined where it has, or gets meanwhile, another size or date (milliseconds since 1970). */
  readUnchanged(path: string, size: number, mtime: number): Uint8Array | undefined;
  /** Appends to a file, making it where there is none. */
  append(path: string, bytes: Uint8Array): void;
  openRead(path: string): Reader;
  /** Opens for writing at the end; made with 0600 where missing. */
  openAppend(path: string): Writer;
  /** Brings one file to the disk. */
  syncFile(path: string): Promise<void>;
  /** Brings everything written to the volume so far to the disk. */
  sync(): Promise<void>;
  /** Free and total bytes. */
  space(): { free: number; total: number };
}

/** Why an operation on the volume failed. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  /** `ENOSPC`, `EACCES`, `EXDEV`, … */
  readonly code: string;
  readonly path: string;
  /** What the code does not tell, with the next step; part of the message. */
  readonly why: string | undefined;

  constructor(
    code: string,
    operation: string,
    path: string,
    options?: ErrorOptions & { readonly why?: string | undefined },
  ) {
    super(`${operation} ${path || '.'}: ${code}${options?.why === undefined ? '' : `: ${options.why}`}`, options);
    this.code = code;
    this.path = path;
    this.why = options?.why;
  }
}

/** Whether a file could not be opened because there is none, or something else stands there by now; any other reason is one against reading. */
export function isNoFile({ code }: DiskError): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'EINVAL', 'ENXIO'].includes(code);
}

/** Makes a private directory and those above it, as far as they are missing. */
export function makeDirectories(disk: Disk, path: string): void {
  for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
    const at = end < 0 ? path : path.slice(0, end);
    if (!disk.lstat(at)) disk.mkdir(at, 0o700);
    if (end < 0) return;
  }
}

/** The part of a stat that is synchronised, or undefined for a special file. */
export function seenOf(stat: Stat, target: () => string): Seen | undefined {
  switch (stat.kind) {
    case 'file':
      return { kind: 'file', size: stat.size, mtime: stat.mtime, mode: stat.mode };
    case 'directory':
      return { kind: 'directory', size: 0, mtime: 0, mode: stat.mode };
    case 'symlink':
      return { kind: 'symlink', size: 0, mtime: 0, mode: 0, target: target() };
    case 'special':
      return undefined;
    default:
      return stat.kind satisfies never;
  }
}
