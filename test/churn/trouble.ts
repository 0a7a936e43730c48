/** What goes wrong besides: the weather on the wires, and instances that are killed, stopped and started again. By chance, from a seed. */
import type { Instance } from '../e2e/instance.ts';
import type { Chance } from '../sim/random.ts';
import type { Downtime } from './ledger.ts';
import { CLEAR, type Weather, type Wire } from './wire.ts';

/** A pause that ends early when the run does. */
export type Pause = (ms: number) => Promise<void>;

/** Milliseconds, both ends inclusive. */
export type Range = readonly [from: number, to: number];

/** At most so many instances are down at a time: the others have somebody to talk to. */
const DOWN_AT_MOST = 3;

/** Changes the weather on one wire until the run ends; answers how often it was what. */
export async function makeWeather(
  wire: Wire,
  chance: Chance,
  pause: Pause,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const count: Record<string, number> = {};
  while (!signal.aborted) {
    const kind = chance.weighted({ clear: 4, slow: 3, narrow: 2, still: 1, cut: 2, reset: 3 });
    count[kind] = (count[kind] ?? 0) + 1;
    if (kind === 'reset') wire.reset();
    else wire.weather = weatherOf(kind, chance);
    await pause(chance.int(300, 5_000));
  }
  wire.weather = CLEAR;
  return count;
}

function weatherOf(kind: Weather['is'], chance: Chance): Weather {
  switch (kind) {
    case 'clear':
    case 'still':
    case 'cut':
      return { is: kind };
    case 'slow':
      return { is: kind, delayMs: chance.int(5, 400) };
    case 'narrow':
      return { is: kind, bytesPerSecond: chance.int(5_000, 300_000) };
    default:
      return kind satisfies never;
  }
}

/**
 * Kills instances, mostly with -9, and starts them again, while they start too, until the run ends; all run then.
 *
 * @param mercy milliseconds between two kills, at least and at most
 */
export async function kill(
  instances: readonly Instance[],
  chance: Chance,
  mercy: Range,
  pause: Pause,
  signal: AbortSignal,
): Promise<{ kills: number; stops: number; downtimes: Downtime[] }> {
  const downtimes: Downtime[] = [];
  const ends: Promise<void>[] = [];
  let kills = 0;
  let stops = 0;
  const fell = async (instance: Instance, downMs: number, softly: boolean) => {
    const from = Date.now();
    requireAlive(instance);
    if (softly) await instance.stop();
    else await instance.kill();
    await pause(downMs);
    instance.launch();
    ends.push(ready(instance).then(() => void downtimes.push({ node: instance.place.roleid, from, to: Date.now() })));
  };
  const falling = new Set<Instance>();
  const falls: Promise<void>[] = [];
  while (!signal.aborted) {
    await pause(chance.int(...mercy));
    const instance = chance.pick(instances);
    const softly = chance.chance(0.2);
    const downMs = chance.int(0, 6_000);
    if (signal.aborted || falling.has(instance) || falling.size >= DOWN_AT_MOST) continue;
    if (softly && !(await instance.isReady())) continue;
    falling.add(instance);
    softly ? stops++ : kills++;
    falls.push(fell(instance, downMs, softly).then(() => void falling.delete(instance)));
  }
  await Promise.all(falls);
  await Promise.all(ends);
  for (const instance of instances) requireAlive(instance);
  return { kills, stops, downtimes };
}

/** A process that ended by itself is what this looks for. */
function requireAlive(instance: Instance): void {
  if (instance.isCrashed) throw new Error(`${instance.name} ended by itself\n${instance.tail}`);
}

/** Until this process of an instance is ready, or another one has taken its place, or none. */
async function ready(instance: Instance): Promise<void> {
  const { pid } = instance;
  while (instance.isRunning && instance.pid === pid && !(await instance.isReady()))
    await new Promise(resolve => setTimeout(resolve, 100));
}
