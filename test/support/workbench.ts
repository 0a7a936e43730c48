/** A domain `d` on a disk in memory, its index, staging and trash: what applying works on. */
import type { Entry } from '../../src/core/entry.ts';
import { isLive } from '../../src/core/entry.ts';
import type { RelPath } from '../../src/core/path.ts';
import type { Action } from '../../src/core/plan.ts';
import { type Applied, apply } from '../../src/folder/apply.ts';
import type { Disk } from '../../src/folder/disk.ts';
import { DomainIndex } from '../../src/folder/index-store.ts';
import { inlineSmallFiles } from '../../src/folder/small-files.ts';
import { Staging } from '../../src/folder/staging.ts';
import { Trash } from '../../src/folder/trash.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';
import type { MemoryOptions } from '../sim/memory-volume.ts';

export const SELF = 7;
export const NOW = Date.UTC(2026, 0, 5);
const DAY = '2026-01-05';

export class Workbench {
  readonly disk: MemoryDisk;
  readonly index = new DomainIndex();
  readonly staging: Staging;
  readonly trash: Trash;
  readonly missing = new Set<RelPath>();
  readonly held = new Set<RelPath>();
  ignored: readonly string[] = [];
  /** What the steps see of the disk. */
  seen: Disk;

  constructor(options: Partial<MemoryOptions> = {}) {
    this.disk = new MemoryDisk({ now: () => NOW, ...options });
    for (const directory of ['d', 'trash']) this.disk.mkdir(directory, 0o755);
    this.staging = new Staging(this.disk, 'staging', inlineSmallFiles(this.disk));
    this.staging.open(NOW);
    this.trash = new Trash(this.disk, 'trash');
    this.seen = this.disk;
  }

  /** Puts an entry on the disk. A file's content is its path, as often as its size wants it. */
  place(entry: Entry): void {
    const at = `d/${entry.path}`;
    if (entry.kind === 'directory') this.disk.mkdir(at, entry.mode);
    else if (entry.kind === 'symlink') this.disk.symlink(entry.target!, at);
    else if (entry.kind === 'file') {
      this.disk.writeFile(at, contentOf(entry), entry.mode);
      this.disk.setDate(at, entry.mtime);
    }
  }

  /** Puts entries into the index, and on the disk. */
  have(...entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (isLive(entry)) this.place(entry);
      this.index.set(entry);
    }
  }

  /** The content of a wanted file has arrived, in a former life perhaps: all that is known of it is on disk. */
  stage(entry: Entry, content = contentOf(entry)): void {
    this.staging.append(entry).close();
    this.disk.writeFile(this.staging.place(entry), content, 0o600);
  }

  /** The content of a wanted file has arrived in a batch. */
  async receive(entry: Entry): Promise<void> {
    await this.staging.put([{ entry, bytes: contentOf(entry) }]);
  }

  apply(action: Action): Applied {
    const { index, staging, trash, missing, held } = this;
    const applied = apply(action, {
      disk: this.seen,
      directory: 'd',
      index,
      staging,
      trash,
      self: SELF,
      directories: new Map(),
      now: () => NOW,
      ignored: path => this.ignored.includes(path),
      isMissing: path => missing.has(path) || held.has(path),
      isHeld: path => held.has(path),
    });
    if (applied.result === 'done')
      for (const { entry, identity, kept } of applied.truths) index.set(entry, identity, kept);
    return applied;
  }

  /** What stands in the domain: kind, mode and content of each path. */
  tree(directory = 'd'): Record<string, string> {
    const found: Record<string, string> = {};
    for (const name of this.disk.list(directory)) {
      const at = `${directory}/${name}`;
      const stat = this.disk.lstat(at)!;
      const content =
        stat.kind === 'file'
          ? ` ${Buffer.from(this.disk.readFile(at))}`
          : stat.kind === 'symlink'
            ? ` ${this.disk.readlink(at)}`
            : '';
      found[at.slice(2)] = `${stat.kind} ${stat.mode.toString(8)}${content}`;
      if (stat.kind === 'directory') Object.assign(found, this.tree(at));
    }
    return found;
  }

  /** What lies in the trash of the day, at its top. */
  thrown(): string[] {
    return this.disk.lstat(`trash/${DAY}`) ? namesBelow(this.disk, `trash/${DAY}`).sort() : [];
  }
}

function contentOf({ path, size }: Entry): Buffer {
  return Buffer.alloc(size, path);
}

function namesBelow(disk: MemoryDisk, directory: string, prefix = ''): string[] {
  return disk.list(directory).flatMap(name => {
    const path = `${prefix}${name}`;
    const isDirectory = disk.lstat(`${directory}/${name}`)?.kind === 'directory';
    return isDirectory ? [`${path}/`, ...namesBelow(disk, `${directory}/${name}`, `${path}/`)] : [path];
  });
}
