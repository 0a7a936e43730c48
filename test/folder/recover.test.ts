/** What peers deleted or replaced comes back from the trash, as a change of this instance. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { plan } from '../../src/core/plan.ts';
import { undoing } from '../../src/core/recovery.ts';
import type { MemoryOptions } from '../sim/memory-volume.ts';
import { directory, file, pathOf, tombstone } from '../support/entries.ts';
import { type Life, SETTLE_MS, START, Volume } from '../support/life.ts';

const LATER = { 3: START + 600_000 };
const LONG = 'n'.repeat(250);

/** A replica of a tree, running. */
async function running(
  options: Partial<MemoryOptions>,
  ...files: readonly string[]
): Promise<{ volume: Volume; life: Life }> {
  const volume = new Volume(undefined, options);
  for (const path of files) {
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1))
      if (!volume.disk.lstat(`d/${path.slice(0, slash)}`)) volume.disk.mkdir(`d/${path.slice(0, slash)}`, 0o750);
    volume.write(path, `content of ${path}`, 0o640);
  }
  volume.write('keep');
  await volume.pass(10 * SETTLE_MS);
  return { volume, life: await volume.start() };
}

/** A peer wants something to be true. */
async function wish(volume: Volume, life: Life, ...wanted: readonly Entry[]): Promise<void> {
  await volume.pass(1);
  const { actions } = plan(
    life.replica,
    wanted.map(entry => ({ entry })),
    7,
    life.clock.now(),
  );
  for (const { entry } of actions.filter(action => action.do === 'fetch'))
    await life.replica.put([{ entry, bytes: Buffer.alloc(entry.size, 'n') }]);
  const applied = life.replica.apply(actions, () => 'south');
  await volume.clock.settle();
  for (const result of await applied) assert.equal(result.result, 'done', JSON.stringify(result));
}

async function undo(volume: Volume, life: Life, since: number) {
  const discarded = life.replica.discarded(since);
  await volume.clock.settle();
  const found = undoing(await discarded, since, path => life.replica.get(path));
  const recovered = life.replica.recover(found.map(({ item }) => item));
  recovered.catch(() => {});
  await volume.clock.settle();
  return { found: found.map(({ item, undoes }) => `${undoes} of ${item.path}`), failed: await recovered };
}

