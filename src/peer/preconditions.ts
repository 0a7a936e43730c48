/** What a request's conditions and range mean for what it names: RFC 9110, sections 13 and 14. */
import { parseHttpDate } from './http-date.ts';

/** The request's headers that matter, as node gives them. */
export interface Conditions {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
  readonly 'if-modified-since'?: string | undefined;
  readonly 'if-unmodified-since'?: string | undefined;
  readonly 'if-range'?: string | undefined;
  readonly range?: string | undefined;
}

/** What is known of the answer that would be given without conditions. */
export interface Validators {
  /** The strong entity tag. */
  readonly etag: string;
  /** As it is told in `Last-Modified`, milliseconds since 1970 cut to the second; undefined where none is told. */
  readonly modified?: number | undefined;
}

/** Which bytes to answer with: from `start` up to, not including, `end`; 416 where nothing of what was asked for exists. */
export type Stretch =
  | { readonly status: 200 | 206; readonly start: number; readonly end: number }
  | { readonly status: 416 };

/** A file's entity tag: date (milliseconds) and size are all that equality of content asks for. */
export function etagOf(file: { readonly mtime: number; readonly size: number }): string {
  return `"${file.mtime}-${file.size}"`;
}

/**
 * Whether a GET or HEAD is to be answered, in the order of section 13.2.2: 304 where the asker has it already, 412 where it is
 * not what he thought. A date that is none counts as not said; so does one about what has no date.
 */
export function precondition(asked: Conditions, { etag, modified }: Validators, now: number): 200 | 304 | 412 {
  const since = (header: string | undefined) =>
    header === undefined || modified === undefined ? undefined : parseHttpDate(header, now);
  if (asked['if-match'] !== undefined) {
    if (!lists(asked['if-match'], etag, 'strongly')) return 412;
  } else {
    const unmodified = since(asked['if-unmodified-since']);
    if (unmodified !== undefined && modified! > unmodified) return 412;
  }
  if (asked['if-none-match'] !== undefined) return lists(asked['if-none-match'], etag, 'weakly') ? 304 : 200;
  const known = since(asked['if-modified-since']);
  return known !== undefined && modified! <= known ? 304 : 200;
}

/**
 * The part of a GET's answer that is asked for. Ignored, as the standard allows or demands: other units than bytes, what is no
 * range, several ranges, and any range after an `If-Range` that does not hold.
 *
 * A date never holds there. It would have to be certain that the file did not change twice within that second, and dates of
 * synchronised files are set, not lived through: half of one file continued with half of another would be taken for whole.
 */
export function stretchOf(asked: Conditions, etag: string, size: number): Stretch {
  const whole = { status: 200, start: 0, end: size } as const;
  if (asked.range === undefined || (asked['if-range'] !== undefined && asked['if-range'].trim() !== etag)) return whole;
  const range = parseRange(asked.range, size);
  if (range === undefined) return whole;
  return range.start < range.end ? { status: 206, ...range } : { status: 416 };
}

/** A single range of bytes; empty where nothing of it exists, undefined where it is none. */
function parseRange(header: string, size: number): { start: number; end: number } | undefined {
  const specs = /^bytes=(.*)$/i
    .exec(header)?.[1]
    ?.split(',')
    .map(spec => spec.trim());
  const [spec, ...others] = (specs ?? []).filter(one => one !== '');
  const match = /^(\d*)-(\d*)$/.exec(spec ?? '');
  if (match === null || others.length > 0) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : lastBytes(Number(last), size);
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return { start: Number(first), end: last === '' ? size : Math.min(size, Number(last) + 1) };
}

/** Any suffix of an empty file can be had, but not be said as a range: it is answered whole. */
function lastBytes(count: number, size: number): { start: number; end: number } | undefined {
  if (size === 0 && count > 0) return undefined;
  return { start: Math.max(0, size - count), end: size };
}

/** Whether a list of entity tags, or `*`, has the tag: strongly, no weak tag counts; weakly, weakness is no difference. */
function lists(header: string, tag: string, how: 'strongly' | 'weakly'): boolean {
  if (header.trim() === '*') return true;
  const given = [...header.matchAll(LISTED_TAG)];
  return given.some(([, weak, opaque]) => opaque === tag && (weak === undefined || how === 'weakly'));
}

/** Sticky: a tag may hold a comma, and a piece of another one must not be found. */
const LISTED_TAG = /\s*(?:(W\/)?("[^"]*"))?\s*(?:,|$)/gy;
