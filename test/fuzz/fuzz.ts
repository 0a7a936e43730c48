/**
 * Fuzzes everything that takes bytes from outside.
 *
 *   npm run fuzz -- --seconds 60                     all targets, with a seed that is printed
 *   npm run fuzz -- --seed 7 --seconds 60            the same inputs again
 *   npm run fuzz -- --target cache --input BASE64    one input again, as a failure prints it
 */
import { parseArgs } from 'node:util';
import { type Failure, fuzz, replay } from './run.ts';
import { TARGETS } from './targets.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    seconds: { type: 'string', default: '60' },
    target: { type: 'string' },
    input: { type: 'string' },
  },
});

const say = (text: string) => process.stdout.write(`${text}\n`);
const chosen = TARGETS.filter(({ name }) => values.target === undefined || values.target === name);
if (chosen.length === 0 || (values.input !== undefined && chosen.length > 1)) {
  say(`--target is one of ${TARGETS.map(({ name }) => name).join(', ')}; --input needs one`);
  process.exit(2);
}

const seed = Number(values.seed);
const milliseconds = (Number(values.seconds) * 1000) / chosen.length;
let failed = false;
for (const target of chosen) {
  if (values.input !== undefined) tell(await replay(target, Buffer.from(values.input, 'base64')), 'it is fine by now');
  else {
    const end = Date.now() + milliseconds;
    const { inputs, failure } = await fuzz(target, seed, () => Date.now() < end);
    tell(failure, `${target.name}: ${inputs} inputs of seed ${seed}, all fine`);
  }
}
process.exit(failed ? 1 : 0);

function tell(failure: Failure | undefined, fine: string): void {
  failed ||= failure !== undefined;
  say(failure?.message ?? fine);
}
