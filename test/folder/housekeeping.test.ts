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

it('a journal that grows is folded once it has stopped: whoever has much to do writes no cache meanwhile', async () => {
  const volume = await known();
  const life = await volume.start();
  // What the first scan has found is written first.
  await volume.pass(12_000);
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
    const openAppend = life.disk.openAppend.bind(life.disk);
    life.disk.openAppend = path => {
      if (path.includes('/shard-')) throw new DiskError('ENOSPC', 'write', path);
      return openAppend(path);
    };
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

describe('a deletion right before a kill -9', () => {
  /** Long enough for the housekeeping to have written the cache. */
  const WRITTEN_MS = 15_000;
  const cases: [name: string, runs: number, passes: number, known: string | undefined, isWritten: boolean][] = [
    ['before the first cache was written, announced: it is known', 0, 2 * SETTLE_MS, 'tombstone', false],
    [
      'before the first cache was written, and before anybody knew: it is forgotten, and may come back',
      0,
      0,
      undefined,
      false,
    ],
    ['after that, and before anybody knew: it is found', WRITTEN_MS, 0, 'tombstone', true],
  ];
  for (const [name, runs, passes, known, isWritten] of cases)
    it(name, async () => {
      const volume = new Volume();
      for (const path of ['f', 'g', 'h', 'i']) volume.write(path);
      await volume.pass(10 * SETTLE_MS);
      const life = await volume.start();
      await volume.pass(runs);
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
