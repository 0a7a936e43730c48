/**
 * A volume in memory, with the semantics of Linux where they matter: inodes and hard links, rename(2), open files that outlive their
 * names. It can lose its process in the middle of a batch, go back to an older state, and be as poor as FAT.
 *
 * A symlink in the middle of a path is ENOTDIR here (Linux would follow it): whatever reaches through one is a mistake.
 */
import { type Disk, DiskError, type Reader, type Stat, type Writer } from '../../src/folder/disk.ts';
import {
  contentOf,
  copyOf,
  Errno,
  type Inode,
  type MemoryOptions,
  MemoryVolume,
  type Slot,
  WITHOUT_MODES,
} from './memory-volume.ts';

/** The process that used the disk is dead: whatever it did before holds, nothing after does. Never a {@link DiskError}. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** The state of a subtree at one moment; see {@link MemoryDisk.snapshot}. */
export interface Snapshot {
  readonly path: string;
  readonly tree: Inode | undefined;
}

/** Whose process it is. The owner of everything, where he is not root, changes no name in a directory that he may not write to. */
export type Who = 'root' | 'owner';

/** The disk as one process sees it. In a simulation the engine has one mount, the users another, a restarted engine a new one. */
export class MemoryDisk implements Disk {
  readonly #volume: MemoryVolume;
  readonly #who: Who;
  /** Mutations left before the crash. */
  #fuse = Number.POSITIVE_INFINITY;
  #torn = false;
  #dead = false;
  #refuse: (mutation: boolean) => string | undefined = () => undefined;

  constructor(volume: MemoryOptions | MemoryVolume, who: Who = 'root') {
    this.#volume = volume instanceof MemoryVolume ? volume : new MemoryVolume(volume);
    this.#who = who;
  }

