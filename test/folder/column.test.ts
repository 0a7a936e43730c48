import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lengthened, nextLength } from '../../src/folder/column.ts';

describe('a column', () => {
  for (const kind of [Uint8Array, Uint16Array, Uint32Array, Float64Array])
    it(`of ${kind.name} keeps its rows while it grows, copied or in place, and begins new ones with 0`, () => {
      let column: Uint8Array | Uint16Array | Uint32Array | Float64Array = new kind(100);
      let written = 0;
      let copies = 0;
      while (column.length < 300_000) {
        for (; written < column.length; written++) {
          assert.equal(column[written], 0);
          column[written] = written % 251;
        }
        const longer: typeof column = lengthened(column, nextLength(column.length));
        assert.ok(longer.length > written);
        if (longer !== column) copies++;
        column = longer;
      }
      for (let row = 0; row < written; row++) assert.equal(column[row], row % 251);
      assert.ok(copies > 0 && copies < 12, `${copies} copies: a long column is not copied`);
    });
});
