/**
 * The trash: what was replaced or deleted here, by day and path, until it is old enough.
 *
 * `trash/<directory>/<day>/<path>~<stamp>.<writer>` names the version that was thrown away, so that a rename asserted by its
 * origin finds its content here; a loser of a conflict ends in `.conflict`.
 */

import { hashPath, prefixOf } from '../core/digest.ts';
import type { Entry, Origin } from '../core/entry.ts';
import { isSameContent } from '../core/entry.ts';
import { nameOf, parentOf, type RelPath, toBytes } from '../core/path.ts';
import { newest, type Version } from '../core/version.ts';
import { type Disk, DiskError, makeDirectories, seenOf } from './disk.ts';
import { gaveName } from './second-name.ts';

/** NAME_MAX of Linux. */
const MAX_NAME_BYTES = 255;
/** Items of one path and version that a day can hold. */
const MAX_SAME = 1_000;

export class Trash {
  readonly #disk: Disk;
  readonly #directory: string;
  /** Its newest day, and the directories of that which were made. */
  #day = '';
  readonly #made = new Set<string>();
  #thrown = 0;

  /** @param directory of the domain's trash, relative to the volume's root */
  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Bytes of the files that were thrown away since the start, less those that were taken out again. */
  get thrown(): number {
    return this.#thrown;
  }

  /** An item stands in its place again: until then it was here, too. What the disk does not give up stays. */
  takeOut(item: string, bytes: number): void {
    try {
      this.#disk.unlink(item);
      this.#thrown -= bytes;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  /** Moves what stands at a place on the volume into the trash, a directory with all that is in it. */
  take(place: string, entry: Entry, conflict: boolean, now: number): void {
    const directory = this.#directoryOf(entry, now);
    for (const name of namesIn(directory, entry, conflict)) {
      if (this.#disk.lstat(name)) continue;
      this.#into(directory, () => this.#disk.rename(place, name));
      this.#thrown += entry.size;
      return;
    }
    throw noRoom(entry);
  }

  /**
   * Gives a file a second name in the trash, so that another can be renamed over the first and the path is never absent. Answers that
   * name; undefined where the system refuses it (protected_hardlinks, file systems without links).
   */
  keep(place: string, entry: Entry, conflict: boolean, now: number): string | undefined {
    const directory = this.#directoryOf(entry, now);
    for (const name of namesIn(directory, entry, conflict))
      try {
        if (!this.#into(directory, () => gaveName(this.#disk, place, name))) return undefined;
        this.#thrown += entry.size;
        return name;
      } catch (error) {
        if (!(error instanceof DiskError) || error.code !== 'EEXIST') throw error;
      }
    throw noRoom(entry);
  }

  /** Takes a second name back where the first one still is: nothing was thrown away after all. */
  unkeep(name: string, place: string, entry: Entry): void {
    try {
      const kept = this.#disk.lstat(name);
      if (!kept || kept.inode !== this.#disk.lstat(place)?.inode) return;
      this.#disk.unlink(name);
      this.#thrown -= entry.size;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  /** The place of a file thrown away lately, by its path and version, or undefined. */
  find(origin: Origin, content: Entry): string | undefined {
    for (const day of this.#days()) {
      const place = `${this.#directory}/${day}/${parentPrefix(origin.path)}${itemName(origin.path, origin.version)}`;
      const stat = this.#disk.lstat(place);
      const seen = stat && seenOf(stat, () => '');
      if (seen && isSameContent(seen, content)) return place;
    }
    return undefined;
  }

  #directoryOf({ path }: Entry, now: number): string {
    const day = dayOf(now);
    if (day !== this.#day) this.#made.clear();
    this.#day = day;
    const parent = parentOf(path);
    return `${this.#directory}/${day}${parent === undefined ? '' : `/${parent}`}`;
  }

  /** Puts something into a directory. That this is there is believed until the system says otherwise: many files cost no look at it. */
  #into<T>(directory: string, put: () => T): T {
    if (this.#made.has(directory))
      try {
        return put();
      } catch (error) {
        if (!(error instanceof DiskError) || error.code !== 'ENOENT') throw error;
      }
    makeDirectories(this.#disk, directory);
    this.#made.add(directory);
    return put();
  }

  #days(): string[] {
    try {
      return this.#disk.list(this.#directory).sort().reverse();
    } catch {
      return [];
    }
  }
}

/** The names that an item may have, the best first. */
function* namesIn(directory: string, { path, version }: Entry, conflict: boolean): Generator<string> {
  const name = itemName(path, version);
  for (let i = 1; i < MAX_SAME; i++)
    yield `${directory}/${name}${i === 1 ? '' : `.${i}`}${conflict ? '.conflict' : ''}`;
}

function noRoom({ path }: Entry): DiskError {
  return new DiskError('EEXIST', 'trash', path);
}

function itemName(path: RelPath, version: Version): string {
  const mark = newest(version);
  const suffix = `~${mark.stamp}.${mark.writer}`;
  const name = nameOf(path);
  // Room for the suffixes of the same version thrown away again and of a conflict.
  const room = MAX_NAME_BYTES - suffix.length - '.999.conflict'.length;
  if (toBytes(name).length <= room) return name + suffix;
  return `${hashName(path)}${suffix}`;
}

/** What stands for a name that is too long. */
export function hashName(path: RelPath): string {
  const hash = hashPath(path);
  return `${prefixOf(hash.high, 8)}${prefixOf(hash.low, 8)}`;
}

function parentPrefix(path: RelPath): string {
  const parent = parentOf(path);
  return parent === undefined ? '' : `${parent}/`;
}

function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}
