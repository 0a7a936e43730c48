/** The options of the network description: their units, defaults and bounds. */
import { z } from 'zod';
import type { Options } from '../core/topology.ts';
import { formatDuration, parseDuration, UNITS } from './duration.ts';
import { readFields } from './fields.ts';
import { type Findings, pathTo } from './problem.ts';

/** What holds where the description says nothing. */
export const DEFAULT_OPTIONS: Options = {
  digestIntervalMs: 10_000,
  scanIntervalMs: 3_600_000,
  settleMs: 500,
  fsync: 'batch',
  minFreeRatio: 0.01,
  trashDays: 30,
  trashBytes: { ratio: 0.1 },
  ignore: [],
  retentionMs: 365 * 86_400_000,
  watch: 'auto',
};

/** More often than this, peers would do little but ask one another. */
const MIN_DIGEST_INTERVAL_MS = 100;
/** A mismatch that shows up later than this is no monitoring. */
const MAX_DIGEST_INTERVAL_MS = UNITS.h;
/** A scan of a million files takes seconds; a small tree, as in a test, may be scanned all the time. */
const MIN_SCAN_INTERVAL_MS = UNITS.s;
/** Scans find what events missed: not later than within a week. (A timer holds 24 days.) */
const MAX_SCAN_INTERVAL_MS = 7 * UNITS.d;
/** Several granules of a file system's dates (2 ms on ext4 and xfs): below it, *unchanged* says nothing. */
const MIN_SETTLE_MS = 10;
/** A file that changes more often than this would never be announced. */
const MAX_SETTLE_MS = 10 * UNITS.m;
/** Above it nearly no volume would ever pull; it is a number of percent without its sign, or a typing error. */
const MAX_MIN_FREE = 0.9;
/** Ten years: above it, it is a number of hours or a typing error. */
const MAX_TRASH_DAYS = 3650;
/** Only tests can do with so little: what is not everywhere by then makes a stale replica. */
const MIN_RETENTION_MS = 10 * UNITS.s;
/** Ten years: tombstones are held in memory. */
const MAX_RETENTION_MS = 3650 * UNITS.d;
/** Every path is matched against every pattern. */
const MAX_PATTERNS = 1000;
/** PATH_MAX, and far beyond a pattern that is meant. */
const MAX_PATTERN_LENGTH = 4096;

const pattern = z
  .string()
  .max(MAX_PATTERN_LENGTH, `longer than ${MAX_PATTERN_LENGTH} characters`)
  .regex(/^[^\0\r\n]+$/, 'a pattern is one line that is not empty');

const SHAPE = {
  digestInterval: duration(MIN_DIGEST_INTERVAL_MS, MAX_DIGEST_INTERVAL_MS),
  scanInterval: duration(MIN_SCAN_INTERVAL_MS, MAX_SCAN_INTERVAL_MS),
  settle: duration(MIN_SETTLE_MS, MAX_SETTLE_MS),
  fsync: z.enum(['batch', 'file', 'off']).optional(),
  minFree: share(),
  trashDays: z
    .int('expected a whole number of days')
    .min(0, 'must not be negative')
    .max(MAX_TRASH_DAYS, `must be at most ${MAX_TRASH_DAYS} days`)
    .optional(),
  trashBytes: convert(
    parseAmount,
    'expected a share of the volume such as "10%", or a size such as "50GB", "500MiB" or a number of bytes',
    amount => ('ratio' in amount && amount.ratio > 1 ? 'must be at most 100%' : undefined),
  ),
  ignore: z.array(pattern).max(MAX_PATTERNS, `more than ${MAX_PATTERNS} patterns`).optional(),
  retention: duration(MIN_RETENTION_MS, MAX_RETENTION_MS),
  watch: z.enum(['auto', 'inotifywait', 'chokidar', 'polling', 'off']).optional(),
};

