import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Deadlines } from '../../src/sync/deadlines.ts';

describe('deadlines', () => {
  it('come out the earliest first, whatever is added and taken between', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(50), { nil: undefined, freq: 3 }), { maxLength: 200 }), steps => {
        const deadlines = new Deadlines<number>();
        const model: number[] = [];
        for (const at of steps) {
          if (at !== undefined) {
            deadlines.add(at, at);
            model.push(at);
          } else {
            model.sort((a, b) => a - b);
            assert.equal(deadlines.take(), model.shift());
          }
          assert.equal(deadlines.first?.at, model.length === 0 ? undefined : Math.min(...model));
        }
      }),
    );
  });
});
