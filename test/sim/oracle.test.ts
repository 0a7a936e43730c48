/** Histories made by hand, and what the oracle has to say about each end they could come to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeViolation, type History, judge, NO_HISTORY, record, type State } from './oracle.ts';

const file = (content: string, mode = 0o644, mtime = 1): State => ({ kind: 'file', content, mtime, mode });
const directory = (mode = 0o755): State => ({ kind: 'directory', mode });
const link = (target: string): State => ({ kind: 'symlink', target });
const nothing = undefined;

type Step = [node: number, path: string, before: State | undefined, after: State | undefined, operation?: number];

function history(...steps: Step[]): History {
  return steps.reduce<History>(
    (past, [node, path, before, after, operation], i) =>
      record(past, { node, path, before, after, operation: operation ?? -i - 1 }),
    NO_HISTORY,
  );
}

interface Case {
  readonly steps: readonly Step[];
  readonly final: Readonly<Record<string, State>>;
  readonly trash?: readonly string[];
  readonly excused?: readonly number[];
  /** `rule path` of each violation. */
  readonly wrong: readonly string[];
}

const a = file('a');
const b = file('b');
const c = file('c');
const created: Step = [1, 'f', nothing, a];
const edited: Step = [1, 'f', a, b];
const deleted: Step = [1, 'f', a, nothing];