/**
 * Reads options given as an object, or as a list of objects of which a later one overrides an earlier one (the platform's
 * `ext` may be either). Only what is given is in the answer.
 *
 * @param scope an instance cannot have what must be the same everywhere: the digests of two instances that ignore different
 *   files could never match, and what one has forgotten it would take from another that has not
 */
export function readOptions(
  raw: unknown,
  at: string,
  findings: Findings,
  scope: 'network' | 'instance',
): Partial<Options> {
  // The platform writes "" for an empty field.
  if (raw === undefined || raw === null || raw === '') return {};
  if (!Array.isArray(raw)) return readObject(raw, at, findings, scope);
  return Object.assign({}, ...raw.map((item, i) => readObject(item, pathTo(at, i), findings, scope)));
}

function readObject(raw: unknown, at: string, findings: Findings, scope: 'network' | 'instance'): Partial<Options> {
  const fields = readFields(SHAPE, raw, at, findings, 'option');
  if (fields === undefined) return {};
  for (const name of ['ignore', 'retention'] as const)
    if (scope === 'instance' && fields[name] !== undefined)
      findings.problem(
        pathTo(at, name),
        'must be the same for the whole network; move it to the options of the network',
      );
  const { digestInterval, scanInterval, settle, fsync, minFree, trashDays, trashBytes, ignore, retention, watch } =
    fields;
  return {
    ...(digestInterval !== undefined && { digestIntervalMs: digestInterval }),
    ...(scanInterval !== undefined && { scanIntervalMs: scanInterval }),
    ...(settle !== undefined && { settleMs: settle }),
    ...(fsync !== undefined && { fsync }),
    ...(minFree !== undefined && { minFreeRatio: minFree }),
    ...(trashDays !== undefined && { trashDays }),
    ...(trashBytes !== undefined && { trashBytes }),
    ...(ignore !== undefined && { ignore }),
    ...(retention !== undefined && { retentionMs: retention }),
    ...(watch !== undefined && { watch }),
  };
}

function duration(min: number, max: number) {
  return convert(
    parseDuration,
    'expected a time such as "500ms", "10s", "5m" or "1h", or a number of milliseconds',
    ms => (ms < min || ms > max ? `must be between ${formatDuration(min)} and ${formatDuration(max)}` : undefined),
  );
}

function share() {
  return convert(parseShare, 'expected a share such as "5%" or 0.05', ratio =>
    ratio < 0 || ratio > MAX_MIN_FREE ? `must be between 0% and ${MAX_MIN_FREE * 100}%; write "5%" or 0.05` : undefined,
  );
}

function parseShare(raw: unknown): number | undefined {
  if (typeof raw === 'number') return Number.isFinite(raw) ? raw : undefined;
  const match = typeof raw === 'string' ? /^([0-9]+(?:\.[0-9]+)?) *%$/.exec(raw.trim()) : null;
  return match ? Number(match[1]) / 100 : undefined;
}

const SIZES = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** A number is one of bytes. */
function parseAmount(raw: unknown): Options['trashBytes'] | undefined {
  if (typeof raw === 'number') return Number.isFinite(raw) && raw >= 0 ? { bytes: Math.round(raw) } : undefined;
  const ratio = parseShare(raw);
  if (ratio !== undefined) return { ratio };
  const match = typeof raw === 'string' ? /^([0-9]+(?:\.[0-9]+)?) *([KMGT]i?B|B)$/.exec(raw.trim()) : null;
  return match ? { bytes: Math.round(Number(match[1]) * SIZES[match[2] as keyof typeof SIZES]) } : undefined;
}

/** A schema for a value that may be written in several ways. */
function convert<T>(
  parse: (raw: unknown) => T | undefined,
  expected: string,
  objection: (value: T) => string | undefined,
) {
  return z
    .unknown()
    .transform((raw, context) => {
      if (raw === undefined) return undefined;
      const value = parse(raw);
      const message = value === undefined ? expected : objection(value);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
      return value;
    })
    .optional();
}
