/** A few inputs of a new seed each time; `npm run fuzz` takes longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './run.ts';
import { TARGETS } from './targets.ts';

const INPUTS = Number(process.env.FUZZ_INPUTS ?? 1000);
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

for (const target of TARGETS)
  test(`${target.name} takes or refuses whatever comes (FUZZ_SEED=${seed})`, async () => {
    const most = Math.ceil(INPUTS * target.share);
    const { inputs, failure } = await fuzz(target, seed, done => done < most);
    assert.equal(failure?.message, undefined);
    assert.equal(inputs, most);
  });
