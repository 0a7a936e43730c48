/** What an answer has to be for the question that was asked. */
import type { DigestNode } from '../core/digest.ts';
import type { FileRef } from '../sync/peer.ts';
import { WireError } from './byte-reader.ts';
import type { Answer } from './exchange.ts';
import { etagOf } from './preconditions.ts';

/** What is wrong with the headers of a file's answer, if anything. */
export function wrongFile(
  { headers, status }: Pick<Answer, 'headers' | 'status'>,
  file: FileRef,
  offset: number,
): string | undefined {
  const length = file.size - offset;
  if (headers.etag !== etagOf(file)) return `another version: ${headers.etag} instead of ${etagOf(file)}`;
  if (headers['content-length'] !== String(length))
    return `${headers['content-length']} bytes announced instead of ${length}`;
  const range = `bytes ${offset}-${file.size - 1}/${file.size}`;
  if (status === 206 && headers['content-range'] !== range) return `${headers['content-range']} instead of ${range}`;
  return undefined;
}

/**
 * The nodes, all of them children of what was asked for: others would send the descent astray.
 *
 * @throws {@link WireError} for any other
 */
export function childrenOf(prefixes: readonly string[], nodes: readonly DigestNode[]): readonly DigestNode[] {
  const asked = new Set(prefixes);
  const stray = nodes.find(node => node.prefix === '' || !asked.has(node.prefix.slice(0, -1)));
  if (stray) throw new WireError(`a digest of "${stray.prefix}", which was not asked for`);
  return nodes;
}

/**
 * A body, whole.
 *
 * @throws {@link WireError} for more than `limit` bytes
 */
export async function collect(body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit) throw new WireError(`more than ${limit} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts, length);
}

/** Whatever the format refuses is the peer's fault; whatever came as an error of its own stays one. */
export function asPeerError(answer: Answer, error: unknown): unknown {
  if (!(error instanceof WireError)) return error;
  return answer.unexpected(`the answer is not what was asked for: ${error.message}`, error);
}
