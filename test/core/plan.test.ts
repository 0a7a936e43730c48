import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { type Action, type Pending, plan, type Wanted } from '../../src/core/plan.ts';
import { directory, file, pathOf, symlink, tombstone } from '../support/entries.ts';
import { ModelFolder } from '../support/model-folder.ts';

const SELF = 7;
const NOW = 1000;

interface Case {
  readonly name: string;
  readonly local?: readonly Entry[];
  /** Those of them of which nothing is on the disk. */
  readonly held?: readonly string[];
  readonly wanted: readonly (Entry | Wanted)[];
  /** Actions in order, as `kind path`. */
  readonly actions?: readonly string[];
  readonly pending?: readonly Pending[];
  readonly settled?: readonly string[];
}

/** A want of a peer that was asked for the modes of the parents. */
function asked(entry: Entry, modes: Record<string, number | undefined>): Wanted {
  return { entry, parentModes: new Map(Object.entries(modes).map(([path, mode]) => [pathOf(path), mode])) };
}

const renamed = (from: string, version: Entry['version'], to: string, newer: Entry['version']) =>
  file(to, newer, { from: { path: pathOf(from), version } });

const treeA = [
  directory('a'),
  file('a/x', { 1: 90 }),
  symlink('a/l'),
  directory('a/e'),
  directory('a/d'),
  file('a/d/y', { 1: 91 }),
];
/** What an origin announces of it as `b`. */
const toB = [
  directory('b', { 1: 101 }),
  renamed('a/x', { 1: 90 }, 'b/x', { 1: 101 }),
  symlink('b/l', { 1: 101 }),
  directory('b/e', { 1: 101 }),
  directory('b/d', { 1: 101 }),
  renamed('a/d/y', { 1: 91 }, 'b/d/y', { 1: 101 }),
  ...treeA.map(({ path }) => tombstone(path, { 1: 101 })),
];

