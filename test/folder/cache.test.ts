import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { Cache } from '../../src/folder/cache.ts';
import { DomainIndex } from '../../src/folder/index-store.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';
import { directory, file, pathOf, symlink, tombstone } from '../support/entries.ts';
import { INSTANT } from '../support/instant.ts';

const ROLEID = 7;
/** Past this many entries a domain is spread over shards. */
const MANY = 2_500;

function emptyDisk(): MemoryDisk {
  const disk = new MemoryDisk({ now: () => 0 });
  disk.mkdir('c', 0o700);
  return disk;
}

const cacheOn = (disk: MemoryDisk, roleid = ROLEID) => new Cache(disk, 'c', roleid, INSTANT);

/** What a process finds that starts now. */
async function loaded(
  disk: MemoryDisk,
  roleid = ROLEID,
): Promise<{ index: DomainIndex; damaged: string[]; cache: Cache }> {
  const index = new DomainIndex();
  const cache = cacheOn(disk.mount(), roleid);
  return { index, cache, damaged: await cache.load(index) };
}

async function written(disk: MemoryDisk, entries: readonly Entry[]): Promise<{ index: DomainIndex; cache: Cache }> {
  const index = new DomainIndex();
  const cache = cacheOn(disk);
  for (const entry of entries) set(index, cache, entry);
  await cache.flush(index);
  return { index, cache };
}

function set(index: DomainIndex, cache: Cache, entry: Entry): void {
  index.set(entry, { inode: entry.size, birth: 0.5 });
  cache.touch(entry.path);
}

/** A shard with one row, but for what is given. */
function shardOf(columns: object, count = 1): string {
  const one = { paths: ['f'], kinds: [0], sizes: [1], mtimes: [1], modes: [420], writers: [1], stamps: [1] };
  const whole = { ...one, inodes: [1], births: [1], aside: {}, ...columns };
  return JSON.stringify({ format: 1, digestVersion: 1, roleid: 7, count, columns: whole });
}

const twoRows = (columns: object) => ({
  ...{ paths: ['f', 'g'], kinds: [0, 0], sizes: [1, 1], mtimes: [1, 1], modes: [420, 420], writers: [1, 1] },
  ...{ stamps: [1, 1], inodes: [1, 1], births: [1, 1] },
  ...columns,
});

const many = (stamp: number) => Array.from({ length: MANY }, (_, i) => file(`f${i}`, { 1: stamp }));
const shards = (disk: MemoryDisk) =>
  disk
    .list('c')
    .filter(name => name.startsWith('shard-'))
    .sort();