const cases: Record<string, Case> = {
  'one file arrives': { steps: [created], final: { f: a }, wrong: [] },
  'one file is gone with nobody deleting it': { steps: [created], final: {}, wrong: ['vanished f', 'content lost f'] },
  'one file is gone, into a trash': { steps: [created], final: {}, trash: ['a'], wrong: ['vanished f'] },
  'a file that nobody made': { steps: [created], final: { f: a, g: c }, wrong: ['invented g'] },
  'the right content with a mode that nobody set': {
    steps: [created],
    final: { f: file('a', 0o600) },
    wrong: ['invented f'],
  },
  'the content of another path (a rename that was guessed)': {
    steps: [created, [1, 'g', nothing, b]],
    final: { f: b, g: b },
    wrong: ['invented f', 'content lost f'],
  },

  'an edit holds': { steps: [created, edited], final: { f: b }, wrong: [] },
  'an edit is undone': { steps: [created, edited], final: { f: a }, trash: ['b'], wrong: ['lost update f'] },
  'an edit is undone, and its content gone': {
    steps: [created, edited],
    final: { f: a },
    wrong: ['lost update f', 'content lost f'],
  },
  'an edit of two edits ago comes back': {
    steps: [created, edited, [2, 'f', b, c]],
    final: { f: a },
    trash: ['c'],
    wrong: ['lost update f'],
  },
  'an edit that a node was made to forget is undone': {
    steps: [created, edited],
    final: { f: a },
    trash: ['b'],
    excused: [1],
    wrong: [],
  },
  'a forgotten chmod does not keep a content that was edited knowingly': {
    steps: [created, edited, [2, 'f', a, file('a', 0o600)]],
    final: { f: b },
    excused: [2],
    wrong: [],
  },
  'a forgotten edit was seen and edited again': {
    steps: [created, edited, [2, 'f', b, c]],
    final: { f: a },
    trash: ['c'],
    excused: [1],
    wrong: ['lost update f'],
  },
  'a chmod holds': { steps: [created, [2, 'f', a, file('a', 0o600)]], final: { f: file('a', 0o600) }, wrong: [] },
  'a chmod is undone': { steps: [created, [2, 'f', a, file('a', 0o600)]], final: { f: a }, wrong: ['lost update f'] },

  'a deletion holds': { steps: [created, deleted], final: {}, wrong: [] },
  'a deletion is undone': { steps: [created, deleted], final: { f: a }, wrong: ['resurrection f'] },
  'a deletion is undone by what it had not seen': {
    steps: [created, deleted, [2, 'f', a, b]],
    final: { f: b },
    wrong: [],
  },
  'a deletion wins over a concurrent edit': {
    steps: [created, deleted, [2, 'f', a, b]],
    final: {},
    trash: ['b'],
    wrong: [],
  },
  'a deletion wins, and the concurrent edit is gone': {
    steps: [created, deleted, [2, 'f', a, b]],
    final: {},
    wrong: ['content lost f'],
  },
  'neither of deletion and edit wins': {
    steps: [created, deleted, [2, 'f', a, b]],
    final: { f: a },
    trash: ['b'],
    wrong: ['resurrection f'],
  },
  'made again after a deletion': { steps: [created, deleted, [1, 'f', nothing, b]], final: { f: b }, wrong: [] },
  'made again, and deleted by the old deletion': {
    steps: [created, deleted, [1, 'f', nothing, b]],
    final: {},
    trash: ['b'],
    wrong: ['lost update f'],
  },
  'made elsewhere where the deletion may not have come': {
    steps: [created, deleted, [2, 'f', nothing, b]],
    final: {},
    trash: ['b'],
    wrong: [],
  },
  'came and went': { steps: [created, deleted, [1, 'g', nothing, b]], final: { g: b }, wrong: [] },

  'of concurrent edits the first wins': {
    steps: [created, edited, [2, 'f', a, c]],
    final: { f: b },
    trash: ['c'],
    wrong: [],
  },
  'of concurrent edits the second wins': {
    steps: [created, edited, [2, 'f', a, c]],
    final: { f: c },
    trash: ['b'],
    wrong: [],
  },
  'of concurrent edits the loser is gone': {
    steps: [created, edited, [2, 'f', a, c]],
    final: { f: c },
    wrong: ['content lost f'],
  },
  'a loser that was edited knowingly need not be kept': {
    steps: [created, edited, [2, 'f', b, c], [3, 'f', a, file('d')]],
    final: { f: file('d') },
    trash: ['c'],
    wrong: [],
  },
  'a loser that stands under another name is kept': {
    steps: [created, edited, [2, 'f', a, c], [2, 'g', nothing, c]],
    final: { f: b, g: c },
    wrong: [],
  },
  'created on two nodes that never met': {
    steps: [created, [2, 'f', nothing, b]],
    final: { f: b },
    trash: ['a'],
    wrong: [],
  },

  'an old state is restored': { steps: [created, edited, [1, 'f', b, a]], final: { f: a }, trash: [], wrong: [] },
  'a restoration is undone': {
    steps: [created, edited, [1, 'f', b, a]],
    final: { f: b },
    wrong: ['lost update f', 'content lost f'],
  },
  'a restored state is edited, and comes back': {
    steps: [created, edited, [1, 'f', b, a], [2, 'f', a, c]],
    final: { f: b },
    trash: ['c'],
    wrong: ['lost update f'],
  },

  'a rename holds': { steps: [created, [1, 'f', a, nothing, 7], [1, 'g', nothing, a, 7]], final: { g: a }, wrong: [] },
  'a rename is done by half': {
    steps: [created, [1, 'f', a, nothing, 7], [1, 'g', nothing, a, 7]],
    final: { f: a, g: a },
    wrong: ['resurrection f'],
  },
  'a rename loses the file': {
    steps: [created, [1, 'f', a, nothing, 7], [1, 'g', nothing, a, 7]],
    final: {},
    wrong: ['vanished g', 'content lost g'],
  },
  'a file becomes a symlink': { steps: [created, [2, 'f', a, link('x')]], final: { f: link('x') }, wrong: [] },
};

const tree: Step[] = [
  [1, 'd', nothing, directory()],
  [1, 'd/x', nothing, a],
];
const removed: Step[] = [
  [1, 'd/x', a, nothing, 7],
  [1, 'd', directory(), nothing, 7],
];
const replaced: Step[] = [...removed, [1, 'd', nothing, b, 7]];

