/** Reads lines and blocks off a stream of bytes as they come, holding no more than the one that is asked for. */

/** The bytes of a message are not what the protocol says. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

/** A stream of bytes, read from the front. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = EMPTY;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /**
   * The next line without its newline; undefined at the end.
   *
   * @throws {@link WireError} for a line of more than `limit` bytes, or one that the end cuts
   */
  async line(limit: number): Promise<Buffer | undefined> {
    let searched = 0;
    for (;;) {
      const end = this.#rest.indexOf(NEWLINE, searched);
      if ((end < 0 ? this.#rest.length : end) > limit) throw new WireError(`a line of more than ${limit} bytes`);
      if (end >= 0) return this.#cut(end, 1);
      searched = this.#rest.length;
      const more = await this.#next();
      if (more === undefined && searched === 0) return undefined;
      if (more === undefined) throw new WireError('it ends within a line');
      this.#rest = searched === 0 ? more : Buffer.concat([this.#rest, more]);
    }
  }

  /** The next line, if all of it has come and it has no more than `limit` bytes: else {@link line} waits for it, or says what is wrong. */
  lineHere(limit: number): Buffer | undefined {
    const end = this.#rest.indexOf(NEWLINE);
    return end < 0 || end > limit ? undefined : this.#cut(end, 1);
  }

  /** The next `size` bytes, if all of them have come. */
  blockHere(size: number): Buffer | undefined {
    return size <= this.#rest.length ? this.#cut(size, 0) : undefined;
  }

  /**
   * The next `size` bytes.
   *
   * @throws {@link WireError} where the end comes before
   */
  async block(size: number): Promise<Buffer> {
    if (size <= this.#rest.length) return this.#cut(size, 0);
    const parts = [this.#rest];
    for (let length = this.#rest.length; length < size; ) {
      const more = await this.#next();
      if (more === undefined) throw new WireError(`it ends ${size - length} bytes early`);
      parts.push(more);
      length += more.length;
    }
    this.#rest = Buffer.concat(parts);
    return this.#cut(size, 0);
  }

  /** Whether nothing is left; waits for the end of the stream. */
  async atEnd(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const more = await this.#next();
      if (more === undefined) return true;
      this.#rest = more;
    }
    return false;
  }

  /** Gives the source up, read or not. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #cut(length: number, skip: number): Buffer {
    const piece = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length + skip);
    return piece;
  }

  async #next(): Promise<Buffer | undefined> {
    const { done, value } = await this.#source.next();
    return done ? undefined : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
}
