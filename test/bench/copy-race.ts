/** The same tree to empty peers: by dfsync, and by as many rsyncs. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Instance } from '../e2e/instance.ts';
import { Hopeless } from '../e2e/until.ts';
import { momentOf } from './moment.ts';
import {
  type BenchNetwork,
  DOMAIN,
  domainOf,
  emptyVolume,
  openNetwork,
  startInstance,
  stopInstance,
} from './network.ts';
import { alternate, type Pair } from './rounds.ts';
import { RsyncDaemon } from './rsync.ts';
import { assertSame, readAll } from './same-tree.ts';
import type { Bench } from './work.ts';

/** While so much is wanted a look at the status costs the instance time, so it is looked more seldom. */
const MANY_WANTED = 2_000;
const SELDOM_MS = 250;
const OFTEN_MS = 10;
/** A first sync of a million files takes its time. */
const DEADLINE_MS = 60 * 60_000;

/** What is copied, and to how many. */
export interface Race {
  readonly peers: number;
  /** Makes the tree. */
  grow(root: string): void | Promise<void>;
}

/**
 * Milliseconds of both. dfsync: from the start of the peers' processes, with empty volumes, until each of them says that its
 * digest is that of the origin, which is running. rsync: from the start of the clients until the last has ended. Content and all
 * is compared afterwards.
 */
export async function race(bench: Bench, { peers, grow }: Race): Promise<Pair> {
  const names = Array.from({ length: peers }, (_, i) => `peer${i + 1}`);
  const network = await openNetwork({ here: ['origin', ...names] });
  const origin = network.get('origin');
  await grow(origin.path(DOMAIN));
  await startInstance(origin);
  readAll(origin.path(DOMAIN));
  const daemon = await RsyncDaemon.open(network.directory, origin.path(DOMAIN));
  try {
    return await alternate(
      bench.rounds,
      async () => {
        const ms = await copyByDfsync(origin, names.map(network.get));
        bench.say(`dfsync ${Math.round(ms)} ms`);
        return ms;
      },
      async () => {
        const ms = await copyByRsync(network, daemon, peers);
        bench.say(`rsync ${Math.round(ms)} ms`);
        return ms;
      },
    );
  } finally {
    daemon.close();
    await network.close();
  }
}

async function copyByDfsync(origin: Instance, peers: readonly Instance[]): Promise<number> {
  for (const peer of peers) emptyVolume(peer);
  const { digest } = await domainOf(origin);
  const start = performance.now();
  for (const peer of peers) peer.launch();
  const ends = await Promise.all(
    peers.map(peer =>
      momentOf(
        `${peer.name} to have everything`,
        async () => {
          if (!peer.isRunning) throw new Hopeless(`${peer.name} is not running`);
          const domain = await domainOf(peer);
          return domain.digest === digest || (domain.wanted > MANY_WANTED ? SELDOM_MS : OFTEN_MS);
        },
        { everyMs: OFTEN_MS, deadlineMs: DEADLINE_MS, evidence: () => peer.tail },
      ),
    ),
  );
  for (const peer of peers) {
    await stopInstance(peer);
    assertSame(origin.path(DOMAIN), peer.path(DOMAIN), { content: true });
  }
  return Math.max(...ends) - start;
}

async function copyByRsync(network: BenchNetwork, daemon: RsyncDaemon, copies: number): Promise<number> {
  const targets = Array.from({ length: copies }, () => mkdtempSync(join(network.directory, 'rsync')));
  const start = performance.now();
  await Promise.all(targets.map(target => daemon.pull(target)));
  const ms = performance.now() - start;
  for (const target of targets) assertSame(network.get('origin').path(DOMAIN), target, { content: true });
  return ms;
}
