/** A point in time as an operator says it. */
import { parseDuration } from '../config/duration.ts';

/** A time, or how long ago it is by the clock of the instance; milliseconds. */
export type Since = { readonly since: number } | { readonly ago: number };

/** A time such as `2026-03-01T12:00` (local, unless it says otherwise), or a while such as `10m`; undefined where it is neither. */
export function parseSince(raw: string): Since | undefined {
  const ago = parseDuration(raw);
  if (ago !== undefined) return { ago };
  const since = /^\d{4}-\d\d/.test(raw) ? Date.parse(raw) : Number.NaN;
  return Number.isNaN(since) ? undefined : { since };
}
