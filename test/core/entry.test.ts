import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Entry, entryOf, isEqual, isLive, isSameContent, tombstoneOf } from '../../src/core/entry.ts';
import { directory, file, pathOf, symlink, tombstone } from '../support/entries.ts';

const cases: [name: string, a: Entry, b: Entry, equal: boolean][] = [
  ['files of different versions', file('a', { 1: 1 }), file('a', { 2: 9 }), true],
  ['files of different size', file('a', {}, { size: 1 }), file('a', {}, { size: 2 }), false],
  ['files a millisecond apart', file('a', {}, { mtime: 1 }), file('a', {}, { mtime: 2 }), false],
  ['files of different mode', file('a', {}, { mode: 0o644 }), file('a', {}, { mode: 0o600 }), false],
  [
    'a file that was renamed and one that was not',
    file('a', {}, { from: { path: pathOf('b'), version: { 1: 1 } } }),
    file('a'),
    true,
  ],
  ['directories of different versions', directory('a', { 1: 1 }), directory('a', { 2: 2 }), true],
  ['directories of different date', { ...directory('a'), mtime: 1 }, { ...directory('a'), mtime: 2 }, true],
  ['directories of different mode', directory('a', {}, 0o755), directory('a', {}, 0o700), false],
  ['symlinks of different date and mode', { ...symlink('a'), mtime: 1, mode: 0o777 }, symlink('a'), true],
  ['symlinks to different targets', symlink('a', {}, 'x'), symlink('a', {}, 'y'), false],
  ['tombstones of one date, whatever they removed', { ...tombstone('a'), mode: 0o700 }, tombstone('a'), true],
  ['tombstones of different date', tombstone('a', {}, 1), tombstone('a', {}, 2), false],
  [
    'an empty file and a directory',
    file('a', {}, { size: 0, mtime: 0, mode: 0o755 }),
    directory('a', {}, 0o755),
    false,
  ],
  ['a file and a tombstone', file('a'), tombstone('a'), false],
];

describe('equality', () => {
  for (const [name, a, b, equal] of cases)
    it(`${name}: ${equal ? 'equal' : 'not equal'}`, () => {
      assert.equal(isEqual(a, b), equal);
      assert.equal(isEqual(b, a), equal);
    });

  it('of content is that of size and date of files, whatever the mode', () => {
    assert.ok(isSameContent(file('a', {}, { mode: 0o600 }), file('b', { 2: 2 }, { mode: 0o644 })));
    assert.ok(!isSameContent(file('a', {}, { size: 2 }), file('a')));
    assert.ok(!isSameContent(file('a', {}, { mtime: 2 }), file('a')));
    assert.ok(!isSameContent(directory('a'), directory('a')));
  });
});

describe('an entry', () => {
  it('is live unless it is a tombstone', () => {
    assert.deepEqual([file('a'), directory('a'), symlink('a'), tombstone('a'), undefined].map(isLive), [
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('of what was seen equals what was seen', () => {
    const seen = { kind: 'symlink', size: 0, mtime: 0, mode: 0, target: 'x' } as const;
    assert.deepEqual(entryOf(pathOf('a'), seen, { 1: 1 }), symlink('a', { 1: 1 }, 'x'));
  });

  it('that is deleted keeps its mode and has the date of the deletion', () => {
    assert.deepEqual(tombstoneOf(directory('a', { 1: 1 }, 0o700), 77, { 1: 78 }), {
      ...tombstone('a', { 1: 78 }, 77),
      mode: 0o700,
    });
  });
});
