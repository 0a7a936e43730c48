import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Staging } from '../../src/folder/staging.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';
import { file } from '../support/entries.ts';

const DAY = 86_400_000;

function opened(): { disk: MemoryDisk; staging: Staging; clock: { now: number } } {
  const clock = { now: 10 * DAY };
  const disk = new MemoryDisk({ now: () => clock.now });
  const staging = new Staging(disk, 'staging');
  staging.open(clock.now);
  return { disk, staging, clock };
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
    const next = new Staging(disk.mount(), 'staging');
    next.open(10 * DAY);
    assert.equal(next.received(entry), 5);
    const more = next.append(entry);
    assert.equal(more.size, 5);
    await more.write(Buffer.from('56789'));
    more.close();
    assert.equal(next.received(entry), 10);
    assert.equal(Buffer.from(disk.readFile(next.place(entry))).toString(), '0123456789');
  });

  it('begins again where more is here than the file has', () => {
    const { disk, staging } = opened();
    staging.put(entry, Buffer.alloc(11));
    assert.equal(staging.received(entry), 0);
    assert.equal(disk.lstat(staging.place(entry)), undefined);
  });

  it('is private', () => {
    const { disk, staging } = opened();
    staging.put(entry, Buffer.alloc(10));
    assert.equal(disk.lstat('staging')?.mode, 0o700);
    assert.equal(disk.lstat(staging.place(entry))?.mode, 0o600);
  });

  it('takes a copy in place of what was there', () => {
    const { disk, staging } = opened();
    disk.writeFile('source', Buffer.from('0123456789'), 0o644);
    staging.put(entry, Buffer.from('old'));
    staging.copy(entry, 'source');
    assert.equal(staging.received(entry), 10);
    assert.ok(disk.lstat('source'));
  });

  it('takes a file over', () => {
    const { disk, staging } = opened();
    disk.writeFile('thrown', Buffer.from('0123456789'), 0o644);
    staging.adopt(entry, 'thrown');
    assert.equal(staging.received(entry), 10);
    assert.equal(disk.lstat('thrown'), undefined);
  });

  it('discards, twice if asked to', () => {
    const { staging } = opened();
    staging.put(entry, Buffer.alloc(3));
    staging.discard(entry);
    staging.discard(entry);
    assert.equal(staging.received(entry), 0);
  });

  it('drops at start what nobody went on with for a day', () => {
    const { disk, staging, clock } = opened();
    const older = file('older', {}, { size: 10 });
    staging.put(older, Buffer.alloc(3));
    clock.now += DAY / 2;
    staging.put(entry, Buffer.alloc(3));
    clock.now += DAY / 2 + 1;
    new Staging(disk.mount(), 'staging').open(clock.now);
    assert.equal(staging.received(older), 0);
    assert.equal(staging.received(entry), 3);
  });
});
