/** The rows of what is measured with a million files, and what they may be. */
import type { Found } from './differences.ts';
import type { Memory } from './process-tree.ts';
import type { Restart } from './restart.ts';
import type { Pair } from './rounds.ts';
import { figure, type Row } from './row.ts';

const MAX_SCAN = 1.5;
const MAX_REST_MB = 300;
const MAX_PEAK_MB = 400;
const MAX_START = 2;
const MAX_EXCHANGED_KB = 64;
const MAX_FOUND_S = 1;
const MAX_BLOCK_MS = 100;

/** Scans against find. */
export function scanRow(files: number, { ours, theirs }: Pair): Row {
  return {
    name: 'scan',
    title: `scan, ${files.toLocaleString('en-US')} files`,
    measured: figure(seconds(ours), 's'),
    against: { ...figure(seconds(theirs), 's'), what: 'find -printf' },
    limit: { ratio: MAX_SCAN },
    notes: ['a scan of a running instance that finds nothing new, until everything is looked at'],
  };
}

/** Starts against the scans of the same run. */
export function startRow(files: number, restarts: readonly Restart[], scanMs: readonly number[]): Row {
  const highest = Math.max(...restarts.map(each => each.highest));
  return {
    name: 'start',
    title: `start with a cache of ${files.toLocaleString('en-US')} files`,
    measured: figure(seconds(restarts.map(each => each.readyMs)), 's'),
    against: { ...figure(seconds(scanMs), 's'), what: 'the scan itself' },
    limit: { ratio: MAX_START },
    notes: [`until /readyz says so; the highest of its processes together (VmHWM): ${megabytes(highest)} MB`],
  };
}

/** Memory at rest, and the most that was seen. */
export function memoryRows(rest: Memory, peak: Memory): Row[] {
  return [
    {
      name: 'memory',
      title: 'memory at rest',
      measured: { value: rest.pss / 1024, unit: 'MB' },
      limit: { absolute: MAX_REST_MB },
      notes: [
        `PSS of all its processes two minutes after it was ready, when V8 has given back what it does not need: the lowest quarter of twenty samples, one a second. Sum of RSS: ${megabytes(rest.rss)} MB`,
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

/** What a restart exchanges with a peer. */
export function restartRow(restarts: readonly Restart[]): Row {
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

/** How fast, and with how many bytes, differences are found. */
export function differenceRows(found: readonly Found[]): Row[] {
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

/** The worst of all phases. */
export function loopRow(blocks: ReadonlyMap<string, number>): Row {
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
