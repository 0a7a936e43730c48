import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { runsOf } from '../../src/folder/holes.ts';

const KIB = 1024;

/** Bytes as they come: stretches of one byte each, cut into parts wherever it may be. */
const pieces = fc
  .record({
    stretches: fc.array(fc.tuple(fc.constantFrom(0, 0, 7), fc.nat({ max: 200 * KIB })), { maxLength: 6 }),
    cuts: fc.array(fc.nat({ max: 600 * KIB }), { maxLength: 8 }),
  })
  .map(({ stretches, cuts }) => {
    const bytes = Buffer.concat(stretches.map(([byte, length]) => Buffer.alloc(length, byte)));
    const ends = [...cuts.filter(cut => cut <= bytes.length).sort((a, b) => a - b), bytes.length];
    return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
  });

const shown = (parts: readonly Uint8Array[]) =>
  runsOf(parts).map(({ hole, data }) => [hole, data.reduce((sum, { length }) => sum + length, 0)]);

describe('holes', () => {
  it('are zeros, and with the data between them all that was to be written', () => {
    fc.assert(
      fc.property(pieces, parts => {
        const written = runsOf(parts).flatMap(({ hole, data }) => [Buffer.alloc(hole), ...data]);
        assert.ok(Buffer.concat(written).equals(Buffer.concat(parts)));
      }),
    );
  });

  const [zeros, data] = [(kib: number) => Buffer.alloc(kib * KIB), (kib: number) => Buffer.alloc(kib * KIB, 7)];
  const cases: Record<string, [parts: Uint8Array[], runs: [hole: number, data: number][]]> = {
    'nothing: no write': [[new Uint8Array()], []],
    'data in parts: one write': [[data(100), data(3)], [[0, 103 * KIB]]],
    'zeros between data': [
      [data(8), zeros(128), data(8)],
      [
        [0, 8 * KIB],
        [128 * KIB, 8 * KIB],
      ],
    ],
    'zeros over several parts': [
      [data(8), zeros(40), zeros(40), data(8)],
      [
        [0, 8 * KIB],
        [80 * KIB, 8 * KIB],
      ],
    ],
    'few zeros: data': [[data(8), zeros(60), data(8)], [[0, 76 * KIB]]],
    'zeros at the beginning': [[zeros(1024), data(4)], [[1024 * KIB, 4 * KIB]]],
    'zeros at the end: their last slice is written': [
      [data(4), zeros(1024)],
      [
        [0, 4 * KIB],
        [1020 * KIB, 4 * KIB],
      ],
    ],
    'nothing but zeros': [[zeros(512), zeros(512)], [[1020 * KIB, 4 * KIB]]],
    'an empty part at the end': [[zeros(512), new Uint8Array()], [[508 * KIB, 4 * KIB]]],
    'one byte in a slice of zeros': [
      [Buffer.concat([zeros(128), data(1).subarray(0, 1), zeros(3)])],
      [[128 * KIB, 3 * KIB + 1]],
    ],
  };
  for (const [name, [parts, runs]] of Object.entries(cases)) it(name, () => assert.deepEqual(shown(parts), runs));
});
