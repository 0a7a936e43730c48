import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ignoring, ignoringPattern } from '../../src/folder/ignore.ts';
import { pathOf } from '../support/entries.ts';

describe('the pattern that ignores a path', () => {
  const patterns = ['*.tmp', '/cache/', '!keep.tmp'];
  for (const [path, pattern] of [
    ['a/b.tmp', '*.tmp'],
    ['cache', '/cache/'],
    ['cache/deep/x', '/cache/'],
    ['a/cache', undefined],
    ['keep.tmp', undefined],
    ['lost+found/x', 'lost+found'],
    ['a/b', undefined],
  ] as const)
    it(`${path}: ${pattern}`, () => {
      assert.equal(ignoringPattern(patterns, pathOf(path)), pattern);
      assert.equal(ignoring(patterns)(pathOf(path)), pattern !== undefined);
    });
});
