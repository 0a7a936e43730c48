/**
 * The digest: an order-free sum over the hashes of a set of entries, kept up to date in O(1) per change.
 *
 * A hash covers the path, all that equality looks at, and the newest mark of the version (so that equal entries with different
 * histories meet once and merge; pre-seeded files still match, their version being the same on both sides). The sum is the
 * root of a 16-way tree: the digest of a prefix is the sum over the entries whose path hash starts with those hex digits.
 */
import type { Entry } from './entry.ts';
import { type Mark, newest } from './version.ts';

/** Changes with every change of the hash or of what it covers; peers with another one never match by accident. */
export const DIGEST_VERSION = 1;

/** Hex digits of the longest prefix: 65,536 leaves, so 15 entries a leaf at a million. */
export const MAX_PREFIX = 4;

const KIND_CODE: Record<Entry['kind'], number> = { file: 1, directory: 2, symlink: 3, tombstone: 4 };

/** A 64-bit number in two halves, each 0 to 2^32 - 1. */
export interface Hash {
  readonly high: number;
  readonly low: number;
}

/**
 * The hash of a path; its high half places the path in the digest tree and in the cache's shards.
 *
 * @param length of its first units alone: that of a parent needs no string of its own
 */
export function hashPath(path: string, length = path.length): Hash {
  let high = 0x9e3779b9;
  let low = 0x243f6a88;
  for (let i = 0; i < length; i++) {
    const unit = path.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x85ebca6b);
    low = Math.imul(low ^ unit, 0xc2b2ae35);
    high ^= high >>> 15;
    low ^= low >>> 13;
  }
  return finish(high ^ length, low);
}

/** The hash of an entry. */
export function hashEntry(entry: Entry): Hash {
  return hashContent(entry, hashPath(entry.path), newest(entry.version));
}

/** The same, given all that an entry is but its version, the hash of its path, and its newest mark. */
export function hashContent(entry: Omit<Entry, 'version'>, path: Hash, mark: Mark): Hash {
  const mix = new Mix(path).add(KIND_CODE[entry.kind]);
  switch (entry.kind) {
    case 'file':
      mix.add(entry.size).add(entry.mtime).add(entry.mode);
      break;
    case 'directory':
      mix.add(entry.mode);
      break;
    case 'symlink': {
      const target = hashPath(entry.target ?? '');
      mix.add(target.high).add(target.low);
      break;
    }
    case 'tombstone':
      mix.add(entry.mtime);
      break;
    default:
      entry.kind satisfies never;
  }
  return mix.add(mark.stamp).add(mark.writer).hash();
}

/** Numbers that are mixed into a hash. An object, and no closure over two variables: a start hashes a million entries. */
class Mix {
  #high: number;
  #low: number;

  constructor({ high, low }: Hash) {
    this.#high = high | 0;
    this.#low = low | 0;
  }

  /** Dates and sizes pass 2^32: both halves count. */
  add(value: number): this {
    return this.#half(value >>> 0).#half(Math.floor(value / 0x1_0000_0000) | 0);
  }

  hash(): Hash {
    return finish(this.#high, this.#low);
  }

  #half(half: number): this {
    this.#high = Math.imul(rotate(this.#high, 13) ^ half, 0xcc9e2d51);
    this.#low = (Math.imul(rotate(this.#low, 17) ^ half, 0x1b873593) + this.#high) | 0;
    return this;
  }
}

/** A sum of hashes modulo 2^64 that grows and shrinks. */
export class DigestSum {
  #high = 0;
  #low = 0;
  #count = 0;

  add(hash: Hash): void {
    const low = this.#low + hash.low;
    this.#low = low >>> 0;
    this.#high = (this.#high + hash.high + (low > 0xffff_ffff ? 1 : 0)) >>> 0;
    this.#count++;
  }

  remove(hash: Hash): void {
    const low = this.#low - hash.low;
    this.#low = low >>> 0;
    this.#high = (this.#high - hash.high - (low < 0 ? 1 : 0)) >>> 0;
    this.#count--;
  }

  /** How many entries are summed up. */
  get count(): number {
    return this.#count;
  }

  /** 16 hex digits. */
  toString(): string {
    return hex(this.#high) + hex(this.#low);
  }
}

/** A node of the digest tree as peers exchange it. */
export interface DigestNode {
  readonly prefix: string;
  readonly digest: string;
  readonly count: number;
}

/** The first hex digits of a path hash. */
export function prefixOf(pathHashHigh: number, digits: number): string {
  return hex(pathHashHigh).slice(0, digits);
}

/** The range of path hashes (high halves, inclusive) that start with a prefix. */
export function rangeOf(prefix: string): { from: number; to: number } {
  const from = Number.parseInt(prefix.padEnd(8, '0'), 16);
  const to = Number.parseInt(prefix.padEnd(8, 'f'), 16);
  return { from, to };
}

/** The prefixes whose digests differ between two lists of nodes, with the larger count of both. */
export function differing(mine: readonly DigestNode[], theirs: readonly DigestNode[]): DigestNode[] {
  const byPrefix = new Map(mine.map(node => [node.prefix, node]));
  const result: DigestNode[] = [];
  for (const node of theirs) {
    const own = byPrefix.get(node.prefix);
    byPrefix.delete(node.prefix);
    if (own === undefined ? node.count > 0 : own.digest !== node.digest)
      result.push({ ...node, count: Math.max(node.count, own?.count ?? 0) });
  }
  for (const node of byPrefix.values()) if (node.count > 0) result.push(node);
  return result;
}

/** Every step can be undone, so that no two states end in one hash (as 64 bits folded into each other would). */
function finish(high: number, low: number): Hash {
  let a = (high + low) | 0;
  let b = (low + a) | 0;
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
  a = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x7feb352d);
  b = Math.imul(b ^ (b >>> 15), 0x846ca68b);
  a = ((a ^ (a >>> 16)) + (b ^ (b >>> 16))) | 0;
  return { high: a >>> 0, low: ((b ^ (b >>> 16)) + a) >>> 0 };
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Eight digits; asked for of every file that travels, so it is a look into a table. */
function hex(half: number): string {
  return BYTES[half >>> 24]! + BYTES[(half >>> 16) & 255]! + BYTES[(half >>> 8) & 255]! + BYTES[half & 255]!;
}
