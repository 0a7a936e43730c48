/** A test over many seeds of one scenario. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Scenario, schedule } from './schedule.ts';
import { play } from './world.ts';

/** That the first so many worlds of a scenario end well; a failure says how to replay it. */
export function testSeeds(scenario: Scenario, seeds: number): void {
  test(`${seeds} worlds of "${scenario}" converge, lose nothing and fall silent`, async () => {
    const failed: string[] = [];
    for (let seed = 1; seed <= seeds; seed++) {
      const { failures } = await play(schedule(seed, scenario));
      if (failures.length > 0) failed.push(`npm run sim -- --seed ${seed} --scenario ${scenario}: ${failures[0]}`);
    }
    assert.deepEqual(failed, []);
  });
}
