/** Seeded chance: the same seed gives the same numbers, on every machine. */
import type { Random } from '../../src/core/clock.ts';

/** A source of chance. */
export interface Chance {
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly next: Random;
  /** A whole number from `from` to `to`, both inclusive. */
  int(from: number, to: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One of the items; throws where there is none. */
  pick<T>(items: readonly T[]): T;
  /** One of the keys, by weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K;
  /** The items in a random order; the argument stays as it is. */
  shuffle<T>(items: readonly T[]): T[];
  /**
   * An independent source for one purpose. It depends on seed and label only, not on what was drawn before: taking one operation out
   * of a failing run leaves the chance of all others as it was, so that the run can be shrunk.
   */
  fork(label: string | number): Chance;
}

/** Chance from a seed (any number; it counts modulo 2^32). */
export function seeded(seed: number): Chance {
  const next = mulberry32(seed);
  const int = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    int,
    chance: probability => next() < probability,
    pick: items => {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      return items[int(0, items.length - 1)]!;
    },
    weighted: weights => pickWeighted(weights, next()),
    shuffle: items => {
      const result = [...items];
      for (let i = result.length - 1; i > 0; i--) {
        const j = int(0, i);
        [result[i], result[j]] = [result[j]!, result[i]!];
      }
      return result;
    },
    fork: label => seeded(mix(seed, String(label))),
  };
}

function pickWeighted<K extends string>(weights: Readonly<Record<K, number>>, drawn: number): K {
  const keys = Object.keys(weights) as K[];
  let left = drawn * keys.reduce((sum, key) => sum + weights[key], 0);
  const found = keys.find(key => {
    left -= weights[key];
    return left < 0;
  });
  if (found === undefined) throw new RangeError('nothing to pick from');
  return found;
}

/** mulberry32 of Tommy Ettinger: 32 bits of state, good enough for schedules, one multiplication a number. */
function mulberry32(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** FNV-1a over the label, from the seed on. */
function mix(seed: number, label: string): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193) >>> 0;
  return Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
}
