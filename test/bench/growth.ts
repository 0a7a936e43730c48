/** How the figures grow: with the number of files, and with the number of peers. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartsOf, type Points } from './charts.ts';
import { race } from './copy-race.ts';
import { csvOf, type Point } from './curve.ts';
import { type Grove, growSmallFiles } from './grow-tree.ts';
import { latenciesIn } from './latency.ts';
import { median } from './median.ts';
import { memoryAtRest } from './memory-watch.ts';
import { startInstance } from './network.ts';
import { quietMinute } from './quiet.ts';
import { restartRounds } from './restart.ts';
import { scanRounds } from './scan.ts';
import { cacheWritten, openStanding } from './standing.ts';
import { svgOf } from './svg.ts';
import type { Bench, Work } from './work.ts';

/** Where the curves are kept: the README shows them. */
export const RESULTS = join(import.meta.dirname, 'results');

/** The largest size. */
export const LARGEST = 1_000_000;
const SIZES = [1_000, 10_000, 100_000, LARGEST];
const PEERS = [2, 4, 8, 16];
const FILES_EACH = 100;
const SMALL_BYTES = 500;
const TINY_BYTES = 20;
/** What a small file takes on the disk. */
const BLOCK = 4096;

/** What it takes: some ten copies of the tree of each size, nearly all of it for the largest. */
export function needsOfGrowth(upTo: number): Pick<Work, 'programs' | 'room'> {
  const files = Math.max(0, ...SIZES.filter(size => size <= upTo));
  return {
    programs: ['rsync', 'find', 'inotifywait', 'flock', 'sync'],
    room: (_, rounds) => ({ bytes: (5 + 2 * rounds) * 1.2 * files * BLOCK, files: (5 + 2 * rounds) * 1.2 * files }),
  };
}

/**
 * Measures at every size up to `upTo`, and writes `growth.csv` and the pictures into a directory after each: a run that is cut
 * short leaves what it has measured.
 */
export async function grow(bench: Bench, upTo: number, into: string): Promise<void> {
  const points = new Map<string, Point[]>();
  const put = (line: string, x: number, y: number) => points.set(line, [...(points.get(line) ?? []), { x, y }]);
  for (const files of SIZES.filter(size => size <= upTo)) {
    bench.say(`${files.toLocaleString('en-US')} files`);
    await copyAt(bench, files, put);
    await standAt(bench, files, put);
    await quietAt(bench, files, put);
    writeCharts(points, into);
  }
  for (const peers of PEERS) {
    bench.say(`latency with ${peers} peers`);
    await latencyAt(bench, peers, put);
    writeCharts(points, into);
  }
}

type Put = (line: string, x: number, y: number) => void;

async function latencyAt(bench: Bench, peers: number, put: Put): Promise<void> {
  const names = Array.from({ length: peers }, (_, i) => `peer${i + 1}`);
  const measured = await latenciesIn(bench, { here: ['origin', ...names] }, 'origin', names);
  put('latency median', peers, median(measured));
  put('latency worst', peers, Math.max(...measured));
}

async function copyAt(bench: Bench, files: number, put: Put): Promise<void> {
  const grove = groveOf(files, SMALL_BYTES);
  const { ours, theirs } = await race(bench, { peers: 1, grow: root => growSmallFiles(root, grove) });
  put('first-sync dfsync', files, median(ours) / 1000);
  put('first-sync rsync', files, median(theirs) / 1000);
}

async function standAt(bench: Bench, files: number, put: Put): Promise<void> {
  const standing = await openStanding(bench, groveOf(files, TINY_BYTES), { both: false });
  try {
    const { origin } = standing;
    await startInstance(origin, 50);
    await cacheWritten(origin);
    put('memory', files, (await memoryAtRest(origin.pid)).pss / 1024);
    const { ours, theirs } = await scanRounds(standing);
    put('scan dfsync', files, median(ours) / 1000);
    put('scan find', files, median(theirs) / 1000);
    const restarts = await restartRounds(standing, false);
    put('restart', files, median(restarts.map(each => each.readyMs)) / 1000);
  } finally {
    await standing.network.close();
  }
}

async function quietAt(bench: Bench, files: number, put: Put): Promise<void> {
  const { cpu, perPeer } = await quietMinute(bench, 2, groveOf(files, TINY_BYTES));
  put('quiet cpu', files, Math.max(...cpu));
  put('quiet wire', files, Math.max(...perPeer) / 1000);
}

function groveOf(files: number, bytes: number): Grove {
  return { files, directories: files / FILES_EACH, bytes };
}

function writeCharts(points: Points, into: string): void {
  const charts = chartsOf(points).filter(({ lines }) => lines.some(line => line.points.length > 0));
  mkdirSync(into, { recursive: true });
  writeFileSync(join(into, 'growth.csv'), csvOf(charts));
  for (const chart of charts) writeFileSync(join(into, `${chart.name}.svg`), svgOf(chart));
}
