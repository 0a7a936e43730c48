/** Inputs that are nearly right: what a parser has to fear most. */
import type { Chance } from '../sim/random.ts';

/** Most changes to one input. */
const MOST = 6;
/** Longest stretch that is repeated. */
const LONGEST = 4096;

/** Pieces that stand at the borders of JSON, HTTP, paths and numbers. */
const PIECES: readonly Buffer[] = [
  ...[
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '\n',
    '\r\n',
    '\0',
    '/',
    '..',
    '../',
    '/../',
    '.dfsync',
    '%2e%2e%2f',
    '%00',
    '%',
  ],
  ...[
    'null',
    'true',
    '{}',
    '[]',
    '""',
    '-1',
    '0',
    '1e999',
    '-0',
    '9007199254740993',
    '4294967296',
    '253402300799999',
    '0.5',
  ],
  ...[
    '"__proto__"',
    '"constructor"',
    '"\\ud800"',
    '"\\udc80"',
    '"\\u0000"',
    '"a/b"',
    '"../x"',
    'x'.repeat(300),
    '?prefix=',
    '&path=',
  ],
  ...['ffffffffffffffff', '&a', '*a', '<<: *a', '!!binary x', '---\n', '# ', '\t'],
]
  .map(text => Buffer.from(text))
  .concat([
    Buffer.from([0xff]),
    Buffer.from([0xc0, 0xaf]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xef, 0xbb, 0xbf]),
  ]);

/** An input made of another one, or of two. */
export function mutate(inputs: readonly Buffer[], chance: Chance): Buffer {
  let bytes = chance.pick(inputs);
  for (let times = chance.int(1, MOST); times > 0; times--) bytes = once(bytes, inputs, chance);
  return bytes;
}

function once(bytes: Buffer, inputs: readonly Buffer[], chance: Chance): Buffer {
  const from = chance.int(0, bytes.length);
  const to = Math.min(bytes.length, from + chance.int(0, chance.chance(0.8) ? 8 : LONGEST));
  const around = (...parts: readonly Uint8Array[]) =>
    Buffer.concat([bytes.subarray(0, from), ...parts, bytes.subarray(to)]);
  switch (chance.weighted({ flip: 2, cut: 1, remove: 2, repeat: 2, piece: 6, number: 3, splice: 1 })) {
    case 'flip':
      return around(bytes.subarray(from, to).map(byte => byte ^ (1 << chance.int(0, 7))));
    case 'cut':
      return bytes.subarray(0, from);
    case 'remove':
      return around();
    case 'repeat':
      return around(...Array.from({ length: chance.int(1, 5) }, () => bytes.subarray(from, to)));
    case 'piece':
      return around(chance.pick(PIECES));
    case 'number':
      return withNumber(bytes, chance);
    case 'splice':
      return around(chance.pick(inputs).subarray(chance.int(0, 200)));
  }
}

/** One of the numbers in it is another one. */
function withNumber(bytes: Buffer, chance: Chance): Buffer {
  const text = bytes.toString('latin1');
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return bytes;
  const { 0: number, index } = chance.pick(numbers);
  const other = chance.pick([
    '0',
    '-1',
    '1',
    `${number}0`,
    '4294967296',
    '9007199254740991',
    '1e400',
    '0.5',
    'null',
    '""',
    '[]',
    '{}',
  ]);
  return Buffer.from(text.slice(0, index) + other + text.slice(index + number.length), 'latin1');
}
