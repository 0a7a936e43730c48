/** Two things measured alternately, so that what changes on the machine meanwhile meets both. */
import { spawnSync } from 'node:child_process';

/** Milliseconds of each round. */
export interface Pair {
  readonly ours: number[];
  readonly theirs: number[];
}

/**
 * Measures both in every round; the one that goes first changes from round to round. Before each, by
 * default, what the one before left to be written is written.
 */
export async function alternate(
  rounds: number,
  ours: (round: number) => Promise<number>,
  theirs: (round: number) => Promise<number>,
  before: () => void = settleDisk,
): Promise<Pair> {
  const pair: Pair = { ours: [], theirs: [] };
  const runOurs = async (round: number) => void pair.ours.push(await ours(round));
  const runTheirs = async (round: number) => void pair.theirs.push(await theirs(round));
  for (let round = 0; round < rounds; round++) {
    const [first, second] = round % 2 === 0 ? [runOurs, runTheirs] : [runTheirs, runOurs];
    for (const measure of [first, second]) {
      before();
      await measure(round);
    }
  }
  return pair;
}

/** Brings everything that is still to be written to the disk. */
export function settleDisk(): void {
  spawnSync('sync');
}
