import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inlineSmallFiles } from '../../src/folder/small-files.ts';
import { Staging } from '../../src/folder/staging.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';
import { file } from '../support/entries.ts';

const DAY = 86_400_000;

function opened(): { disk: MemoryDisk; staging: Staging; clock: { now: number } } {
  const clock = { now: 10 * DAY };
  const disk = new MemoryDisk({ now: () => clock.now });
  const staging = stagingOf(disk);
  staging.open(clock.now);
  return { disk, staging, clock };
}

function stagingOf(disk: MemoryDisk): Staging {
  return new Staging(disk, 'staging', inlineSmallFiles(disk));
}

const entry = file('a/f', { 1: 1 }, { size: 10, mtime: 77 });

describe('staging', () => {
  it('has a place for each path, size and date, whatever the version, mode and name', () => {
    const { staging } = opened();
    assert.equal(staging.place(entry), staging.place(file('a/f', { 2: 2 }, { size: 10, mtime: 77, mode: 0o600 })));
    const others = [
      file('a/g', {}, { size: 10, mtime: 77 }),
      file('a/f', {}, { size: 11, mtime: 77 }),
      file('a/f', {}, { size: 10, mtime: 78 }),
      file('a/f', {}, { size: 10, mtime: -77 }),
      file('ä'.repeat(127), {}, { size: 2 ** 50, mtime: 2 ** 45 }),
    ];
    const places = new Set([entry, ...others].map(each => staging.place(each)));
    assert.equal(places.size, others.length + 1);
    for (const place of places) assert.ok(place.length < 100, place);
  });

  it('goes on where a transfer stopped, in another process too', async () => {
    const { disk, staging } = opened();
    assert.equal(staging.received(entry), 0);
    const writer = staging.append(entry);
    await writer.write(Buffer.from('01234'));
    writer.close();
    const next = stagingOf(disk.mount());
    next.open(10 * DAY);
    assert.equal(next.received(entry), 5);
    const more = next.append(entry);
    assert.equal(more.size, 5);
    await more.write(Buffer.from('56789'));
    more.close();
    assert.equal(next.received(entry), 10);
    assert.equal(Buffer.from(disk.readFile(next.place(entry))).toString(), '0123456789');
  });

  it('begins again where more is here than the file has', async () => {
    const { disk, staging } = opened();
    await staging.put([{ entry, bytes: Buffer.alloc(11) }]);
    assert.equal(staging.received(entry), 0);
    assert.equal(disk.lstat(staging.place(entry)), undefined);
  });

  it('is private', () => {
    assert.equal(opened().disk.lstat('staging')?.mode, 0o700);
  });

  it('gives a small file all that it will have, and tells what it is once', async () => {
    const { disk, staging } = opened();
    const place = staging.place(entry);
    assert.deepEqual(await staging.put([{ entry, bytes: Buffer.alloc(10) }]), [undefined]);
    const stat = disk.lstat(place)!;
    assert.deepEqual([stat.size, stat.mtime, stat.mode], [entry.size, entry.mtime, entry.mode]);
    assert.deepEqual(staging.takeFinished(entry), stat);
    assert.equal(staging.takeFinished(entry), undefined);
  });

  it('does not vouch for one that was staged with another mode', async () => {
    const { staging } = opened();
    await staging.put([{ entry, bytes: Buffer.alloc(10) }]);
    const closed = { ...entry, mode: 0o640 };
    assert.equal(staging.place(closed), staging.place(entry));
    assert.equal(staging.finished(closed), undefined);
    assert.equal(staging.takeFinished(closed), undefined);
  });

  for (const [name, touch] of [
    ['goes on', staging => staging.append(entry).close()],
    [
      'is copied over',
      (staging, disk) => disk.writeFile('other', Buffer.alloc(10), 0o644) ?? staging.copy(entry, 'other'),
    ],
    ['is discarded', staging => staging.discard(entry)],
  ] as [string, (staging: Staging, disk: MemoryDisk) => void][])
    it(`does not vouch for a file that ${name}`, async () => {
      const { disk, staging } = opened();
      await staging.put([{ entry, bytes: Buffer.alloc(10) }]);
      touch(staging, disk);
      assert.equal(staging.takeFinished(entry), undefined);
    });

  it('remembers what is on the disk, until it is written anew or gone', () => {
    const { staging } = opened();
    for (const end of [
      () => staging.append(entry).close(),
      () => staging.discard(entry),
      () => staging.left(staging.place(entry)),
    ]) {
      staging.append(entry).close();
      assert.equal(staging.isWrittenOut(entry), false);
      staging.writtenOut(entry);
      assert.equal(staging.isWrittenOut(entry), true);
      end();
      assert.equal(staging.isWrittenOut(entry), false);
    }
  });

  it('tells which of several files the disk refused, and keeps the others', async () => {
    const { disk, staging } = opened();
    const other = file('other', {}, { size: 4 });
    disk.fail(staging.place(entry), 'ENOSPC');
    const refused = await staging.put([
      { entry, bytes: Buffer.alloc(10) },
      { entry: other, bytes: Buffer.alloc(4) },
    ]);
    assert.deepEqual(
      refused.map(error => error?.code),
      ['ENOSPC', undefined],
    );
    assert.equal(staging.received(other), 4);
  });

  it('takes a copy in place of what was there', async () => {
    const { disk, staging } = opened();
    disk.writeFile('source', Buffer.from('0123456789'), 0o644);
    await staging.put([{ entry, bytes: Buffer.from('old') }]);
    staging.copy(entry, 'source');
    assert.equal(staging.received(entry), 10);
    assert.ok(disk.lstat('source'));
  });

  it('borrows a file, which stays where it is', () => {
    const { disk, staging } = opened();
    disk.writeFile('thrown', Buffer.from('0123456789'), 0o644);
    staging.borrow(entry, 'thrown');
    assert.equal(staging.received(entry), 10);
    staging.discard(entry);
    assert.equal(Buffer.from(disk.readFile('thrown')).toString(), '0123456789');
  });

  it('discards, twice if asked to', async () => {
    const { staging } = opened();
    await staging.put([{ entry, bytes: Buffer.alloc(3) }]);
    staging.discard(entry);
    staging.discard(entry);
    assert.equal(staging.received(entry), 0);
  });

  it('discards without a word what the disk does not give up, and writes nothing behind it', async () => {
    const { disk, staging } = opened();
    await staging.put([{ entry, bytes: Buffer.alloc(11) }]);
    disk.refuse(mutation => (mutation ? 'EIO' : undefined));
    assert.throws(() => staging.received(entry), /EIO/);
    staging.discard(entry);
  });

  it('drops at start what nobody went on with for a day', async () => {
    const { disk, staging, clock } = opened();
    const older = file('older', {}, { size: 10 });
    await staging.put([{ entry: older, bytes: Buffer.alloc(3) }]);
    clock.now += DAY / 2;
    await staging.put([{ entry, bytes: Buffer.alloc(3) }]);
    clock.now += DAY / 2 + 1;
    stagingOf(disk.mount()).open(clock.now);
    assert.equal(staging.received(older), 0);
    assert.equal(staging.received(entry), 3);
  });
});
