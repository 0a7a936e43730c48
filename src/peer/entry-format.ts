/** Entries on the wire: one JSON object each, one per line where they come in numbers. */
import { z } from 'zod';
import type { Entry, Origin } from '../core/entry.ts';
import { fromBytes, parsePath, toBytes } from '../core/path.ts';
import { MAX_MARKS, type Version } from '../core/version.ts';
import { type ByteReader, WireError } from './byte-reader.ts';
import { parseJson } from './json-text.ts';
import { MAX_ENTRIES_BYTES, MAX_LINE_BYTES, whatIsWrong } from './protocol.ts';

/** An entry from outside, or why it is none. */
export type ParsedEntry = { readonly entry: Entry } | { readonly path: string; readonly refused: string };

/** Told of every entry that was left out: its path as the peer gave it, and why. */
export type OnRefused = (path: string, reason: string) => void;

/** PATH_MAX of Linux less its NUL: no symlink holds more. */
const MAX_TARGET = 4095;
/** What a path is, for whoever reads the document. */
export const PATH_RULES =
  'Relative, at most 3840 bytes, names of at most 255; no empty name, no ".", no "..", no ".dfsync", no NUL.';
/** About what one write to a socket takes at once. */
const CHUNK_CHARACTERS = 65_536;

/** A roleid, or 0 for no history. */
const WRITER = /^(0|[1-9]\d{0,8})$/;

/** A version vector. */
export const versionSchema = z
  .record(z.string().regex(WRITER), z.int().min(0))
  .refine(marks => sizeIn(marks, 1, MAX_MARKS), `a version has 1 to ${MAX_MARKS} marks`)
  .meta({
    minProperties: 1,
    maxProperties: MAX_MARKS,
    description: 'By writer (a roleid, or 0 for no history): ms since 1970 of its last change.',
  });

/**
 * The shape of an entry. What else a path and a target have to be is in {@link parseEntry}: no schema says that of their bytes.
 */
export const entrySchema = z.object({
  path: z.string().describe(`${PATH_RULES} A byte that is not UTF-8 is one lone surrogate, U+DC80 to U+DCFF.`),
  kind: z.enum(['file', 'directory', 'symlink', 'tombstone']),
  size: z.int().min(0).describe('Bytes of a file; else 0.'),
  mtime: z.int().describe('Ms since 1970: date of a file, or of the deletion; else 0.'),
  mode: z.int().min(0).max(0o777).describe('Permission bits of a file, directory or what was deleted.'),
  target: z.string().optional().describe(`Of a symlink, which has one: 1 to ${MAX_TARGET} bytes without NUL.`),
  version: versionSchema,
  from: z
    .object({ path: z.string(), version: versionSchema })
    .optional()
    .describe('Where a file was renamed from; only a hint, dropped where it cannot be used.'),
});

type EntryShape = z.infer<typeof entrySchema>;

/**
 * Whether something has the shape that {@link entrySchema} asks for, in a tenth of the time: peers announce entries by the hundred
 * thousand. The schema says what is wrong with what has not.
 */
export function hasEntryShape(raw: unknown): raw is EntryShape {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return false;
  const { path, kind, size, mtime, mode, target, version, from } = raw as Record<keyof EntryShape, unknown>;
  return (
    typeof path === 'string' &&
    (kind === 'file' || kind === 'directory' || kind === 'symlink' || kind === 'tombstone') &&
    isCount(size) &&
    Number.isSafeInteger(mtime) &&
    isCount(mode) &&
    mode <= 0o777 &&
    (target === undefined || typeof target === 'string') &&
    isVersion(version) &&
    (from === undefined || isOrigin(from))
  );
}

function isOrigin(raw: unknown): boolean {
  return typeof raw === 'object' && raw !== null && 'path' in raw && typeof raw.path === 'string' && 'version' in raw
    ? isVersion(raw.version)
    : false;
}

