/**
 * The cache: the index of one domain on disk, as JSON files of lowdb.
 *
 * It is sharded by the first hex digits of the path hash, so that a change rewrites little and no file becomes too large for one
 * string. lowdb holds a shard only while that is read or written. A shard that is damaged is set aside and rebuilt by the scan:
 * never a crash, never a deletion.
 */
import { Low } from 'lowdb';
import type { Clock } from '../core/clock.ts';
import { DIGEST_VERSION, hashPath, prefixOf } from '../core/digest.ts';
import type { RelPath } from '../core/path.ts';
import { type Disk, DiskError } from './disk.ts';
import { BESIDE, DurableFile } from './durable-file.ts';
import type { Columns, DomainIndex } from './index-store.ts';
import { heardIn, isStamp } from './stored.ts';

/** Changes with every change of a shard's shape; another one is migrated forward, or discarded. */
const FORMAT = 1;
/** Two hex digits: 256 shards, so 4,000 entries each at a million. */
const SHARD_DIGITS = 2;
/** A small domain lies in one shard; past so many entries it is spread. */
const SPREAD_FROM = 2_000;

/** What is kept besides the entries. */
const MEMORY = 'memory.json';

interface Header {
  readonly format: number;
  readonly digestVersion: number;
  /** A volume cloned from another instance brings that one's cache, which says nothing of this one. */
  readonly roleid: number;
  readonly count: number;
}

interface Shard extends Header {
  readonly columns: Columns;
}

/** What is kept of a domain besides its entries. */
export interface DomainMemory {
  /** Newest heartbeat by origin, milliseconds since 1970. */
  readonly heard: Readonly<Record<number, number>>;
  /** Deletions up to that date may be forgotten, milliseconds since 1970. */
  readonly forgotten?: number;
  /** Deletions are held since then, milliseconds since 1970. */
  readonly holdingSince?: number;
}

export class Cache {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #roleid: number;
  readonly #clock: Clock;
  readonly #dirty = new Set<string>();
  readonly #written = new Set<string>();
  #digits = 0;

  /** @param directory of the domain's cache, relative to the volume's root */
  constructor(disk: Disk, directory: string, roleid: number, clock: Clock) {
    this.#disk = disk;
    this.#directory = directory;
    this.#roleid = roleid;
    this.#clock = clock;
  }

