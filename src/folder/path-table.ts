/**
 * A hash table from paths to rows of an index. It is 8 bytes a path where a Map is 30 to 60, and it grows without the pause that a
 * Map of a million strings takes to do so.
 */
import type { RelPath } from '../core/path.ts';

/** Slots for an empty table; doubled whenever more than half are taken, so that a probe meets one or two others. */
const INITIAL_SLOTS = 512;
const FREE = 0;

/** What the rows say of themselves. */
export interface Rows {
  /** The path of a row. */
  path(row: number): RelPath | undefined;
  /** The high half of its path's hash. */
  hash(row: number): number;
}

/** Open addressing with linear probing; a slot holds a row and one. */
export class PathTable {
  readonly #rows: Rows;
  #slots = new Uint32Array(INITIAL_SLOTS);
  #size = 0;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#size;
  }

  /** The row of a path, given the high half of its hash; -1 where there is none. */
  find(path: RelPath, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      if (row < 0) return -1;
      if (this.#rows.hash(row) === hash && this.#rows.path(row) === path) return row;
    }
  }

  /** Adds a row, of a path that is not there. */
  add(row: number): void {
    if (++this.#size > this.#slots.length / 2) this.#grow();
    this.#put(row);
  }

  /** Takes a row out that is there; what stood behind it moves up, so that no probe ends early. */
  remove(row: number): void {
    const mask = this.#slots.length - 1;
    let hole = this.#rows.hash(row) & mask;
    while (this.#slots[hole] !== row + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; this.#slots[slot] !== FREE; slot = (slot + 1) & mask) {
      const home = this.#rows.hash(this.#slots[slot]! - 1) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#slots[hole] = this.#slots[slot]!;
      hole = slot;
    }
    this.#slots[hole] = FREE;
    this.#size--;
  }

  #put(row: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#rows.hash(row) & mask;
    while (this.#slots[slot] !== FREE) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (const taken of old) if (taken !== FREE) this.#put(taken - 1);
  }
}
