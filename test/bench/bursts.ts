/** Many files rewritten, and deleted, at once. */
import { mkdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTree } from '../e2e/tree.ts';
import { contentOf, fileOf, type Grove, growSmallFiles } from './grow-tree.ts';
import { momentOf } from './moment.ts';
import { DOMAIN, inSync, openNetwork, startAll } from './network.ts';
import { alternate, type Pair } from './rounds.ts';
import { type Row, seconds } from './row.ts';
import { RsyncDaemon } from './rsync.ts';
import { assertSame } from './same-tree.ts';
import { type Bench, scaled, type Work } from './work.ts';

const FILES = 10_000;
const CHANGED = 2_000;
/** Every fifth file is changed, in all directories. */
const STEP = FILES / CHANGED;
const BYTES = 500;
/** At most so long, whatever rsync needs. */
const AT_MOST_S = 1;

export const bursts: Work = {
  names: ['rewrites', 'deletes'],
  title: '2,000 of 10,000 files rewritten, and deleted, at once',
  programs: ['rsync', 'inotifywait', 'flock', 'sync'],
  room: (scale, rounds) => ({ bytes: 6 * FILES * 4096 * scale * rounds, files: 6 * FILES * scale * rounds }),
  run,
};

/** A change of a tree. `isThere`: whether a path of it has arrived in another tree. */
interface Burst {
  make(root: string): void;
  paths: readonly string[];
  isThere(from: string, to: string): boolean;
  undo(root: string): void;
}

async function run(bench: Bench): Promise<Row[]> {
  const grove: Grove = { files: scaled(FILES, bench, STEP), directories: scaled(100, bench), bytes: BYTES };
  const network = await openNetwork({ here: ['origin', 'peer'] });
  const [origin, peer] = [network.get('origin'), network.get('peer')];
  const here = join(network.directory, 'rsync-from');
  const there = join(network.directory, 'rsync-to');
  for (const root of [origin.path(DOMAIN), peer.path(DOMAIN), here, there]) {
    mkdirSync(root, { recursive: true });
    await growSmallFiles(root, grove);
  }
  const daemon = await RsyncDaemon.open(network.directory, here);
  await startAll(network.instances);
  let making = 0;

  const byDfsync = async (burst: Burst) => {
    const [from, to] = [origin.path(DOMAIN), peer.path(DOMAIN)];
    const begin = performance.now();
    burst.make(from);
    const start = performance.now();
    making = start - begin;
    const end = await arrival(burst, from, to, () => peer.tail);
    await inSync(network.instances);
    assertSame(from, to, { content: true });
    burst.undo(from);
    await momentOf('the change to be undone', async () => {
      await inSync(network.instances);
      return readTree(to).size === readTree(from).size;
    });
    bench.say(`dfsync ${Math.round(end - start)} ms`);
    return end - start;
  };
  const byRsync = async (burst: Burst) => {
    burst.make(here);
    const ms = await daemon.pull(there, '--delete');
    assertSame(here, there, { content: true });
    burst.undo(here);
    await daemon.pull(there, '--delete');
    bench.say(`rsync ${Math.round(ms)} ms`);
    return ms;
  };

  try {
    const rows: Row[] = [];
    for (const [name, verb, of] of [
      ['rewrites', 'rewritten', rewriting],
      ['deletes', 'deleted', deleting],
    ] as const) {
      if (!bench.wanted.has(name)) continue;
      const count = Math.floor(grove.files / STEP);
      bench.say(`${count} files ${verb}`);
      const pair = await alternate(
        bench.rounds,
        round => byDfsync(of(grove, round)),
        round => byRsync(of(grove, round)),
      );
      rows.push(rowOf(name, `${count.toLocaleString('en-US')} files ${verb} at once`, pair, making));
    }
    return rows;
  } finally {
    daemon.close();
    await network.close();
  }
}

function rowOf(name: string, title: string, { ours, theirs }: Pair, making: number): Row {
  return {
    name,
    title,
    measured: seconds(ours),
    against: { ...seconds(theirs), what: 'rsync -a --delete' },
    limit: { absolute: AT_MOST_S, ratio: 1 },
    notes: [
      `both from the end of the change, which took ${Math.round(making)} ms, until the last path is as it should be at the peer`,
    ],
  };
}

/** Every path is asked for until it has arrived; none is asked for again. */
function arrival({ paths, isThere }: Burst, from: string, to: string, evidence: () => string): Promise<number> {
  const pending = [...paths];
  const done = () => {
    while (pending.length > 0 && isThere(join(from, pending.at(-1)!), join(to, pending.at(-1)!))) pending.pop();
    return pending.length === 0;
  };
  return momentOf('the change to arrive', done, { everyMs: 1, evidence });
}

function chosen(grove: Grove): number[] {
  return Array.from({ length: Math.floor(grove.files / STEP) }, (_, i) => i * STEP);
}

function rewriting(grove: Grove, round: number): Burst {
  const numbers = chosen(grove);
  return {
    paths: numbers.map(number => fileOf(grove, number)),
    make: root => {
      for (const number of numbers)
        writeFileSync(join(root, fileOf(grove, number)), `${round} ${contentOf(number + round, grove.bytes)}`);
    },
    isThere: (from, to) => {
      const [a, b] = [statSync(from, { bigint: true }), statSync(to, { bigint: true })];
      return a.size === b.size && a.mtimeMs === b.mtimeMs;
    },
    undo: () => {},
  };
}

function deleting(grove: Grove): Burst {
  const numbers = chosen(grove);
  return {
    paths: numbers.map(number => fileOf(grove, number)),
    make: root => {
      for (const number of numbers) unlinkSync(join(root, fileOf(grove, number)));
    },
    isThere: (_, to) => statSync(to, { throwIfNoEntry: false }) === undefined,
    undo: root => {
      for (const number of numbers) writeFileSync(join(root, fileOf(grove, number)), contentOf(number, grove.bytes));
    },
  };
}
