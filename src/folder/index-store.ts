/**
 * The index: what this instance knows of every path of one domain, in columns, with the digest of it all.
 *
 * A million entries must fit into a sidecar, so an entry is a row of typed arrays and one string; what few entries have (a version
 * of several writers, a target, an origin) is kept aside.
 */
import { type DigestNode, DigestSum, hashEntry, hashPath, MAX_PREFIX, prefixOf, rangeOf } from '../core/digest.ts';
import { type Entry, isExpired, type Origin } from '../core/entry.ts';
import { isBelow, parentOf, type RelPath } from '../core/path.ts';
import { newest, type Version } from '../core/version.ts';

/** Attributes that a file system keeps although others were asked for. */
export interface Kept {
  readonly mtime: number;
  readonly mode: number;
}

/** What the disk said of an entry's file beyond the entry: enough to recognise it under another name. */
export interface Identity {
  readonly inode: number;
  /** Milliseconds. */
  readonly birth: number;
}

/** Sums of an index. */
export interface Totals {
  readonly entries: number;
  readonly tombstones: number;
  readonly files: number;
  readonly bytes: number;
}

interface Aside {
  version?: Version;
  target?: string;
  from?: Origin;
  kept?: Kept;
}

const KINDS = ['file', 'directory', 'symlink', 'tombstone'] as const;
const TOMBSTONE = KINDS.indexOf('tombstone');
const FREE = 255;

/** Rows that an empty index has room for; it doubles. */
const INITIAL_ROWS = 256;

export class DomainIndex {
  readonly #rows = new Map<RelPath, number>();
  readonly #aside = new Map<number, Aside>();
  readonly #liveChildren = new Map<RelPath, number>();
  readonly #digest = new DigestSum();
  readonly #freeRows: number[] = [];
  #paths: (RelPath | undefined)[] = [];
  #kind = new Uint8Array(INITIAL_ROWS).fill(FREE);
  #mode = new Uint16Array(INITIAL_ROWS);
  #size = new Float64Array(INITIAL_ROWS);
  #mtime = new Float64Array(INITIAL_ROWS);
  #stamp = new Float64Array(INITIAL_ROWS);
  #writer = new Uint32Array(INITIAL_ROWS);
  #place = new Uint32Array(INITIAL_ROWS);
  #hashHigh = new Uint32Array(INITIAL_ROWS);
  #hashLow = new Uint32Array(INITIAL_ROWS);
  #inode = new Float64Array(INITIAL_ROWS);
  #birth = new Float64Array(INITIAL_ROWS);
  #scanned = new Uint8Array(INITIAL_ROWS);
  #generation = 0;
  #files = 0;
  #bytes = 0;
  #tombstones = 0;

  get(path: RelPath): Entry | undefined {
    const row = this.#rows.get(path);
    return row === undefined ? undefined : this.#entry(row);
  }

