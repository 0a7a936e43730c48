import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { type Discarded, type Recovery, restoring, undoing } from '../../src/core/recovery.ts';
import { directory, file, pathOf, tombstone } from '../support/entries.ts';

const thrown = (path: string, at: number, size = 1, kind: 'file' | 'directory' = 'file'): Discarded => ({
  path: pathOf(path),
  at,
  seen: { kind, size, mtime: 50, mode: kind === 'file' ? 0o644 : 0o755 },
  mark: { stamp: at - 1, writer: 3 },
  conflict: false,
  place: `trash/${path}~${at}`,
});

const told = (found: readonly Recovery[]) => found.map(({ item, undoes }) => `${item.path} of ${item.at}: ${undoes}`);
const index = (...entries: readonly Entry[]) => {
  const known = new Map(entries.map(entry => [entry.path, entry]));
  return (path: string) => known.get(pathOf(path));
};

describe('an undo', () => {
  it('brings back what stood there at that time: the first that was thrown away since', () => {
    const trash = [thrown('f', 30, 3), thrown('f', 10, 1), thrown('f', 20, 2)];
    assert.deepEqual(told(undoing(trash, 15, index(tombstone('f')))), ['f of 20: deletion']);
    assert.deepEqual(told(undoing(trash, 20, index(tombstone('f')))), ['f of 20: deletion']);
    assert.deepEqual(told(undoing(trash, 31, index(tombstone('f')))), []);
  });

  it('undoes replacements too', () => {
    assert.deepEqual(told(undoing([thrown('f', 10)], 5, index(file('f', { 1: 9 }, { size: 7 })))), [
      'f of 10: replacement',
    ]);
  });

  it('leaves what stands there as it was', () => {
    assert.deepEqual(told(undoing([thrown('f', 10)], 5, index(file('f', { 1: 9 })))), []);
  });

  it('brings parents before what is in them', () => {
    const trash = [thrown('d/e/f', 10), thrown('d', 10, 0, 'directory'), thrown('d/e', 10, 0, 'directory')];
    assert.deepEqual(
      undoing(trash, 5, index(file('d'))).map(({ item }) => item.path),
      ['d', 'd/e', 'd/e/f'],
    );
  });
});

describe('a restore', () => {
  const trash = [thrown('d/f', 10), thrown('d/f', 20, 2), thrown('d/g', 30), thrown('de', 40)];
  const below = trash.filter(({ path }) => path.startsWith('d/'));

  it('brings the newest', () => {
    assert.deepEqual(told(restoring(below, pathOf('d/f'), undefined, index(file('d/f', { 1: 9 }, { size: 9 })))), [
      'd/f of 20: replacement',
      'd/g of 30: deletion',
    ]);
  });

  it('or the one that is named', () => {
    const found = restoring(below, pathOf('d/f'), { stamp: 9, writer: 3 }, index(tombstone('d/f')));
    assert.deepEqual(told(found), ['d/f of 10: deletion']);
  });

  it('below a directory only what does not live', () => {
    const now = index(directory('d'), file('d/f', { 1: 9 }, { size: 9 }), tombstone('d/g'));
    assert.deepEqual(told(restoring(below, pathOf('d'), undefined, now)), ['d/g of 30: deletion']);
  });
});
