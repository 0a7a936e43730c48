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
