/**
 * Columns of numbers, a row each for everything that an index knows. A long one grows in place: copying it would block the event loop,
 * take twice the memory, and leave the C library with large holes that it gives back to nobody.
 */

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** Up to so many rows a column is copied when it grows: many domains are small, and reserving costs the kernel a mapping each. */
const COPIED_ROWS = 65_536;
/** What a long column grows by: a megabyte or less, so that little is taken for nothing. */
const STEP_ROWS = 65_536;
/** Address space is reserved for so many rows, memory taken for those that there are. The names of so many would not fit into V8's heap. */
const MAX_ROWS = 2 ** 26;

/** The length that comes after so many rows. */
export function nextLength(rows: number): number {
  return rows < COPIED_ROWS ? rows * 2 : rows + STEP_ROWS;
}

/** The column with room for so many rows; new ones are 0. The one that was given is not to be used any more. */
export function lengthened<T extends Column>(column: T, rows: number): T {
  const bytes = rows * column.BYTES_PER_ELEMENT;
  const buffer = column.buffer as ArrayBuffer;
  if (buffer.resizable) {
    buffer.resize(bytes);
    return column;
  }
  const options = rows > COPIED_ROWS ? { maxByteLength: MAX_ROWS * column.BYTES_PER_ELEMENT } : {};
  const make = column.constructor as new (room: ArrayBuffer) => T;
  const longer = new make(new ArrayBuffer(bytes, options));
  longer.set(column as never);
  return longer;
}
