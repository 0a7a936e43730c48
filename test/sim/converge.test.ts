/**
 * Whole engines in seeded worlds: whatever users, networks and crashes do, all instances end with the same tree, nothing newer is
 * lost, every loser is in a trash, and there is silence afterwards (see verdict.ts for what is judged). The CI plays thousands.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedule } from './schedule.ts';
import { testSeeds } from './seeds.ts';
import { play } from './world.ts';

testSeeds('calm', 60);
testSeeds('crashes', 60);

test('the same seed is the same run, to the last event', async () => {
  for (const scenario of ['calm', 'all'] as const) {
    for (const seed of [3, 11]) {
      const [first, second] = [await play(schedule(seed, scenario)), await play(schedule(seed, scenario))];
      assert.equal(first.hash, second.hash);
      assert.notEqual(first.hash, (await play(schedule(seed + 1, scenario))).hash);
    }
  }
});
