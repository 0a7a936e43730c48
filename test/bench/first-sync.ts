/** First synchronisations: many small files, and a real tree to three peers at once. */

import { readTree } from '../e2e/tree.ts';
import { type Race, race } from './copy-race.ts';
import { copyDependencies, DEPENDENCIES, growSmallFiles } from './grow-tree.ts';
import { type Limit, type Row, seconds } from './row.ts';
import { type Bench, scaled, type Work } from './work.ts';

const SMALL_FILES = 100_000;
const SMALL_DIRECTORIES = 1_000;
const SMALL_BYTES = 500;
/** What a small file takes on the disk: a block. */
const BLOCK = 4096;

const NOTES = [
  'from the start of the processes of the empty peers until each has everything; the origin runs already. dfsync brings what it received to the disk before it renames it into place, rsync leaves that to the system',
];

const PROGRAMS = ['rsync', 'inotifywait', 'flock', 'sync'] as const;

export const firstSync: Work = {
  names: ['first-sync'],
  title: '100,000 small files to an empty peer',
  programs: PROGRAMS,
  room: (scale, rounds) => copiesOf(1 + 2 * rounds, SMALL_FILES * BLOCK * scale, SMALL_FILES * scale),
  run: async bench => {
    const grove = {
      files: scaled(SMALL_FILES, bench),
      directories: scaled(SMALL_DIRECTORIES, bench),
      bytes: SMALL_BYTES,
    };
    const race = { peers: 1, grow: (root: string) => growSmallFiles(root, grove) };
    return [
      await copied(bench, 'first-sync', `first sync, ${grove.files.toLocaleString('en-US')} files`, race, { ratio: 1 }),
    ];
  },
};

export const fanOut: Work = {
  names: ['fan-out'],
  title: "this project's node_modules to three empty peers at once",
  programs: PROGRAMS,
  room: (_, rounds) => copiesOf(1 + 6 * rounds, sizeOfDependencies(), 5_000),
  run: async bench => [
    await copied(
      bench,
      'fan-out',
      'node_modules to 3 peers',
      { peers: 3, grow: root => copyDependencies(root, Math.min(1, bench.scale)) },
      { ratio: 1 },
    ),
  ],
};

/** One row of dfsync against rsync. */
async function copied(bench: Bench, name: string, title: string, what: Race, limit: Limit): Promise<Row> {
  const { ours, theirs } = await race(bench, what);
  return {
    name,
    title,
    measured: seconds(ours),
    against: { ...seconds(theirs), what: 'rsync -a' },
    limit,
    notes: NOTES,
  };
}

function copiesOf(copies: number, bytes: number, files: number) {
  return { bytes: copies * bytes, files: copies * files };
}

function sizeOfDependencies(): number {
  return [...readTree(DEPENDENCIES).values()].reduce((sum, { size }) => sum + size + BLOCK, 0);
}