describe('an undo', () => {
  it('brings a deleted tree back, with dates and modes, and spreads', async () => {
    const { volume, life } = await running({}, 'a/b/f', 'a/g');
    const before = volume.disk.lstat('d/a/b/f')!;
    const since = life.clock.now();
    const tree = ['a/b/f', 'a/g', 'a/b', 'a'];
    await wish(volume, life, ...tree.map(path => ({ ...tombstone(path, LATER, START), mode: 0o750 })));
    assert.equal(volume.disk.lstat('d/a'), undefined);
    life.changes.length = 0;
    const { found, failed } = await undo(volume, life, since);
    assert.deepEqual([found, failed], [['deletion of a/b/f', 'deletion of a/g'], []]);
    assert.equal(volume.text('a/b/f'), 'content of a/b/f');
    const after = volume.disk.lstat('d/a/b/f')!;
    assert.deepEqual([after.mtime, after.mode], [before.mtime, before.mode]);
    assert.equal(volume.disk.lstat('d/a/b')?.mode, 0o750);
    assert.deepEqual(life.entry('a/b/f')?.version, { 0: START, ...LATER, 7: LATER[3] + 1 });
    assert.deepEqual(new Set(life.changes.map(({ path }) => path)), new Set(['a', 'a/b', 'a/b/f', 'a/g']));
    assert.ok(life.changes.every(({ via }) => via === undefined));
    await life.end();
  });

  it('brings a replaced file back, and what stood there goes to the trash', async () => {
    const { volume, life } = await running({}, 'f');
    const since = life.clock.now();
    await wish(volume, life, file('f', LATER, { size: 3, mtime: START }));
    assert.deepEqual((await undo(volume, life, since)).failed, []);
    assert.equal(volume.text('f'), 'content of f');
    await volume.pass(1);
    assert.deepEqual((await undo(volume, life, life.clock.now() - 1)).failed, []);
    assert.equal(volume.text('f'), 'nnn');
    await life.end();
  });

  it('leaves what was thrown away before', async () => {
    const { volume, life } = await running({}, 'f');
    await wish(volume, life, tombstone('f', LATER, START));
    await volume.pass(10);
    assert.deepEqual((await undo(volume, life, life.clock.now())).found, []);
    assert.equal(volume.disk.lstat('d/f'), undefined);
    await life.end();
  });

  it('brings a directory back that a file took the place of', async () => {
    const { volume, life } = await running({}, 'a/b/f', 'a/g');
    const since = life.clock.now();
    await wish(volume, life, file('a', LATER, { size: 3, mtime: START }));
    assert.equal(volume.disk.lstat('d/a')?.kind, 'file');
    const { failed } = await undo(volume, life, since);
    assert.deepEqual(failed, []);
    assert.equal(volume.text('a/b/f'), 'content of a/b/f');
    assert.equal(life.entry('a')?.kind, 'directory');
    await life.end();
  });

  it('knows names that were too long for the trash', async () => {
    const { volume, life } = await running({}, `a/${LONG}`);
    const since = life.clock.now();
    await wish(volume, life, tombstone(`a/${LONG}`, LATER, START));
    assert.deepEqual((await undo(volume, life, since)).found, [`deletion of a/${LONG}`]);
    assert.equal(volume.text(`a/${LONG}`), `content of a/${LONG}`);
    await life.end();
  });

  it('tells directories whose names look like items of the trash, and files whose names look like hashes', async () => {
    const paths = ['v1~20240101.1/f', '0123456789abcdef'];
    const { volume, life } = await running({}, ...paths);
    const since = life.clock.now();
    await wish(volume, life, ...[...paths, 'v1~20240101.1'].map(path => tombstone(path, LATER, START)));
    assert.deepEqual((await undo(volume, life, since)).failed, []);
    for (const path of paths) assert.equal(volume.text(path), `content of ${path}`);
    assert.equal(volume.disk.lstat('d/v1'), undefined);
    await life.end();
  });

  it('says what cannot come back, and leaves it in the trash', async () => {
    const { volume, life } = await running({}, 'a/g', 'other');
    const since = life.clock.now();
    await wish(volume, life, tombstone('a/g', LATER, START), tombstone('other', LATER, START));
    await volume.pass(1);
    await wish(volume, life, tombstone('a', LATER, START));
    await wish(volume, life, file('a', { 3: LATER[3] + 5 }, { size: 3, mtime: START }));
    const { failed } = await undo(volume, life, since);
    assert.deepEqual(
      failed.map(({ path }) => path),
      ['a/g'],
    );
    assert.match(failed[0]!.reason, /file or symlink stands/);
    assert.equal(volume.text('other'), 'content of other');
    const left = life.replica.discarded();
    await volume.clock.settle();
    assert.ok((await left).some(({ path }) => path === 'a/g'));
    await life.end();
  });

  it('does not overwrite an edit that nobody has seen yet, and keeps the item', async () => {
    const { volume, life } = await running({}, 'f');
    const since = life.clock.now();
    await wish(volume, life, file('f', LATER, { size: 3, mtime: START }));
    volume.write('f', 'an edit');
    const { failed } = await undo(volume, life, since);
    assert.match(failed[0]?.reason ?? '', /changed just now/);
    assert.equal(volume.text('f'), 'an edit');
    const left = life.replica.discarded();
    await volume.clock.settle();
    assert.ok((await left).some(({ path, seen }) => path === 'f' && seen.size === 'content of f'.length));
    await life.end();
  });

  for (const withoutLinks of [false, true])
    it(`survives a crash at any moment: the file is there, or in the trash still${withoutLinks ? ', without links' : ''}`, async () => {
      for (let mutations = 0; ; mutations++) {
        const { volume, life } = await running({ withoutLinks }, 'f');
        const since = life.clock.now();
        await wish(volume, life, tombstone('f', LATER, START));
        life.disk.failAfter(mutations);
        const died = await undo(volume, life, since).then(
          () => life.disk.dead,
          () => true,
        );
        life.kill();
        const next = await volume.start();
        const left = next.replica.discarded();
        await volume.clock.settle();
        const isThrown = (await left).some(({ path }) => path === 'f');
        assert.ok(isThrown || volume.disk.lstat('d/f'), `lost after ${mutations}`);
        await next.end();
        if (!died) break;
      }
    });

  for (const withoutLinks of [false, true])
    it(`is finished where the disk fails half way${withoutLinks ? ', without links' : ''}: nothing is lost, and nothing deleted`, async () => {
      for (let operations = 0; ; operations++) {
        const { volume, life } = await running({ withoutLinks }, 'f');
        const since = life.clock.now();
        await wish(volume, life, file('f', LATER, { size: 3, mtime: START }));
        let left = operations;
        life.disk.refuse(mutation => (mutation && left-- <= 0 ? 'EIO' : undefined));
        await undo(volume, life, since).catch(() => {});
        const failed = left < 0;
        life.disk.refuse(() => undefined);
        await volume.pass(20 * SETTLE_MS);
        const thrown = life.replica.discarded();
        await volume.clock.settle();
        assert.notEqual(life.replica.get(pathOf('f'))?.kind, 'tombstone', `deleted after ${operations}`);
        const contents = [volume.text('f').length, ...(await thrown).map(({ seen }) => seen.size)];
        for (const size of ['content of f'.length, 3]) assert.ok(contents.includes(size), `lost after ${operations}`);
        await life.end();
        if (!failed) break;
      }
    });
});

describe('a date in the future', () => {
  it('of this instance becomes now, is journaled and told; that of others stays', async () => {
    const { volume, life } = await running({}, 'f', 'g');
    const ahead = life.clock.now() + 86_400_000;
    const f = { ...life.entry('f')!, version: { 0: START, 7: ahead } };
    const g = { ...life.entry('g')!, version: { 0: START, 3: ahead } };
    await wish(volume, life, f, g, tombstone('gone', { 7: ahead }, ahead), directory('x', { 0: ahead }));
    life.changes.length = 0;
    const redated = life.replica.redate();
    await volume.clock.settle();
    assert.equal(await redated, 3);
    const now = life.clock.now();
    assert.deepEqual(life.entry('f')?.version, { 0: START, 7: now });
    assert.deepEqual(life.entry('g')?.version, g.version);
    assert.deepEqual(life.entry('x')?.version, { 7: now });
    assert.deepEqual([life.entry('gone')?.version, life.entry('gone')?.mtime], [{ 7: now }, now]);
    assert.deepEqual(life.changes.map(({ path }) => path).sort(), ['f', 'gone', 'x']);
    life.kill();
    const next = await volume.start();
    assert.deepEqual(next.entry('f')?.version, { 0: START, 7: now });
    assert.equal(next.entry(pathOf('f'))?.mtime, f.mtime);
    await next.end();
  });
});
