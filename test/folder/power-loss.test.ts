/** What a loss of power leaves of the cache: whatever it is, no file goes, no deletion comes up, and the next comparison mends the rest. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type Entry, isEqual, isLive } from '../../src/core/entry.ts';
import { plan } from '../../src/core/plan.ts';
import { merge } from '../../src/core/resolve.ts';
import type { MemoryDisk } from '../sim/memory-disk.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { file, pathOf, tombstone } from '../support/entries.ts';
import { type Life, SETTLE_MS, Volume } from '../support/life.ts';

const SELF = 7;
/** Enough for the cache to be spread over its shards. */
const FILES = 2_100;
const CACHE = '.dfsync/cache/d';
const JOURNAL = 'journal.jsonl';
const BEFORE = 'journal.before.jsonl';

/** Files of the cache, by name. */
type Files = ReadonlyMap<string, Uint8Array>;

/** A tree and its cache at several times; what the peers know is the last of it. */
interface Story {
  readonly tree: Files;
  readonly dates: ReadonlyMap<string, number>;
  readonly now: number;
  readonly peers: readonly Entry[];
  /** After the first flush. */
  readonly first: Files;
  /** Before and after the second one. */
  readonly unflushed: Files;
  readonly second: Files;
  /** With all that came since in the journal alone. */
  readonly last: Files;
  /** The same, flushed. */
  readonly flushed: Files;
}

function filesIn(disk: MemoryDisk, directory: string): Files {
  return new Map(disk.list(directory).map(name => [name, Uint8Array.from(disk.readFile(`${directory}/${name}`))]));
}

async function tell(): Promise<Story> {
  const volume = new Volume();
  for (let i = 0; i < FILES; i++) volume.write(`f${i}`, `first ${i}`);
  await volume.pass(10 * SETTLE_MS);
  const life = await volume.start(SELF);
  const flush = async () => {
    const flushed = life.replica.flush();
    await volume.clock.settle();
    await flushed;
    return filesIn(volume.disk, CACHE);
  };
  const first = await flush();
  await change(volume, life, 0);
  const unflushed = filesIn(volume.disk, CACHE);
  const second = await flush();
  await change(volume, life, 5);
  const last = filesIn(volume.disk, CACHE);
  const flushed = await flush();
  const tree = filesIn(volume.disk, 'd');
  const dates = new Map([...tree.keys()].map(name => [name, volume.disk.lstat(`d/${name}`)!.mtime]));
  life.kill();
  return {
    tree,
    dates,
    now: volume.clock.now(),
    peers: [...life.replica.entries()],
    first,
    unflushed,
    second,
    last,
    flushed,
  };
}

/** Users here and peers change ten files each; half of them are those of the time before. */
async function change(volume: Volume, life: Life, from: number): Promise<void> {
  const ten = (start: number) => Array.from({ length: 10 }, (_, i) => `f${start + from + i}`);
  const hint = (path: string) => life.replica.hint(pathOf(path), true);
  for (const path of ten(0)) volume.write(path, `edited after ${from} changes`);
  for (const path of ten(100)) if (volume.disk.lstat(`d/${path}`)) volume.disk.unlink(`d/${path}`);
  for (const path of ten(5_000)) volume.write(path, `new after ${from} changes`);
  for (const start of [0, 100, 5_000]) ten(start).map(hint);
  await volume.pass(5 * SETTLE_MS);
  const stamp = { 3: volume.clock.now() };
  const bytes = Buffer.from(`pulled after ${from} changes`);
  const wanted = [
    ...ten(200).map(path => tombstone(path, stamp, volume.clock.now())),
    ...[...ten(300), ...ten(6_000)].map(path =>
      file(path, stamp, { size: bytes.length, mtime: volume.clock.now() - 500, mode: 0o644 }),
    ),
  ];
  const results = await carryOut(volume, life, wanted, bytes);
  assert.ok(results.every(result => result === 'done'));
  await volume.pass(SETTLE_MS);
}

async function carryOut(volume: Volume, life: Life, wanted: readonly Entry[], bytes: Uint8Array): Promise<string[]> {
  const actions = plan(
    life.replica,
    wanted.map(entry => ({ entry })),
    SELF,
    life.clock.now(),
  ).actions;
  const fetched = actions.filter(action => action.do === 'fetch');
  await life.replica.put(fetched.map(({ entry }) => ({ entry, bytes })));
  const applied = life.replica.apply(actions, () => undefined);
  await volume.clock.settle();
  return (await applied).map(({ result }) => result);
}

const shards = (files: Files) => new Map([...files].filter(([name]) => name.startsWith('shard-')));
const each = (files: Files, make: (bytes: Uint8Array) => Uint8Array): Files =>
  new Map([...files].map(([name, bytes]) => [name, make(bytes)]));