const trees: Record<string, Case> = {
  'a tree is deleted': { steps: [...tree, ...removed], final: {}, wrong: [] },
  'a deleted directory comes back empty': {
    steps: [...tree, ...removed],
    final: { d: directory() },
    wrong: ['resurrection d'],
  },
  'a deleted tree comes back': {
    steps: [...tree, ...removed],
    final: { d: directory(), 'd/x': a },
    wrong: ['resurrection d/x'],
  },
  'what the deletion had not seen keeps its directory': {
    steps: [...tree, [2, 'd/y', nothing, c], ...removed],
    final: { d: directory(), 'd/y': c },
    wrong: [],
  },
  'an edit that the deletion had not seen keeps its directory': {
    steps: [...tree, [2, 'd/x', a, c], ...removed],
    final: { d: directory(), 'd/x': c },
    wrong: [],
  },
  'a directory stays after what kept it was deleted': {
    steps: [...tree, [2, 'd/y', nothing, c], ...removed, [2, 'd/y', c, nothing]],
    final: { d: directory() },
    wrong: [],
  },
  'a revived directory has a mode that nobody had seen changed': {
    steps: [...tree, [2, 'd', directory(), directory(0o700)], [2, 'd/y', nothing, c], ...removed],
    final: { d: directory(), 'd/y': c },
    wrong: ['lost update d'],
  },
  'a revived directory has the mode of a sender who had not seen it changed': {
    steps: [...tree, [2, 'd', directory(), directory(0o700)], ...removed, [3, 'd/x', a, c]],
    final: { d: directory(), 'd/x': c },
    wrong: [],
  },
  'a revived directory has the mode of its sender': {
    steps: [
      ...tree,
      [2, 'd/y', nothing, c],
      [1, 'd', directory(), directory(0o700)],
      [1, 'd/x', a, nothing, 7],
      [1, 'd', directory(0o700), nothing, 7],
    ],
    final: { d: directory(), 'd/y': c },
    wrong: [],
  },
  'a file that lost to a deletion stays lost when the directory comes back': {
    steps: [...tree, ...replaced, [3, 'd/x', a, nothing, 8], [3, 'd', directory(), nothing, 8], [2, 'd/x', a, c]],
    final: { d: directory(), 'd/x': c },
    trash: ['b'],
    wrong: [],
  },
  'a file takes the place of a tree': { steps: [...tree, ...replaced], final: { d: b }, wrong: [] },
  'a file takes the place of a tree, with what it had not seen': {
    steps: [...tree, ...replaced, [2, 'd/y', nothing, c]],
    final: { d: b },
    trash: ['c'],
    wrong: [],
  },
  'a file takes the place of a tree, and what it had not seen is gone': {
    steps: [...tree, ...replaced, [2, 'd/y', nothing, c]],
    final: { d: b },
    wrong: ['content lost d/y'],
  },
};

for (const [title, group] of Object.entries({ 'a path': cases, 'a tree': trees }))
  describe(title, () => {
    for (const [name, { steps, final, trash = [], excused = [], wrong }] of Object.entries(group))
      it(name, () => {
        const found = judge(history(...steps), new Map(Object.entries(final)), new Set(trash), new Set(excused));
        assert.deepEqual(
          found.map(({ rule, path }) => `${rule} ${path}`),
          wrong,
        );
      });
  });

it('leaves the history that it was given as it was, and records no event where nothing changed', () => {
  const one = history(created);
  const two = record(one, { node: 1, operation: 2, path: 'f', before: a, after: b });
  assert.deepEqual([one.events.length, two.events.length], [1, 2]);
  assert.equal(record(two, { node: 1, operation: 3, path: 'f', before: b, after: file('b') }), two);
});

it('knows of a restored state only what all of its makers knew', () => {
  const { events } = history(created, edited, [1, 'f', b, a], [2, 'f', a, c]);
  assert.deepEqual([...events[3]!.past], [0]);
  assert.deepEqual([...events[3]!.maybe], [1, 2]);
});

it('says what went wrong in words', () => {
  const [violation] = judge(history(created, edited), new Map([['f', a]]), new Set(['b']));
  assert.equal(
    describeViolation(violation!),
    'lost update: f ends as file a of 1, mode 644; event 1 on node 1 left file b of 1, mode 644',
  );
});