function isVersion(raw: unknown): boolean {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return false;
  const marks = Object.entries(raw);
  return marks.length >= 1 && marks.length <= MAX_MARKS && marks.every(([key, at]) => WRITER.test(key) && isCount(at));
}

function isCount(raw: unknown): raw is number {
  return Number.isSafeInteger(raw) && (raw as number) >= 0;
}

/** Parses what a peer gave as an entry; fields that its kind does not have are dropped. */
export function parseEntry(raw: unknown): ParsedEntry {
  if (!hasEntryShape(raw)) {
    const { error } = entrySchema.safeParse(raw);
    return { path: claimedPath(raw), refused: error ? whatIsWrong(error) : 'it is no entry' };
  }
  const { kind, size, mtime, mode, target, from, version } = raw;
  const parsed = parsePath(raw.path);
  if ('refused' in parsed) return { path: raw.path, refused: parsed.refused };
  const { path } = parsed;
  switch (kind) {
    case 'file': {
      const origin = from && parseOrigin(from);
      return { entry: { path, kind, size, mtime, mode, version, ...(origin && { from: origin }) } };
    }
    case 'directory':
      return { entry: { path, kind, size: 0, mtime: 0, mode, version } };
    case 'symlink':
      if (!isTarget(target))
        return { path, refused: `a symlink's target has 1 to ${MAX_TARGET} bytes, no NUL, one spelling` };
      return { entry: { path, kind, size: 0, mtime: 0, mode: 0, target, version } };
    case 'tombstone':
      return { entry: { path, kind, size: 0, mtime, mode, version } };
    default:
      return kind satisfies never;
  }
}

/** Entries as NDJSON, in pieces that suit a socket. */
export async function* formatEntries(entries: Iterable<Entry>): AsyncGenerator<Buffer> {
  let chunk = '';
  for (const entry of entries) {
    chunk += `${JSON.stringify(entry)}\n`;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield Buffer.from(chunk);
    chunk = '';
  }
  if (chunk !== '') yield Buffer.from(chunk);
}

/** An answer has more entries, or more text of them, than any may have. */
export class TooManyEntries extends WireError {}

/**
 * Reads NDJSON to its end. What is no entry is told and left out.
 *
 * @param limit more entries than this are an error
 * @throws {@link WireError} for a line that is no JSON or longer than any entry; {@link TooManyEntries}
 */
export async function readEntries(reader: ByteReader, limit: number, onRefused: OnRefused): Promise<Entry[]> {
  const entries: Entry[] = [];
  let bytes = 0;
  for (let lines = 0; ; lines++) {
    const line = await reader.line(MAX_LINE_BYTES);
    if (line === undefined) return entries;
    bytes += line.length;
    if (bytes > MAX_ENTRIES_BYTES)
      throw new TooManyEntries(`more than ${MAX_ENTRIES_BYTES} bytes of entries in one answer`);
    if (lines >= limit) throw new TooManyEntries(`more than ${limit} entries in one answer`);
    const parsed = parseEntry(parseJson(line));
    if ('entry' in parsed) entries.push(parsed.entry);
    else onRefused(parsed.path, parsed.refused);
  }
}

/** Where a file came from is a hint that saves bytes: one that cannot be used costs the hint, not the entry. */
function parseOrigin(from: { path: string; version: Version }): Origin | undefined {
  const parsed = parsePath(from.path);
  return 'refused' in parsed ? undefined : { path: parsed.path, version: from.version };
}

function isTarget(target: string | undefined): target is string {
  if (target === undefined || target === '' || target.includes('\0')) return false;
  const bytes = toBytes(target);
  return bytes.length <= MAX_TARGET && (target.isWellFormed() || fromBytes(bytes) === target);
}

function sizeIn(marks: object, least: number, most: number): boolean {
  const size = Object.keys(marks).length;
  return size >= least && size <= most;
}

function claimedPath(raw: unknown): string {
  return typeof raw === 'object' && raw !== null && 'path' in raw && typeof raw.path === 'string' ? raw.path : '?';
}
