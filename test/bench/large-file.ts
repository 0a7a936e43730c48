/** One large file between two running instances that were equal before, and by rsync. */
import { lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Instance } from '../e2e/instance.ts';
import { Hopeless } from '../e2e/until.ts';
import { growLargeFile, LARGE_FILE } from './grow-tree.ts';
import { median } from './median.ts';
import { momentOf } from './moment.ts';
import { type BenchNetwork, DOMAIN, emptyVolume, openNetwork, startAll, stopInstance } from './network.ts';
import { cpuSeconds } from './process-tree.ts';
import { alternate } from './rounds.ts';
import { type Row, seconds } from './row.ts';
import { RsyncDaemon } from './rsync.ts';
import { assertSame, readAll } from './same-tree.ts';
import { type Bench, scaled, type Work } from './work.ts';

const BYTES = 2_000_000_000;
const RATIO = 1.2;

export const large: Work = {
  names: ['large'],
  title: 'one file of 2 GB to a running peer',
  programs: ['rsync', 'inotifywait', 'flock', 'sync'],
  room: (scale, rounds) => ({ bytes: (1 + 2 * rounds) * BYTES * scale, files: 10 + 10 * rounds }),
  run,
};

/** Seconds of CPU time that a file took. */
interface Cpu {
  readonly origin: number;
  readonly peer: number;
}

async function run(bench: Bench): Promise<Row[]> {
  const bytes = scaled(BYTES, bench);
  const network = await openNetwork({ here: ['origin', 'peer'] });
  const source = join(network.directory, 'source');
  growLargeFile(source, bytes);
  readAll(source);
  const daemon = await RsyncDaemon.open(network.directory, source);
  const cpu: Cpu[] = [];
  try {
    const { ours, theirs } = await alternate(
      bench.rounds,
      async () => {
        const taken = await moveIn(network, source);
        cpu.push(taken.cpu);
        bench.say(`dfsync ${Math.round(taken.ms)} ms`);
        return taken.ms;
      },
      async () => {
        const ms = await copyByRsync(network, daemon, source);
        bench.say(`rsync ${Math.round(ms)} ms`);
        return ms;
      },
    );
    return [rowOf(bytes, ours, theirs, cpu)];
  } finally {
    daemon.close();
    await network.close();
  }
}

/**
 * Milliseconds from the file's rename into the tree of the origin until it stands under its name at the peer. Both are running,
 * equal and, but for the heartbeats, idle then; content and all is compared afterwards.
 */
async function moveIn(network: BenchNetwork, source: string): Promise<{ ms: number; cpu: Cpu }> {
  const [origin, peer] = [network.get('origin'), network.get('peer')];
  for (const instance of [origin, peer]) emptyVolume(instance);
  await startAll([origin, peer]);
  const before = cpuOf(origin, peer);
  const start = performance.now();
  renameSync(join(source, LARGE_FILE), origin.path(`${DOMAIN}/${LARGE_FILE}`));
  const end = await momentOf(
    'the large file to be at the peer',
    () => {
      for (const { isRunning, name } of [origin, peer]) if (!isRunning) throw new Hopeless(`${name} is not running`);
      return lstatSync(peer.path(`${DOMAIN}/${LARGE_FILE}`), { throwIfNoEntry: false }) !== undefined;
    },
    { evidence: () => `${origin.tail}\n${peer.tail}` },
  );
  const after = cpuOf(origin, peer);
  for (const instance of [origin, peer]) await stopInstance(instance);
  assertSame(origin.path(DOMAIN), peer.path(DOMAIN), { content: true });
  renameSync(origin.path(`${DOMAIN}/${LARGE_FILE}`), join(source, LARGE_FILE));
  return { ms: end - start, cpu: { origin: after.origin - before.origin, peer: after.peer - before.peer } };
}

async function copyByRsync(network: BenchNetwork, daemon: RsyncDaemon, source: string): Promise<number> {
  const target = join(network.directory, 'rsync');
  mkdirSync(target);
  const ms = await daemon.pull(target);
  assertSame(source, target, { content: true });
  rmSync(target, { recursive: true });
  return ms;
}

function cpuOf(origin: Instance, peer: Instance): Cpu {
  return { origin: cpuSeconds(origin.pid), peer: cpuSeconds(peer.pid) };
}

function rowOf(bytes: number, ours: readonly number[], theirs: readonly number[], cpu: readonly Cpu[]): Row {
  const perGigabyte = (side: keyof Cpu) => (median(cpu.map(each => each[side])) / (bytes / 1e9)).toFixed(2);
  return {
    name: 'large',
    title: `one file, ${Math.round(bytes / 1e6).toLocaleString('en-US')} MB`,
    measured: seconds(ours),
    against: { ...seconds(theirs), what: 'rsync -a' },
    limit: { ratio: RATIO },
    notes: [
      'dfsync: from the rename of the file into the tree until it stands under its name at the peer; both were running and equal. rsync: from the start of the client until it ends',
      `CPU time for each GB: the origin ${perGigabyte('origin')} s, the peer ${perGigabyte('peer')} s`,
    ],
  };
}
