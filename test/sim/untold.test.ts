import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JournalRecord } from '../../src/folder/journal.ts';
import { directory, file, tombstone } from '../support/entries.ts';
import { openIn } from './untold.ts';

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
