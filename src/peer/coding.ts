/** Content codings of answers: RFC 9110, section 8.4 and 12.5.3; RFC 8878 for zstd. */
import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createZstdCompress, createZstdDecompress, zstdCompress } from 'node:zlib';
import { WireError } from './byte-reader.ts';

/** How the bytes of an answer's body stand for its content. */
export type Coding = 'identity' | 'zstd';

/** The header of a question whose answer may come coded. */
export const CODED = { 'accept-encoding': 'zstd' } as const;
/** Of one whose answer may not: a range of a coded form is of no use. */
export const PLAIN = { 'accept-encoding': 'identity' } as const;

/**
 * Smaller bodies travel as they are: with its headers an answer of this size fits into one packet (1460 bytes on Ethernet), and a
 * smaller one in a packet is no gain for the 20 µs that each end spends.
 */
export const MIN_CODED_BYTES = 1024;
/**
 * Level 1: entries shrink to 17 % at 550 MB/s, digests to 20 %. Higher levels were not smaller on either (level 5: 19 %, at a
 * fifth of the speed), as what repeats in an index is near.
 */
const LEVEL = 1;
/**
 * A stream whose beginning shrinks less than to this is sent as it is: coding pictures or archives makes them no smaller and takes
 * three times as long (loopback: 110 MB/s against 350).
 */
const WORTHWHILE_RATIO = 0.9;
/** How far back a sender may refer, and so what decoding may take of memory: 8 MiB, as RFC 9659 has it for HTTP. */
const WINDOW_LOG_MAX = 23;
/** About what one write to a socket takes at once. */
const CHUNK_BYTES = 65_536;

const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: LEVEL }, chunkSize: CHUNK_BYTES };
const compress = promisify(zstdCompress);

/** The weight (0: unacceptable) that a request gives to each coding. */
export interface Acceptable {
  readonly zstd: number;
  readonly identity: number;
}

/** What is least wanted and still allowed: identity, where nobody speaks of it. */
const LEAST = 0.0001;

/** Reads `Accept-Encoding`; without one nothing but the plain bytes is expected. */
export function parseAcceptEncoding(header: string | undefined): Acceptable {
  const weights = new Map<string, number>();
  for (const item of (header ?? '').split(',')) {
    const [, coding, weight = '1'] =
      /^\s*([^\s;,]+)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?\s*$/i.exec(item) ?? [];
    if (coding !== undefined) weights.set(coding.toLowerCase(), Number(weight));
  }
  const others = weights.get('*');
  return {
    zstd: weights.get('zstd') ?? others ?? 0,
    identity: weights.get('identity') ?? others ?? LEAST,
  };
}

/**
 * The coding for a body, or undefined where none is acceptable. Of two that are wanted equally the coded one is taken, unless it
 * is not worth while.
 */
export function chooseCoding({ zstd, identity }: Acceptable, worthwhile: boolean): Coding | undefined {
  if (zstd > 0 && (identity === 0 || (worthwhile && zstd >= identity))) return 'zstd';
  return identity > 0 ? 'identity' : undefined;
}

/** The entity tag of a coded form: other bytes, another tag. */
export function codedTag(etag: string, coding: Coding): string {
  return coding === 'identity' ? etag : `${etag.slice(0, -1)}-${coding}"`;
}

/** Told of bytes on the wire and the bytes of content that they stand for, as they pass. */
export type OnCoded = (wire: number, plain: number) => void;

/** A whole body, coded. */
export async function encodeWhole(body: Buffer, coding: Coding): Promise<Buffer> {
  return coding === 'zstd' ? await compress(body, OPTIONS) : body;
}

/** Whether coding a stream that begins like this gains anything. */
export async function shrinks(head: Buffer): Promise<boolean> {
  const sample = head.subarray(0, CHUNK_BYTES);
  return (await compress(sample, OPTIONS)).length < sample.length * WORTHWHILE_RATIO;
}

/** A stream of a body in zstd, coded as it is read. */
export async function* encodeStream(source: AsyncIterable<Uint8Array>, onCoded: OnCoded): AsyncGenerator<Uint8Array> {
  const plain = counted(source, bytes => onCoded(0, bytes));
  yield* counted(through(plain, createZstdCompress(OPTIONS)), bytes => onCoded(bytes, 0));
}

/**
 * The content of an answer's body, decoded as it is read, no more of it than is asked for. How much that may become in all is
 * for the reader to bound: he counts what comes out of here.
 *
 * @throws {@link WireError} where the coding is none that was asked for, or the bytes are not what it says
 */
export async function* decodeStream(
  source: AsyncIterable<Uint8Array>,
  coding: string,
  onCoded: OnCoded,
): AsyncGenerator<Uint8Array> {
  if (coding !== 'zstd') throw new WireError('it is in a content coding that was not asked for');
  const decoder = createZstdDecompress({
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
    chunkSize: CHUNK_BYTES,
  });
  const wire = counted(source, bytes => onCoded(bytes, 0));
  try {
    yield* counted(through(wire, decoder), bytes => onCoded(0, bytes));
  } catch (error) {
    throw isZlibError(error) ? new WireError(`not zstd as it should be (${(error as Error).message})`) : error;
  }
}

/** Whoever stops reading closes the source too. */
function through(
  source: AsyncIterable<Uint8Array>,
  coder: ReturnType<typeof createZstdCompress>,
): AsyncIterable<Uint8Array> {
  // What fails comes out of the coder as well, where it is read.
  pipeline(Readable.from(source, { objectMode: false }), coder, () => {});
  return coder;
}

function isZlibError(error: unknown): boolean {
  return /^Z_|^ZSTD_|^ERR_ZSTD|^ERR_ZLIB/.test(String((error as NodeJS.ErrnoException).code));
}

async function* counted(source: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  for await (const chunk of source) {
    onBytes(chunk.length);
    yield chunk;
  }
}
