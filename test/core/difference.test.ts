import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Difference, differenceOf } from '../../src/core/difference.ts';
import { type Entry, isEqual, isLive } from '../../src/core/entry.ts';
import { resolve } from '../../src/core/resolve.ts';
import { directory, entriesAt, file, symlink, tombstone } from '../support/entries.ts';

const there = file('p', { 2: 9 }, { size: 7 });
const mirrored: Record<Difference, Difference> = {
  missing: 'extra',
  extra: 'missing',
  older: 'newer',
  newer: 'older',
  memory: 'memory',
};

describe('a path differs', () => {
  const cases: [name: string, own: Entry | undefined, theirs: Entry | undefined, difference: Difference][] = [
    ['never seen here', undefined, there, 'missing'],
    ['deleted here', tombstone('p', { 1: 99 }), there, 'missing'],
    ['never seen there', file('p', { 1: 1 }), undefined, 'extra'],
    ['deleted there', file('p', { 1: 1 }), tombstone('p', { 2: 9 }), 'extra'],
    ['edited there', file('p', { 2: 8 }), there, 'older'],
    ['edited here', file('p', { 1: 10, 2: 9 }), there, 'newer'],
    ['another kind', directory('p', { 1: 10 }), symlink('p', { 2: 9 }), 'newer'],
    ['deleted here, never seen there', tombstone('p', { 1: 1 }), undefined, 'memory'],
    ['deleted at other times', tombstone('p', { 1: 1 }), tombstone('p', { 2: 2 }), 'memory'],
    ['the same with another history', file('p', { 1: 5 }), file('p', { 2: 9 }), 'memory'],
  ];
  for (const [name, own, theirs, difference] of cases)
    it(`${name}: ${difference}`, () => assert.equal(differenceOf(own, theirs), difference));

  const maybe = fc.option(entriesAt('p'), { nil: undefined });

  it('from the other side the other way round', () => {
    fc.assert(
      fc.property(maybe, maybe, (a, b) => {
        assert.equal(differenceOf(a, b), mirrored[differenceOf(b, a)]);
      }),
    );
  });

  it('and what is older here is taken, what is newer is not', () => {
    fc.assert(
      fc.property(entriesAt('p'), entriesAt('p'), (own, theirs) => {
        if (!isLive(own) || !isLive(theirs) || isEqual(own, theirs)) return;
        assert.equal(differenceOf(own, theirs) === 'older', resolve(own, theirs).do === 'take');
      }),
    );
  });
});
