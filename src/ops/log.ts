/** The log: one line per event, for people or for machines. */
import { type LineOutput, outputTo } from './output.ts';
import { type Fields, jsonLine, type LogRecord, textLine } from './render.ts';
import { Repeats } from './repeat.ts';

export type LogLevel = LogRecord['level'];
export type LogFormat = 'json' | 'text';

/** Says what happened. An event is a short fixed name; what varies is in the fields. */
export interface Logger {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
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

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * A logger. One and the same record is written a few times a minute at most ({@link Repeats}); what was held back is told with
 * `suppressed`, the number of times, once the minute is over.
 */
export function createLogger(options: LogOptions = {}): RootLogger {
  const output = options.output ?? outputTo(1);
  const render = (options.format ?? (output.isTTY ? 'text' : 'json')) === 'json' ? jsonLine : textLine;
  const lowest = RANK[options.level ?? 'info'];
  const now = options.now ?? Date.now;
  const repeats = new Repeats<LogRecord>();

  const write = (record: LogRecord) => output.write(`${render(record)}\n`);
  const tell = (until: number) => {
    for (const { record, count } of repeats.close(until))
      write({ ...record, time: now(), fields: { ...record.fields, suppressed: count } });
  };
  const log = (level: LogLevel, event: string, fields: Fields) => {
    if (RANK[level] < lowest) return;
    const record = { time: now(), level, event, fields };
    tell(record.time);
    if (repeats.admit(textLine({ ...record, time: 0 }), record, record.time)) write(record);
  };
  return { ...loggerOf(log, {}), flush: () => tell(Number.POSITIVE_INFINITY) };
}

/** A logger that says nothing. */
export const SILENT: Logger = loggerOf(() => {}, {});

type Log = (level: LogLevel, event: string, fields: Fields) => void;

function loggerOf(log: Log, own: Fields): Logger {
  const at =
    (level: LogLevel) =>
    (event: string, fields: Fields = {}) =>
      log(level, event, { ...own, ...fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: fields => loggerOf(log, { ...own, ...fields }),
  };
}
