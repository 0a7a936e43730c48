import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { seeded } from './random.ts';

const draw = (seed: number, count = 20) => {
  const chance = seeded(seed);
  return Array.from({ length: count }, chance.next);
};

it('gives the same numbers for the same seed, others for another, all from 0 to below 1', () => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      assert.deepEqual(draw(seed), draw(seed));
      assert.notDeepEqual(draw(seed), draw(seed + 1));
      assert.ok(draw(seed).every(number => number >= 0 && number < 1));
    }),
  );
});

it('reaches both ends of a range and nothing outside', () => {
  const chance = seeded(1);
  const drawn = new Set(Array.from({ length: 500 }, () => chance.int(-2, 2)));
  assert.deepEqual(
    [...drawn].sort((a, b) => a - b),
    [-2, -1, 0, 1, 2],
  );
});

it('shuffles without losing anything, and leaves the argument alone', () => {
  const items = Object.freeze(Array.from({ length: 30 }, (_, i) => i));
  const shuffled = seeded(1).shuffle(items);
  assert.notDeepEqual(shuffled, items);
  assert.deepEqual(
    shuffled.sort((a, b) => a - b),
    items,
  );
});

it('picks by weight, never what weighs nothing', () => {
  const chance = seeded(1);
  const count = { often: 0, seldom: 0, never: 0 };
  for (let i = 0; i < 1000; i++) count[chance.weighted({ often: 9, never: 0, seldom: 1 })]++;
  assert.equal(count.never, 0);
  assert.ok(count.often > 5 * count.seldom && count.seldom > 0, JSON.stringify(count));
  assert.throws(() => chance.pick([]), RangeError);
});

it('forks by label, whatever was drawn before', () => {
  const [one, two] = [seeded(1), seeded(1)];
  two.next();
  assert.equal(one.fork('a').next(), two.fork('a').next());
  assert.notEqual(one.fork('a').next(), one.fork('b').next());
});
