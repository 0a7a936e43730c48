/**
 * A hash table from paths to rows of an index. It is 8 bytes a path where a Map is 30 to 60, and it grows by one bucket for each path
 * that comes (linear hashing): a table that is doubled at once blocks everything else for as long as it takes to move a million paths.
 */
import type { RelPath } from '../core/path.ts';
import { lengthened, nextLength } from './column.ts';

/** Rows and buckets that an empty table has room for. */
const INITIAL_ROOM = 256;
/** Ends a chain; a row stands in it as the row and one. */
const END = 0;

/** What the rows say of themselves. */
export interface Rows {
  /** The path of a row. */
  path(row: number): RelPath | undefined;
  /** The high half of its path's hash. */
  hash(row: number): number;
}

/** Chains of rows, as many as there ever were paths at a time. */
export class PathTable {
  readonly #rows: Rows;
  /** The first row of each bucket. */
  #first = new Uint32Array(INITIAL_ROOM);
  /** By row: the one after it in its bucket. */
  #next = new Uint32Array(INITIAL_ROOM);
  #buckets = 1;
  /** The smallest power of two that is not below the number of buckets, less one. */
  #mask = 0;
  #size = 0;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#size;
  }

  /** Makes room for so many paths at once, while there are none: nothing is moved then as they come. */
  reserve(paths: number): void {
    if (this.#size > 0 || paths <= this.#buckets) return;
    this.#first = lengthened(this.#first, Math.max(paths, this.#first.length));
    this.#buckets = paths;
    while (this.#mask < paths - 1) this.#mask = this.#mask * 2 + 1;
  }

  /** The row of a path, given the high half of its hash; -1 where there is none. */
  find(path: RelPath, hash: number): number {
    let row = this.first(hash);
    while (row >= 0 && this.#rows.path(row) !== path) row = this.next(row);
    return row;
  }

  /** The first row with a hash; -1 where there is none. */
  first(hash: number): number {
    return this.#from(this.#first[this.#bucketOf(hash)]! - 1, hash);
  }

  /** The row with the same hash that comes after this one; -1 where there is none. */
  next(row: number): number {
    return this.#from(this.#next[row]! - 1, this.#rows.hash(row));
  }

  /** The next row with a hash in the rest of a chain. */
  #from(row: number, hash: number): number {
    while (row >= 0 && this.#rows.hash(row) !== hash) row = this.#next[row]! - 1;
    return row;
  }

  /** Adds a row, of a path that is not there. */
  add(row: number): void {
    if (++this.#size > this.#buckets) this.#split();
    while (row >= this.#next.length) this.#next = lengthened(this.#next, nextLength(this.#next.length));
    this.#put(row);
  }

  /** Takes a row out that is there. */
  remove(row: number): void {
    const bucket = this.#bucketOf(this.#rows.hash(row));
    const after = this.#next[row]!;
    let at = this.#first[bucket]! - 1;
    if (at === row) this.#first[bucket] = after;
    else {
      while (this.#next[at] !== row + 1) at = this.#next[at]! - 1;
      this.#next[at] = after;
    }
    this.#size--;
  }

  /** While a round of splitting is under way, the buckets that were not split yet hold what will be in twice as many. */
  #bucketOf(hash: number): number {
    // The first digits come last: the shards of the cache, which is loaded in their order, each meet in a few buckets and among themselves.
    const bucket = (((hash << 8) | (hash >>> 24)) & this.#mask) >>> 0;
    return bucket < this.#buckets ? bucket : bucket & (this.#mask >>> 1);
  }

  #put(row: number): void {
    const bucket = this.#bucketOf(this.#rows.hash(row));
    this.#next[row] = this.#first[bucket]!;
    this.#first[bucket] = row + 1;
  }

  /** One more bucket, with its share of what was in another one till now. */
  #split(): void {
    if (this.#buckets > this.#mask) this.#mask = this.#mask * 2 + 1;
    if (this.#buckets === this.#first.length) this.#first = lengthened(this.#first, nextLength(this.#first.length));
    const shared = this.#buckets++ & (this.#mask >>> 1);
    let row = this.#first[shared]! - 1;
    this.#first[shared] = END;
    while (row >= 0) {
      const after = this.#next[row]! - 1;
      this.#put(row);
      row = after;
    }
  }
}
