import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { DiskError } from '../../src/folder/disk.ts';
import { Trash } from '../../src/folder/trash.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';
import { directory, file, symlink } from '../support/entries.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 0, 5, 12);

/** A disk with a file of an entry's size and date in a domain `d`, and the domain's trash. */
function furnished(entry: Entry, options = {}): { disk: MemoryDisk; trash: Trash; place: string } {
  const disk = new MemoryDisk({ now: () => NOW, ...options });
  disk.mkdir('d', 0o755);
  disk.mkdir('trash', 0o700);
  const place = `d/${entry.path.replaceAll('/', '-')}`;
  disk.writeFile(place, Buffer.alloc(entry.size, 'x'), 0o644);
  disk.setDate(place, entry.mtime);
  return { disk, trash: new Trash(disk, 'trash'), place };
}

describe('what is thrown away', () => {
  it('lies under its day, path and version', () => {
    const entry = file('a/b/f', { 1: 5, 3: 9 });
    const { disk, trash, place } = furnished(entry);
    trash.take(place, entry, false, NOW);
    assert.equal(disk.lstat(place), undefined);
    assert.equal(disk.lstat('trash/2026-01-05/a/b/f~9.3')?.size, entry.size);
  });

  it('can stay where it is under its second name', () => {
    const entry = file('f', { 1: 5 });
    const { disk, trash, place } = furnished(entry);
    assert.ok(trash.keep(place, entry, false, NOW));
    assert.equal(disk.lstat(place)?.inode, disk.lstat('trash/2026-01-05/f~5.1')?.inode);
  });

  it('says so where there are no second names', t => {
    const entry = file('f', { 1: 5 });
    const { disk, trash, place } = furnished(entry, { withoutLinks: true });
    assert.equal(trash.keep(place, entry, false, NOW), undefined);
    assert.ok(disk.lstat(place));
    for (const code of ['ENOSYS', 'ENOTSUP']) {
      const refusal = new DiskError(code, 'link', place);
      t.mock.method(disk, 'link', () => {
        throw refusal;
      });
      assert.equal(trash.keep(place, entry, false, NOW), undefined, code);
    }
    assert.throws(() => furnished(entry).trash.keep('d/none', entry, false, NOW), DiskError);
  });

  it('as the loser of a conflict is marked', () => {
    const entry = file('f', { 1: 5 });
    const { disk, trash, place } = furnished(entry);
    trash.take(place, entry, true, NOW);
    assert.deepEqual(disk.list('trash/2026-01-05'), ['f~5.1.conflict']);
  });

  it('twice in one version is there twice', () => {
    const entry = file('f', { 1: 5 });
    const { disk, trash, place } = furnished(entry);
    for (let i = 0; i < 3; i++) trash.keep(place, entry, false, NOW);
    assert.deepEqual(disk.list('trash/2026-01-05').sort(), ['f~5.1', 'f~5.1.2', 'f~5.1.3']);
  });

  it('as a directory goes with all that is in it', () => {
    const { disk, trash } = furnished(file('x'));
    disk.mkdir('d/sub', 0o755);
    disk.writeFile('d/sub/f', Buffer.from('f'), 0o644);
    trash.take('d/sub', directory('sub', { 1: 5 }), false, NOW);
    assert.ok(disk.lstat('trash/2026-01-05/sub~5.1/f'));
  });

  it('with a name as long as names may be finds room, the same one each time', () => {
    for (const name of ['x'.repeat(255), 'ä'.repeat(127), '\udcff'.repeat(255)]) {
      const entry = file(name, { 1: 5 });
      const { disk, trash, place } = furnished(entry);
      trash.keep(place, entry, true, NOW);
      trash.keep(place, entry, false, NOW);
      const names = disk.list('trash/2026-01-05');
      assert.equal(names.length, 2);
      assert.ok(names.every(kept => Buffer.byteLength(kept) <= 255));
      assert.ok(trash.find({ path: entry.path, version: entry.version }, entry));
    }
  });

  it('does not mind a file and then a directory of one name on one day', () => {
    const { disk, trash, place } = furnished(file('a', { 1: 5 }));
    trash.keep(place, file('a', { 1: 5 }), false, NOW);
    trash.keep(place, file('a/b', { 1: 6 }), false, NOW);
    assert.deepEqual(disk.list('trash/2026-01-05').sort(), ['a', 'a~5.1']);
  });

  it('costs no look where its directory is known, and begins each day anew', t => {
    const entry = file('a/f', { 1: 5 });
    const { disk, trash, place } = furnished(entry);
    trash.keep(place, entry, false, NOW);
    const looks = t.mock.method(disk, 'lstat').mock;
    assert.ok(trash.keep(place, file('a/g', { 1: 5 }), false, NOW));
    assert.equal(looks.callCount(), 0);
    for (const now of [NOW + DAY, NOW]) {
      const name = trash.keep(place, file('a/h', { 1: 5 }), false, now);
      assert.ok(name !== undefined && disk.lstat(name));
    }
  });

  it('finds its way after somebody emptied the trash', () => {
    const entry = file('a/f', { 1: 5 });
    const { disk, trash, place } = furnished(entry);
    trash.keep(place, entry, false, NOW);
    disk.unlink('trash/2026-01-05/a/f~5.1');
    disk.rmdir('trash/2026-01-05/a');
    disk.rmdir('trash/2026-01-05');
    assert.ok(trash.keep(place, entry, false, NOW));
  });
});

describe('finding what a rename left', () => {
  const entry = file('a/f', { 1: 5, 2: 6 }, { size: 3 });
  const origin = { path: entry.path, version: { 2: 6, 1: 5 } };

  it('by path and version, on whatever day', () => {
    for (const now of [NOW, NOW - 3 * DAY]) {
      const { trash, place } = furnished(entry);
      trash.take(place, entry, false, now);
      assert.match(trash.find(origin, file('b', { 9: 9 }, { size: 3 })) ?? '', /a\/f~6\.2$/);
    }
  });

  const others: [name: string, thrown: Entry, content: Entry][] = [
    ['another version', file('a/f', { 2: 7 }, { size: 3 }), entry],
    ['another path', file('b/f', { 2: 6 }, { size: 3 }), entry],
    ['another size than is wanted', entry, file('b', {}, { size: 4 })],
    ['another date than is wanted', entry, file('b', {}, { size: 3, mtime: 1 })],
    ['a symlink', entry, symlink('b')],
  ];
  for (const [name, thrown, content] of others)
    it(`not ${name}`, () => {
      const { trash, place } = furnished(thrown);
      trash.take(place, thrown, false, NOW);
      assert.equal(trash.find(origin, content), undefined);
    });

  it('in no trash finds nothing', () => {
    assert.equal(new Trash(new MemoryDisk({ now: () => 0 }), 'none').find(origin, entry), undefined);
  });
});
