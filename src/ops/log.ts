/** The log: one line per event, as JSON for machines (written by pino) or as text for people. */
import { pino } from 'pino';
import { type LineOutput, outputTo } from './output.ts';
import { escapeUnsafe, type Fields, type LogRecord, presented, textLine } from './render.ts';
import { Repeats } from './repeat.ts';

export type LogLevel = LogRecord['level'];
export type LogFormat = 'json' | 'text';

/** Says what happened. An event is a short fixed name; what varies is in the fields. */
export interface Logger {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  /** Whether anything of a level is written: what is said of every single file is not even put together otherwise. */
  isEnabled(level: LogLevel): boolean;
  /** A logger that adds fields to every record. */
  child(fields: Fields): Logger;
}

/** The logger at the top, which owns the output. */
export interface RootLogger extends Logger {
  /** Says how often records were held back so far; for the end of the process. */
  flush(): void;
}

export interface LogOptions {
  /** Default: `text` on a terminal, else `json`. */
  readonly format?: LogFormat;
  /** The lowest level that is written; default `info`. */
  readonly level?: LogLevel;
  /** Default: the standard output. */
  readonly output?: LineOutput;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * A logger. One and the same record is written a few times a minute at most ({@link Repeats}); what was held back is told with
 * `suppressed`, the number of times, once the minute is over.
 */
export function createLogger(options: LogOptions = {}): RootLogger {
  const now = options.now ?? Date.now;
  const lines = linesTo(options, now);
  const repeats = new Repeats<LogRecord>();

  const write = ({ level, event, fields }: LogRecord) => {
    // Twice: first to come first, then so that no field can take its place.
    const head = { event };
    lines[level]({ ...head, ...fields, ...head });
  };
  const tell = (until: number) => {
    for (const { record, count } of repeats.close(until))
      write({ ...record, time: now(), fields: { ...record.fields, suppressed: count } });
  };
  const log = (level: LogLevel, event: string, fields: Fields) => {
    if (!lines.isLevelEnabled(level)) return;
    const record = { time: now(), level, event, fields };
    tell(record.time);
    if (repeats.admit(textLine({ ...record, time: 0 }), record, record.time)) write(record);
  };
  const isEnabled = (level: LogLevel) => lines.isLevelEnabled(level);
  return { ...loggerOf(log, isEnabled, {}), flush: () => tell(Number.POSITIVE_INFINITY) };
}

/** What makes lines of records. The text is made from the JSON, so that both tell the same. */
function linesTo(options: LogOptions, now: () => number) {
  const output = options.output ?? outputTo(1);
  const isText = (options.format ?? (output.isTTY ? 'text' : 'json')) === 'text';
  const write = (line: string) => {
    // In JSON an escaped character is the same character.
    output.write(isText ? `${textLine(recordIn(line))}\n` : `${escapeUnsafe(line.trimEnd())}\n`);
  };
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: label => ({ level: label }), log: presented },
    },
    { write },
  );
}

function recordIn(line: string): LogRecord {
  const { time, level, event, ...fields } = JSON.parse(line);
  return { time: Date.parse(time), level, event, fields };
}

/** A logger that says nothing. */
export const SILENT: Logger = loggerOf(
  () => {},
  () => false,
  {},
);

type Log = (level: LogLevel, event: string, fields: Fields) => void;

function loggerOf(log: Log, isEnabled: Logger['isEnabled'], own: Fields): Logger {
  const at =
    (level: LogLevel) =>
    (event: string, fields: Fields = {}) =>
      log(level, event, { ...own, ...fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    isEnabled,
    child: fields => loggerOf(log, isEnabled, { ...own, ...fields }),
  };
}
