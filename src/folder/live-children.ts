/**
 * How many live entries each directory has right in it. It is asked by paths and told by those of the children: at a start it is told a
 * million of them, and makes no string for the parent of each.
 */
import { hashPath } from '../core/digest.ts';
import type { RelPath } from '../core/path.ts';
import { PathTable } from './path-table.ts';

/** Directories that have live children, a row each. */
export class LiveChildren {
  readonly #rows = new PathTable({ path: row => this.#paths[row], hash: row => this.#hashes[row]! });
  readonly #paths: (RelPath | undefined)[] = [];
  readonly #hashes: number[] = [];
  readonly #counts: number[] = [];
  readonly #freeRows: number[] = [];

  /** How many a directory has. */
  of(directory: RelPath): number {
    const row = this.#rows.find(directory, hashPath(directory).high);
    return row < 0 ? 0 : this.#counts[row]!;
  }

  /** There is one more, at this path. */
  add(path: RelPath): void {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return;
    const hash = hashPath(path, slash).high;
    const row = this.#find(path, slash, hash);
    if (row >= 0) this.#counts[row]!++;
    else this.#insert(path.slice(0, slash) as RelPath, hash);
  }

  /** There is one less: this one, which was added. */
  remove(path: RelPath): void {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return;
    const row = this.#find(path, slash, hashPath(path, slash).high);
    if (--this.#counts[row]! > 0) return;
    this.#rows.remove(row);
    this.#paths[row] = undefined;
    this.#freeRows.push(row);
  }

  /** The row of the first `length` units of a path. */
  #find(path: RelPath, length: number, hash: number): number {
    let row = this.#rows.first(hash);
    while (row >= 0 && !(this.#paths[row]!.length === length && path.startsWith(this.#paths[row]!)))
      row = this.#rows.next(row);
    return row;
  }

  #insert(directory: RelPath, hash: number): void {
    const row = this.#freeRows.pop() ?? this.#paths.length;
    this.#paths[row] = directory;
    this.#hashes[row] = hash;
    this.#counts[row] = 1;
    this.#rows.add(row);
  }
}
