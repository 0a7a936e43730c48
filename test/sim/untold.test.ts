import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JournalRecord } from '../../src/folder/journal.ts';
import { directory, file, tombstone } from '../support/entries.ts';
import type { State } from './oracle.ts';
import { mayTakeBack, openIn } from './untold.ts';

const VERSION = { 1: 100 };

describe('what a process may have made without having written it down', () => {
  const made = directory('d', VERSION);
  const moved = file('new', VERSION);
  const old = tombstone('old', VERSION);
  for (const [name, records, left] of [
    ['a directory that it meant to make', [{ will: made }], ['d']],
    ['a file that it meant to rename, not its old name', [{ will: moved, moved: 'x/old' }, { will: old }], ['new']],
    ['a tree that it meant to move', [{ moves: [[moved, old]] }], ['new']],
    ['no file that it received: staging tells', [{ will: file('f', VERSION), staged: true }], []],
    ['nothing that came true', [{ will: made }, { did: [['d', 1, 1]] }], []],
    ['nothing that came true otherwise', [{ will: made }, { is: made }], []],
    ['nothing that came to nothing', [{ will: made }, { drop: made.path }], []],
    ['no tree that was moved', [{ moves: [[moved, old]] }, { moved: moved.path }], []],
    ['what it meant to make once more', [{ will: made }, { is: made }, { will: made }], ['d']],
  ] as [string, JournalRecord[], string[]][])
    it(`is ${name}`, () => assert.deepEqual([...openIn(records)], left));
});

describe('what may take a step back', () => {
  const text: State = { kind: 'file', content: 'text', mtime: 1, mode: 0o640 };
  const open: State = { kind: 'directory', mode: 0o755 };
  for (const [name, before, after, may] of [
    ['a deletion', text, undefined, true],
    ['another mode of a file', text, { ...text, mode: 0o644 }, true],
    ['another mode of a directory', open, { ...open, mode: 0o750 }, true],
    ['no other content', text, { ...text, content: 'other' }, false],
    ['no file where nothing was', undefined, text, false],
    ['no directory in place of a file', text, open, false],
    ['no symlink', text, { kind: 'symlink', target: 't' }, false],
  ] as [string, State | undefined, State | undefined, boolean][])
    it(`is ${name}`, () => assert.equal(mayTakeBack({ before, after }), may));
});