const cases: Case[] = [
  { name: 'a new file is fetched', wanted: [file('f')], actions: ['fetch f'] },
  {
    name: 'a newer content is fetched',
    local: [file('f')],
    wanted: [file('f', { 1: 101 }, { size: 2 })],
    actions: ['fetch f'],
  },
  {
    name: 'a mode alone is a chmod',
    local: [file('f')],
    wanted: [file('f', { 1: 101 }, { mode: 0o600 })],
    actions: ['chmod f'],
  },
  {
    name: 'a mode of a directory is a chmod',
    local: [directory('d')],
    wanted: [directory('d', { 1: 101 }, 0o700)],
    actions: ['chmod d'],
  },
  {
    name: 'a mode of a file whose deletion is held takes its content too',
    local: [file('f')],
    held: ['f'],
    wanted: [file('f', { 1: 101 }, { mode: 0o600 })],
    actions: ['fetch f'],
  },
  {
    name: 'a mode of a directory whose deletion is held makes it',
    local: [directory('d')],
    held: ['d'],
    wanted: [directory('d', { 1: 101 }, 0o700)],
    actions: ['mkdir d'],
  },
  {
    name: 'a file whose deletion is held cannot be renamed',
    local: [file('f')],
    held: ['f'],
    wanted: [renamed('f', { 1: 100 }, 'g', { 1: 101 }), tombstone('f', { 1: 101 })],
    actions: ['remove f', 'fetch g'],
  },
  {
    name: 'another history does not end a hold',
    local: [file('f')],
    held: ['f'],
    wanted: [file('f', { 2: 101 })],
    actions: ['record f'],
  },
  { name: 'a new symlink is made', wanted: [symlink('l')], actions: ['symlink l'] },
  { name: 'a new directory is made', wanted: [directory('d')], actions: ['mkdir d'] },
  { name: 'a deleted file goes', local: [file('f')], wanted: [tombstone('f', { 1: 101 })], actions: ['remove f'] },
  { name: 'a deletion of what was never here is recorded', wanted: [tombstone('f')], actions: ['record f'] },
  {
    name: 'a newer deletion is recorded',
    local: [tombstone('f')],
    wanted: [tombstone('f', { 1: 101 }, 99)],
    actions: ['record f'],
  },
  {
    name: 'another history of the same is recorded',
    local: [file('f')],
    wanted: [file('f', { 2: 101 })],
    actions: ['record f'],
  },
  {
    name: 'what loses adds to the history',
    local: [file('f', { 1: 102 })],
    wanted: [file('f', { 2: 101 }, { size: 2 })],
    actions: ['record f'],
  },
  {
    name: 'what is known already is settled',
    local: [file('f', { 1: 102 })],
    wanted: [file('f', { 1: 101 }, { size: 2 })],
    settled: ['f'],
  },
  { name: 'a file becomes a symlink', local: [file('f')], wanted: [symlink('f', { 1: 101 })], actions: ['symlink f'] },
  {
    name: 'a file becomes a directory',
    local: [file('f')],
    wanted: [directory('f', { 1: 101 }), file('f/x')],
    actions: ['mkdir f', 'fetch f/x'],
  },

  {
    name: 'parents come before children',
    wanted: [file('d/e/f'), directory('d/e'), directory('d')],
    actions: ['mkdir d', 'mkdir d/e', 'fetch d/e/f'],
  },
  {
    name: 'tombstones go deepest first',
    local: [directory('d'), directory('d/e'), file('d/e/f'), file('d/g')],
    wanted: [
      tombstone('d', { 1: 101 }),
      tombstone('d/e', { 1: 101 }),
      tombstone('d/g', { 1: 101 }),
      tombstone('d/e/f', { 1: 101 }),
    ],
    actions: ['remove d/e/f', 'remove d/g', 'remove d/e', 'remove d'],
  },
  {
    name: 'a directory’s tombstone waits while something lives below',
    local: [directory('d'), file('d/f')],
    wanted: [tombstone('d', { 1: 101 })],
    pending: [{ path: pathOf('d'), why: 'occupied' }],
  },
  {
    name: 'a directory that receives a file does not go',
    local: [directory('d')],
    wanted: [tombstone('d', { 1: 101 }), file('d/f')],
    actions: ['fetch d/f'],
    pending: [{ path: pathOf('d'), why: 'occupied' }],
  },
  {
    name: 'what is below a live file waits',
    local: [file('d')],
    wanted: [file('d/f')],
    pending: [{ path: pathOf('d/f'), why: 'blocked' }],
  },
  {
    name: 'what is below a live symlink waits, however deep',
    local: [symlink('d')],
    wanted: [asked(file('d/e/f'), { 'd/e': 0o700, d: 0o700 })],
    pending: [{ path: pathOf('d/e/f'), why: 'blocked' }],
  },
  {
    name: 'what is below a path that is to be a file waits, and the directory is cleared',
    local: [directory('d'), file('d/old')],
    wanted: [file('d/new'), directory('d/dir'), file('d', { 2: 101 })],
    actions: ['fetch d - d/old'],
    pending: [
      { path: pathOf('d/dir'), why: 'blocked' },
      { path: pathOf('d/new'), why: 'blocked' },
    ],
  },
  {
    name: 'a deleted parent’s mode is asked for first',
    local: [tombstone('d')],
    wanted: [file('d/f')],
    pending: [{ path: pathOf('d/f'), why: 'parent', ask: pathOf('d') }],
  },
  {
    name: 'an unknown parent’s mode is asked for first, nearest first',
    wanted: [file('d/e/f')],
    pending: [{ path: pathOf('d/e/f'), why: 'parent', ask: pathOf('d/e') }],
  },
  {
    name: 'a deleted parent is revived',
    local: [tombstone('d')],
    wanted: [asked(file('d/f'), { d: 0o700 })],
    actions: ['mkdir d', 'fetch d/f'],
  },
  {
    name: 'two files in a deleted directory revive it once',
    local: [tombstone('d')],
    wanted: [asked(file('d/f'), { d: 0o700 }), asked(file('d/g'), { d: 0o700 })],
    actions: ['mkdir d', 'fetch d/f', 'fetch d/g'],
  },
  {
    name: 'a directory that is deleted by one and filled by another peer is revived',
    local: [directory('d')],
    wanted: [tombstone('d', { 2: 101 }), asked(file('d/f', { 3: 99 }), { d: 0o755 })],
    actions: ['fetch d/f'],
    pending: [{ path: pathOf('d'), why: 'occupied' }],
  },

  {
    name: 'a rename is one action, with both its entries',
    local: [file('a', { 1: 100 })],
    wanted: [tombstone('a', { 1: 101 }), renamed('a', { 1: 100 }, 'b', { 1: 101 })],
    actions: ['rename b < a'],
  },
  {
    name: 'a renamed directory moves as a whole',
    local: treeA,
    wanted: toB,
    actions: ['move b < a - b/d < a/d b/d/y < a/d/y b/e < a/e b/l < a/l b/x < a/x'],
  },
  {
    name: 'one that has more here moves as far as its parts do, and waits for the rest to go',
    local: [...treeA, file('a/more')],
    wanted: toB,
    actions: [
      'remove a/l',
      'mkdir b',
      'mkdir b/e',
      'move b/d < a/d - b/d/y < a/d/y',
      'rename b/x < a/x',
      'remove a/e',
      'symlink b/l',
    ],
    pending: [{ path: pathOf('a'), why: 'occupied' }],
  },
  {
    name: 'one of which something goes elsewhere does not move as a whole',
    local: [directory('a'), file('a/x', { 1: 90 }), file('a/y', { 1: 91 })],
    wanted: [
      ...['a', 'a/x', 'a/y'].map(path => tombstone(path, { 1: 101 })),
      directory('b', { 1: 101 }),
      renamed('a/x', { 1: 90 }, 'b/x', { 1: 101 }),
      renamed('a/y', { 1: 91 }, 'c', { 1: 101 }),
    ],
    actions: ['mkdir b', 'rename c < a/y', 'rename b/x < a/x', 'remove a'],
  },
  {
    name: 'one that needs another mode does not move as a whole',
    local: [directory('a', { 1: 90 }, 0o700), file('a/x', { 1: 90 })],
    wanted: [
      ...['a', 'a/x'].map(path => tombstone(path, { 1: 101 })),
      directory('b', { 1: 101 }),
      renamed('a/x', { 1: 90 }, 'b/x', { 1: 101 }),
    ],
    actions: ['mkdir b', 'rename b/x < a/x', 'remove a'],
  },
  {
    name: 'one that is there already under its new name receives its files',
    local: [directory('a'), file('a/x', { 1: 90 }), directory('b', { 1: 101 })],
    wanted: [...['a', 'a/x'].map(path => tombstone(path, { 1: 101 })), renamed('a/x', { 1: 90 }, 'b/x', { 1: 101 })],
    actions: ['rename b/x < a/x', 'remove a'],
  },
  {
    name: 'one that has to live again does not move',
    local: [directory('a'), file('a/x', { 1: 90 })],
    wanted: [
      ...['a', 'a/x'].map(path => tombstone(path, { 1: 101 })),
      directory('b', { 1: 101 }),
      renamed('a/x', { 1: 90 }, 'b/x', { 1: 101 }),
      file('a/new', { 1: 101 }),
    ],
    actions: ['mkdir b', 'rename b/x < a/x', 'fetch a/new'],
    pending: [{ path: pathOf('a'), why: 'occupied' }],
  },
  {
    name: 'one that the disk did not let move is done path by path',
    local: treeA,
    wanted: toB.map(entry => ({ entry, singly: true })),
    actions: [
      'remove a/l',
      'mkdir b',
      'mkdir b/e',
      'mkdir b/d',
      'rename b/x < a/x',
      'rename b/d/y < a/d/y',
      'remove a/e',
      'remove a/d',
      'remove a',
      'symlink b/l',
    ],
  },
  {
    name: 'a rename of another version than the one here is none',
    local: [file('a', { 1: 99 })],
    wanted: [tombstone('a', { 1: 101 }), renamed('a', { 1: 100 }, 'b', { 1: 101 })],
    actions: ['remove a', 'fetch b'],
  },
  {
    name: 'a rename whose old path stays is none',
    local: [file('a', { 1: 100 })],
    wanted: [renamed('a', { 1: 100 }, 'b', { 1: 101 })],
    actions: ['fetch b'],
  },
  {
    name: 'equal size and date alone are no rename',
    local: [file('a', { 1: 100 })],
    wanted: [tombstone('a', { 1: 101 }), file('b', { 1: 101 })],
    actions: ['remove a', 'fetch b'],
  },
  {
    name: 'one old path satisfies one rename only',
    local: [file('a', { 1: 100 })],
    wanted: [
      tombstone('a', { 1: 101 }),
      renamed('a', { 1: 100 }, 'b', { 1: 101 }),
      renamed('a', { 1: 100 }, 'c', { 1: 101 }),
    ],
    actions: ['rename b < a', 'fetch c'],
  },
  {
    name: 'a rename over an existing file',
    local: [file('a', { 1: 100 }), file('b', { 1: 50 }, { size: 9 })],
    wanted: [tombstone('a', { 1: 101 }), renamed('a', { 1: 100 }, 'b', { 1: 101 })],
    actions: ['rename b < a'],
  },
  {
    name: 'a rename that has to wait for its parent still removes its old path',
    local: [file('a', { 1: 100 })],
    wanted: [tombstone('a', { 1: 101 }), renamed('a', { 1: 100 }, 'd/b', { 1: 101 })],
    actions: ['remove a'],
    pending: [{ path: pathOf('d/b'), why: 'parent', ask: pathOf('d') }],
  },

  {
    name: 'a file over an empty directory',
    local: [directory('d')],
    wanted: [file('d', { 1: 101 })],
    actions: ['fetch d'],
  },
  {
    name: 'a file over a directory clears what lives below',
    local: [directory('d'), file('d/f'), directory('d/e'), symlink('d/e/l'), tombstone('d/gone')],
    wanted: [file('d', { 1: 101 })],
    actions: ['fetch d - d/e d/e/l d/f'],
  },
  {
    name: 'a symlink over a directory clears what lives below',
    local: [directory('d'), file('d/f')],
    wanted: [symlink('d', { 1: 101 })],
    actions: ['symlink d - d/f'],
  },
  {
    name: 'a file over a directory whose content is deleted too clears nothing',
    local: [directory('d'), file('d/f')],
    wanted: [file('d', { 1: 101 }), tombstone('d/f', { 1: 101 })],
    actions: ['remove d/f', 'fetch d'],
  },
];

