/** A directory with many files gets another name. */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { growSmallFiles } from './grow-tree.ts';
import { momentOf } from './moment.ts';
import {
  type BenchNetwork,
  DOMAIN,
  domainOf,
  exchanged,
  inSync,
  openNetwork,
  sameDigest,
  startAll,
} from './network.ts';
import { settleDisk } from './rounds.ts';
import { figure, type Row } from './row.ts';
import { assertSame } from './same-tree.ts';
import { cacheWritten } from './standing.ts';
import { type Bench, scaled, type Work } from './work.ts';

const FILES = 100_000;
const DIRECTORIES = 1_000;
const AT_MOST_S = 5;

export const rename: Work = {
  names: ['rename'],
  title: 'a directory of 100,000 files is renamed',
  programs: ['inotifywait', 'flock', 'sync'],
  room: scale => ({ bytes: 3 * FILES * 4096 * scale, files: 2.2 * FILES * scale }),
  run,
};

async function run(bench: Bench): Promise<Row[]> {
  const grove = { files: scaled(FILES, bench), directories: scaled(DIRECTORIES, bench), bytes: 20 };
  const network = await openNetwork({ here: ['origin', 'peer'] });
  try {
    for (const instance of network.instances) {
      mkdirSync(instance.path(`${DOMAIN}/name 0`));
      await growSmallFiles(instance.path(`${DOMAIN}/name 0`), grove);
    }
    settleDisk();
    await startAll(network.instances);
    await Promise.all(network.instances.map(cacheWritten));
    const measured: number[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      measured.push((await renamed(network, `name ${round}`, `name ${round + 1}`)) / 1000);
      bench.say(`${Math.round(measured.at(-1)! * 1000)} ms`);
    }
    const content = await exchanged(network.get('peer'), { kind: 'content' });
    return [
      {
        name: 'rename',
        title: `rename of a directory of ${grove.files.toLocaleString('en-US')} files`,
        measured: figure(measured, 's'),
        limit: { absolute: AT_MOST_S },
        notes: [
          `from the rename until the peer has the new name, not the old one, and the digests of both are equal; content: ${content} bytes`,
        ],
        ...(content > 0 && { failure: `${content} bytes of content were transferred` }),
      },
    ];
  } finally {
    await network.close();
  }
}

/** Milliseconds of one rename; the trees are compared. */
async function renamed({ get, instances }: BenchNetwork, old: string, now: string): Promise<number> {
  const [origin, peer] = [get('origin'), get('peer')];
  const { digest } = await domainOf(origin);
  const start = performance.now();
  renameSync(origin.path(`${DOMAIN}/${old}`), origin.path(`${DOMAIN}/${now}`));
  // Before the first name is gone nothing needs to be asked, which would cost the instances time.
  await momentOf('the new name at the peer', () => existsSync(peer.path(`${DOMAIN}/${now}`)), { everyMs: 5 });
  await momentOf('the old name to go', () => !existsSync(peer.path(`${DOMAIN}/${old}`)), { everyMs: 5 });
  const end = await sameDigest(instances, digest, 20);
  assertSame(origin.path(DOMAIN), peer.path(DOMAIN));
  await inSync(instances);
  return end - start;
}