const journal = (name: string, bytes: Uint8Array | undefined): Files => new Map([[name, bytes!]]);
const join = (...parts: Files[]): Files => new Map(parts.flatMap(part => [...part]));
const odd = (files: Files) => new Map([...shards(files)].filter((_, i) => i % 2 === 1));

const losses: [name: string, left: (story: Story) => Files][] = [
  ['nothing', () => new Map()],
  ['half of each file', ({ last }) => each(last, bytes => bytes.subarray(0, bytes.length >> 1))],
  ['empty files', ({ last }) => each(last, () => new Uint8Array())],
  ['files of zeros', ({ last }) => each(last, bytes => new Uint8Array(bytes.length))],
  ['garbage', ({ last }) => each(last, bytes => bytes.map((byte, i) => (byte * 31 + i) & 255))],
  ['JSON of something else', ({ last }) => each(last, () => Buffer.from('{"format":1}'))],
  ['every other shard', ({ last }) => join(odd(last), journal(JOURNAL, last.get(JOURNAL)))],
  ['an older cache', ({ first }) => first],
  ['older shards, and no journal', ({ second }) => shards(second)],
  [
    'older shards, and the newest journal',
    ({ first, last }) => join(shards(first), journal(JOURNAL, last.get(JOURNAL))),
  ],
  ['older shards beside newer ones', ({ first, last }) => join(last, odd(first))],
  ['older shards beside newer ones, and no journal', ({ first, flushed }) => join(flushed, odd(first))],
  [
    'newer shards, and an older journal',
    ({ flushed, unflushed }) => join(flushed, journal(JOURNAL, unflushed.get(JOURNAL))),
  ],
  [
    'newer shards, and an older journal as that of a flush under way',
    ({ flushed, last, unflushed }) =>
      join(flushed, journal(BEFORE, unflushed.get(JOURNAL)), journal(JOURNAL, last.get(JOURNAL))),
  ],
  ['the newest journal alone', ({ last }) => journal(JOURNAL, last.get(JOURNAL))],
  [
    'a journal that breaks off in the middle',
    ({ last }) => join(last, journal(JOURNAL, last.get(JOURNAL)!.subarray(0, last.get(JOURNAL)!.length >> 1))),
  ],
  [
    'damaged shards of now and whole ones of before',
    ({ first, last }) =>
      join(
        each(last, () => Buffer.from('{')),
        odd(first),
      ),
  ],
];

describe('a loss of power that leaves of the cache', () => {
  let story: Story;
  before(async () => {
    story = await tell();
  });

  for (const [name, left] of losses)
    it(name, async () => {
      const { tree, dates, now, peers } = story;
      const volume = new Volume(new VirtualClock(now + 60_000));
      for (const [path, bytes] of tree) {
        volume.disk.writeFile(`d/${path}`, bytes, 0o644);
        volume.disk.setDate(`d/${path}`, dates.get(path)!);
      }
      for (const directory of ['.dfsync', '.dfsync/cache', CACHE]) volume.disk.mkdir(directory, 0o700);
      for (const [file, bytes] of left(story)) volume.disk.writeFile(`${CACHE}/${file}`, bytes, 0o600);
      const life = await volume.start(SELF);

      const indexed = [...life.replica.entries()];
      assert.deepEqual(filesIn(volume.disk, 'd'), tree, 'nothing is touched');
      assert.equal(life.replica.held.size, 0);
      assert.deepEqual(
        indexed.flatMap(({ kind, path }) => (kind === 'file' ? path : [])).sort(),
        [...tree.keys()].sort(),
        'what stands there is known, and nothing else',
      );
      // What the peers have is newer, or the same.
      const known = new Map(peers.map(entry => [entry.path, entry]));
      for (const mine of indexed) {
        const theirs = known.get(mine.path);
        assert.ok(theirs && isEqual(merge(theirs, mine), theirs), `${mine.path} would change on peers`);
      }
      const actions = plan(
        life.replica,
        peers.map(entry => ({ entry })),
        SELF,
        life.clock.now(),
      ).actions;
      assert.deepEqual(
        [...new Set(actions.map(action => action.do))].filter(step => step !== 'record'),
        [],
      );
      await carryOut(volume, life, peers, new Uint8Array());
      for (const theirs of peers) assert.ok(isEqual(life.replica.get(theirs.path)!, theirs), theirs.path);
      assert.deepEqual(filesIn(volume.disk, 'd'), tree, 'nor by the comparison');
      assert.ok(peers.some(entry => !isLive(entry)));
      await life.end();
    });
});
