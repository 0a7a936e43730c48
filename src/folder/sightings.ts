/**
 * What a scan met, in columns: all paths in one text, all numbers in one buffer, which changes hands between threads without being
 * copied. As objects a million of them would take the receiving thread several seconds, and nearly all are only compared.
 */
import { hashPath } from '../core/digest.ts';
import type { RelPath } from '../core/path.ts';
import type { Stat } from './disk.ts';

/** One path that a scan met. */
export interface Sighting {
  readonly path: RelPath;
  readonly stat: Stat;
  readonly target?: string;
}

/** {@link Sightings} on their way between threads. */
export interface PackedSightings {
  readonly text: string;
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly targets: ReadonlyMap<number, string>;
}

const KINDS = ['file', 'directory', 'symlink', 'special'] as const;

/** Where the numbers of a sighting stand; first those that a comparison reads. END: where its path ends in the text. */
const END = 0;
const HASH = 1;
const KIND = 2;
const SIZE = 3;
const MTIME = 4;
const MODE = 5;
const INODE = 6;
const BIRTH = 7;
const CTIME = 8;
const DEVICE = 9;
const LINKS = 10;
const UID = 11;
const GID = 12;
const WIDTH = 13;

/** Most directories are small, and so are their batches. */
const INITIAL_ROOM = 128;

export class Sightings implements Iterable<Sighting> {
  #text: string;
  #numbers: Float64Array<ArrayBuffer>;
  #targets: Map<number, string>;
  #length: number;
  /** The text as bytes, once somebody wants a path. */
  #units: Buffer | undefined;

  /** @param packed what {@link pack} gave in another thread */
  constructor({ text, numbers, targets }: Partial<PackedSightings> = {}) {
    this.#text = text ?? '';
    this.#length = numbers ? numbers.length / WIDTH : 0;
    this.#numbers = numbers ?? new Float64Array(INITIAL_ROOM * WIDTH);
    this.#targets = new Map(targets);
  }

  static of(sightings: Iterable<Sighting>): Sightings {
    const all = new Sightings();
    for (const { path, stat, target } of sightings) all.add(path, stat, target);
    return all;
  }

  get length(): number {
    return this.#length;
  }

  add(path: RelPath, stat: Stat, target?: string): void {
    const i = this.#length++;
    const at = i * WIDTH;
    if (at === this.#numbers.length)
      this.#numbers = new Float64Array(this.#numbers.buffer.transfer(2 * this.#numbers.byteLength));
    const numbers = this.#numbers;
    this.#text += path;
    this.#units = undefined;
    numbers[at + END] = this.#text.length;
    numbers[at + HASH] = hashPath(path).high;
    numbers[at + KIND] = KINDS.indexOf(stat.kind);
    numbers[at + SIZE] = stat.size;
    numbers[at + MTIME] = stat.mtime;
    numbers[at + MODE] = stat.mode;
    numbers[at + INODE] = stat.inode;
    numbers[at + BIRTH] = stat.birth;
    numbers[at + CTIME] = stat.ctime;
    numbers[at + DEVICE] = stat.device;
    numbers[at + LINKS] = stat.links;
    numbers[at + UID] = stat.uid;
    numbers[at + GID] = stat.gid;
    if (target !== undefined) this.#targets.set(i, target);
  }

  /** For another thread, its buffer to be transferred. This is empty then and keeps its room: taking that anew for each batch costs more than a copy. */
  pack(): PackedSightings {
    const numbers = this.#numbers.slice(0, this.#length * WIDTH);
    const packed = { text: this.#text, numbers, targets: this.#targets };
    this.#text = '';
    this.#targets = new Map();
    this.#units = undefined;
    this.#length = 0;
    return packed;
  }

  /** This is used up: its buffer goes at once, because until garbage is collected those of a million paths are 100 MB. */
  free(): void {
    this.#length = 0;
    this.#numbers.buffer.transfer(0);
  }

  /** A string of its own: a slice of the text would keep all of it in memory. */
  path(i: number): RelPath {
    this.#units ??= Buffer.from(this.#text, 'utf16le');
    return this.#units.toString('utf16le', 2 * this.#startOf(i), 2 * this.#endOf(i)) as RelPath;
  }

  /** Whether this is the path of a sighting. Makes no string. */
  isAt(i: number, path: RelPath): boolean {
    const start = this.#startOf(i);
    return path.length === this.#endOf(i) - start && this.#text.startsWith(path, start);
  }

  /** The high half of the hash of its path. */
  hash(i: number): number {
    return this.#numbers[i * WIDTH + HASH]!;
  }

  kind(i: number): Stat['kind'] {
    return KINDS[this.#numbers[i * WIDTH + KIND]!]!;
  }

  size(i: number): number {
    return this.#numbers[i * WIDTH + SIZE]!;
  }

  mtime(i: number): number {
    return this.#numbers[i * WIDTH + MTIME]!;
  }

  mode(i: number): number {
    return this.#numbers[i * WIDTH + MODE]!;
  }

  inode(i: number): number {
    return this.#numbers[i * WIDTH + INODE]!;
  }

  birth(i: number): number {
    return this.#numbers[i * WIDTH + BIRTH]!;
  }

  /** Where a symlink points. */
  target(i: number): string | undefined {
    return this.#targets.get(i);
  }

  at(i: number): Sighting {
    const numbers = this.#numbers;
    const at = i * WIDTH;
    const stat: Stat = {
      kind: this.kind(i),
      size: this.size(i),
      mtime: this.mtime(i),
      mode: this.mode(i),
      inode: this.inode(i),
      birth: this.birth(i),
      ctime: numbers[at + CTIME]!,
      device: numbers[at + DEVICE]!,
      links: numbers[at + LINKS]!,
      uid: numbers[at + UID]!,
      gid: numbers[at + GID]!,
    };
    const target = this.target(i);
    return { path: this.path(i), stat, ...(target !== undefined && { target }) };
  }

  *[Symbol.iterator](): Generator<Sighting> {
    for (let i = 0; i < this.#length; i++) yield this.at(i);
  }

  #startOf(i: number): number {
    return i === 0 ? 0 : this.#endOf(i - 1);
  }

  #endOf(i: number): number {
    return this.#numbers[i * WIDTH + END]!;
  }
}
