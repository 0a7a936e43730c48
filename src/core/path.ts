/**
 * Paths inside a domain.
 *
 * Names on disk are bytes. In the program a name is a string in which every byte that is not valid UTF-8 stands as one lone
 * surrogate U+DC80 to U+DCFF, so that each sequence of bytes has exactly one string and JSON can carry it.
 */

/** A path relative to its domain's root: `a/b/c`, never empty, never absolute, without `.`, `..` or `.dfsync`. */
export type RelPath = string & { readonly brand: 'RelPath' };

/** The name of a domain as the network description gives it. */
export type DomainName = string & { readonly brand: 'DomainName' };

/** Our private directory; no path of the tree may name it. */
export const PRIVATE = '.dfsync';

/** PATH_MAX of Linux, less room for the volume's own prefix. */
const MAX_PATH_BYTES = 3840;
/** NAME_MAX of Linux. */
const MAX_NAME_BYTES = 255;

const ESCAPE = 0xdc00;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of a name or path. */
export function toBytes(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xdc80 || unit > 0xdcff || isLowHalf(text, i)) continue;
    parts.push(Buffer.from(text.slice(start, i), 'utf8'), Buffer.of(unit - ESCAPE));
    start = i + 1;
  }
  parts.push(Buffer.from(text.slice(start), 'utf8'));
  return Buffer.concat(parts);
}

/** The string of a name or path given as bytes; the inverse of {@link toBytes} for every sequence of bytes. */
export function fromBytes(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    // Some byte is not UTF-8: take the longest valid pieces, escape the rest byte by byte.
  }
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i);
    if (length === 0) text += String.fromCharCode(ESCAPE + bytes[i++]!);
    else {
      text += UTF8.decode(bytes.subarray(i, i + length));
      i += length;
    }
  }
  return text;
}

/** What nearly every path is, told at one look: short names of printable ASCII, none of which begins with a dot. */
const PLAIN = /^[ -\-0-~][ -.0-~]{0,84}(?:\/[ -\-0-~][ -.0-~]{0,84})*$/;

/**
 * Parses what a peer, an operator or a directory gave as a path. Answers the path, or why it is none.
 */
export function parsePath(raw: unknown): { path: RelPath } | { refused: string } {
  if (typeof raw !== 'string' || raw === '') return { refused: 'a path is a string that is not empty' };
  if (raw.length <= MAX_PATH_BYTES / 3 && PLAIN.test(raw)) return { path: raw as RelPath };
  if (raw.includes('\0')) return { refused: 'a path has no NUL' };
  if (raw.startsWith('/')) return { refused: 'a path is relative to its domain' };
  for (const name of raw.split('/')) {
    if (name === '' || name === '.' || name === '..') return { refused: `a path has no component "${name}"` };
    if (name === PRIVATE) return { refused: `${PRIVATE} is private to each instance` };
    if (name.length > MAX_NAME_BYTES / 3 && byteLength(name) > MAX_NAME_BYTES)
      return { refused: `a name has at most ${MAX_NAME_BYTES} bytes` };
  }
  if (raw.length > MAX_PATH_BYTES / 3 && byteLength(raw) > MAX_PATH_BYTES)
    return { refused: `a path has at most ${MAX_PATH_BYTES} bytes` };
  // Escaped bytes that together are valid UTF-8 would be a second spelling of another name.
  if (!raw.isWellFormed() && fromBytes(toBytes(raw)) !== raw) return { refused: 'a path has only one spelling' };
  return { path: raw as RelPath };
}

/** Whether a path that a directory showed is longer than any may be, in all or in its last name. */
export function isTooLong(path: RelPath): boolean {
  if (path.length <= MAX_NAME_BYTES / 3) return false;
  return (
    (path.length > MAX_PATH_BYTES / 3 && byteLength(path) > MAX_PATH_BYTES) || byteLength(nameOf(path)) > MAX_NAME_BYTES
  );
}

/** The directory that holds a path, or undefined where that is the domain's root. */
export function parentOf(path: RelPath): RelPath | undefined {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? undefined : (path.slice(0, slash) as RelPath);
}

/** The last component of a path. */
export function nameOf(path: RelPath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The path of a name in a directory of the domain (undefined: its root). */
export function childOf(directory: RelPath | undefined, name: string): RelPath {
  return (directory === undefined ? name : `${directory}/${name}`) as RelPath;
}

/** Whether a path lies below a directory (never true of the directory itself). */
export function isBelow(path: RelPath, directory: RelPath): boolean {
  return path.length > directory.length && path.charCodeAt(directory.length) === 47 && path.startsWith(directory);
}

/** Every directory above a path, nearest first. */
export function* ancestorsOf(path: RelPath): Generator<RelPath> {
  for (let at = parentOf(path); at !== undefined; at = parentOf(at)) yield at;
}

/** How many directories are above a path. */
export function depthOf(path: RelPath): number {
  let depth = 0;
  for (let i = path.indexOf('/'); i >= 0; i = path.indexOf('/', i + 1)) depth++;
  return depth;
}

function byteLength(text: string): number {
  return text.isWellFormed() ? Buffer.byteLength(text) : toBytes(text).length;
}

function isLowHalf(text: string, at: number): boolean {
  const before = at > 0 ? text.charCodeAt(at - 1) : 0;
  return before >= 0xd800 && before <= 0xdbff;
}

/** Length of the valid UTF-8 sequence that starts at `at`, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  try {
    UTF8.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}