  /** Fills an empty index; answers the names of shards that were damaged and set aside. Drops what a crash left half written. */
  async load(index: DomainIndex): Promise<string[]> {
    const damaged: string[] = [];
    for (const name of this.#names()) if (name.endsWith(BESIDE)) this.#remove(name);
    const names = this.#shardNames();
    for (const name of names) {
      const shard = await this.#readShard(name);
      if (shard === 'damaged') damaged.push(name);
      if (typeof shard !== 'object') continue;
      // The hashes of paths spread evenly: the first shard tells how many there are.
      index.reserve(names.length * shard.count);
      if (!index.take(shard.columns)) {
        this.#setAside(name);
        damaged.push(name);
        continue;
      }
      this.#written.add(name);
      this.#digits = Math.max(this.#digits, name.length === 'shard-.json'.length ? 0 : SHARD_DIGITS);
      await this.#clock.yield();
    }
    // A crash in the middle of spreading: the single shard may go only once all of it is spread.
    if (this.#digits > 0 && this.#written.has(shardName(''))) for (const name of this.#spread()) this.#dirty.add(name);
    return damaged;
  }

  /** An entry changed: its shard is written by the next flush. */
  touch(path: RelPath): void {
    this.#dirty.add(this.#shardOf(path));
  }

  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Writes every shard that changed. What changes meanwhile is written by the next flush. */
  async flush(index: DomainIndex): Promise<void> {
    const spread = index.totals.entries >= SPREAD_FROM;
    const names = spread && this.#digits === 0 ? this.#spread() : new Set(this.#dirty);
    this.#dirty.clear();
    try {
      // All rows are sorted into their shards at once; each shard is made of what they are when it is its turn.
      for (const [prefix, columns] of index.columns([...names].map(prefixIn))) {
        const name = shardName(prefix);
        await this.#writeShard(name, columns);
        names.delete(name);
        await this.#clock.yield();
      }
      if (this.#digits > 0) this.#remove(shardName(''));
    } finally {
      for (const name of names) this.#dirty.add(name);
    }
  }

  async loadMemory(): Promise<DomainMemory> {
    const memory = await this.#readFile<DomainMemory & Header>(MEMORY);
    if (memory === 'damaged' || memory?.roleid !== this.#roleid) return { heard: {} };
    const { heard, holdingSince, forgotten } = memory;
    return {
      heard: heardIn(heard),
      ...(isStamp(forgotten) && { forgotten }),
      // Whenever it was: that something was held is what counts.
      ...(holdingSince !== undefined && { holdingSince: Number(holdingSince) || 0 }),
    };
  }

  async saveMemory(memory: DomainMemory): Promise<void> {
    await this.#writeFile(MEMORY, { ...this.#header(0), ...memory });
  }

  #shardOf(path: RelPath): string {
    return shardName(prefixOf(hashPath(path).high, this.#digits));
  }

  #shardNames(): string[] {
    return this.#names()
      .filter(name => /^shard-[0-9a-f]*\.json$/.test(name))
      .sort();
  }

  #names(): string[] {
    try {
      return this.#disk.list(this.#directory);
    } catch (error) {
      if (error instanceof DiskError && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  /** From one shard to many: all of them are to be written. */
  #spread(): Set<string> {
    this.#digits = SHARD_DIGITS;
    return new Set(
      Array.from({ length: 16 ** SHARD_DIGITS }, (_, i) => shardName(i.toString(16).padStart(SHARD_DIGITS, '0'))),
    );
  }

  async #readShard(name: string): Promise<Shard | 'damaged' | 'foreign'> {
    const shard = await this.#readFile<Shard>(name);
    if (shard === null || shard === 'damaged' || typeof shard.format !== 'number') return this.#setAside(name);
    const ours = shard.format === FORMAT && shard.digestVersion === DIGEST_VERSION && shard.roleid === this.#roleid;
    if (!ours) this.#remove(name);
    else if (!Number.isSafeInteger(shard.count) || shard.columns?.paths?.length !== shard.count)
      return this.#setAside(name);
    return ours ? shard : 'foreign';
  }

  #setAside(name: string): 'damaged' {
    this.#disk.rename(`${this.#directory}/${name}`, `${this.#directory}/damaged-${name}`);
    return 'damaged';
  }

  async #readFile<T>(name: string): Promise<T | 'damaged' | null> {
    const file = new Low<T | null>(new DurableFile(this.#disk, `${this.#directory}/${name}`), null);
    try {
      await file.read();
      return file.data;
    } catch (error) {
      if (error instanceof SyntaxError) return 'damaged';
      throw error;
    }
  }

  async #writeShard(name: string, columns: Columns): Promise<void> {
    const count = columns.paths.length;
    if (count === 0 && !this.#written.has(name)) return;
    await this.#writeFile(name, { ...this.#header(count), columns });
    this.#written.add(name);
  }

  async #writeFile<T>(name: string, data: T): Promise<void> {
    const file = new Low<T>(new DurableFile(this.#disk, `${this.#directory}/${name}`), data);
    await file.write();
  }

  #header(count: number): Header {
    return { format: FORMAT, digestVersion: DIGEST_VERSION, roleid: this.#roleid, count };
  }

  #remove(name: string): void {
    const path = `${this.#directory}/${name}`;
    if (this.#disk.lstat(path)) this.#disk.unlink(path);
    this.#written.delete(name);
  }
}

/**
 * Forgets what was known of a domain that this site does not serve any more. Its heartbeats stay: they say since when it may lack
 * deletions.
 */
export function forgetIndex(disk: Disk, directory: string): void {
  if (!disk.lstat(directory)) return;
  for (const name of disk.list(directory)) if (name !== MEMORY) disk.unlink(`${directory}/${name}`);
}

function shardName(prefix: string): string {
  return `shard-${prefix}.json`;
}

/** The inverse of {@link shardName}. */
function prefixIn(name: string): string {
  return name.slice('shard-'.length, -'.json'.length);
}
