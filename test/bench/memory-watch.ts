/** Memory of a process tree over time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { atRest } from './median.ts';
import { type Memory, memoryOf } from './process-tree.ts';

/** Between two samples; one costs the kernel some milliseconds. */
const EVERY_MS = 250;
/** Samples from which the state at rest is taken, one a second: the lowest quarter of them. */
const REST_SAMPLES = 20;
const REST_EVERY_MS = 1_000;

/** Samples a process with all its descendants until stopped. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #peak: Memory = { pss: 0, rss: 0, highest: 0 };

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#sample(), EVERY_MS);
  }

  /** The most of each kind that was seen, in kilobytes. */
  stop(): Memory {
    clearInterval(this.#timer);
    this.#sample();
    return this.#peak;
  }

  #sample(): void {
    const now = memoryOf(this.#pid);
    this.#peak = {
      pss: Math.max(this.#peak.pss, now.pss),
      rss: Math.max(this.#peak.rss, now.rss),
      highest: Math.max(this.#peak.highest, now.highest),
    };
  }
}

/** What a tree of processes holds while it has nothing to do, in kilobytes: the lowest quarter of twenty seconds. */
export async function memoryAtRest(pid: number): Promise<Memory> {
  const samples: Memory[] = [];
  for (let i = 0; i < REST_SAMPLES; i++) {
    samples.push(memoryOf(pid));
    await sleep(REST_EVERY_MS);
  }
  const of = (kind: keyof Memory) => atRest(samples.map(sample => sample[kind]));
  return { pss: of('pss'), rss: of('rss'), highest: of('highest') };
}