  /** The same disk for another process, which crashes on its own. */
  mount(who?: Who): MemoryDisk {
    return new MemoryDisk(this.#volume, who);
  }

  /**
   * Lets this mount's process die after so many more successful mutations: the next one, and everything on this mount after it, throws
   * a {@link Crash}. With `torn`, the bytes that the last one was about to write get half way.
   */
  failAfter(mutations: number, torn = false): void {
    this.#fuse = mutations;
    this.#torn = torn;
  }

  /**
   * Has operations of this mount fail: called before each, answers the code that it fails with, if it does. Of what is written then half
   * arrives.
   */
  refuse(refusal: (mutation: boolean) => string | undefined): void {
    this.#refuse = refusal;
  }

  /** The process dies now. */
  kill(): void {
    this.#dead = true;
  }

  /** Whether the process of this mount has died. */
  get dead(): boolean {
    return this.#dead;
  }

  /** The state of the disk, or of what stands at a path (undefined there: nothing). */
  snapshot(path = ''): Snapshot {
    const inode = this.#volume.walk(path);
    return { path, tree: inode && copyOf(inode) };
  }

  /**
   * Takes a snapshot's path back to its state, as often as wanted. The whole disk comes back with its inode numbers (a snapshot of a
   * virtual machine), a part of it with new ones (a restored backup). Nobody is told by {@link watch}.
   */
  restore(snapshot: Snapshot): void {
    this.#volume.replace(snapshot.path, snapshot.tree);
  }

  /** Makes every operation at or below a path fail with a code such as EACCES or EIO, until called without one. */
  fail(path: string, code?: string): void {
    if (code === undefined) this.#volume.failing.delete(path);
    else this.#volume.failing.set(path, code);
  }

  /** Calls back with the path of each name or file that changed, whoever changed it, on whatever mount; answers how to stop. */
  watch(listener: (path: string) => void): () => void {
    this.#volume.watchers.add(listener);
    return () => this.#volume.watchers.delete(listener);
  }

  /** Makes something that is never synchronised: a device, FIFO or socket. */
  mknod(path: string): void {
    this.#change('mknod', path, () => this.#make(path, 'special', 0o600));
  }

  lstat(path: string): Stat | undefined {
    return this.#try('lstat', path, () => {
      try {
        const inode = this.#volume.walk(path);
        return inode && this.#statOf(inode);
      } catch (error) {
        if (error instanceof Errno && error.code === 'ENOTDIR') return undefined;
        throw error;
      }
    });
  }

  list(path: string): string[] {
    return this.#try('list', path, () => [...this.#volume.need(path, 'directory').children.keys()]);
  }

  readlink(path: string): string {
    return this.#try('readlink', path, () => {
      const inode = this.#volume.get(path);
      if (inode.kind !== 'symlink') throw new Errno('EINVAL');
      return inode.target;
    });
  }

  mkdir(path: string, mode: number): void {
    this.#change('mkdir', path, () => this.#make(path, 'directory', mode));
  }

  rmdir(path: string): void {
    this.#change('rmdir', path, () => {
      const slot = this.#slot(path);
      if (this.#volume.need(path, 'directory').children.size > 0) throw new Errno('ENOTEMPTY');
      this.#volume.drop(slot);
    });
  }

  symlink(target: string, path: string): void {
    this.#change('symlink', path, () => {
      if (target === '') throw new Errno('ENOENT');
      this.#make(path, 'symlink', 0o777).target = target;
    });
  }

  link(from: string, to: string): void {
    this.#change('link', to, () => {
      const inode = this.#volume.get(from);
      const slot = this.#slot(to);
      if (slot.inode) throw new Errno('EEXIST');
      if (inode.kind === 'directory' || this.#volume.options.withoutLinks) throw new Errno('EPERM');
      this.#volume.enter(slot, inode);
      inode.links++;
    });
  }

  rename(from: string, to: string): void {
    this.#change('rename', to, () => {
      const source = this.#slot(from);
      const target = this.#slot(to);
      if (source.inode === undefined) throw new Errno('ENOENT');
      if (source.inode === target.inode) return;
      if (`${to}/`.startsWith(`${from}/`)) throw new Errno('EINVAL');
      if (target.inode) {
        requireReplaceable(source.inode, target.inode);
        this.#volume.drop(target);
      }
      source.directory.children.delete(source.name);
      this.#volume.touch(source.directory);
      this.#volume.enter(target, source.inode);
      this.#volume.tell(from);
    });
  }

  unlink(path: string): void {
    this.#change('unlink', path, () => {
      if (this.#volume.get(path).kind === 'directory') throw new Errno('EISDIR');
      this.#volume.drop(this.#slot(path));
    });
  }

  chmod(path: string, mode: number): void {
    this.#change('chmod', path, () => {
      const inode = this.#volume.get(path);
      if (inode.kind === 'symlink') throw new Errno('ELOOP');
      if (this.#volume.options.withoutModes && mode !== WITHOUT_MODES) throw new Errno('EPERM');
      inode.mode = mode & 0o777;
      inode.ctime = this.#volume.now();
    });
  }

  setDate(path: string, mtime: number): void {
    this.#change('set date of', path, () => {
      Object.assign(this.#volume.get(path), { mtime: this.#volume.coarse(mtime), ctime: this.#volume.now() });
    });
  }

  chown(path: string, uid: number, gid: number): void {
    this.#change('chown', path, () => Object.assign(this.#volume.get(path), { uid, gid, ctime: this.#volume.now() }));
  }

  copy(from: string, to: string): void {
    this.#change('copy', to, () => {
      const source = this.#volume.need(from, 'file');
      const slot = this.#slot(to);
      if (slot.inode?.kind === 'directory') throw new Errno('EISDIR');
      if (slot.inode) this.#volume.drop(slot);
      this.#volume.put(this.#make(to, 'file', source.mode), contentOf(source), 0);
    });
  }

  readFile(path: string): Uint8Array {
    return this.#try('read', path, () => contentOf(this.#volume.need(path, 'file')).slice());
  }

  writeFile(path: string, bytes: Uint8Array, mode: number): void {
    this.#write('write', path, bytes, part => {
      const inode = this.#file(path, mode);
      inode.mode = this.#volume.options.withoutModes ? WITHOUT_MODES : mode & 0o777;
      this.#volume.put(inode, part, 0);
    });
  }

  create(path: string, bytes: Uint8Array, mode: number, mtime: number): Stat {
    if (this.lstat(path)) this.unlink(path);
    this.writeFile(path, bytes, mode);
    this.setDate(path, mtime);
    return this.lstat(path)!;
  }

  readUnchanged(path: string, size: number, mtime: number): Uint8Array | undefined {
    const stat = this.lstat(path);
    return stat?.kind === 'file' && stat.size === size && stat.mtime === mtime ? this.readFile(path) : undefined;
  }

  append(path: string, bytes: Uint8Array): void {
    this.#write('append to', path, bytes, part => {
      const inode = this.#file(path, 0o600);
      this.#volume.put(inode, part, inode.size);
    });
  }

  openRead(path: string): Reader {
    const inode = this.#try('open', path, () => this.#volume.need(path, 'file'));
    const read = (into: Uint8Array, position: number) => {
      const bytes = contentOf(inode).subarray(position, position + into.length);
      into.set(bytes);
      return bytes.length;
    };
    return {
      stat: () => this.#try('stat', path, () => this.#statOf(inode)),
      read: async (into, position) => this.#try('read', path, () => read(into, position)),
      close() {},
    };
  }

  openAppend(path: string): Writer {
    const inode = this.#change('open', path, () => this.#file(path, 0o600));
    return {
      get size() {
        return inode.size;
      },
      write: async (...parts) =>
        this.#write('write', path, Buffer.concat(parts), part => this.#volume.put(inode, part, inode.size)),
      sync: async () => this.#try('sync', path, () => {}),
      close() {},
    };
  }

  async syncFile(path: string): Promise<void> {
    this.#try('sync', path, () => this.#volume.need(path, 'file'));
  }

  async sync(): Promise<void> {
    this.#try('sync', '', () => {});
  }

  space(): { free: number; total: number } {
    return this.#try('statfs', '', () => this.#volume.space());
  }

  #try<T>(operation: string, path: string, act: () => T): T {
    if (this.#dead) throw new Crash(`${operation} ${path}`);
    const refused = this.#refuse(false);
    if (refused !== undefined) throw new DiskError(refused, operation, path);
    try {
      return act();
    } catch (error) {
      throw error instanceof Errno ? new DiskError(error.code, operation, path) : error;
    }
  }

  /** A mutation: the process may die instead of it, having done `torn` at most. */
  #change<T>(operation: string, path: string, act: () => T, torn: () => void = () => {}): T {
    return this.#try(operation, path, () => {
      if (this.#fuse <= 0) {
        this.#dead = true;
        if (this.#torn) unlessRefused(torn);
        throw new Crash(`${operation} ${path}`);
      }
      const refused = this.#refuse(true);
      if (refused !== undefined) {
        unlessRefused(torn);
        throw new Errno(refused);
      }
      const result = act();
      this.#fuse--;
      this.#volume.tell(path);
      return result;
    });
  }

  #write(operation: string, path: string, bytes: Uint8Array, put: (part: Uint8Array) => void): void {
    const half = bytes.subarray(0, bytes.length >> 1);
    this.#change(
      operation,
      path,
      () => put(bytes),
      () => put(half),
    );
  }

  /** Where a name is to change. */
  #slot(path: string): Slot {
    const slot = this.#volume.slot(path);
    if (this.#who !== 'root' && (slot.directory.mode & 0o200) === 0) throw new Errno('EACCES');
    return slot;
  }

  #make(path: string, kind: Inode['kind'], mode: number): Inode {
    this.#slot(path);
    return this.#volume.make(path, kind, mode);
  }

  /** The file at a path, made where there is none. */
  #file(path: string, mode: number): Inode {
    return this.#volume.walk(path) ? this.#volume.need(path, 'file') : this.#make(path, 'file', mode);
  }

  #statOf(inode: Inode): Stat {
    const { kind, size, mtime, mode, number, birth, ctime, links, uid, gid } = inode;
    return {
      kind,
      size,
      mtime,
      mode,
      inode: number,
      birth,
      ctime,
      device: this.#volume.options.device ?? 1,
      links,
      uid,
      gid,
    };
  }
}

/** Half a write that would have failed anyway leaves nothing; the crash is what counts. */
function unlessRefused(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
}

/** rename(2): a directory replaces an empty directory, anything else anything that is no directory. */
function requireReplaceable(source: Inode, target: Inode): void {
  if (target.kind !== 'directory') {
    if (source.kind === 'directory') throw new Errno('ENOTDIR');
    return;
  }
  if (source.kind !== 'directory') throw new Errno('EISDIR');
  if (target.children.size > 0) throw new Errno('ENOTEMPTY');
}
