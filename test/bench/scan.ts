/** A scan of everything, against find. */
import { utimesSync } from 'node:fs';
import { momentOf } from './moment.ts';
import { DOMAIN, domainOf } from './network.ts';
import { timed } from './program.ts';
import { alternate, type Pair } from './rounds.ts';
import type { Standing } from './standing.ts';

/** All that a scan reads of a file. */
const FORMAT = '%p %s %T@ %m %i\\n';

/**
 * Milliseconds of both. dfsync: a scan of the running instance, which knows everything already, by the times that `/status` tells of
 * its last scan. It is asked for by touching the domain's directory: an event there is a reason to look at all of it.
 */
export async function scanRounds({ bench, origin, grove }: Standing): Promise<Pair> {
  const root = origin.path(DOMAIN);
  await timed('find', [root, '-printf', FORMAT]);
  return await alternate(
    bench.rounds,
    async () => {
      const before = (await domainOf(origin)).lastScan!.startedAt;
      let scan = { startedAt: before, endedAt: before, files: 0 };
      const now = new Date();
      utimesSync(root, now, now);
      await momentOf(
        'a scan',
        async () => {
          scan = (await domainOf(origin)).lastScan!;
          return scan.startedAt > before;
        },
        { everyMs: 100, deadlineMs: 300_000, evidence: () => origin.tail },
      );
      if (scan.files < grove.files) throw new Error(`the scan met ${scan.files} paths of ${grove.files} files`);
      bench.say(`dfsync ${scan.endedAt - scan.startedAt} ms`);
      return scan.endedAt - scan.startedAt;
    },
    async () => {
      const ms = await timed('find', [root, '-printf', FORMAT]);
      bench.say(`find ${Math.round(ms)} ms`);
      return ms;
    },
  );
}
