/** A JSON file of lowdb that survives a power loss whole: written beside, brought to disk, renamed. */
import type { Adapter } from 'lowdb';
import type { Disk } from './disk.ts';

/** What a file is called until all of it is written. */
export const BESIDE = '.new';

export class DurableFile<T> implements Adapter<T> {
  readonly #disk: Disk;
  readonly #path: string;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  /** null where there is none. Throws a DiskError, or a SyntaxError where it is no JSON. */
  async read(): Promise<T | null> {
    if (!this.#disk.lstat(this.#path)) return null;
    return JSON.parse(Buffer.from(this.#disk.readFile(this.#path)).toString('utf8')) as T;
  }

  /** Throws a DiskError; then what was there before still is. */
  async write(data: T): Promise<void> {
    const beside = `${this.#path}${BESIDE}`;
    if (this.#disk.lstat(beside)) this.#disk.unlink(beside);
    const writer = this.#disk.openAppend(beside);
    try {
      await writer.write(Buffer.from(JSON.stringify(data)));
      await writer.sync();
    } finally {
      writer.close();
    }
    this.#disk.rename(beside, this.#path);
  }
}
