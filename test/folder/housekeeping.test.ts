/** When the cache is written, and what is forgotten. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DiskError } from '../../src/folder/disk.ts';
import { pathOf, tombstone } from '../support/entries.ts';
import { type Life, SETTLE_MS, Volume } from '../support/life.ts';
import { OPTIONS } from '../support/network.ts';
import { carryOut, known } from '../support/wishes.ts';

/** Changes files whose lines in the journal are more together than it may have before it is folded. */
function fillJournal(volume: Volume, life: Life): void {
  const deep = Array.from({ length: 13 }, () => 'd'.repeat(250));
  for (const i of deep.keys()) volume.disk.mkdir(`d/${deep.slice(0, i + 1).join('/')}`, 0o755);
  for (let i = 0; i < 10_400; i++) {
    const name = `${deep.join('/')}/${i}`;
    volume.write(name);
    life.replica.hint(pathOf(name), true);
  }
}

/** No cache can be written on this disk. */
function refuseCaches(life: Life): void {
  const openAppend = life.disk.openAppend.bind(life.disk);
  life.disk.openAppend = path => {
    if (path.includes('/shard-')) throw new DiskError('ENOSPC', 'write', path);
    return openAppend(path);
  };
}

it('a journal that grows is folded once it has stopped: whoever has much to do writes no cache meanwhile', async () => {
  const volume = await known();
  const life = await volume.start();
  fillJournal(volume, life);
  const isFolded = () => volume.disk.lstat('.dfsync/cache/d/shard-00.json') !== undefined;
  await volume.pass(12_000);
  assert.ok(life.replica.totals.files > 10_000);
  assert.ok(!isFolded());
  await volume.pass(10_000);
  assert.ok(isFolded());
  await life.end();
});

describe('a cache that cannot be written', () => {
  it('is said, and written as soon as it can be, although the journal is a new one by then', async () => {
    const volume = await known();
    const life = await volume.start();
    fillJournal(volume, life);
    const { openAppend } = life.disk;
    refuseCaches(life);
    await volume.pass(60_000);
    assert.match(life.replica.notWritten ?? '', /ENOSPC/);
    assert.ok(volume.disk.lstat('.dfsync/cache/d/journal.before.jsonl'));
    assert.equal(life.events.filter(event => /cache not written/.test(event)).length, 1, 'it is told once');
    life.disk.openAppend = openAppend;
    await volume.pass(60_000);
    assert.equal(life.replica.notWritten, undefined);
    assert.equal(volume.disk.lstat('.dfsync/cache/d/journal.before.jsonl'), undefined);
    assert.ok(volume.disk.lstat('.dfsync/cache/d/shard-00.json'));
    await life.end();
  });
});

describe('what a first scan has met', () => {
  it('is written down before the domain is ready: whoever hears of it may change it by that', async () => {
    const volume = new Volume();
    volume.write('f');
    await volume.pass(10 * SETTLE_MS);
    const life = await volume.start(7, false);
    let written: boolean | undefined;
    life.onReady = () => {
      assert.ok(life.replica.ready);
      written = volume.disk.lstat('.dfsync/cache/d/shard-.json') !== undefined;
    };
    await life.run();
    assert.equal(written, true);
    await life.end();
  });

  it('is told although it cannot be written down: a full volume has much that is wanted elsewhere', async () => {
    const volume = new Volume();
    volume.write('f');
    await volume.pass(10 * SETTLE_MS);
    const life = await volume.start(7, false);
    refuseCaches(life);
    await life.run();
    assert.ok(life.replica.ready);
    assert.match(life.replica.notWritten ?? '', /ENOSPC/);
    life.kill();
  });
});

describe('a deletion right before a kill -9', () => {
  const cases: [name: string, passes: number, isWritten: boolean, known: string | undefined][] = [
    ['is known where it was announced', 2 * SETTLE_MS, true, 'tombstone'],
    ['is found where it was not', 0, true, 'tombstone'],
    ['is known where it was announced, although no cache could be written', 2 * SETTLE_MS, false, 'tombstone'],
    ['is forgotten where it was not, and no cache could be written: it may come back', 0, false, undefined],
  ];
  for (const [name, passes, isWritten, known] of cases)
    it(name, async () => {
      const volume = new Volume();
      for (const path of ['f', 'g', 'h', 'i']) volume.write(path);
      await volume.pass(10 * SETTLE_MS);
      const life = await volume.start(7, false);
      if (!isWritten) refuseCaches(life);
      await life.run();
      volume.disk.unlink('d/f');
      life.replica.hint(pathOf('f'));
      await volume.pass(passes);
      assert.equal(volume.disk.lstat('.dfsync/cache/d/shard-.json') !== undefined, isWritten);
      assert.equal(
        life.changes.some(({ path }) => path === 'f'),
        passes > 0,
      );
      life.kill();
      const next = await volume.start();
      await volume.pass(2 * SETTLE_MS);
      assert.equal(next.entry('f')?.kind, known);
      assert.equal(next.entry('g')?.kind, 'file');
      await next.end();
    });
});

it('tombstones past the retention are forgotten, and only those', async () => {
  const volume = await known();
  const life = await volume.start();
  const deadline = volume.clock.now() - OPTIONS.retentionMs;
  await carryOut(volume, life, [
    tombstone('old', { 3: 5 }, deadline + 60_000),
    tombstone('young', { 3: 5 }, deadline + 86_400_000),
  ]);
  await volume.pass(1_800_000);
  assert.equal(life.entry('old')?.kind, 'tombstone', 'peers whose clocks are behind may still tell of it');
  await volume.pass(1_800_000);
  assert.equal(life.entry('old'), undefined);
  assert.equal(life.entry('young')?.kind, 'tombstone');
  await life.end();
  const next = await volume.start(7, false);
  assert.equal(next.entry('old'), undefined);
  assert.equal(next.entry('young')?.kind, 'tombstone');
});
