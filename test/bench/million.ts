/** Everything that is measured with a million files in ten thousand directories. */

import { differenceRounds } from './differences.ts';
import { longestBlock } from './event-loop.ts';
import { MemoryWatch, memoryAtRest } from './memory-watch.ts';
import { momentOf } from './moment.ts';
import { startInstance } from './network.ts';
import type { Memory } from './process-tree.ts';
import { restartRounds } from './restart.ts';
import { figure, type Row } from './row.ts';
import { scanRounds } from './scan.ts';
import { cacheWritten, joinPeer, openStanding, type Standing, verifyBoth } from './standing.ts';
import { type Bench, scaled, type Work } from './work.ts';

const FILES = 1_000_000;
const DIRECTORIES = 10_000;
/** Hardly any: what is measured does not read them. */
const BYTES = 20;
const BLOCK = 4096;
/** A process is at rest so long after it became ready. */
const REST_AFTER_MS = 60_000;

const MAX_SCAN = 1.5;
const MAX_REST_MB = 300;
const MAX_PEAK_MB = 400;
const MAX_START = 2;
const MAX_EXCHANGED_KB = 64;
const MAX_FOUND_S = 1;
const MAX_BLOCK_MS = 100;

export const million: Work = {
  names: ['scan', 'memory', 'start', 'restart', 'differences', 'loop'],
  title: '1,000,000 files in 10,000 directories: scan, memory, start, restart, ten differences, event loop',
  programs: ['find', 'inotifywait', 'flock', 'sync'],
  room: scale => ({ bytes: 2.5 * FILES * BLOCK * scale, files: 2.1 * FILES * scale }),
  run,
};

async function run(bench: Bench): Promise<Row[]> {
  const wants = (...names: string[]) => names.some(name => bench.wanted.has(name));
  const both = wants('restart', 'differences', 'loop');
  const grove = { files: scaled(FILES, bench), directories: scaled(DIRECTORIES, bench), bytes: BYTES };
  const standing = await openStanding(bench, grove, { both });
  const { origin } = standing;
  const rows: Row[] = [];
  const blocks = new Map<string, number>();
  const note = (phase: string, ms: number) => blocks.set(phase, Math.max(ms, blocks.get(phase) ?? 0));
  try {
    const first = await firstStart(standing, wants('memory'));
    note('first start', first.blockMs);
    note('writing of the cache', first.flushBlockMs);
    rows.push(...memoryRows(first));
    let scanMs: number[] = [];
    if (wants('scan', 'start', 'loop')) {
      await longestBlock(origin);
      const { ours, theirs } = await scanRounds(standing);
      note('scan', await longestBlock(origin));
      scanMs = ours;
      rows.push({
        name: 'scan',
        title: `scan, ${grove.files.toLocaleString('en-US')} files`,
        measured: figure(seconds(ours), 's'),
        against: { ...figure(seconds(theirs), 's'), what: 'find -printf' },
        limit: { ratio: MAX_SCAN },
        notes: ['a scan of a running instance that finds nothing new, until everything is looked at'],
      });
    }
    if (both) await joinPeer(standing);
    if (wants('start', 'restart', 'loop')) {
      const restarts = await restartRounds(standing, both);
      for (const { blockMs } of restarts) note('restart', blockMs);
      const highest = Math.max(...restarts.map(each => each.highest));
      rows.push({
        name: 'start',
        title: `start with a cache of ${grove.files.toLocaleString('en-US')} files`,
        measured: figure(seconds(restarts.map(each => each.readyMs)), 's'),
        against: { ...figure(seconds(scanMs), 's'), what: 'the scan itself' },
        limit: { ratio: MAX_START },
        notes: [`until /readyz says so; the highest of its processes together (VmHWM): ${megabytes(highest)} MB`],
      });
      if (both) rows.push(restartRow(restarts));
    }
    if (wants('differences', 'loop')) {
      const found = await differenceRounds(standing);
      for (const { blockMs } of found) note('10 differences', blockMs);
      rows.push(...differenceRows(found));
    }
    if (wants('loop')) rows.push(loopRow(blocks));
    if (both) await verifyBoth(standing);
  } finally {
    await standing.network.close();
  }
  return rows.filter(({ name }) => bench.wanted.has(name));
}

