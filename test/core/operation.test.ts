import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { type Operation, operationOf, operationOfAction } from '../../src/core/operation.ts';
import type { Action } from '../../src/core/plan.ts';
import { pathOf } from '../support/entries.ts';

const entry = (kind: Entry['kind'], more: Partial<Entry> = {}): Entry => {
  const size = kind === 'file' ? 3 : 0;
  return { path: pathOf('p'), kind, size, mtime: 1_000, mode: 0o644, version: { 1: 1_000 }, ...more };
};
const [file, directory, symlink, gone] = (['file', 'directory', 'symlink', 'tombstone'] as const).map(kind =>
  entry(kind),
);
const newer = entry('file', { size: 4, mtime: 2_000 });
const moved = entry('file', { from: { path: pathOf('old'), version: { 1: 500 } } });

describe('a change of an entry', () => {
  const cases: [name: string, was: Entry | undefined, now: Entry, is: Operation][] = [
    ['a new file', undefined, file!, 'create'],
    ['a file where one was deleted', gone, file!, 'create'],
    ['a file in the place of a symlink', symlink, file!, 'create'],
    ['other content', file, newer, 'update'],
    ['other bits', file, entry('file', { mode: 0o600 }), 'chmod'],
    ['a file under another name', undefined, moved, 'rename'],
    ['other content of a file that was renamed before', file, { ...newer, ...moved, size: 4 }, 'update'],
    ['a file that is gone', file, gone!, 'delete'],
    ['a symlink that is gone', symlink, gone!, 'delete'],
    ['a directory that is gone', directory, gone!, 'rmdir'],
    ['a deletion of what was never here', undefined, gone!, 'record'],
    ['a new directory', undefined, directory!, 'mkdir'],
    ['other bits of a directory', directory, entry('directory', { mode: 0o700 }), 'chmod'],
    ['a symlink', undefined, symlink!, 'symlink'],
  ];
  for (const [name, was, now, is] of cases) it(`${name}: ${is}`, () => assert.equal(operationOf(was, now), is));
});

describe('a step of a plan', () => {
  const cases: [action: Action, is: Operation][] = [
    [{ do: 'record', entry: file!, was: file }, 'record'],
    [{ do: 'remove', entry: gone!, was: file!, conflict: false }, 'delete'],
    [{ do: 'remove', entry: gone!, was: directory!, conflict: false }, 'rmdir'],
    [{ do: 'mkdir', entry: directory!, was: undefined, conflict: false }, 'mkdir'],
    [{ do: 'rename', entry: moved, was: undefined, source: file!, tombstone: gone!, conflict: false }, 'rename'],
    [{ do: 'move', entry: directory!, was: undefined, source: directory!, tombstone: gone!, below: [] }, 'rename'],
    [{ do: 'symlink', entry: symlink!, was: undefined, below: [], conflict: false }, 'symlink'],
    [{ do: 'chmod', entry: file!, was: file! }, 'chmod'],
    [{ do: 'fetch', entry: newer, was: file, below: [], conflict: false }, 'update'],
    [{ do: 'fetch', entry: newer, was: directory, below: [], conflict: false }, 'create'],
  ];
  for (const [action, is] of cases)
    it(`${action.do} of a ${action.was?.kind ?? 'new path'}: ${is}`, () => assert.equal(operationOfAction(action), is));
});
