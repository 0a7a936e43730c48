/** A bundle: many small files in one stream. Per file one JSON line, `{"path","size"}` and that many raw bytes, or `{"path","status"}`. */
import type { BundleItem, FileRef } from '../sync/peer.ts';
import { type ByteReader, WireError } from './byte-reader.ts';
import { parseJson } from './json-text.ts';
import {
  bundleHeaderSchema,
  MAX_BUNDLE_BYTES,
  MAX_BUNDLE_FILES,
  MAX_LINE_BYTES,
  MAX_REQUEST_BYTES,
  whatIsWrong,
} from './protocol.ts';

/** About what one write to a socket takes at once: small files are gathered up to it. */
const CHUNK_BYTES = 65_536;

/** Gathers a bundle into chunks for a socket; told of the content bytes in each before it is handed out. */
export async function* formatBundle(
  items: AsyncIterable<BundleItem>,
  onContent: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let content = 0;
  const flush = () => {
    const chunk = Buffer.concat(parts, length);
    onContent(content);
    parts = [];
    length = content = 0;
    return chunk;
  };
  for await (const item of items) {
    const header = Buffer.from(`${JSON.stringify(headerOf(item))}\n`);
    parts.push(header);
    length += header.length;
    if ('bytes' in item) {
      parts.push(item.bytes);
      length += item.bytes.length;
      content += item.bytes.length;
    }
    if (length >= CHUNK_BYTES) yield flush();
  }
  if (length > 0) yield flush();
}

/**
 * Reads the bundle that answers `files`: those that have come whole, together.
 *
 * @throws {@link WireError} where it is not exactly these files, in this order and of these sizes, and then the end
 */
export async function* readBundle(reader: ByteReader, files: readonly FileRef[]): AsyncGenerator<BundleItem[]> {
  let items: BundleItem[] = [];
  try {
    for (const file of files) {
      let line = reader.lineHere(MAX_LINE_BYTES);
      if (!line) {
        if (items.length > 0) yield items;
        items = [];
        line = await reader.line(MAX_LINE_BYTES);
      }
      if (line === undefined) throw new WireError(`it ends before ${JSON.stringify(file.path)}`);
      const status = statusIn(line, file);
      if (status !== undefined) items.push({ path: file.path, status });
      else items.push({ path: file.path, bytes: reader.blockHere(file.size) ?? (await reader.block(file.size)) });
    }
  } catch (error) {
    // What came before is whole, and need not come again.
    if (items.length > 0) yield items;
    throw error;
  }
  if (items.length > 0) yield items;
  if (!(await reader.atEnd())) throw new WireError('more than was asked for');
}

/** What the header of a file has instead of its bytes; undefined: the bytes follow. Throws a {@link WireError}. */
function statusIn(line: Buffer, file: FileRef): number | undefined {
  // The schema takes ten times as long, for what nearly every file of a hundred thousand begins with.
  if (line.toString() === JSON.stringify({ path: file.path, size: file.size })) return undefined;
  const header = parseHeader(line);
  if (header.path !== file.path)
    throw new WireError(`${JSON.stringify(header.path)} instead of ${JSON.stringify(file.path)}`);
  if ('status' in header) return header.status;
  if (header.size !== file.size)
    throw new WireError(`${header.size} bytes of ${JSON.stringify(file.path)}, which has ${file.size}`);
  return undefined;
}

/**
 * Cuts a list of files into bundles that a peer accepts, in the same order. A file larger than a bundle stands alone.
 *
 * @param most bytes of content in one; without a bound where only something about the content is asked
 */
export function* bundlesOf(files: readonly FileRef[], most = MAX_BUNDLE_BYTES): Generator<FileRef[]> {
  let bundle: FileRef[] = [];
  let content = 0;
  let request = 0;
  for (const file of files) {
    const line = Buffer.byteLength(JSON.stringify({ path: file.path, size: file.size, mtime: file.mtime })) + 1;
    const isFull = content + file.size > most || request + line > MAX_REQUEST_BYTES - FRAME_BYTES;
    if (bundle.length > 0 && (isFull || bundle.length === MAX_BUNDLE_FILES)) {
      yield bundle;
      bundle = [];
      content = request = 0;
    }
    bundle.push(file);
    content += file.size;
    request += line;
  }
  if (bundle.length > 0) yield bundle;
}

/** The body that asks for a bundle. */
export function formatBundleRequest(files: readonly FileRef[]): string {
  return JSON.stringify({ files: files.map(({ path, size, mtime }) => ({ path, size, mtime })) });
}

/** What {@link formatBundleRequest} puts around the files. */
const FRAME_BYTES = Buffer.byteLength(formatBundleRequest([]));

function headerOf(item: BundleItem): object {
  return 'bytes' in item ? { path: item.path, size: item.bytes.length } : { path: item.path, status: item.status };
}

function parseHeader(line: Buffer) {
  const header = bundleHeaderSchema.safeParse(parseJson(line));
  if (!header.success) throw new WireError(`a file's header: ${whatIsWrong(header.error)}`);
  return header.data;
}