function describeAction(action: Action): string {
  const below =
    'below' in action && action.below.length > 0
      ? ` - ${action.below
          .map(item => ('path' in item ? item.path : `${item.entry.path} < ${item.source.path}`))
          .sort()
          .join(' ')}`
      : '';
  return `${action.do} ${action.entry.path}${'source' in action ? ` < ${action.source.path}` : ''}${below}`;
}

const wantedOf = (wanted: readonly (Entry | Wanted)[]): Wanted[] =>
  wanted.map(want => ('entry' in want ? want : { entry: want }));

describe('the plan', () => {
  for (const { name, local = [], held = [], wanted, actions = [], pending = [], settled = [] } of cases)
    it(name, () => {
      const folder = new ModelFolder(local);
      for (const path of held) folder.held.add(pathOf(path));
      const planned = plan(folder, wantedOf(wanted), SELF, NOW);
      assert.deepEqual(planned.actions.map(describeAction), actions);
      assert.deepEqual(
        [...planned.pending].sort((a, b) => (a.path < b.path ? -1 : 1)),
        pending,
      );
      assert.deepEqual(planned.settled, settled);
      folder.apply(planned.actions);
    });
});

describe('what a plan adds of its own', () => {
  it('what is cleared below a file becomes this instance’s deletion, newer than what it knew', () => {
    const folder = new ModelFolder([directory('d'), file('d/f', { 1: 5000, 7: 3 })]);
    const [fetch] = plan(folder, [{ entry: file('d', { 1: 5001 }) }], SELF, NOW).actions;
    assert.ok(fetch?.do === 'fetch');
    assert.deepEqual(fetch.below, [{ ...tombstone('d/f', { 1: 5000, 7: 5001 }, NOW), mode: 0 }]);
  });

  const revivals: [name: string, local: Entry[], modes: Record<string, number | undefined>, revived: Entry][] = [
    ['the peer’s mode', [tombstone('d', { 1: 50 })], { d: 0o700 }, directory('d', { 1: 50, 7: 51 }, 0o700)],
    [
      'its own former mode where the peer has none',
      [{ ...tombstone('d', { 1: 50 }), mode: 0o711 }],
      { d: undefined },
      directory('d', { 1: 50, 7: 51 }, 0o711),
    ],
    ['755 where nobody knows', [], { d: undefined }, directory('d', { 0: 0, 7: 1 }, 0o755)],
  ];
  for (const [name, local, modes, revived] of revivals)
    it(`a revived parent has ${name}`, () => {
      const [mkdir] = plan(new ModelFolder(local), [asked(file('d/f'), modes)], SELF, NOW).actions;
      assert.deepEqual(mkdir?.entry, revived);
    });

  it('a concurrent edit that loses is marked as a conflict, a successor is none', () => {
    const conflictOf = (remote: Entry) => {
      const [action] = plan(new ModelFolder([file('f', { 1: 100 })]), [{ entry: remote }], SELF, NOW).actions;
      return action?.do === 'fetch' || action?.do === 'remove' ? action.conflict : undefined;
    };
    assert.equal(conflictOf(file('f', { 2: 101 }, { size: 2 })), true);
    assert.equal(conflictOf(tombstone('f', { 2: 101 })), true);
    assert.equal(conflictOf(file('f', { 1: 100, 2: 101 }, { size: 2 })), false);
  });
});
