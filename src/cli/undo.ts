/** `dfsync undo --domain D --since TIME|10m`: brings back what was deleted or replaced. */
import { parseDuration } from '../config/options.ts';
import type { Recovered } from '../ops/actions.ts';
import { call } from './call.ts';
import { type CallFlags, recoveredText, type Streams, telling } from './telling.ts';

/** A time, or how long ago it is by the clock of the instance; milliseconds. */
export type Since = { readonly since: number } | { readonly ago: number };

export interface UndoFlags extends CallFlags {
  readonly domain: string;
  /** Absent: only what is held. */
  readonly since?: Since;
  readonly dryRun?: boolean;
}

/** A time such as `2026-03-01T12:00` (local, unless it says otherwise), or a while such as `10m`; undefined where it is neither. */
export function parseSince(raw: string): Since | undefined {
  const ago = parseDuration(raw);
  if (ago !== undefined) return { ago };
  const since = /^\d{4}-\d\d/.test(raw) ? Date.parse(raw) : Number.NaN;
  return Number.isNaN(since) ? undefined : { since };
}

/** Answers the exit code. */
export function undo({ domain, since, dryRun = false, ...flags }: UndoFlags, streams: Streams): Promise<number> {
  const wish = { ...(since ?? { held: true }), dryRun };
  return telling(
    () => call<Recovered>(flags, 'POST', `/domains/${encodeURIComponent(domain)}/undo`, wish),
    recoveredText,
    flags,
    streams,
  );
}
