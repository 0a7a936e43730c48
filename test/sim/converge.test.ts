/**
 * Whole engines in seeded worlds: whatever users, networks and crashes do, all instances end with the same tree, nothing newer is
 * lost, every loser is in a trash, and there is silence afterwards (see verdict.ts for what is judged).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Scenario, schedule } from './schedule.ts';
import { play } from './world.ts';

/** Seeds of each scenario; `npm run sim` plays thousands. */
const SEEDS: Readonly<Record<Exclude<Scenario, 'all'>, number>> = { calm: 60, crashes: 80, skews: 80, memories: 80 };

for (const [scenario, seeds] of Object.entries(SEEDS) as [Scenario, number][]) {
  test(`${seeds} worlds of "${scenario}" converge, lose nothing and fall silent`, async () => {
    const failed: string[] = [];
    for (let seed = 1; seed <= seeds; seed++) {
      const { failures } = await play(schedule(seed, scenario));
      if (failures.length > 0) failed.push(`npm run sim -- --seed ${seed} --scenario ${scenario}: ${failures[0]}`);
    }
    assert.deepEqual(failed, []);
  });
}

test('the same seed is the same run, to the last event', async () => {
  for (const scenario of ['calm', 'all'] as const) {
    for (const seed of [3, 11]) {
      const [first, second] = [await play(schedule(seed, scenario)), await play(schedule(seed, scenario))];
      assert.equal(first.hash, second.hash);
      assert.notEqual(first.hash, (await play(schedule(seed + 1, scenario))).hash);
    }
  }
});