describe('the cache', () => {
  it('gives back entries with all that the disk said of them', async () => {
    const disk = emptyDisk();
    const index = new DomainIndex();
    const cache = cacheOn(disk);
    const entries = [
      file('a', { 0: 5 }),
      file('b\udcff', { 1: 5, 2: 6 }, { from: { path: pathOf('z'), version: { 1: 4 } } }),
      directory('d'),
      symlink('l', { 3: 1 }, '\udc80'),
      tombstone('t'),
    ];
    for (const entry of entries) set(index, cache, entry);
    index.set(entries[0]!, { inode: 9, birth: 1.25 }, { mtime: 2000, mode: 0o755 });
    await cache.flush(index);
    const found = await loaded(disk);
    for (const entry of entries) assert.deepEqual(found.index.get(entry.path), entry);
    assert.equal(found.index.digest, index.digest);
    assert.deepEqual(found.index.identity(pathOf('a')), { inode: 9, birth: 1.25 });
    assert.deepEqual(found.index.kept(pathOf('a')), { mtime: 2000, mode: 0o755 });
    assert.deepEqual(found.damaged, []);
  });

  it('keeps a small domain in one file, and spreads a large one', async () => {
    const disk = emptyDisk();
    const { index, cache } = await written(disk, [file('a')]);
    assert.deepEqual(shards(disk), ['shard-.json']);
    for (const entry of many(1)) set(index, cache, entry);
    await cache.flush(index);
    assert.equal(shards(disk).length, 256);
    assert.equal((await loaded(disk)).index.digest, index.digest);
  });

  it('writes only the shards that changed', async () => {
    const disk = emptyDisk();
    const { index, cache } = await written(disk, many(1));
    assert.equal(cache.dirty, false);
    const before = new Map(shards(disk).map(name => [name, disk.lstat(`c/${name}`)!.inode]));
    set(index, cache, file('f1', { 1: 2 }));
    assert.equal(cache.dirty, true);
    await cache.flush(index);
    const changed = [...before].filter(([name, inode]) => disk.lstat(`c/${name}`)!.inode !== inode);
    assert.equal(changed.length, 1);
    assert.deepEqual((await loaded(disk)).index.get(pathOf('f1'))?.version, { 1: 2 });
  });

  it('forgets what was dropped', async () => {
    const disk = emptyDisk();
    const { index, cache } = await written(disk, [file('a'), file('b')]);
    for (const path of ['a', 'b'].map(pathOf)) {
      index.drop(path);
      cache.touch(path);
      await cache.flush(index);
      assert.equal((await loaded(disk)).index.get(path), undefined);
    }
    assert.equal((await loaded(disk)).index.totals.entries, 0);
  });

  const damages: [name: string, text: string][] = [
    ['cut off', '{"format":1,"columns":{"paths":['],
    ['empty', ''],
    ['no shard', 'null'],
    ['another document', '[]'],
    ['of another count', shardOf({}, 5)],
    ['with a column that is too short', shardOf({ sizes: [] })],
    ['with a column that is none', shardOf({ modes: 'many' })],
    ['with a date that is no number', shardOf({ mtimes: [null] })],
    ['with a kind that there is not', shardOf({ kinds: [9] })],
    ['with a path that leads out', shardOf({ paths: ['../x'] })],
    ['with a path that is none', shardOf({ paths: [7] })],
    ['without what stands aside', shardOf({ aside: null })],
    ['with nonsense aside', shardOf({ aside: { 0: 7 } })],
    ['with a version of nobody', shardOf({ aside: { 0: { version: {} } } })],
    ['with a version that is no number', shardOf({ aside: { 0: { version: { 1: 'x' } } } })],
    ['with a target that is none', shardOf({ kinds: [2], aside: { 0: { target: 7 } } })],
    ['with a symlink that leads nowhere', shardOf({ kinds: [2] })],
    ['with a former path that leads out', shardOf({ aside: { 0: { from: { path: '/x', version: { 1: 1 } } } } })],
    ['with half a kind', shardOf({ kinds: [0.5] })],
    ['with a file that leads somewhere', shardOf({ aside: { 0: { target: 'x' } } })],
    ['with a writer that no column holds', shardOf({ writers: [2 ** 32] })],
    ['with a time before all times', shardOf({ stamps: [-1] })],
    ['with an inode that is none', shardOf({ inodes: ['7'] })],
    ['with a birth that is none', shardOf({ births: [null] })],
    ['with a row that is wrong after one that is right', shardOf(twoRows({ modes: [420, -1] }), 2)],
    ['with a mode that no file has', shardOf({ modes: [0o4755] })],
    ['with a size below zero', shardOf({ sizes: [-1] })],
    ['without columns and count', '{"format":1,"digestVersion":1,"roleid":7}'],
  ];
  for (const [name, text] of damages)
    it(`sets a shard aside that is ${name}, and goes on with the others`, async () => {
      const disk = emptyDisk();
      const { index } = await written(disk, many(1));
      const [first] = shards(disk);
      disk.writeFile(`c/${first}`, Buffer.from(text), 0o600);
      const found = await loaded(disk);
      assert.deepEqual(found.damaged, [first]);
      assert.ok(disk.lstat(`c/damaged-${first}`));
      assert.ok(found.index.totals.entries > 0 && found.index.totals.entries < index.totals.entries);
    });

  const foreign: [name: string, change: object][] = [
    ['of another instance, as on a cloned volume', { roleid: 8 }],
    ['of another format', { format: 99 }],
    ['of another digest', { digestVersion: 99 }],
  ];
  for (const [name, change] of foreign)
    it(`discards a shard ${name}`, async () => {
      const disk = emptyDisk();
      await written(disk, [file('a')]);
      const shard = JSON.parse(Buffer.from(disk.readFile('c/shard-.json')).toString());
      disk.writeFile('c/shard-.json', Buffer.from(JSON.stringify({ ...shard, ...change })), 0o600);
      const found = await loaded(disk);
      assert.equal(found.index.totals.entries, 0);
      assert.deepEqual(found.damaged, []);
      assert.deepEqual(shards(disk), []);
    });

  it('keeps heartbeats, of this instance only', async () => {
    const disk = emptyDisk();
    assert.deepEqual((await cacheOn(disk).loadMemory()).heard, {});
    await cacheOn(disk).saveMemory({ heard: { 3: 5 } });
    assert.deepEqual((await cacheOn(disk).loadMemory()).heard, { 3: 5 });
    assert.deepEqual((await cacheOn(disk, 8).loadMemory()).heard, {});
    for (const text of [
      '{',
      '7',
      'null',
      '{"roleid":7}',
      '{"roleid":7,"heard":[]}',
      '{"roleid":7,"heard":{"x":1,"2":"y"}}',
    ]) {
      disk.writeFile('c/memory.json', Buffer.from(text), 0o600);
      assert.deepEqual((await cacheOn(disk).loadMemory()).heard, {}, text);
    }
  });
});

