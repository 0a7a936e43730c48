/** Write-behind: what a peer sends in small pieces is written in large ones, each while the next is on its way. */
import type { Inlet } from './folder.ts';

/** Bytes in one write: what takes the disk about as long as handing it over costs. At most twice as much is held. */
const PIECE_BYTES = 1024 * 1024;

/** Bytes after which the disk begins with them, while more come: else all of a large file would be waited for at its end. */
const SYNC_BYTES = 64 * 1024 * 1024;

export class WriteBehind {
  readonly #inlet: Pick<Inlet, 'write' | 'sync'>;
  #parts: Uint8Array[] = [];
  #length = 0;
  #writing: Promise<void> = Promise.resolve();
  #unsynced = 0;
  #syncing = false;

  constructor(inlet: Pick<Inlet, 'write' | 'sync'>) {
    this.#inlet = inlet;
  }

  /** Takes bytes, for good; resolves when there is room for more. Rejects with what the write before this one failed with. */
  async add(bytes: Uint8Array): Promise<void> {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#length >= PIECE_BYTES) await this.#begin();
  }

  /** Resolves when everything is written. */
  async end(): Promise<void> {
    await this.#begin();
    await this.#writing;
  }

  /** In the background, one at a time; whether it worked is told by the one at the end. */
  #sync(): void {
    if (this.#syncing || this.#unsynced < SYNC_BYTES) return;
    this.#unsynced = 0;
    this.#syncing = true;
    this.#inlet
      .sync()
      .catch(() => {})
      .finally(() => {
        this.#syncing = false;
      });
  }

  async #begin(): Promise<void> {
    await this.#writing;
    const parts = this.#parts;
    this.#unsynced += this.#length;
    this.#parts = [];
    this.#length = 0;
    this.#sync();
    if (parts.length === 0) return;
    this.#writing = this.#inlet.write(...parts).then(() => parts.forEach(free));
    // Whoever adds or ends next is told; until then it must not count as nobody's.
    this.#writing.catch(() => {});
  }
}

/** Gives memory back at once, where nobody else has a share in it: gigabytes of garbage keep its collector busier than writing them. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0) buffer.transfer(0);
}
