import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  ancestorsOf,
  childOf,
  depthOf,
  fromBytes,
  isBelow,
  nameOf,
  parentOf,
  parsePath,
  toBytes,
} from '../../src/core/path.ts';
import { pathOf, paths } from '../support/entries.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  // Pieces of UTF-8 put together in ways that it does not allow.
  fc
    .array(
      fc.constantFrom(
        [0x61],
        [0xc3, 0xa4],
        [0xe2, 0x82, 0xac],
        [0xf0, 0x9f, 0x98, 0x80],
        [0xed, 0xa0, 0x80],
        [0xed, 0xb2, 0x80],
        [0xc3],
        [0xe2, 0x82],
        [0x80],
        [0xff],
        [0xef, 0xbb, 0xbf],
      ),
    )
    .map(pieces => Uint8Array.from(pieces.flat())),
);

describe('names as strings', () => {
  it('every sequence of bytes has a string that leads back to it', () => {
    fc.assert(
      fc.property(bytes, given => assert.deepEqual(new Uint8Array(toBytes(fromBytes(given))), new Uint8Array(given))),
    );
  });

  it('different bytes have different strings', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => assert.equal(fromBytes(a) === fromBytes(b), Buffer.compare(a, b) === 0)),
    );
  });

  it('what is UTF-8 reads as such, and the string survives JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text =>
        assert.equal(fromBytes(Buffer.from(text.toWellFormed())), text.toWellFormed()),
      ),
    );
    fc.assert(
      fc.property(bytes, given => assert.equal(JSON.parse(JSON.stringify(fromBytes(given))), fromBytes(given))),
    );
  });

  it('a byte that is no UTF-8 is one lone surrogate', () => {
    assert.equal(fromBytes(Buffer.from([0x61, 0xff, 0x62])), 'a\udcffb');
    assert.equal(fromBytes(Buffer.from([0xed, 0xa0, 0x80])), '\udced\udca0\udc80');
  });
});

const refused: [name: string, raw: unknown][] = [
  ['nothing', ''],
  ['no string', 7],
  ['undefined', undefined],
  ['an absolute path', '/a'],
  ['an empty component', 'a//b'],
  ['a slash at the end', 'a/'],
  ['the directory itself', '.'],
  ['the directory itself inside', 'a/./b'],
  ['a way out', '..'],
  ['a way out inside', 'a/../../b'],
  ['NUL', 'a\0b'],
  ['the private directory', '.dfsync'],
  ['something in the private directory', '.dfsync/cache'],
  ['a private directory deeper down', 'a/.dfsync/b'],
  ['a name too long', 'x'.repeat(256)],
  ['a name too long in bytes', 'ä'.repeat(128)],
  ['a name too long in escaped bytes', '\udcff'.repeat(256)],
  ['a path too long', `${'abcdefghi/'.repeat(400)}x`],
  ['a second spelling of ä', '\udcc3\udca4'],
  ['a surrogate that stands for no byte', '\ud800'],
  ['a surrogate that stands for an ASCII byte', '\udc41'],
];
const accepted: string[] = [
  'a',
  'a/b/c',
  '...',
  '..a',
  ' ',
  'a\nb',
  '\\',
  'C:',
  '%2e%2e',
  '\udcff',
  'a\udc80/b',
  'ä',
  '.dfsync2',
  'x.dfsync',
  'ä'.repeat(127),
  'x'.repeat(255),
];

describe('what is a path', () => {
  for (const [name, raw] of refused) it(`${name}: refused`, () => assert.ok('refused' in parsePath(raw)));
  for (const raw of accepted)
    it(`${JSON.stringify(raw).slice(0, 30)}: accepted`, () => assert.deepEqual(parsePath(raw), { path: raw }));

  it('a path has one spelling: whatever is accepted is what its bytes read as', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit)), maxLength: 6 }),
        raw => {
          if ('path' in parsePath(raw)) assert.equal(fromBytes(toBytes(raw)), raw);
        },
      ),
    );
  });
});

describe('where a path lies', () => {
  it('its parent and its name make it up', () => {
    fc.assert(fc.property(paths, path => assert.equal(childOf(parentOf(path), nameOf(path)), path)));
  });

  it('it is below each of its ancestors, nearest first, and they are as many as it is deep', () => {
    fc.assert(
      fc.property(paths, path => {
        const above = [...ancestorsOf(path)];
        assert.equal(above.length, depthOf(path));
        assert.deepEqual(
          above.map(depthOf),
          above.map((_, i) => above.length - 1 - i),
        );
        for (const at of above) assert.ok(isBelow(path, at) && !isBelow(at, path));
      }),
    );
  });

  it('a name that begins alike is not below', () => {
    assert.ok(!isBelow(pathOf('ab/c'), pathOf('a')));
    assert.ok(!isBelow(pathOf('a'), pathOf('a')));
    assert.ok(isBelow(pathOf('a/b'), pathOf('a')));
  });
});
