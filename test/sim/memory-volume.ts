/** Inodes and names in memory: what {@link MemoryDisk} is made of. */
import type { Stat } from '../../src/folder/disk.ts';

/** What kind of file system it is. */
export interface MemoryOptions {
  /** Milliseconds since 1970: the source of all dates. */
  readonly now: () => number;
  /** Dates of files are kept to so many milliseconds (FAT: 2000). */
  readonly granuleMs?: number;
  /** As FAT: everything has mode 755, and chmod is refused with EPERM. */
  readonly withoutModes?: boolean;
  /** link(2) is refused with EPERM (protected_hardlinks, FAT). */
  readonly withoutLinks?: boolean;
  /** Bytes; writing more is ENOSPC. */
  readonly capacity?: number;
  readonly device?: number;
}

export interface Inode {
  number: number;
  readonly kind: Stat['kind'];
  readonly birth: number;
  mode: number;
  mtime: number;
  ctime: number;
  links: number;
  uid: number;
  gid: number;
  /** Content of a file, never changed in place before `size`: snapshots share it. */
  bytes: Uint8Array;
  size: number;
  target: string;
  readonly children: Map<string, Inode>;
}

/** Where a name stands, or would. */
export interface Slot {
  readonly directory: Inode;
  readonly name: string;
  readonly inode: Inode | undefined;
}

/** A failure, before it is known what failed where. */
export class Errno extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Mode of everything where there are no modes. */
export const WITHOUT_MODES = 0o755;
const DEFAULT_CAPACITY = 2 ** 40;

/** The namespace that all mounts of one disk share. Its methods throw an {@link Errno}. */
export class MemoryVolume {
  readonly options: MemoryOptions;
  root: Inode;
  /** Operations at or below these paths fail with a code. */
  readonly failing = new Map<string, string>();
  readonly watchers = new Set<(path: string) => void>();
  #nextNumber = 2;
  #births = 0;
  /** Inode numbers of deleted files, which the next new ones get, as on ext4: a number alone identifies nothing. */
  #free: number[] = [];

  constructor(options: MemoryOptions) {
    this.options = options;
    this.root = this.#inode('directory', 0o755);
  }

  now(): number {
    return this.options.now();
  }

  /** undefined where nothing is; a symlink in the middle is ENOTDIR. */
  walk(path: string): Inode | undefined {
    this.#requireWorking(path);
    let inode: Inode | undefined = this.root;
    for (const name of path === '' ? [] : path.split('/')) {
      if (inode === undefined) return undefined;
      if (inode.kind !== 'directory') throw new Errno('ENOTDIR');
      inode = inode.children.get(name);
    }
    return inode;
  }

  get(path: string): Inode {
    const inode = this.walk(path);
    if (inode === undefined) throw new Errno('ENOENT');
    return inode;
  }

  need(path: string, kind: 'file' | 'directory'): Inode {
    const inode = this.get(path);
    if (inode.kind === kind) return inode;
    if (kind === 'directory') throw new Errno('ENOTDIR');
    throw new Errno(inode.kind === 'directory' ? 'EISDIR' : inode.kind === 'symlink' ? 'ELOOP' : 'EINVAL');
  }

  slot(path: string): Slot {
    if (path === '') throw new Errno('EBUSY');
    this.#requireWorking(path);
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    const directory = this.need(path.slice(0, Math.max(0, slash)), 'directory');
    return { directory, name, inode: directory.children.get(name) };
  }

  make(path: string, kind: Inode['kind'], mode: number): Inode {
    const slot = this.slot(path);
    if (slot.inode) throw new Errno('EEXIST');
    const inode = this.#inode(kind, mode);
    this.enter(slot, inode);
    return inode;
  }

  enter({ directory, name }: Slot, inode: Inode): void {
    directory.children.set(name, inode);
    inode.ctime = this.touch(directory);
  }

  drop({ directory, name, inode }: Slot): void {
    directory.children.delete(name);
    this.touch(directory);
    if (inode && --inode.links === 0) this.#free.push(inode.number);
  }

  /** A directory's names have changed; answers when. */
  touch(directory: Inode): number {
    directory.mtime = directory.ctime = this.now();
    return directory.ctime;
  }

  /** Writes at the start (replacing all) or at the end of a file. */
  put(inode: Inode, bytes: Uint8Array, at: number): void {
    const size = at + bytes.length;
    if (size > inode.size && size - inode.size > this.space().free) throw new Errno('ENOSPC');
    if (at === 0 || size > inode.bytes.length) inode.bytes = grown(contentOf(inode).subarray(0, at), size);
    inode.bytes.set(bytes, at);
    inode.size = size;
    inode.ctime = this.now();
    inode.mtime = this.coarse(inode.ctime);
  }

  /** A date as this file system keeps it. */
  coarse(date: number): number {
    const { granuleMs = 1 } = this.options;
    return Math.floor(date / granuleMs) * granuleMs;
  }

  space(): { free: number; total: number } {
    const { capacity } = this.options;
    if (capacity === undefined) return { free: DEFAULT_CAPACITY, total: DEFAULT_CAPACITY };
    let used = 0;
    for (const inode of inodesBelow(this.root)) used += inode.size;
    return { free: capacity - used, total: capacity };
  }

  /** Puts a tree back: the whole disk with its inode numbers, a part of it with new ones. */
  replace(path: string, tree: Inode | undefined): void {
    const root = tree && copyOf(tree);
    if (path === '') {
      this.root = root ?? this.#inode('directory', 0o755);
      this.#free = [];
      return;
    }
    const slot = this.slot(path);
    if (slot.inode) this.drop(slot);
    if (root === undefined) return;
    for (const inode of inodesBelow(root)) inode.number = this.#nextNumber++;
    this.enter(slot, root);
  }

  tell(path: string): void {
    for (const watcher of this.watchers) watcher(path);
  }

  #inode(kind: Inode['kind'], mode: number): Inode {
    const now = this.now();
    return {
      number: this.#free.pop() ?? this.#nextNumber++,
      kind,
      // Two files made in one virtual millisecond differ, as they do in nanoseconds.
      birth: now + (++this.#births % 1000) / 1000,
      mode: this.options.withoutModes ? WITHOUT_MODES : mode & 0o777,
      mtime: this.coarse(now),
      ctime: now,
      links: 1,
      uid: 0,
      gid: 0,
      bytes: new Uint8Array(),
      size: 0,
      target: '',
      children: new Map(),
    };
  }

  #requireWorking(path: string): void {
    for (const [failing, code] of this.failing)
      if (failing === '' || `${path}/`.startsWith(`${failing}/`)) throw new Errno(code);
  }
}

export function contentOf(inode: Inode): Uint8Array {
  return inode.bytes.subarray(0, inode.size);
}

/** A copy of a tree in which the names of one inode still share it. */
export function copyOf(inode: Inode, copies = new Map<Inode, Inode>()): Inode {
  const known = copies.get(inode);
  if (known) return known;
  const copy: Inode = { ...inode, bytes: contentOf(inode), children: new Map() };
  copies.set(inode, copy);
  for (const [name, child] of inode.children) copy.children.set(name, copyOf(child, copies));
  return copy;
}

function inodesBelow(inode: Inode, found = new Set<Inode>()): Set<Inode> {
  found.add(inode);
  for (const child of inode.children.values()) inodesBelow(child, found);
  return found;
}

/** Room for `size` bytes, and for more where the file grows: appending stays linear. */
function grown(bytes: Uint8Array, size: number): Uint8Array {
  const room = new Uint8Array(bytes.length === 0 ? size : size * 2);
  room.set(bytes);
  return room;
}
