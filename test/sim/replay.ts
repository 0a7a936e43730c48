/**
 * Runs seeds of the simulator.
 *
 *   node test/sim/replay.ts --seed 7 --scenario crashes        one seed; where it fails it is shrunk and its story told
 *   node test/sim/replay.ts --seeds 3000 --scenario all        many; exit code 1 where one fails
 *   … --from 100                                               beginning with this seed
 */
import { parseArgs } from 'node:util';
import { SCENARIOS, type Scenario, type Schedule, schedule } from './schedule.ts';
import { shrink } from './shrink.ts';
import { play } from './world.ts';

/** Failing seeds after which a long run ends: more say nothing new. */
const ENOUGH = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    scenario: { type: 'string', default: 'all' },
    'no-shrink': { type: 'boolean', default: false },
  },
});

const say = (text: string) => process.stdout.write(`${text}\n`);

const scenario = SCENARIOS.find(name => name === values.scenario);
if (!scenario) {
  say(`there is no scenario ${values.scenario}: say one of ${SCENARIOS.join(', ')}`);
  process.exit(2);
}
const failed = values.seed === undefined ? await many(scenario) : await one(Number(values.seed), scenario);
process.exit(failed ? 1 : 0);

async function many(scenario: Scenario): Promise<boolean> {
  const from = Number(values.from);
  const count = Number(values.seeds);
  let failures = 0;
  for (let seed = from; seed < from + count && failures < ENOUGH; seed++) {
    const outcome = await play(schedule(seed, scenario));
    if (outcome.failures.length === 0) continue;
    failures++;
    say(`seed ${seed} fails: ${outcome.failures[0]!.split('\n').slice(0, 4).join(' ')}`);
    say(`  npm run sim -- --seed ${seed} --scenario ${scenario}`);
  }
  say(`${failures} of ${count} seeds of ${scenario} failed`);
  return failures > 0;
}

async function one(seed: number, scenario: Scenario): Promise<boolean> {
  const first = schedule(seed, scenario);
  const outcome = await play(first);
  if (outcome.failures.length === 0) {
    say(`seed ${seed} of ${scenario} is fine; hash of its log: ${outcome.hash}`);
    return false;
  }
  const smallest = values['no-shrink']
    ? first
    : await shrink(first, async smaller => (await play(smaller)).failures.length > 0);
  await tell(smallest);
  return true;
}

async function tell(schedule: Schedule): Promise<void> {
  const { lines, failures } = await play(schedule);
  const sites = schedule.network.instances.map(
    ({ roleid, site, gateway }) => `n${roleid} in ${site}${gateway ? ' (gateway)' : ''}`,
  );
  say(`seed ${schedule.seed} of ${schedule.scenario}, shrunk to ${schedule.steps.length} steps: ${sites.join(', ')}`);
  say(`clocks ahead by ${JSON.stringify(schedule.skews)} ms`);
  for (const line of lines) say(line);
  for (const failure of failures) say(`FAILS: ${failure}`);
}