  /** The entry as the disk shows it: with the attributes that the file system keeps in place of the entry's own. */
  onDisk(path: RelPath): Entry | undefined {
    const row = this.#rows.get(path);
    if (row === undefined) return undefined;
    const kept = this.#aside.get(row)?.kept;
    return kept ? { ...this.#entry(row), ...kept } : this.#entry(row);
  }

  kept(path: RelPath): Kept | undefined {
    const row = this.#rows.get(path);
    return row === undefined ? undefined : this.#aside.get(row)?.kept;
  }

  identity(path: RelPath): Identity | undefined {
    const row = this.#rows.get(path);
    return row === undefined ? undefined : { inode: this.#inode[row]!, birth: this.#birth[row]! };
  }

  /** Sets an entry; answers whether the digest changed. */
  set(entry: Entry, identity?: Identity, kept?: Kept): boolean {
    let row = this.#rows.get(entry.path);
    const old = row === undefined ? undefined : { high: this.#hashHigh[row]!, low: this.#hashLow[row]! };
    const pathHash = hashPath(entry.path);
    const hash = hashEntry(entry, pathHash);
    if (row === undefined) {
      row = this.#newRow();
      this.#rows.set(entry.path, row);
      this.#paths[row] = entry.path;
      this.#place[row] = pathHash.high;
    } else this.#count(row, -1);
    this.#write(row, entry, identity, kept);
    this.#hashHigh[row] = hash.high;
    this.#hashLow[row] = hash.low;
    if (old) this.#digest.remove(old);
    this.#digest.add(hash);
    this.#count(row, 1);
    return old === undefined || old.high !== hash.high || old.low !== hash.low;
  }

  /** Records what the disk says of an entry that did not change. */
  identify(path: RelPath, identity: Identity): void {
    const row = this.#rows.get(path);
    if (row === undefined) return;
    this.#inode[row] = identity.inode;
    this.#birth[row] = identity.birth;
  }

  /** Forgets a path. */
  drop(path: RelPath): void {
    const row = this.#rows.get(path);
    if (row === undefined) return;
    this.#digest.remove({ high: this.#hashHigh[row]!, low: this.#hashLow[row]! });
    this.#count(row, -1);
    this.#rows.delete(path);
    this.#aside.delete(row);
    this.#paths[row] = undefined;
    this.#kind[row] = FREE;
    // Nobody must find the disk's identity of this file at the path that gets the row next.
    this.#inode[row] = 0;
    this.#birth[row] = 0;
    this.#freeRows.push(row);
  }

  /** Forgets tombstones past the retention; answers their paths. */
  expire(now: number): RelPath[] {
    const expired: RelPath[] = [];
    if (this.#tombstones === 0) return expired;
    for (let row = 0; row < this.#paths.length; row++) {
      if (this.#kind[row] === TOMBSTONE && isExpired(this.#entry(row), now)) expired.push(this.#paths[row]!);
    }
    for (const path of expired) this.drop(path);
    return expired;
  }

  liveChildren(directory: RelPath): number {
    return this.#liveChildren.get(directory) ?? 0;
  }

  *liveBelow(directory: RelPath): Generator<Entry> {
    for (let row = 0; row < this.#paths.length; row++) {
      const path = this.#paths[row];
      if (path !== undefined && this.#kind[row] !== TOMBSTONE && isBelow(path, directory)) yield this.#entry(row);
    }
  }

  *entries(): Generator<Entry> {
    for (let row = 0; row < this.#paths.length; row++) if (this.#paths[row] !== undefined) yield this.#entry(row);
  }

  get totals(): Totals {
    return { entries: this.#rows.size, tombstones: this.#tombstones, files: this.#files, bytes: this.#bytes };
  }

  /** The root of the digest tree. */
  get digest(): string {
    return this.#digest.toString();
  }

  /**
   * The children of nodes of the digest tree, empty ones left out. One pass over the index for all of them: interior nodes are
   * asked for only where roots differ, so they are not worth memory of their own.
   */
  children(prefixes: readonly string[]): DigestNode[] {
    const sums = new Map<string, DigestSum>();
    for (const [prefix, rows] of this.#rowsUnder(prefixes)) {
      for (const row of rows) {
        const child = prefixOf(this.#place[row]!, Math.min(prefix.length + 1, MAX_PREFIX));
        let sum = sums.get(child);
        if (!sum) {
          sum = new DigestSum();
          sums.set(child, sum);
        }
        sum.add({ high: this.#hashHigh[row]!, low: this.#hashLow[row]! });
      }
    }
    return [...sums].map(([prefix, sum]) => ({ prefix, digest: sum.toString(), count: sum.count }));
  }

  /** The entries whose path hash starts with one of the prefixes. */
  under(prefixes: readonly string[]): Entry[] {
    return [...this.#rowsUnder(prefixes).values()].flatMap(rows => rows.map(row => this.#entry(row)));
  }

  /** Begins a scan: no live entry has been met yet. */
  beginScan(): void {
    this.#generation = (this.#generation % 254) + 1;
  }

  /** The scan met this path. */
  met(path: RelPath): void {
    const row = this.#rows.get(path);
    if (row !== undefined) this.#scanned[row] = this.#generation;
  }

  /** Live entries that the scan has not met. */
  *unmet(): Generator<RelPath> {
    for (let row = 0; row < this.#paths.length; row++) {
      const kind = this.#kind[row];
      if (kind !== FREE && kind !== TOMBSTONE && this.#scanned[row] !== this.#generation) yield this.#paths[row]!;
    }
  }

  #rowsUnder(prefixes: readonly string[]): Map<string, number[]> {
    const ranges = prefixes
      .map(prefix => ({ prefix, ...rangeOf(prefix), rows: [] as number[] }))
      .sort((a, b) => a.from - b.from);
    const lows = Float64Array.from(ranges, range => range.from);
    for (let row = 0; row < this.#paths.length; row++) {
      if (this.#kind[row] === FREE) continue;
      const place = this.#place[row]!;
      const range = ranges[lastAtMost(lows, place)];
      if (range && place <= range.to) range.rows.push(row);
    }
    return new Map(ranges.map(range => [range.prefix, range.rows]));
  }

  #entry(row: number): Entry {
    const aside = this.#aside.get(row);
    return {
      path: this.#paths[row]!,
      kind: KINDS[this.#kind[row]!]!,
      size: this.#size[row]!,
      mtime: this.#mtime[row]!,
      mode: this.#mode[row]!,
      ...(aside?.target !== undefined && { target: aside.target }),
      version: aside?.version ?? { [this.#writer[row]!]: this.#stamp[row]! },
      ...(aside?.from && { from: aside.from }),
    };
  }

  #write(row: number, entry: Entry, identity: Identity | undefined, kept: Kept | undefined): void {
    const mark = newest(entry.version);
    this.#kind[row] = KINDS.indexOf(entry.kind);
    this.#mode[row] = entry.mode;
    this.#size[row] = entry.size;
    this.#mtime[row] = entry.mtime;
    this.#stamp[row] = mark.stamp;
    this.#writer[row] = mark.writer;
    if (identity) {
      this.#inode[row] = identity.inode;
      this.#birth[row] = identity.birth;
    }
    const several = Object.keys(entry.version).length !== 1;
    if (!several && entry.target === undefined && !entry.from && !kept) this.#aside.delete(row);
    else {
      this.#aside.set(row, {
        ...(several && { version: entry.version }),
        ...(entry.target !== undefined && { target: entry.target }),
        ...(entry.from && { from: entry.from }),
        ...(kept && { kept }),
      });
    }
  }

  /** Adds a row to, or takes it from, everything that counts rows. */
  #count(row: number, by: 1 | -1): void {
    const kind = KINDS[this.#kind[row]!]!;
    if (kind === 'tombstone') {
      this.#tombstones += by;
      return;
    }
    if (kind === 'file') {
      this.#files += by;
      this.#bytes += by * this.#size[row]!;
    }
    const parent = parentOf(this.#paths[row]!);
    if (parent === undefined) return;
    const count = (this.#liveChildren.get(parent) ?? 0) + by;
    if (count === 0) this.#liveChildren.delete(parent);
    else this.#liveChildren.set(parent, count);
  }

  #newRow(): number {
    const free = this.#freeRows.pop();
    if (free !== undefined) return free;
    const row = this.#paths.length;
    this.#paths.push(undefined);
    if (row === this.#kind.length) this.#grow();
    return row;
  }

  #grow(): void {
    const rows = this.#kind.length * 2;
    const kind = new Uint8Array(rows).fill(FREE);
    kind.set(this.#kind);
    this.#kind = kind;
    this.#mode = enlarged(this.#mode, new Uint16Array(rows));
    this.#size = enlarged(this.#size, new Float64Array(rows));
    this.#mtime = enlarged(this.#mtime, new Float64Array(rows));
    this.#stamp = enlarged(this.#stamp, new Float64Array(rows));
    this.#writer = enlarged(this.#writer, new Uint32Array(rows));
    this.#place = enlarged(this.#place, new Uint32Array(rows));
    this.#hashHigh = enlarged(this.#hashHigh, new Uint32Array(rows));
    this.#hashLow = enlarged(this.#hashLow, new Uint32Array(rows));
    this.#inode = enlarged(this.#inode, new Float64Array(rows));
    this.#birth = enlarged(this.#birth, new Float64Array(rows));
    this.#scanned = enlarged(this.#scanned, new Uint8Array(rows));
  }
}

function enlarged<T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from as never);
  return to;
}

/** Index of the last element of an ascending list that is not above a value, or -1. */
function lastAtMost(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
