/** A fresh look at one path: what the disk shows now, taken by lstat and nothing else. */
import type { Seen } from '../core/entry.ts';
import { isTooLong, parentOf, type RelPath } from '../core/path.ts';
import { type Disk, DiskError, type Stat, seenOf } from './disk.ts';
import { placeOf } from './scan.ts';

/**
 * What a look shows: something, nothing that is synchronised (`seen` undefined; a special file or nothing at all), or why it cannot
 * tell (`mount`, `too-long`, an error's code).
 */
export type Sight =
  | { readonly seen: Seen; readonly stat: Stat }
  | { readonly seen: undefined; readonly isSpecial?: boolean }
  | { readonly hidden: string };

/** Looks into one domain. Within a synchronous stretch what was seen of the root and of parents is remembered. */
export class Sights {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #parents = new Map<RelPath, string>();
  #root: Stat | undefined;

  /** @param directory the domain's, relative to the volume's root */
  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Forgets root and parents: time has passed. */
  refresh(): void {
    this.#parents.clear();
    this.#root = undefined;
  }

  /** Missing is only what is not there while all of its parents could be seen: an error or a mount hides, it never deletes. */
  of(path: RelPath): Sight {
    try {
      this.#root ??= this.#disk.lstat(this.#directory);
      const root = this.#root;
      if (root?.kind !== 'directory') return { hidden: 'the domain’s directory is missing' };
      const above = this.#above(path, root.device);
      if (above === 'other') return { seen: undefined };
      if (above !== 'directory') return { hidden: above };
      return this.#show(path, root.device);
    } catch (error) {
      if (error instanceof DiskError) return { hidden: error.code };
      throw error;
    }
  }

  #show(path: RelPath, device: number): Sight {
    const place = placeOf(this.#directory, path);
    const stat = this.#disk.lstat(place);
    if (!stat) return { seen: undefined };
    if (isTooLong(path)) return { hidden: 'too-long' };
    if (stat.device !== device) return { hidden: 'mount' };
    const seen = seenOf(stat, () => this.#disk.readlink(place));
    return seen ? { seen, stat } : { seen, isSpecial: true };
  }

  /** `directory` where all parents are directories of this file system; else what the outermost other one is. */
  #above(path: RelPath, device: number): string {
    const parent = parentOf(path);
    if (parent === undefined) return 'directory';
    let kind = this.#parents.get(parent);
    if (kind === undefined) {
      kind = this.#above(parent, device);
      if (kind === 'directory') {
        const stat = this.#disk.lstat(placeOf(this.#directory, parent));
        // What is in a directory that no index can have is as if it were not there.
        kind =
          stat?.kind !== 'directory' || isTooLong(parent) ? 'other' : stat.device === device ? 'directory' : 'mount';
      }
      this.#parents.set(parent, kind);
    }
    return kind;
  }
}
