/** JSON from outside costs no more memory than so many values take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_JSON_VALUES, parseJson } from '../../src/peer/json-text.ts';

const MANY = MAX_JSON_VALUES + 1;

const REFUSED: Record<string, string> = {
  'empty lists': `[${'[],'.repeat(MANY)}0]`,
  'empty objects': `[${'{},'.repeat(MANY)}0]`,
  numbers: `[${'0,'.repeat(MANY)}0]`,
  'empty texts': `[${'"",'.repeat(MANY)}0]`,
  'texts that end with a backslash': `[${'"\\\\",'.repeat(MANY)}0]`,
  'lists in lists': '['.repeat(3 * MANY),
};

for (const [name, text] of Object.entries(REFUSED))
  test(`${name} in such numbers are refused before any is made`, () => {
    assert.throws(() => parseJson(Buffer.from(text)), {
      name: 'WireError',
      message: `more than ${MAX_JSON_VALUES} values`,
    });
  });

test('what only looks like many values is one', () => {
  for (const text of [',[{'.repeat(MANY), '\\",'.repeat(MANY), '\\\\'.repeat(MANY)])
    assert.deepEqual(parseJson(Buffer.from(JSON.stringify([text]))), [text]);
});

test('everything that JSON can say comes back', () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const text = JSON.stringify(value);
      // Long enough to be looked at.
      const long = Buffer.from(`${' '.repeat(2 * MAX_JSON_VALUES)}${text}`);
      assert.deepEqual(parseJson(long), JSON.parse(text));
    }),
  );
});
