/** A minute in which nothing happens: what is it that the instances do all the same? */
import { setTimeout as sleep } from 'node:timers/promises';
import { select } from '../e2e/exposition.ts';
import type { Instance } from '../e2e/instance.ts';
import { type Grove, growSmallFiles } from './grow-tree.ts';
import { type BenchNetwork, DOMAIN, openNetwork, startAll } from './network.ts';
import { cpuSeconds } from './process-tree.ts';
import { settleDisk } from './rounds.ts';
import type { Row } from './row.ts';
import { cacheWritten } from './standing.ts';
import { type Bench, scaled, type Work } from './work.ts';

const FILES = 100_000;
const DIRECTORIES = 1_000;
const MINUTE_MS = 60_000;
/** Then V8 has collected what the start has left. */
const REST_AFTER_MS = 180_000;
/** Of a trial: one comparison of digests and one heartbeat, at least. */
const TRIAL_MS = 12_000;
const MAX_CPU_S = 0.15;
const MAX_WIRE_KB = 20;

/** What a quiet minute takes. */
export interface Quiet {
  /** CPU seconds of each instance with all its processes. */
  readonly cpu: readonly number[];
  /** Bytes between an instance and each of its peers, both directions, as the instance counts them. */
  readonly perPeer: readonly number[];
  /** Bytes between two instances, both directions, headers of HTTP included: the mean of all pairs, as counted between them. */
  readonly perPairOnWire: number;
}

export const quiet: Work = {
  names: ['quiet'],
  title: 'a quiet minute of four instances with 100,000 files each',
  programs: ['inotifywait', 'flock', 'sync'],
  room: scale => ({ bytes: 5 * FILES * 4096 * scale, files: 4.2 * FILES * scale }),
  run: async bench => {
    const grove = { files: scaled(FILES, bench), directories: scaled(DIRECTORIES, bench), bytes: 20 };
    return rowsOf(await quietMinute(bench, 4, grove));
  },
};

/** Starts so many instances with equal trees, waits until nothing is left to do, and measures a minute. */
export async function quietMinute(bench: Bench, count: number, grove: Grove): Promise<Quiet> {
  const names = Array.from({ length: count }, (_, i) => `peer${i + 1}`);
  const network = await openNetwork({ here: names }, { wired: true });
  try {
    for (const instance of network.instances) await growSmallFiles(instance.path(DOMAIN), grove);
    settleDisk();
    bench.say(`starting ${count} instances`);
    await startAll(network.instances);
    await Promise.all(network.instances.map(cacheWritten));
    bench.say('coming to rest');
    await sleep(REST_AFTER_MS * Math.min(1, bench.scale));
    bench.say('quiet');
    return await measure(network, Math.max(TRIAL_MS, MINUTE_MS * Math.min(1, bench.scale)));
  } finally {
    await network.close();
  }
}

async function measure(network: BenchNetwork, ms: number): Promise<Quiet> {
  const { instances } = network;
  const onWire = () => instances.reduce((sum, { name }) => sum + network.wire(name).bytes, 0);
  // The scrapes cost CPU time too: they are left out of it, on both sides.
  const before = await Promise.all(instances.map(bytesByPeer));
  const wireBefore = onWire();
  const cpuBefore = instances.map(({ pid }) => cpuSeconds(pid));
  await sleep(ms);
  const cpu = instances.map(({ pid }, i) => cpuSeconds(pid) - cpuBefore[i]!);
  const wire = onWire() - wireBefore;
  const after = await Promise.all(instances.map(bytesByPeer));
  const perPeer = after.flatMap((peers, i) => [...peers].map(([peer, bytes]) => bytes - (before[i]!.get(peer) ?? 0)));
  const pairs = (instances.length * (instances.length - 1)) / 2;
  const minutes = ms / MINUTE_MS;
  return {
    cpu: cpu.map(each => each / minutes),
    perPeer: perPeer.map(each => each / minutes),
    perPairOnWire: wire / pairs / minutes,
  };
}

async function bytesByPeer(instance: Instance): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  for (const { labels, value } of select(await instance.metrics(), 'dfsync_transfer_bytes_total'))
    sums.set(labels.peer!, (sums.get(labels.peer!) ?? 0) + value);
  return sums;
}

function rowsOf({ cpu, perPeer, perPairOnWire }: Quiet): Row[] {
  return [
    {
      name: 'quiet',
      title: 'quiet minute, CPU time',
      measured: { value: Math.max(...cpu), unit: 's' },
      limit: { absolute: MAX_CPU_S },
      notes: [
        `three minutes after the caches were written; user and system time of an instance with all its processes, the busiest of ${cpu.length}: ${cpu.map(each => each.toFixed(2)).join(', ')} s`,
      ],
    },
    {
      name: 'quiet',
      title: 'quiet minute, traffic with a peer',
      measured: { value: Math.max(...perPeer) / 1000, unit: 'KB' },
      limit: { absolute: MAX_WIRE_KB },
      notes: [
        `both directions, by the metrics of the instances, the busiest of ${perPeer.length}; counted between them with the headers of HTTP: ${(perPairOnWire / 1000).toFixed(1)} KB a pair`,
      ],
    },
  ];
}
