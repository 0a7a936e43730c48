/**
 * Request targets. Paths travel as percent-encoded bytes, decoded exactly once, here, from the raw target: a router's parameters
 * turn `..%2f` into `../`, pass `%00` on and keep `%ff` undecoded.
 */
import { fromBytes, toBytes } from '../core/path.ts';
import { MAX_TARGET_BYTES, ROUTES } from './protocol.ts';

/** A decoded target; each part is a name as `core/path.ts` writes bytes. */
export interface Target {
  readonly segments: readonly string[];
  readonly query: ReadonlyMap<string, readonly string[]>;
}

/** Left as they are: what RFC 3986 does not reserve, and two that mean nothing special where paths and lists stand. */
const PLAIN = /^[A-Za-z0-9._~,/-]*$/;
const SPECIAL = /[^A-Za-z0-9._~,/-]/;
const ESCAPES = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return SPECIAL.test(char) ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}` : char;
});

/** Percent-encodes a path, or a comma-separated list, byte by byte. */
export function encode(text: string): string {
  if (PLAIN.test(text)) return text;
  let encoded = '';
  for (const byte of toBytes(text)) encoded += ESCAPES[byte];
  return encoded;
}

/** The target of a route such as `/v1/domains/:domain/files/*path`. */
export function formatTarget(
  route: string,
  values: { domain?: string; path?: string } = {},
  query: readonly (readonly [string, string | number])[] = [],
): string {
  const path = route
    .replace(':domain', () => encode(values.domain ?? ''))
    .replace('*path', () => encode(values.path ?? ''));
  const pairs = query.map(([name, value]) => `${name}=${encode(String(value))}`);
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}

/** Questions for single paths, as many in each as a target has room for. */
export function* pathTargets(domain: string, paths: readonly string[]): Generator<string> {
  const start = formatTarget(ROUTES.entries, { domain });
  let target = start;
  for (const path of paths) {
    const pair = `path=${encode(path)}`;
    if (target !== start && target.length + 1 + pair.length > MAX_TARGET_BYTES) {
      yield target;
      target = start;
    }
    target += (target === start ? '?' : '&') + pair;
  }
  if (target !== start) yield target;
}

/** Decodes a raw request target (origin form), or says why it is none. */
export function parseTarget(raw: string): Target | { readonly refused: string } {
  if (!raw.startsWith('/') || raw.includes('#')) return { refused: 'the target is no absolute path' };
  const mark = raw.indexOf('?');
  const path = mark < 0 ? raw : raw.slice(0, mark);
  try {
    const segments = path.slice(1).split('/').map(decodeSegment);
    return { segments, query: mark < 0 ? new Map() : parseQuery(raw.slice(mark + 1)) };
  } catch (error) {
    if (error instanceof MalformedEscape) return { refused: error.message };
    throw error;
  }
}

class MalformedEscape extends Error {}

function parseQuery(raw: string): Map<string, string[]> {
  const query = new Map<string, string[]>();
  for (const pair of raw.split('&')) {
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const values = query.get(name) ?? [];
    if (values.push(equals < 0 ? '' : decode(pair.slice(equals + 1))) === 1) query.set(name, values);
  }
  return query;
}

/** A segment that decodes to a separator would be two. */
function decodeSegment(raw: string): string {
  const name = decode(raw);
  if (name.includes('/')) throw new MalformedEscape('an escaped "/" in the path');
  return name;
}

function decode(raw: string): string {
  if (PLAIN.test(raw)) return raw;
  const bytes = Buffer.alloc(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    const unit = raw.charCodeAt(i);
    if (unit > 126) throw new MalformedEscape('a byte above 126 that is not escaped');
    if (unit !== PERCENT) bytes[length++] = unit;
    else {
      bytes[length++] = decodeEscape(raw.slice(i + 1, i + 3));
      i += 2;
    }
  }
  return fromBytes(bytes.subarray(0, length));
}

const PERCENT = 37;

function decodeEscape(digits: string): number {
  if (!/^[0-9A-Fa-f]{2}$/.test(digits)) throw new MalformedEscape(`"%${digits}" is no escaped byte`);
  if (digits === '00') throw new MalformedEscape('an escaped NUL');
  return Number.parseInt(digits, 16);
}
