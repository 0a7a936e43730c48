/** Everything that is measured with a million files in ten thousand directories. */
import { differenceRounds } from './differences.ts';
import { longestBlock } from './event-loop.ts';
import { MemoryWatch, memoryAtRest } from './memory-watch.ts';
import { differenceRows, loopRow, memoryRows, restartRow, scanRow, startRow } from './million-rows.ts';
import { momentOf } from './moment.ts';
import { startInstance } from './network.ts';
import type { Memory } from './process-tree.ts';
import { restartRounds } from './restart.ts';
import type { Row } from './row.ts';
import { scanRounds } from './scan.ts';
import { cacheWritten, joinPeer, openStanding, type Standing, verifyBoth } from './standing.ts';
import { type Bench, scaled, type Work } from './work.ts';

const FILES = 1_000_000;
const DIRECTORIES = 10_000;
/** Hardly any: what is measured does not read them. */
const BYTES = 20;
const BLOCK = 4096;
/** A process is at rest so long after it became ready. */
const REST_AFTER_MS = 120_000;

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
  const blocks = new Map<string, number>();
  const note = (phase: string, ms: number) => blocks.set(phase, Math.max(ms, blocks.get(phase) ?? 0));
  const rows: Row[] = [];
  // Trees of a million files are dear: what fails takes nothing else with it.
  const attempt = async (title: string, measure: () => Promise<Row[]>) => {
    try {
      rows.push(...(await measure()));
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      bench.say(`FAILED ${failure}`);
      rows.push({ name: [...bench.wanted][0]!, title, failure });
    }
  };
  try {
    await attempt('first start', async () => {
      const { rest, peak, ...first } = await firstStart(standing, wants('memory'));
      note('first start', first.blockMs);
      note('writing of the cache', first.flushBlockMs);
      return rest && peak ? memoryRows(rest, peak) : [];
    });
    let scanMs: readonly number[] = [];
    if (wants('scan', 'start', 'loop'))
      await attempt('scan', async () => {
        await longestBlock(standing.origin);
        const pair = await scanRounds(standing);
        note('scan', await longestBlock(standing.origin));
        scanMs = pair.ours;
        return [scanRow(grove.files, pair)];
      });
    if (wants('start', 'restart', 'loop'))
      await attempt('start', async () => {
        if (both) await joinPeer(standing);
        const restarts = await restartRounds(standing, both);
        for (const { blockMs } of restarts) note('restart', blockMs);
        const start = scanMs.length > 0 ? [startRow(grove.files, restarts, scanMs)] : [];
        return both ? [...start, restartRow(restarts)] : start;
      });
    if (wants('differences', 'loop'))
      await attempt('differences', async () => {
        if (!standing.peer.isRunning) await joinPeer(standing);
        const found = await differenceRounds(standing);
        for (const { blockMs } of found) note('10 differences', blockMs);
        return differenceRows(found);
      });
    if (wants('loop') && blocks.size > 0) rows.push(loopRow(blocks));
    if (both) await attempt('the trees afterwards', () => verifyBoth(standing).then(() => []));
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
