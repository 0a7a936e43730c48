/**
 * The index: what this instance knows of every path of one domain, in columns, with the digest of it all.
 *
 * A million entries must fit into a sidecar, so an entry is a row of typed arrays and one string; what few entries have (a version
 * of several writers, a target, an origin) is kept aside.
 */
import { type DigestNode, DigestSum, hashContent, hashPath, MAX_PREFIX, rangeOf } from '../core/digest.ts';
import type { Entry, Origin, Seen } from '../core/entry.ts';
import { isBelow, type RelPath } from '../core/path.ts';
import { isForgettable } from '../core/retention.ts';
import { type Mark, newest, type Version } from '../core/version.ts';
import { lengthened, nextLength } from './column.ts';
import { LiveChildren } from './live-children.ts';
import { PathTable } from './path-table.ts';
import type { Sightings } from './sightings.ts';
import {
  isKept,
  isMode,
  isOrigin,
  isPath,
  isRecord,
  isSize,
  isStamp,
  isTarget,
  isVersion,
  isWriter,
} from './stored.ts';

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

/** Some rows of an index, column by column; `aside`: what few of them have, by their number. */
export interface Columns {
  readonly paths: readonly RelPath[];
  readonly kinds: readonly number[];
  readonly sizes: readonly number[];
  readonly mtimes: readonly number[];
  readonly modes: readonly number[];
  readonly writers: readonly number[];
  readonly stamps: readonly number[];
  readonly inodes: readonly number[];
  readonly births: readonly number[];
  readonly aside: Readonly<Record<number, Aside>>;
}

interface Aside {
  version?: Version;
  target?: string;
  from?: Origin;
  kept?: Kept;
}

const KINDS = ['file', 'directory', 'symlink', 'tombstone'] as const;
const TOMBSTONE = KINDS.indexOf('tombstone');
const DIRECTORY = KINDS.indexOf('directory');
const SYMLINK = KINDS.indexOf('symlink');
const FREE = 255;

/** Rows that an empty index has room for. */
const INITIAL_ROWS = 256;
/**
 * Entries that are remembered as objects, a power of two. From its announcement to the disk a path is asked for some ten times, with no
 * more than some thousand others in between: an object is made once for all of them.
 */
const REMEMBERED = 8_192;

