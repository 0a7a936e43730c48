/** `dfsync rescan`: has an instance look at everything on its disk, and waits until it has. */
import type { Status } from '../ops/status.ts';
import { call } from './call.ts';
import { formatCount } from './demo-lines.ts';
import { Progress } from './progress.ts';
import { formatSpan } from './table.ts';
import { type CallFlags, type Streams, telling } from './telling.ts';

/** How often it is asked whether the scans have ended. */
const ASK_MS = 250;

interface Scanned {
  readonly domain: string;
  readonly paths: number;
  readonly ms: number;
}

/** Answers the exit code. */
export function rescan(flags: CallFlags & { readonly domain?: string }, streams: Streams): Promise<number> {
  const { domain } = flags;
  const progress = new Progress(streams.err);
  const run = async (): Promise<Scanned[]> => {
    const wish = domain === undefined ? {} : { domain };
    const { domains, at } = await call<{ domains: readonly string[]; at: number }>(flags, 'POST', '/rescan', wish);
    for (;;) {
      const { domains: all } = await call<Status>(flags, 'GET', '/status');
      const asked = all.filter(each => domains.includes(each.domain));
      const waiting = asked.filter(({ lastScan }) => (lastScan?.startedAt ?? 0) < at);
      // A domain that stands still is not scanned to an end; one that is gone is not listed.
      if (waiting.every(({ state }) => state === 'halted')) return asked.flatMap(each => scanOf(each, at));
      progress.show(`scanning ${waiting.map(each => each.domain).join(', ')}`, 0);
      await new Promise(resolve => setTimeout(resolve, ASK_MS));
    }
  };
  return telling(
    () => run().finally(() => progress.clear()),
    scans =>
      scans.map(({ domain: name, paths, ms }) => `${name}: ${formatCount(paths)} paths looked at in ${formatSpan(ms)}`),
    flags,
    streams,
  );
}

function scanOf({ domain, lastScan }: Status['domains'][number], at: number): Scanned[] {
  if (!lastScan || lastScan.startedAt < at) return [];
  return [{ domain, paths: lastScan.files, ms: lastScan.endedAt - lastScan.startedAt }];
}
