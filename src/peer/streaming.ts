/** Streams of an answer that is promised before it is whole. */

/**
 * Takes the first piece, so that what fails at once is thrown here and not within an answer that has begun. What comes back
 * closes the source even if nobody ever reads on.
 */
export async function primed<T>(source: AsyncIterable<T>): Promise<AsyncIterableIterator<T>> {
  const iterator = source[Symbol.asyncIterator]();
  let first: IteratorResult<T> | undefined = await iterator.next();
  const primed: AsyncIterableIterator<T> = {
    async next() {
      const result = first ?? (await iterator.next());
      first = undefined;
      return result;
    },
    async return() {
      return (await iterator.return?.()) ?? { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => primed,
  };
  return primed;
}

/**
 * Takes pieces until they are `enough`, so that what fails at once is thrown here: all of it where it ends before, else a stream of
 * what was taken, the head, and the rest.
 */
export async function begun(
  source: AsyncIterable<Uint8Array>,
  enough: number,
): Promise<
  | { readonly whole: Buffer; readonly head?: never; readonly stream?: never }
  | { readonly whole?: never; readonly head: Buffer; readonly stream: AsyncIterableIterator<Uint8Array> }
> {
  const iterator = source[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  for (let length = 0; length < enough; ) {
    const { done, value } = await iterator.next();
    if (done) return { whole: Buffer.concat(parts, length) };
    parts.push(value);
    length += value.length;
  }
  const stream: AsyncIterableIterator<Uint8Array> = {
    async next() {
      const value = parts.shift();
      return value === undefined ? await iterator.next() : { done: false, value };
    },
    async return() {
      return (await iterator.return?.()) ?? { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return { head: Buffer.concat(parts), stream };
}

/** The same bytes, which must be `length` in all: one too many would be read as the next answer, one too few be waited for. */
export async function* exactly(
  source: AsyncIterable<Uint8Array>,
  length: number,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0) throw new RangeError(`${-left} bytes more than the ${length} announced`);
    onBytes(chunk.length);
    yield chunk;
  }
  if (left > 0) throw new RangeError(`${left} bytes fewer than the ${length} announced`);
}