export class DomainIndex {
  readonly #rows = new PathTable({ path: row => this.#paths[row], hash: row => this.#place[row]! });
  readonly #aside = new Map<number, Aside>();
  readonly #liveChildren = new LiveChildren();
  readonly #digest = new DigestSum();
  readonly #freeRows: number[] = [];
  /** What {@link #entry} made of some rows, each in the place that its number leads to; as good as new until the row is written. */
  readonly #remembered = new Array<Entry | undefined>(REMEMBERED).fill(undefined);
  readonly #rememberedRow = new Int32Array(REMEMBERED).fill(-1);
  #paths: (RelPath | undefined)[] = [];
  #kind = new Uint8Array(INITIAL_ROWS);
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
    const row = this.#rowOf(path);
    return row < 0 ? undefined : this.#entry(row);
  }

  /** The entry as the disk shows it: with the attributes that the file system keeps in place of the entry's own. */
  onDisk(path: RelPath): Entry | undefined {
    const row = this.#rowOf(path);
    if (row < 0) return undefined;
    const kept = this.#aside.get(row)?.kept;
    return kept ? { ...this.#entry(row), ...kept } : this.#entry(row);
  }

  kept(path: RelPath): Kept | undefined {
    const row = this.#rowOf(path);
    return row < 0 ? undefined : this.#aside.get(row)?.kept;
  }

  /** Paths at which the file system keeps other attributes than asked for. */
  *keptPaths(): Generator<RelPath> {
    for (const [row, { kept }] of this.#aside) if (kept) yield this.#paths[row]!;
  }

  identity(path: RelPath): Identity | undefined {
    const row = this.#rowOf(path);
    return row < 0 ? undefined : { inode: this.#inode[row]!, birth: this.#birth[row]! };
  }

  /** Sets an entry; answers whether the digest changed. */
  set(entry: Entry, identity?: Identity, kept?: Kept): boolean {
    const several = hasOneMark(entry.version) ? undefined : entry.version;
    return this.#set(entry, newest(entry.version), several, identity, kept);
  }

  /** `several`: the version, where it is more than its newest mark. */
  #set(
    entry: Omit<Entry, 'version'>,
    mark: Mark,
    several: Version | undefined,
    identity: Identity | undefined,
    kept: Kept | undefined,
  ): boolean {
    const pathHash = hashPath(entry.path);
    let row = this.#rows.find(entry.path, pathHash.high);
    const old = row < 0 ? undefined : { high: this.#hashHigh[row]!, low: this.#hashLow[row]! };
    const hash = hashContent(entry, pathHash, mark);
    if (row < 0) {
      row = this.#newRow();
      this.#paths[row] = entry.path;
      this.#place[row] = pathHash.high;
      // It was looked at just now: a scan under way has no more to say of it.
      this.#scanned[row] = this.#generation;
      this.#rows.add(row);
    } else this.#count(row, -1);
    this.#write(row, entry, mark, several, identity, kept);
    this.#hashHigh[row] = hash.high;
    this.#hashLow[row] = hash.low;
    if (old) this.#digest.remove(old);
    this.#digest.add(hash);
    this.#count(row, 1);
    return old === undefined || old.high !== hash.high || old.low !== hash.low;
  }

  /** Records what the disk says of an entry that did not change. */
  identify(path: RelPath, identity: Identity): void {
    const row = this.#rowOf(path);
    if (row < 0) return;
    this.#inode[row] = identity.inode;
    this.#birth[row] = identity.birth;
  }

  /** Forgets a path. */
  drop(path: RelPath): void {
    const row = this.#rowOf(path);
    if (row < 0) return;
    this.#digest.remove({ high: this.#hashHigh[row]!, low: this.#hashLow[row]! });
    this.#count(row, -1);
    this.#rows.remove(row);
    this.#forgetEntry(row);
    this.#aside.delete(row);
    this.#paths[row] = undefined;
    this.#kind[row] = FREE;
    // Nobody must find the disk's identity of this file at the path that gets the row next.
    this.#inode[row] = 0;
    this.#birth[row] = 0;
    this.#freeRows.push(row);
  }

  /** Forgets tombstones that expired long enough ago; answers them. */
  expire(now: number, retentionMs: number): Entry[] {
    const expired: Entry[] = [];
    if (this.#tombstones === 0) return expired;
    for (let row = 0; row < this.#paths.length; row++) {
      if (this.#kind[row] !== TOMBSTONE) continue;
      const entry = this.#made(row);
      if (isForgettable(entry, now, retentionMs)) expired.push(entry);
    }
    for (const { path } of expired) this.drop(path);
    return expired;
  }

  liveChildren(directory: RelPath): number {
    return this.#liveChildren.of(directory);
  }

  *liveBelow(directory: RelPath): Generator<Entry> {
    for (let row = 0; row < this.#paths.length; row++) {
      const path = this.#paths[row];
      if (path !== undefined && this.#kind[row] !== TOMBSTONE && isBelow(path, directory)) yield this.#made(row);
    }
  }

  *entries(): Generator<Entry> {
    for (let row = 0; row < this.#paths.length; row++) if (this.#paths[row] !== undefined) yield this.#made(row);
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
    return [...this.#rowsUnder(prefixes)].flatMap(([prefix, rows]) => {
      const digits = Math.min(prefix.length + 1, MAX_PREFIX);
      const sums: (DigestSum | undefined)[] = [];
      // The digit after the prefix; the last one of the longest prefix, which has no children.
      const shift = 32 - 4 * digits;
      for (const row of rows) {
        const digit = (this.#place[row]! >>> shift) & 15;
        sums[digit] ??= new DigestSum();
        sums[digit].add({ high: this.#hashHigh[row]!, low: this.#hashLow[row]! });
      }
      const above = prefix.slice(0, digits - 1);
      return sums.flatMap((sum, digit) =>
        sum ? [{ prefix: above + digit.toString(16), digest: sum.toString(), count: sum.count }] : [],
      );
    });
  }

  /** The entries whose path hash starts with one of the prefixes, each as it is when it is its turn. */
  *under(prefixes: readonly string[]): Generator<Entry> {
    for (const [prefix, rows] of this.#rowsUnder(prefixes)) {
      const isUnder = this.#isUnder(prefix);
      for (const row of rows) if (isUnder(row)) yield this.#made(row);
    }
  }

  /** For rows that were found a while ago: one may have gone since, or belong to another path. */
  #isUnder(prefix: string): (row: number) => boolean {
    const { from, to } = rangeOf(prefix);
    return row => this.#kind[row] !== FREE && this.#place[row]! >= from && this.#place[row]! <= to;
  }

  /** The rows of each prefix, as the cache keeps them: one column of values for each thing that is known. */
  *columns(prefixes: readonly string[]): Generator<[prefix: string, columns: Columns]> {
    for (const [prefix, found] of this.#rowsUnder(prefixes)) {
      const rows = found.filter(this.#isUnder(prefix));
      const column = <T>(value: (row: number) => T) => Array.from(rows, value);
      const aside: Record<number, Aside> = {};
      for (const [i, row] of rows.entries()) if (this.#aside.has(row)) aside[i] = this.#aside.get(row)!;
      const columns = {
        paths: column(row => this.#paths[row]!),
        kinds: column(row => this.#kind[row]!),
        sizes: column(row => this.#size[row]!),
        mtimes: column(row => this.#mtime[row]!),
        modes: column(row => this.#mode[row]!),
        writers: column(row => this.#writer[row]!),
        stamps: column(row => this.#stamp[row]!),
        inodes: column(row => this.#inode[row]!),
        births: column(row => this.#birth[row]!),
        aside,
      };
      yield [prefix, columns];
    }
  }

  /** About so many entries are to come, and there are none yet. */
  reserve(entries: number): void {
    this.#rows.reserve(entries);
  }

  /** Takes what {@link columns} gave; answers false, and takes nothing, where it is not that. */
  take(columns: Columns): boolean {
    if (!areColumns(columns)) return false;
    const { paths, kinds, sizes, mtimes, modes, writers, stamps, inodes, births } = columns;
    for (let i = 0; i < paths.length; i++) {
      const aside = columns.aside[i];
      const plain = { path: paths[i]!, kind: KINDS[kinds[i]!]!, size: sizes[i]!, mtime: mtimes[i]!, mode: modes[i]! };
      const entry = aside ? { ...plain, ...asideOf(aside) } : plain;
      const identity = { inode: inodes[i]!, birth: births[i]! };
      const several = aside?.version;
      // As versions they would be a million objects that are taken apart at once.
      const mark = several ? newest(several) : { writer: writers[i]!, stamp: stamps[i]! };
      this.#set(entry, mark, several, identity, aside?.kept);
    }
    return true;
  }

  /** Begins a scan: no live entry has been met yet. */
  beginScan(): void {
    this.#generation = (this.#generation % 254) + 1;
  }

  /**
   * The scan met this path. Answers whether the disk shows there what the index says; then the disk's identity of it is recorded too.
   * For a scan of a million paths: it makes no object.
   */
  meet(path: RelPath, seen: Seen, inode: number, birth: number): boolean {
    const row = this.#rowOf(path);
    if (row < 0) return false;
    const { kind, size, mtime, mode, target } = seen;
    return this.#meet(row, kind, size, mtime, mode, target, inode, birth);
  }

  /**
   * The same of a path in a batch of a scan, where `ignored` does not say that it is none of ours. Answers the path where the disk shows
   * there what the index says: the string that the index has, so that none is made.
   */
  meetIn(sightings: Sightings, i: number, ignored: (path: RelPath) => boolean): RelPath | undefined {
    const kind = sightings.kind(i);
    if (kind === 'special') return undefined;
    let row = this.#rows.first(sightings.hash(i));
    while (row >= 0 && !sightings.isAt(i, this.#paths[row]!)) row = this.#rows.next(row);
    if (row < 0) return undefined;
    const path = this.#paths[row]!;
    if (ignored(path)) return undefined;
    const target = kind === 'symlink' ? sightings.target(i) : undefined;
    const isSame = this.#meet(
      row,
      kind,
      sightings.size(i),
      sightings.mtime(i),
      sightings.mode(i),
      target,
      sightings.inode(i),
      sightings.birth(i),
    );
    return isSame ? path : undefined;
  }

  #meet(
    row: number,
    kind: Seen['kind'],
    size: number,
    mtime: number,
    mode: number,
    target: string | undefined,
    inode: number,
    birth: number,
  ): boolean {
    this.#scanned[row] = this.#generation;
    const aside = this.#aside.get(row);
    const same =
      KINDS[this.#kind[row]!] === kind &&
      (kind === 'symlink'
        ? aside?.target === target
        : (aside?.kept?.mode ?? this.#mode[row]) === mode &&
          (kind === 'directory' || (this.#size[row] === size && (aside?.kept?.mtime ?? this.#mtime[row]) === mtime)));
    if (!same) return false;
    this.#inode[row] = inode;
    this.#birth[row] = birth;
    return true;
  }

  /** The inodes of the directories that the last scan met. */
  *directoryInodes(): Generator<number> {
    for (let row = 0; row < this.#paths.length; row++)
      if (this.#kind[row] === DIRECTORY && this.#scanned[row] === this.#generation) yield this.#inode[row]!;
  }

  /** Live entries that the scan has not met. */
  *unmet(): Generator<RelPath> {
    for (let row = 0; row < this.#paths.length; row++) {
      const kind = this.#kind[row];
      if (kind !== FREE && kind !== TOMBSTONE && this.#scanned[row] !== this.#generation) yield this.#paths[row]!;
    }
  }

  /**
   * The rows of each prefix. Two passes over one column, the first of which counts: a million rows take some ten milliseconds, and no
   * list has to grow.
   */
  #rowsUnder(prefixes: readonly string[]): Map<string, Uint32Array> {
    const ranges = prefixes.map(prefix => ({ prefix, ...rangeOf(prefix) })).sort((a, b) => a.from - b.from);
    // The longest prefix has four digits: sixteen bits of a hash tell which range it is in.
    const rangeOfBits = new Int32Array(0x10000).fill(-1);
    for (const [i, { from, to }] of ranges.entries()) rangeOfBits.fill(i, from >>> 16, (to >>> 16) + 1);
    const rangeAt = (row: number) => (this.#kind[row] === FREE ? -1 : rangeOfBits[this.#place[row]! >>> 16]!);
    const counts = new Uint32Array(ranges.length);
    for (let row = 0; row < this.#paths.length; row++) {
      const at = rangeAt(row);
      if (at >= 0) counts[at]!++;
    }
    const rows = Array.from(counts, count => new Uint32Array(count));
    for (let row = this.#paths.length - 1; row >= 0; row--) {
      const at = rangeAt(row);
      if (at >= 0) rows[at]![--counts[at]!] = row;
    }
    return new Map(ranges.map(({ prefix }, i) => [prefix, rows[i]!]));
  }

  #rowOf(path: RelPath): number {
    return this.#rows.find(path, hashPath(path).high);
  }

  #entry(row: number): Entry {
    const at = row % REMEMBERED;
    if (this.#rememberedRow[at] !== row) {
      this.#remembered[at] = this.#made(row);
      this.#rememberedRow[at] = row;
    }
    return this.#remembered[at]!;
  }

  #made(row: number): Entry {
    const aside = this.#aside.get(row);
    return {
      path: this.#paths[row]!,
      kind: KINDS[this.#kind[row]!]!,
      size: this.#size[row]!,
      mtime: this.#mtime[row]!,
      mode: this.#mode[row]!,
      version: aside?.version ?? { [this.#writer[row]!]: this.#stamp[row]! },
      ...(aside && asideOf(aside)),
    };
  }

  #forgetEntry(row: number): void {
    if (this.#rememberedRow[row % REMEMBERED] === row) this.#rememberedRow[row % REMEMBERED] = -1;
  }

  #write(
    row: number,
    entry: Omit<Entry, 'version'>,
    mark: Mark,
    several: Version | undefined,
    identity: Identity | undefined,
    kept: Kept | undefined,
  ): void {
    this.#forgetEntry(row);
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
    if (!several && entry.target === undefined && !entry.from && !kept) this.#aside.delete(row);
    else {
      this.#aside.set(row, {
        ...(several && { version: several }),
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
    if (by > 0) this.#liveChildren.add(this.#paths[row]!);
    else this.#liveChildren.remove(this.#paths[row]!);
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
    const rows = nextLength(this.#kind.length);
    this.#kind = lengthened(this.#kind, rows);
    this.#mode = lengthened(this.#mode, rows);
    this.#size = lengthened(this.#size, rows);
    this.#mtime = lengthened(this.#mtime, rows);
    this.#stamp = lengthened(this.#stamp, rows);
    this.#writer = lengthened(this.#writer, rows);
    this.#place = lengthened(this.#place, rows);
    this.#hashHigh = lengthened(this.#hashHigh, rows);
    this.#hashLow = lengthened(this.#hashLow, rows);
    this.#inode = lengthened(this.#inode, rows);
    this.#birth = lengthened(this.#birth, rows);
    this.#scanned = lengthened(this.#scanned, rows);
  }
}

function hasOneMark(version: Version): boolean {
  let marks = 0;
  for (const _ in version) marks++;
  return marks === 1;
}

/** What of an entry is kept aside, but for its version. */
function asideOf({ target, from }: Aside): Pick<Entry, 'target' | 'from'> {
  return { ...(target !== undefined && { target }), ...(from && { from }) };
}

/** Whether what was read from disk has the shape that was written. */
function areColumns(columns: Columns): boolean {
  if (!isRecord(columns)) return false;
  const { paths, kinds, sizes, mtimes, modes, writers, stamps, inodes, births, aside } = columns;
  if (!Array.isArray(paths) || !isRecord(aside)) return false;
  for (const column of [kinds, sizes, mtimes, modes, writers, stamps, inodes, births])
    if (!Array.isArray(column) || column.length !== paths.length) return false;
  // In one loop: a callback for each column would be called nine million times at a start, and inlined nowhere.
  for (let i = 0; i < paths.length; i++) {
    const isRow =
      isPath(paths[i]) &&
      Number.isInteger(kinds[i]) &&
      KINDS[kinds[i]!] !== undefined &&
      (kinds[i] === SYMLINK) === (aside[i]?.target !== undefined) &&
      isSize(sizes[i]) &&
      Number.isSafeInteger(mtimes[i]) &&
      isMode(modes[i]) &&
      isWriter(writers[i]) &&
      isStamp(stamps[i]) &&
      Number.isFinite(inodes[i]) &&
      Number.isFinite(births[i]);
    if (!isRow) return false;
  }
  return Object.values(aside).every(isAside);
}

function isAside(raw: unknown): boolean {
  if (!isRecord(raw)) return false;
  const { version, target, from, kept } = raw;
  return (
    (version === undefined || isVersion(version)) &&
    (target === undefined || isTarget(target)) &&
    (from === undefined || isOrigin(from)) &&
    (kept === undefined || isKept(kept))
  );
}
