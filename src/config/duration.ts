/** Spans of time as people write them: "500ms", "10s", "5m", "1h", "2d". */

/** Milliseconds of each unit. */
export const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
type Unit = keyof typeof UNITS;

/** Milliseconds, from a number of them or a text such as "10s"; undefined where it is neither. */
export function parseDuration(raw: unknown): number | undefined {
  if (typeof raw === 'number') return Number.isFinite(raw) ? Math.round(raw) : undefined;
  const match = typeof raw === 'string' ? /^([0-9]+(?:\.[0-9]+)?) *(ms|s|m|h|d)$/.exec(raw.trim()) : null;
  return match ? Math.round(Number(match[1]) * UNITS[match[2] as Unit]) : undefined;
}

/** In the largest unit that it is a whole number of. */
export function formatDuration(ms: number): string {
  const unit = (Object.keys(UNITS) as Unit[]).findLast(each => ms % UNITS[each] === 0) ?? 'ms';
  return `${ms / UNITS[unit]}${unit}`;
}
