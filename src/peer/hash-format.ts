/** Hashes of content on the wire: one JSON object a line, for each file in the order asked, a large one with how far it is. */
import type { FileRef, HashItem } from '../sync/peer.ts';
import { type ByteReader, WireError } from './byte-reader.ts';
import { parseJson } from './json-text.ts';
import { hashSchema } from './messages.ts';
import { MAX_LINE_BYTES, whatIsWrong } from './protocol.ts';

/** Each item as a line. */
export async function* formatHashes(items: AsyncIterable<HashItem>): AsyncGenerator<Buffer> {
  for await (const item of items) yield Buffer.from(`${JSON.stringify(item)}\n`);
}

/**
 * Reads the hashes that answer `files`.
 *
 * @throws {@link WireError} where they are not of exactly these files, in this order, and then the end
 */
export async function* readHashes(reader: ByteReader, files: readonly FileRef[]): AsyncGenerator<HashItem> {
  for (const { path, size } of files) {
    for (let reached = 0; ; ) {
      const line = await reader.line(MAX_LINE_BYTES);
      if (line === undefined) throw new WireError(`it ends before ${JSON.stringify(path)}`);
      const parsed = hashSchema.safeParse(parseJson(line));
      if (!parsed.success) throw new WireError(`a hash: ${whatIsWrong(parsed.error)}`);
      const { path: named, ...rest } = parsed.data;
      if (named !== path) throw new WireError(`${JSON.stringify(named)} instead of ${JSON.stringify(path)}`);
      yield { ...rest, path } as HashItem;
      if (!('at' in rest)) break;
      if (rest.at <= reached || rest.at > size) throw new WireError(`a progress that is none: ${rest.at} of ${size}`);
      reached = rest.at;
    }
  }
  if (!(await reader.atEnd())) throw new WireError('it goes on after the last hash');
}