describe('a crash while the cache is written', () => {
  /** The mutations of a flush, each of which may be the last. */
  async function crashedAt(
    mutations: number,
    before: MemoryDisk,
    change: (index: DomainIndex, cache: Cache) => void,
  ): Promise<boolean> {
    const dying = before.mount();
    const index = new DomainIndex();
    const cache = cacheOn(dying);
    await cache.load(index);
    change(index, cache);
    dying.failAfter(mutations, true);
    await cache.flush(index).catch(() => {});
    return dying.dead;
  }

  it('leaves each shard as it was or as it shall be, and the next flush completes it', async () => {
    for (let mutations = 0; ; mutations++) {
      const disk = emptyDisk();
      await written(disk, [file('a', { 1: 1 }), file('b', { 1: 1 })]);
      const died = await crashedAt(mutations, disk, (index, cache) => set(index, cache, file('a', { 1: 2 })));
      const { index, damaged } = await loaded(disk);
      assert.deepEqual(damaged, []);
      assert.ok([1, 2].includes(index.get(pathOf('a'))?.version[1] ?? 0), `died after ${mutations}`);
      assert.deepEqual(index.get(pathOf('b'))?.version, { 1: 1 });
      if (!died) break;
    }
  });

  it('leaves nothing half written behind, whether or not the same shard is written again', async () => {
    let left = 0;
    for (let mutations = 0; ; mutations++) {
      const disk = emptyDisk();
      await written(disk, [file('a', { 1: 1 })]);
      const died = await crashedAt(mutations, disk, (index, cache) => set(index, cache, file('a', { 1: 2 })));
      const halves = () => disk.list('c').filter(name => name.endsWith('.new'));
      left += halves().length;
      await loaded(disk);
      assert.deepEqual(halves(), [], `died after ${mutations}`);
      if (!died) break;
    }
    assert.ok(left > 0);
  });

  it('in the middle of spreading loses no entry, now or after the next flush', async () => {
    // Every shard takes a few mutations: some in the beginning, in the middle and around the end.
    for (const mutations of [0, 1, 2, 5, 200, 700, 766, 767, 768, 769, 770]) {
      const disk = emptyDisk();
      await written(disk, many(1).slice(0, 1_900));
      await crashedAt(mutations, disk, (index, cache) => {
        for (const entry of many(1)) set(index, cache, entry);
      });
      const { index, cache, damaged } = await loaded(disk);
      assert.deepEqual(damaged, []);
      assert.ok(index.totals.entries >= 1_900, `died after ${mutations}: ${index.totals.entries}`);
      for (const entry of many(1)) set(index, cache, entry);
      set(index, cache, file('f1', { 1: 2 }));
      await cache.flush(index);
      assert.equal((await loaded(disk)).index.digest, index.digest, `died after ${mutations}`);
      assert.equal(disk.lstat('c/shard-.json'), undefined);
    }
  });

  it('in the middle of spreading loses nothing that does not change afterwards', async () => {
    for (const mutations of [4, 300, 760]) {
      const disk = emptyDisk();
      await written(disk, many(1).slice(0, 1_900));
      await crashedAt(mutations, disk, (index, cache) => {
        for (const entry of many(1)) set(index, cache, entry);
      });
      const { index, cache } = await loaded(disk);
      const entries = index.totals.entries;
      set(index, cache, file('f1', { 1: 2 }));
      await cache.flush(index);
      assert.equal((await loaded(disk)).index.totals.entries, entries, `died after ${mutations}`);
    }
  });
});

describe('while the cache is written', () => {
  it('rows that go, or change their path, do no harm', async () => {
    const disk = emptyDisk();
    const { index, cache } = await written(disk, many(1));
    for (const entry of many(2)) set(index, cache, entry);
    let step = 0;
    let isBusy = true;
    const busy = new Cache(disk, 'c', ROLEID, {
      ...INSTANT,
      yield: async () => {
        if (!isBusy) return;
        const [gone, come] = [pathOf(`f${step++}`), file(`new${step}`)];
        index.drop(gone);
        busy.touch(gone);
        set(index, busy, come);
      },
    });
    await busy.load(new DomainIndex());
    for (const { path } of many(1)) busy.touch(path);
    await busy.flush(index);
    isBusy = false;
    await busy.flush(index);
    const found = await loaded(disk);
    assert.deepEqual(found.damaged, []);
    assert.equal(found.index.digest, index.digest);
  });
});
