/** What one changed file costs the disk besides its content: journal and cache, and the flush that follows. */
import { lstatSync, writeFileSync } from 'node:fs';
import type { Instance } from '../e2e/instance.ts';
import { CacheWrites } from './cache-writes.ts';
import { fileOf, type Grove, growSmallFiles } from './grow-tree.ts';
import { momentOf } from './moment.ts';
import { type BenchNetwork, DOMAIN, inSync, openNetwork, startAll, stopInstance } from './network.ts';
import { bytesWritten } from './process-tree.ts';
import { settleDisk } from './rounds.ts';
import type { Row } from './row.ts';
import { assertSame } from './same-tree.ts';
import { cacheWritten } from './standing.ts';
import { type Bench, scaled, type Work } from './work.ts';

const FILES = 100_000;
const DIRECTORIES = 1_000;
const CHANGES = 1_000;
const AT_MOST = 50;

export const oneChange: Work = {
  names: ['one-change'],
  title: 'bytes that cache and journal write for one changed file among 100,000',
  programs: ['inotifywait', 'flock', 'sync'],
  room: scale => ({ bytes: 3 * FILES * 4096 * scale, files: 2.2 * FILES * scale }),
  run,
};

/** Bytes of a stretch of changes, of the instance that wrote more. */
interface Written {
  readonly cache: number;
  readonly process: number;
  readonly who: string;
}

async function run(bench: Bench): Promise<Row[]> {
  const grove = { files: scaled(FILES, bench, 10), directories: scaled(DIRECTORIES, bench), bytes: 20 };
  const changes = scaled(CHANGES, bench, 10);
  const network = await openNetwork({ here: ['origin', 'peer'] });
  try {
    for (const instance of network.instances) await growSmallFiles(instance.path(DOMAIN), grove);
    settleDisk();
    await startAll(network.instances);
    await Promise.all(network.instances.map(cacheWritten));
    bench.say('one change');
    const alone = await written(network, grove, 1);
    await startAll(network.instances);
    bench.say(`${changes} changes, one after the other`);
    const many = await written(network, grove, changes);
    return [
      rowOf('one change, alone: journal and cache', alone, 1, network.get('origin')),
      rowOf(
        `one of ${changes.toLocaleString('en-US')} changes: journal and cache`,
        many,
        changes,
        network.get('origin'),
      ),
    ];
  } finally {
    await network.close();
  }
}

/** Makes changes, each when the one before has arrived, then stops both, which writes what is left to be written. */
async function written({ instances, get }: BenchNetwork, grove: Grove, changes: number): Promise<Written> {
  const [origin, peer] = [get('origin'), get('peer')];
  const watched = instances.map(instance => watch(instance));
  for (let i = 0; i < changes; i++) {
    const path = `${DOMAIN}/${fileOf(grove, Math.floor((i * grove.files) / changes))}`;
    const content = `changed as number ${i} of ${changes}`;
    writeFileSync(origin.path(path), content);
    const arrived = () => lstatSync(peer.path(path)).size === content.length;
    await momentOf(`change ${i} to arrive`, arrived, { everyMs: 2, deadlineMs: 60_000, evidence: () => peer.tail });
  }
  await inSync(instances);
  for (const instance of instances) {
    const complaint = await stopInstance(instance);
    if (complaint !== undefined) throw new Error(complaint);
  }
  const results = watched.map(stop => stop());
  assertSame(origin.path(DOMAIN), peer.path(DOMAIN));
  return results.reduce((a, b) => (b.cache > a.cache ? b : a));
}

function watch(instance: Instance): () => Written {
  const cache = new CacheWrites(instance.path(`.dfsync/cache/${DOMAIN}`));
  const { pid } = instance;
  const before = bytesWritten(pid);
  let last = before;
  // The process is gone when it is asked for the last time.
  const timer = setInterval(() => {
    last = Math.max(last, bytesWritten(pid));
  }, 20);
  return () => {
    clearInterval(timer);
    return { cache: cache.stop(), process: last - before, who: instance.name };
  };
}

function rowOf(title: string, { cache, process, who }: Written, changes: number, origin: Instance): Row {
  return {
    name: 'one-change',
    title,
    measured: { value: cache / changes, unit: 'B' },
    against: { value: lineOf(origin), unit: 'B', what: 'its entry as a JSON line' },
    limit: { ratio: AT_MOST },
    notes: [
      `growth of the journal and sizes of all files of the cache that were written, the stop at the end included, on ${who}, which wrote more; all that its process wrote, in whole pages: ${Math.round(process / changes).toLocaleString('en-US')} B`,
    ],
  };
}

/** Bytes of an entry of this tree, written as one would. */
function lineOf(origin: Instance): number {
  const path = 'd00000/f0000000.txt';
  const { size, mtimeMs, mode } = lstatSync(origin.path(`${DOMAIN}/${path}`));
  const mtime = Math.floor(mtimeMs);
  const version = { 0: mtime, [origin.place.roleid]: mtime };
  return JSON.stringify({ path, kind: 'file', size, mtime, mode: mode & 0o777, version }).length + 1;
}
