/** `dfsync undo --domain D --since TIME|10m`: brings back what was deleted or replaced. */
import type { Recovered } from '../ops/actions.ts';
import { call } from './call.ts';
import type { Since } from './since.ts';
import { type CallFlags, recoveredText, type Streams, telling } from './telling.ts';

export interface UndoFlags extends CallFlags {
  readonly domain: string;
  /** Absent: only what is held. */
  readonly since?: Since;
  readonly dryRun?: boolean;
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
