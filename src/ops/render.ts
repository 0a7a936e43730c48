/** Log records as lines: no name of a file can end it, recolour a terminal or pass for another record. */

/** What a record carries besides its event; a field that is undefined is left out. */
export type Fields = Readonly<Record<string, unknown>>;

/** One thing that happened. */
export interface LogRecord {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: Fields;
}

/** Control characters, line ends, direction marks and lone surrogates: what a terminal or a line-based reader would obey. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
/** Fields that by their name hold a secret. `tokenFile` is only a path. */
const SECRET = /(token|tokens|authorization|password|secret|cookie|privatekey)$/i;
/** A text that a reader can tell from its neighbours without quotes. */
const PLAIN = /^[\p{L}\p{N}_./:@+,%*~#-]+$/u;
/** How many causes of an error are told: more repeat themselves, and a cycle must end. */
const MAX_CAUSES = 5;

/**
 * Fields as they may be written: no secret, errors as their messages, nothing that JSON cannot have. None of them can take the place
 * of a record's time or level.
 */
export function presented(fields: Fields): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields))
    if (value !== undefined && key !== 'time' && key !== 'level') shown[key] = deeply(key, value);
  return shown;
}

/** A record as a line for people: time, level, event, then key=value. */
export function textLine(record: LogRecord): string {
  const parts = [new Date(record.time).toISOString(), record.level.padEnd(5), escapeUnsafe(record.event)];
  for (const [key, value] of Object.entries(record.fields)) {
    if (value !== undefined) parts.push(`${escapeUnsafe(key)}=${textOf(key, value)}`);
  }
  return parts.join(' ');
}

/** A text without anything that a terminal or a line-based reader would obey; such a character becomes `\uXXXX`. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** An error's message with those of its causes, without stack. */
export function messageOf(error: unknown): string {
  const messages: string[] = [];
  for (let at = error; at !== undefined && at !== null && messages.length < MAX_CAUSES; ) {
    const message = at instanceof Error ? at.message || at.name : String(at);
    if (!messages.at(-1)?.includes(message)) messages.push(message);
    at = at instanceof Error ? at.cause : undefined;
  }
  return messages.join(': ');
}

function textOf(key: string, value: unknown): string {
  const shown = presentable(key, value);
  return typeof shown === 'string' && PLAIN.test(shown) ? shown : stringify(shown);
}

function deeply(key: string, value: unknown): unknown {
  const shown = presentable(key, value);
  return typeof shown === 'object' && shown !== null ? JSON.parse(stringify(shown)) : shown;
}

/** JSON that never throws: logging must not end what it tells of. */
function stringify(value: unknown): string {
  try {
    return escapeUnsafe(JSON.stringify(value, presentable) ?? 'null');
  } catch {
    return '"[cannot be written]"';
  }
}

function presentable(key: string, value: unknown): unknown {
  if (SECRET.test(key)) return '[secret]';
  if (value instanceof Error) return messageOf(value);
  return typeof value === 'bigint' ? String(value) : value;
}
