/**
 * Holes: long runs of zeros in what is written, which a file need not hold.
 *
 * What is written never ends in one. So a file always is as long as what has come of it; and it gets longer only by bytes that were
 * written, not by a length that was set: a system that loses its power leaves it short, which is how that is seen.
 */

/** A shorter run is written as it is: it would save less than the system call that goes past it costs. */
const HOLE_BYTES = 64 * 1024;
/** Zeros are looked for in slices of so many bytes, wherever a slice begins: a hole loses a block of the disk at either end. */
const SLICE_BYTES = 4 * 1024;
const ZEROS = Buffer.alloc(SLICE_BYTES);

/** What is written one after the other: so many zeros to go past, then bytes. */
export interface Run {
  readonly hole: number;
  readonly data: Uint8Array[];
}

/** Divides what is to be written at holes. No bytes are copied. */
export function runsOf(parts: readonly Uint8Array[]): Run[] {
  const runs: Run[] = [{ hole: 0, data: [] }];
  let zeros: Uint8Array[] = [];
  let length = 0;
  for (const { isZero, bytes } of stretchesOf(parts.filter(part => part.length > 0))) {
    if (isZero) {
      zeros.push(bytes);
      length += bytes.length;
      continue;
    }
    if (length >= HOLE_BYTES) runs.push({ hole: length, data: [] });
    else runs.at(-1)!.data.push(...zeros);
    runs.at(-1)!.data.push(bytes);
    zeros = [];
    length = 0;
  }
  return runs.filter(({ data }) => data.length > 0);
}

/** Neighbouring slices of a kind, as one; the last slice of all is no zeros, whatever it is. */
function* stretchesOf(parts: readonly Uint8Array[]): Generator<{ isZero: boolean; bytes: Uint8Array }> {
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1 ? part.length - SLICE_BYTES : part.length;
    const isZero = (at: number) => at < last && isZeroAt(part, at);
    for (let start = 0; start < part.length; ) {
      const kind = isZero(start);
      let end = start + SLICE_BYTES;
      while (end < part.length && isZero(end) === kind) end += SLICE_BYTES;
      yield { isZero: kind, bytes: part.subarray(start, end) };
      start = end;
    }
  }
}

/** Of almost every slice that is not zero the first byte tells. */
function isZeroAt(part: Uint8Array, at: number): boolean {
  if (part[at] !== 0) return false;
  const slice = part.subarray(at, at + SLICE_BYTES);
  return Buffer.compare(slice, slice.length === SLICE_BYTES ? ZEROS : ZEROS.subarray(0, slice.length)) === 0;
}