interface FirstStart {
  readonly rest?: Memory;
  readonly peak?: Memory;
  readonly blockMs: number;
  readonly flushBlockMs: number;
}

/** Starts the origin without a cache, lets it write one and come to rest. */
async function firstStart({ bench, origin }: Standing, withMemory: boolean): Promise<FirstStart> {
  bench.say('first start, without a cache');
  const starting = startInstance(origin, 100);
  const watch = withMemory ? new MemoryWatch(origin.pid) : undefined;
  try {
    const ready = await starting;
    const blockMs = await longestBlock(origin);
    bench.say('waiting until its cache is written');
    await cacheWritten(origin);
    const flushBlockMs = await longestBlock(origin);
    if (!watch) return { blockMs, flushBlockMs };
    await momentOf('rest', () => performance.now() - ready > REST_AFTER_MS * Math.min(1, bench.scale), {
      everyMs: 200,
    });
    return { rest: await memoryAtRest(origin.pid), peak: watch.stop(), blockMs, flushBlockMs };
  } finally {
    watch?.stop();
  }
}

function memoryRows({ rest, peak }: FirstStart): Row[] {
  if (!rest || !peak) return [];
  return [
    {
      name: 'memory',
      title: 'memory at rest',
      measured: { value: rest.pss / 1024, unit: 'MB' },
      limit: { absolute: MAX_REST_MB },
      notes: [
        `PSS of all its processes a minute after it was ready: the lowest quarter of twenty samples, one a second. Sum of RSS: ${megabytes(rest.rss)} MB`,
      ],
    },
    {
      name: 'memory',
      title: 'memory, peak',
      measured: { value: peak.pss / 1024, unit: 'MB' },
      limit: { absolute: MAX_PEAK_MB },
      notes: [
        `PSS of all its processes, sampled every 250 ms from the first start without a cache until it is at rest. Sum of RSS: ${megabytes(peak.rss)} MB; sum of VmHWM: ${megabytes(peak.highest)} MB`,
      ],
    },
  ];
}

function restartRow(restarts: Awaited<ReturnType<typeof restartRounds>>): Row {
  const content = Math.max(...restarts.map(each => each.contentBytes));
  return {
    name: 'restart',
    title: 'restart until in sync with a peer',
    measured: figure(
      restarts.map(each => each.indexBytes / 1000),
      'KB',
    ),
    limit: { absolute: MAX_EXCHANGED_KB },
    notes: [
      `in sync ${Math.round(Math.max(...restarts.map(each => each.inSyncMs ?? 0)))} ms after its start; with the headers of HTTP ${kilobytes(restarts.map(each => each.wireBytes))} KB passed between the two; content: ${content} bytes`,
    ],
    ...(content > 0 && { failure: `${content} bytes of content were transferred` }),
  };
}

function differenceRows(found: Awaited<ReturnType<typeof differenceRounds>>): Row[] {
  const notes = [
    'five files rewritten, three created, two deleted while the peer was down; from the moment at which it is ready (its peer is already) until the last of them is right on its disk',
  ];
  return [
    {
      name: 'differences',
      title: '10 differences found and mended',
      measured: figure(seconds(found.map(each => each.ms)), 's'),
      limit: { absolute: MAX_FOUND_S },
      notes,
    },
    {
      name: 'differences',
      title: '10 differences, exchanged',
      measured: figure(
        found.map(each => each.indexBytes / 1000),
        'KB',
      ),
      limit: { absolute: MAX_EXCHANGED_KB },
      notes: [
        `with content and headers of HTTP ${kilobytes(found.map(each => each.wireBytes))} KB passed between the two`,
      ],
    },
  ];
}

function loopRow(blocks: ReadonlyMap<string, number>): Row {
  return {
    name: 'loop',
    title: 'longest block of the event loop',
    measured: { value: Math.max(...blocks.values()), unit: 'ms' },
    limit: { absolute: MAX_BLOCK_MS },
    notes: [`by phase: ${[...blocks].map(([phase, ms]) => `${phase} ${Math.round(ms)} ms`).join(', ')}`],
  };
}

const seconds = (rounds: readonly number[]) => rounds.map(ms => ms / 1000);
const megabytes = (kb: number) => Math.round(kb / 1024);
const kilobytes = (bytes: readonly number[]) => (Math.max(...bytes) / 1000).toFixed(1);
