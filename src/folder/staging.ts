/**
 * Staging: files on their way in, under names that say which path, size and date they will have, so that a transfer cut off by
 * a crash goes on where it stopped.
 */
import { hashPath, prefixOf } from '../core/digest.ts';
import type { Entry } from '../core/entry.ts';
import { type Disk, DiskError, type Stat, type Writer } from './disk.ts';
import { gaveName } from './second-name.ts';
import type { SmallFiles } from './small-files.ts';

/** A half-received file that nobody asked to go on with for so long is dropped at start. */
const ORPHAN_MS = 24 * 3_600_000;

/** What is known of a place where something may be staged. */
interface Staged {
  /** What it is, where it has everything that an entry of this mode will have: nothing of it has to be asked or set again. */
  finished?: { readonly stat: Stat; readonly mode: number } | undefined;
  /** Its content is on the disk, or taken care of to get there. */
  writtenOut?: boolean;
}

/** Several directories, because one is locked by each file that is made in it or renamed out of it, and both go on side by side. */
const DIGITS = '0123456789abcdef';

export class Staging {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #smallFiles: SmallFiles;
  /** Places where something may be: what is not among them need not be looked for. Nobody else writes here. */
  readonly #used = new Map<string, Staged>();
  /** A place is asked for at each step of an entry's way in. */
  readonly #places = new WeakMap<Entry, string>();

  /** @param directory of the domain's staging area, relative to the volume's root */
  constructor(disk: Disk, directory: string, smallFiles: SmallFiles) {
    this.#disk = disk;
    this.#directory = directory;
    this.#smallFiles = smallFiles;
  }

  /** Makes the area and drops what was left in it long ago. */
  open(now: number): void {
    for (const directory of [this.#directory, ...this.#shards()])
      if (!this.#disk.lstat(directory)) this.#disk.mkdir(directory, 0o700);
    for (const shard of this.#shards()) {
      for (const name of this.#disk.list(shard)) {
        const path = `${shard}/${name}`;
        const stat = this.#disk.lstat(path);
        if (stat?.kind === 'file' && stat.ctime + ORPHAN_MS < now) this.#disk.unlink(path);
        else this.#used.set(path, {});
      }
    }
  }

  /** Where a file is staged. */
  place(entry: Entry): string {
    let place = this.#places.get(entry);
    if (place === undefined) {
      const { high, low } = hashPath(entry.path);
      const name = `${prefixOf(high, 8)}${prefixOf(low, 8)}-${entry.size.toString(36)}-${entry.mtime.toString(36)}`;
      place = `${this.#directory}/${DIGITS[low % DIGITS.length]}/${name}`;
      this.#places.set(entry, place);
    }
    return place;
  }

  #shards(): string[] {
    return [...DIGITS].map(digit => `${this.#directory}/${digit}`);
  }

  /** How many bytes of a file are here already. */
  received(entry: Entry): number {
    const place = this.place(entry);
    if (!this.#used.has(place)) return 0;
    const stat = this.#disk.lstat(place);
    if (!stat) return 0;
    if (stat.kind === 'file' && stat.size <= entry.size) return stat.size;
    this.#clear(entry);
    return 0;
  }

  /** Receives small files whole; answers for each why it could not be, or undefined. */
  async put(
    files: readonly { readonly entry: Entry; readonly bytes: Uint8Array }[],
  ): Promise<(DiskError | undefined)[]> {
    const drafts = files.map(({ entry, bytes }) => ({
      place: this.place(entry),
      bytes,
      mode: entry.mode,
      mtime: entry.mtime,
    }));
    for (const { place } of drafts) this.#begin(place);
    const made = await this.#smallFiles.write(drafts);
    return made.map((stat, i) => {
      if (stat instanceof DiskError) return stat;
      const { place, mode } = drafts[i]!;
      this.#used.set(place, { finished: { stat, mode } });
      return undefined;
    });
  }

  /** What the staged file of an entry is, where it has everything that it will have. */
  finished(entry: Entry): Stat | undefined {
    const finished = this.#used.get(this.place(entry))?.finished;
    // It may have been staged for an earlier entry of the same size and date.
    return finished?.mode === entry.mode ? finished.stat : undefined;
  }

  /** The same, told once, because it is taken then. */
  takeFinished(entry: Entry): Stat | undefined {
    const stat = this.finished(entry);
    const staged = this.#used.get(this.place(entry));
    if (staged) staged.finished = undefined;
    return stat;
  }

  /** What was staged at a place is renamed to where it belongs. */
  left(place: string): void {
    this.#used.delete(place);
  }

  #begin(place: string): void {
    this.#used.set(place, {});
  }

  /** Goes on receiving a file. */
  append(entry: Entry): Writer {
    this.#begin(this.place(entry));
    return this.#disk.openAppend(this.place(entry));
  }

  /** Nobody has to wait any more for what was received of a file to be brought to the disk. */
  writtenOut(entry: Entry): void {
    const staged = this.#used.get(this.place(entry));
    if (staged) staged.writtenOut = true;
  }

  isWrittenOut(entry: Entry): boolean {
    return this.#used.get(this.place(entry))?.writtenOut === true;
  }

  /** Takes the content from another place on this volume. */
  copy(entry: Entry, from: string): void {
    this.#clear(entry);
    this.#begin(this.place(entry));
    this.#disk.copy(from, this.place(entry));
  }

  /** Makes the symlink that an entry is. */
  symlink(entry: Entry): void {
    this.#clear(entry);
    this.#begin(this.place(entry));
    this.#disk.symlink(entry.target ?? '', this.place(entry));
  }

  /** Takes a file that stays where it is until it is no longer needed there: its content once more, without copying where that can be. */
  borrow(entry: Entry, from: string): void {
    this.#clear(entry);
    this.#begin(this.place(entry));
    if (!gaveName(this.#disk, from, this.place(entry))) this.#disk.copy(from, this.place(entry));
  }

  /** What is staged of an entry is not wanted any more. What the disk does not give up is swept by a later start. */
  discard(entry: Entry): void {
    try {
      this.#clear(entry);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  /** Throws a DiskError where something stays. */
  #clear(entry: Entry): void {
    const place = this.place(entry);
    if (!this.#used.delete(place)) return;
    try {
      this.#disk.unlink(place);
    } catch (error) {
      if (!(error instanceof DiskError) || error.code !== 'ENOENT') throw error;
    }
  }
}
