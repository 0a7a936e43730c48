/** A large tree on one instance, and on a second one where it is asked for, with caches written and nothing left to do. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Instance } from '../e2e/instance.ts';
import { type Grove, growSmallFiles } from './grow-tree.ts';
import { momentOf } from './moment.ts';
import { type BenchNetwork, DOMAIN, openNetwork, startInstance, stopInstance } from './network.ts';
import { settleDisk } from './rounds.ts';
import { assertSame } from './same-tree.ts';
import type { Bench } from './work.ts';

/** A cache that has not changed for so long is written: housekeeping considers it every ten seconds. */
const CACHE_QUIET_MS = 25_000;
const LOOK_MS = 500;

/** The tree and those who have it. */
export interface Standing {
  readonly bench: Bench;
  readonly network: BenchNetwork;
  readonly grove: Grove;
  readonly origin: Instance;
  readonly peer: Instance;
}

/** Makes the tree; starts nothing. `both`: on the peer too, with the same dates. */
export async function openStanding(bench: Bench, grove: Grove, { both }: { both: boolean }): Promise<Standing> {
  const network = await openNetwork({ here: ['origin', 'peer'] }, { wired: true });
  const [origin, peer] = [network.get('origin'), network.get('peer')];
  for (const instance of both ? [origin, peer] : [origin]) {
    bench.say(`making ${grove.files.toLocaleString('en-US')} files for ${instance.name}`);
    await growSmallFiles(instance.path(DOMAIN), grove);
  }
  settleDisk();
  return { bench, network, grove, origin, peer };
}

/** Waits until an instance has written its cache. */
export async function cacheWritten(instance: Instance): Promise<void> {
  let seen = '';
  let since = performance.now();
  await momentOf(
    `the cache of ${instance.name} to be written`,
    () => {
      const now = stampOf(instance.path(`.dfsync/cache/${DOMAIN}`));
      if (now !== seen) since = performance.now();
      seen = now;
      return performance.now() - since > CACHE_QUIET_MS;
    },
    { everyMs: LOOK_MS },
  );
}

/** Starts the peer too, for the first time, and lets it write its cache. */
export async function joinPeer({ bench, peer }: Standing): Promise<void> {
  bench.say('starting the peer');
  await startInstance(peer, 100);
  await cacheWritten(peer);
}

/** Ends both and compares their trees: an error where they differ, or where one did not stop cleanly. */
export async function verifyBoth({ bench, network, origin, peer }: Standing): Promise<void> {
  bench.say('comparing both trees');
  for (const instance of network.instances) {
    const complaint = await stopInstance(instance);
    if (complaint !== undefined) throw new Error(complaint);
  }
  assertSame(origin.path(DOMAIN), peer.path(DOMAIN));
}

/** Changes whenever a file of the directory does. */
function stampOf(directory: string): string {
  return readdirSync(directory)
    .map(name => {
      const stat = lstatSync(join(directory, name), { throwIfNoEntry: false });
      return `${name} ${stat?.size} ${stat?.mtimeMs}`;
    })
    .join();
}
