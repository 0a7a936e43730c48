/**
 * Real processes under everything at once: six on three sites, each tree written by a seeded writer, wires that delay, cut, reset and
 * throttle, kills at any moment. At the end all must be equal, and every last write be there or lost to a newer one.
 *
 *   npm run test:churn -- --minutes 2             a seed of its own, which is printed
 *   npm run test:churn -- --seed 7 --minutes 1    the same decisions again, at other moments
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TestNetwork } from '../e2e/network.ts';
import { churn } from './run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    minutes: { type: 'string', default: '2' },
  },
});
const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
const say = (text: string) => process.stdout.write(`${text}\n`);
if (!Number.isSafeInteger(seed) || !(minutes > 0)) {
  say('--seed is a whole number, --minutes is above 0');
  process.exit(2);
}

say(`seed ${seed}, ${minutes} minutes`);
try {
  const { violations, summary, network } = await churn(seed, minutes * 60_000);
  for (const line of summary) say(line);
  if (violations.length === 0) {
    await network.close();
    say('all equal, every last write accounted for');
    process.exit(0);
  }
  say(`${violations.length} violations:\n${violations.join('\n')}`);
  await leave(network);
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const { network } = error as { network?: TestNetwork };
  if (network) await leave(network);
}
say(`again: npm run test:churn -- --seed ${seed} --minutes ${minutes}`);
process.exit(1);

/** Ends the processes and leaves volumes and logs for whoever looks into it. */
async function leave(network: TestNetwork): Promise<void> {
  for (const instance of network.instances) {
    await instance.kill();
    writeFileSync(join(network.directory, `${instance.name}.log`), instance.log);
  }
  network.keep();
  say(`volumes and logs are left in ${network.directory}`);
}
