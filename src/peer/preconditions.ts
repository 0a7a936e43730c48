/** What a request's conditions and range mean for a file: RFC 9110, sections 13 and 14. */

/** The request's headers that matter, as node gives them. */
export interface Conditions {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
  readonly 'if-range'?: string | undefined;
  readonly range?: string | undefined;
}

/** What to answer: with content from `start` up to, not including, `end`, or without. */
export type Verdict =
  | { readonly status: 200 | 206; readonly start: number; readonly end: number }
  | { readonly status: 304 | 412 | 416 };

/** A file's entity tag: date (milliseconds) and size are all that equality of content asks for. */
export function etagOf(file: { readonly mtime: number; readonly size: number }): string {
  return `"${file.mtime}-${file.size}"`;
}

/** Decides a GET or HEAD. A range that is none, or several, is ignored, as the standard allows. */
export function decide(asked: Conditions, file: { readonly mtime: number; readonly size: number }): Verdict {
  const tag = etagOf(file);
  if (asked['if-match'] !== undefined && !lists(asked['if-match'], tag)) return { status: 412 };
  if (asked['if-none-match'] !== undefined && lists(asked['if-none-match'].replaceAll('W/', ''), tag))
    return { status: 304 };
  const whole = { status: 200, start: 0, end: file.size } as const;
  if (asked.range === undefined || (asked['if-range'] !== undefined && asked['if-range'] !== tag)) return whole;
  const range = parseRange(asked.range, file.size);
  if (range === undefined) return whole;
  return range.start < range.end ? { status: 206, ...range } : { status: 416 };
}

/** A single range of bytes; empty where nothing of it exists. */
function parseRange(header: string, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header);
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : { start: Math.max(0, size - Number(last)), end: size };
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return { start: Number(first), end: last === '' ? size : Math.min(size, Number(last) + 1) };
}

function lists(header: string, tag: string): boolean {
  return header.split(',').some(item => item.trim() === tag || item.trim() === '*');
}
