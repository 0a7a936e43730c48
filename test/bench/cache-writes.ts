/** How much an instance writes to its cache and journal, by looking at the files. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Between two looks: no file is replaced twice within this. */
const EVERY_MS = 10;

/**
 * Bytes written to the files of a directory. A file is known by inode and birth, so that one which is renamed into place counts once;
 * what it grows by counts, what is replaced counts again.
 */
export class CacheWrites {
  readonly #directory: string;
  readonly #sizes = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.look();
    this.#bytes = 0;
    this.#timer = setInterval(() => this.look(), EVERY_MS);
  }

  /** Ends it; answers the bytes since it was made. */
  stop(): number {
    clearInterval(this.#timer);
    this.look();
    return this.#bytes;
  }

  /** Takes what has changed since the look before. */
  look(): void {
    for (const name of readdirSync(this.#directory)) {
      const stat = lstatSync(join(this.#directory, name), { bigint: true, throwIfNoEntry: false });
      if (!stat?.isFile()) continue;
      const key = `${stat.ino} ${stat.birthtimeNs}`;
      const size = Number(stat.size);
      this.#bytes += Math.max(0, size - (this.#sizes.get(key) ?? 0));
      this.#sizes.set(key, size);
    }
  }
}
