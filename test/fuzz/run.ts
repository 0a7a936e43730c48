/** Runs a target with inputs of a seed. */
import { inspect } from 'node:util';
import { seeded } from '../sim/random.ts';
import { mutate } from './mutate.ts';
import type { Running, Target } from './target.ts';

/** An input at which a target failed, and how to see it again. */
export interface Failure {
  readonly message: string;
}

/** Inputs of a seed, one after the other, while `more` says so; ends at the first that fails. */
export async function fuzz(
  target: Target,
  seed: number,
  more: (inputs: number) => boolean,
): Promise<{ readonly inputs: number; readonly failure?: Failure }> {
  await using running = await target.begin();
  const chance = seeded(seed).fork(target.name);
  for (let inputs = 0; more(inputs); inputs++) {
    const input = inputs < target.inputs.length ? target.inputs[inputs]! : mutate(target.inputs, chance.fork(inputs));
    const failure = await attempt(target, running, input);
    if (failure) return { inputs, failure };
    if (!more(inputs + 1)) return { inputs: inputs + 1 };
  }
  return { inputs: 0 };
}

/** One input. */
export async function replay(target: Target, input: Buffer): Promise<Failure | undefined> {
  await using running = await target.begin();
  return await attempt(target, running, input);
}

async function attempt(target: Target, running: Running, input: Buffer): Promise<Failure | undefined> {
  try {
    await running.run(input);
    return undefined;
  } catch (error) {
    const again = `npm run fuzz -- --target ${target.name} --input ${input.toString('base64')}`;
    return {
      message: `${target.name} fails: ${inspect(error)}\n${input.toString('latin1').slice(0, 2000)}\n\n${again}`,
    };
  }
}
