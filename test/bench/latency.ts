/** The time from writing a file here until it is readable there. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Instance } from '../e2e/instance.ts';
import { chance } from './chance.ts';
import { median, quantile } from './median.ts';
import { momentOf } from './moment.ts';
import { DOMAIN, inSync, openNetwork, startAll } from './network.ts';
import type { Row } from './row.ts';
import { assertSame } from './same-tree.ts';
import { type Bench, scaled, type Work } from './work.ts';

const WRITES = 200;
const AT_LEAST = 20;
const SEED = 20_26;
/** Between two writes: from right after the one before arrived up to this. */
const PAUSE_AT_MOST_MS = 500;
/** Between two looks at the destination, which is the error of each measurement; closer, and the looking would take a core. */
const LOOK_MS = 1;

/** Milliseconds of single writes: every second one makes a file, the others write one again. */
export async function latencies(bench: Bench, from: Instance, to: readonly Instance[]): Promise<number[]> {
  const random = chance(SEED);
  const measured: number[] = [];
  const count = scaled(WRITES, bench, AT_LEAST);
  for (let i = 0; i < count; i++) {
    await sleep(random() * PAUSE_AT_MOST_MS);
    const path = `${DOMAIN}/written ${i % 2 === 0 ? i : i - 1}.txt`;
    const content = `write ${i}, and something to read: ${random()} ${'.'.repeat(random() * 400)}`;
    const start = performance.now();
    writeFileSync(from.path(path), content);
    const waiting = [...to];
    const arrived = () => {
      while (waiting.length > 0 && reads(waiting.at(-1)!.path(path), content)) waiting.pop();
      return waiting.length === 0;
    };
    const end = await momentOf(`write ${i} to arrive`, arrived, {
      everyMs: LOOK_MS,
      deadlineMs: 60_000,
      evidence: () => [from, ...to].map(({ tail }) => tail).join('\n'),
    });
    measured.push(end - start);
  }
  return measured;
}

/** Starts a network, measures from one instance to others, and compares all trees. */
export async function latenciesIn(
  bench: Bench,
  sites: Readonly<Record<string, readonly string[]>>,
  from: string,
  to: readonly string[],
): Promise<number[]> {
  const network = await openNetwork(sites);
  try {
    await startAll(network.instances);
    const measured = await latencies(bench, network.get(from), to.map(network.get));
    await inSync(network.instances);
    for (const other of to)
      assertSame(network.get(from).path(DOMAIN), network.get(other).path(DOMAIN), { content: true });
    bench.say(`median ${median(measured).toFixed(1)} ms, worst ${Math.max(...measured).toFixed(1)} ms`);
    return measured;
  } finally {
    await network.close();
  }
}

export const latency: Work = {
  names: ['latency'],
  title: 'one file, from one server to another',
  programs: ['inotifywait', 'flock', 'sync'],
  room: () => ({ bytes: 10_000_000, files: 1_000 }),
  run: async bench => {
    const measured = await latenciesIn(bench, { here: ['origin', 'peer'] }, 'origin', ['peer']);
    return rowsOf('latency', 'one file to a peer', measured, { median: 50, worst: 250 });
  },
};

export const crossSite: Work = {
  names: ['cross-site'],
  title: 'one file, from one server to one of another site, through two gateways',
  programs: ['inotifywait', 'flock', 'sync'],
  room: () => ({ bytes: 10_000_000, files: 1_000 }),
  run: async bench => {
    const sites = { north: ['north gateway', 'origin'], south: ['south gateway', 'peer'] };
    const measured = await latenciesIn(bench, sites, 'origin', ['peer']);
    return rowsOf('cross-site', 'one file to another site', measured, { median: 120 });
  },
};

function rowsOf(
  name: string,
  title: string,
  measured: readonly number[],
  limits: { readonly median: number; readonly worst?: number },
): Row[] {
  const tail = `90 % within ${quantile(measured, 0.9).toFixed(0)} ms, 99 % within ${quantile(measured, 0.99).toFixed(0)} ms`;
  return [
    {
      name,
      title: `${title}, median`,
      measured: { value: median(measured), unit: 'ms' },
      limit: { absolute: limits.median },
      notes: [
        `${measured.length} writes at random intervals, from before the write until the content is read at the other side, looked at every ${LOOK_MS} ms; ${tail}; the first one after the start: ${measured[0]!.toFixed(0)} ms`,
      ],
    },
    {
      name,
      title: `${title}, worst`,
      measured: { value: Math.max(...measured), unit: 'ms' },
      ...(limits.worst !== undefined && { limit: { absolute: limits.worst } }),
    },
  ];
}

function reads(path: string, content: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.size !== content.length) return false;
  return readFileSync(path, 'utf8') === content;
}
