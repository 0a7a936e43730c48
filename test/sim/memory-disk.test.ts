/** What only the disk in memory can do; that it is a disk at all is the contract test's business. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DiskError } from '../../src/folder/disk.ts';
import { Crash, MemoryDisk } from './memory-disk.ts';

const bytes = (text: string) => Buffer.from(text);
const text = (disk: MemoryDisk, path: string) => Buffer.from(disk.readFile(path)).toString();

/** A disk on a clock that is set by hand. */
function at(start: number, options = {}): { disk: MemoryDisk; clock: { now: number } } {
  const clock = { now: start };
  return { disk: new MemoryDisk({ now: () => clock.now, ...options }), clock };
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    return error instanceof DiskError ? error.code : String((error as Error).name);
  }
}

describe('a crash', () => {
  it('keeps every mutation before it and none after, on its own mount only', () => {
    const { disk: users } = at(0);
    const engine = users.mount();
    engine.failAfter(2);
    engine.mkdir('d', 0o755);
    engine.writeFile('d/one', bytes('1'), 0o644);
    assert.throws(() => engine.rename('d/one', 'd/two'), Crash);
    assert.ok(engine.dead);
    for (const act of [
      () => engine.lstat('d'),
      () => engine.list(''),
      () => engine.unlink('d/one'),
      () => engine.space(),
    ])
      assert.throws(act, (error: unknown) => error instanceof Crash && !(error instanceof DiskError));
    assert.deepEqual(users.list('d'), ['one']);
    users.rename('d/one', 'd/two');
    assert.deepEqual(users.mount().list('d'), ['two']);
  });

  it('does not count what failed by itself, nor reading', () => {
    const { disk } = at(0);
    disk.failAfter(1);
    for (let i = 0; i < 5; i++)
      assert.equal(
        codeOf(() => disk.unlink('none')),
        'ENOENT',
      );
    for (let i = 0; i < 5; i++) disk.lstat('none');
    disk.mkdir('d', 0o755);
    assert.equal(
      codeOf(() => disk.mkdir('e', 0o755)),
      'Crash',
    );
  });

  it('can tear the last write', () => {
    const { disk } = at(0);
    disk.writeFile('log', bytes('whole;'), 0o600);
    const engine = disk.mount();
    engine.failAfter(0, true);
    assert.equal(
      codeOf(() => engine.append('log', bytes('torn'))),
      'Crash',
    );
    assert.equal(text(disk, 'log'), 'whole;to');
  });

  it('is a crash even where the torn write would have failed', () => {
    const { disk } = at(0);
    disk.failAfter(0, true);
    assert.equal(
      codeOf(() => disk.append('none/log', bytes('torn'))),
      'Crash',
    );
  });

  it('takes open files with it', async () => {
    const { disk } = at(0);
    disk.writeFile('f', bytes('abc'), 0o644);
    const engine = disk.mount();
    const [reader, writer] = [engine.openRead('f'), engine.openAppend('f')];
    engine.kill();
    await assert.rejects(reader.read(Buffer.alloc(3), 0), Crash);
    await assert.rejects(writer.write(bytes('d')), Crash);
    assert.throws(() => reader.stat(), Crash);
    await assert.rejects(engine.sync(), Crash);
    reader.close();
    assert.equal(text(disk, 'f'), 'abc');
  });
});

describe('a snapshot', () => {
  it('brings the whole disk back, inodes, dates and hard links included, as often as wanted', () => {
    const { disk, clock } = at(1000);
    disk.mkdir('d', 0o750);
    disk.writeFile('d/a', bytes('first'), 0o640);
    disk.link('d/a', 'b');
    disk.symlink('d/a', 'l');
    const before = ['d', 'd/a', 'b', 'l'].map(path => disk.lstat(path));
    const snapshot = disk.snapshot();
    for (const round of ['one', 'two']) {
      clock.now += 1000;
      disk.append('d/a', bytes(round));
      disk.unlink('b');
      disk.chmod('d', 0o700);
      disk.writeFile('new', bytes('new'), 0o600);
      disk.restore(snapshot);
      assert.deepEqual(disk.list('').sort(), ['b', 'd', 'l']);
      assert.deepEqual(
        ['d', 'd/a', 'b', 'l'].map(path => disk.lstat(path)),
        before,
      );
      assert.equal(text(disk, 'b'), 'first');
    }
    disk.append('b', bytes(' and last'));
    assert.equal(text(disk, 'd/a'), 'first and last');
  });

  it('of a part brings back that part, under new inode numbers', () => {
    const { disk } = at(1000);
    disk.mkdir('.dfsync', 0o700);
    disk.mkdir('.dfsync/cache', 0o700);
    disk.writeFile('.dfsync/cache/shard', bytes('old'), 0o600);
    const snapshot = disk.snapshot('.dfsync/cache');
    const inode = disk.lstat('.dfsync/cache/shard')?.inode;
    disk.append('.dfsync/cache/shard', bytes('er'));
    disk.writeFile('tree', bytes('stays'), 0o600);
    disk.restore(snapshot);
    assert.equal(text(disk, '.dfsync/cache/shard'), 'old');
    assert.equal(text(disk, 'tree'), 'stays');
    assert.notEqual(disk.lstat('.dfsync/cache/shard')?.inode, inode);
  });

  it('keeps its content whatever is appended after another one was restored', () => {
    const { disk } = at(0);
    for (const part of ['one,', 'two,']) disk.append('log', bytes(part));
    const older = disk.snapshot();
    disk.append('log', bytes('3;'));
    const newer = disk.snapshot();
    disk.restore(older);
    disk.append('log', bytes('4;'));
    assert.equal(text(disk, 'log'), 'one,two,4;');
    disk.restore(newer);
    assert.equal(text(disk, 'log'), 'one,two,3;');
  });

  it('of nothing takes away what has come since', () => {
    const { disk } = at(0);
    const snapshot = disk.snapshot('cache');
    disk.mkdir('cache', 0o700);
    disk.writeFile('cache/shard', bytes('new'), 0o600);
    disk.restore(snapshot);
    assert.equal(disk.lstat('cache'), undefined);
  });
});

describe('a poor file system', () => {
  it('keeps coarse dates, set or its own', () => {
    const { disk, clock } = at(5999, { granuleMs: 2000 });
    disk.writeFile('f', bytes('x'), 0o644);
    assert.equal(disk.lstat('f')?.mtime, 4000);
    clock.now = 8001;
    disk.setDate('f', 7777);
    assert.equal(disk.lstat('f')?.mtime, 6000);
    disk.setDate('f', -1);
    assert.equal(disk.lstat('f')?.mtime, -2000);
  });

  it('has one mode for everything and refuses others, yet makes files and directories', () => {
    const { disk } = at(0, { withoutModes: true });
    disk.mkdir('d', 0o700);
    disk.writeFile('f', bytes('x'), 0o600);
    assert.deepEqual([disk.lstat('d')?.mode, disk.lstat('f')?.mode], [0o755, 0o755]);
    assert.equal(
      codeOf(() => disk.chmod('f', 0o600)),
      'EPERM',
    );
    assert.equal(
      codeOf(() => disk.chmod('f', 0o755)),
      'ok',
    );
  });

  it('refuses hard links', () => {
    const { disk } = at(0, { withoutLinks: true });
    disk.writeFile('f', bytes('x'), 0o600);
    assert.equal(
      codeOf(() => disk.link('f', 'g')),
      'EPERM',
    );
  });

  it('is full at some point, and has room again after a deletion', async () => {
    const { disk } = at(0, { capacity: 10 });
    disk.writeFile('a', bytes('12345678'), 0o600);
    assert.deepEqual(disk.space(), { free: 2, total: 10 });
    assert.equal(
      codeOf(() => disk.append('a', bytes('9ab'))),
      'ENOSPC',
    );
    const writer = disk.openAppend('b');
    await assert.rejects(writer.write(bytes('abc')), { code: 'ENOSPC' });
    disk.unlink('a');
    await writer.write(bytes('abc'));
    assert.equal(disk.space().free, 7);
  });

  it('fails at and below a path, and works again', () => {
    const { disk } = at(0);
    disk.mkdir('bad', 0o755);
    disk.writeFile('bad/f', bytes('x'), 0o644);
    disk.mkdir('badly', 0o755);
    disk.fail('bad', 'EIO');
    const acts = [
      () => disk.lstat('bad'),
      () => disk.lstat('bad/f'),
      () => disk.list('bad'),
      () => disk.rename('bad/f', 'f'),
      () => disk.openRead('bad/f'),
    ];
    assert.deepEqual(acts.map(codeOf), ['EIO', 'EIO', 'EIO', 'EIO', 'EIO']);
    assert.equal(
      codeOf(() => disk.list('badly')),
      'ok',
    );
    disk.fail('bad');
    assert.deepEqual(disk.list('bad'), ['f']);
  });
});

describe('inodes', () => {
  it('are given again to new files, with another birth', () => {
    const { disk } = at(1000);
    disk.writeFile('old', bytes('x'), 0o644);
    const old = disk.lstat('old')!;
    disk.unlink('old');
    disk.writeFile('new', bytes('y'), 0o644);
    assert.equal(disk.lstat('new')?.inode, old.inode);
    assert.notEqual(disk.lstat('new')?.birth, old.birth);
  });

  it('stay with a name that moves, and with the last of two names', () => {
    const { disk, clock } = at(1000);
    disk.writeFile('a', bytes('x'), 0o644);
    const { inode, birth } = disk.lstat('a')!;
    clock.now = 2000;
    disk.link('a', 'b');
    disk.unlink('a');
    disk.rename('b', 'c');
    const moved = disk.lstat('c')!;
    assert.deepEqual([moved.inode, moved.birth, moved.mtime, moved.ctime], [inode, birth, 1000, 2000]);
    disk.writeFile('other', bytes('y'), 0o644);
    assert.notEqual(disk.lstat('other')?.inode, inode);
  });
});

it('tells whoever watches of every name that changed, on any mount, and of no failure', () => {
  const { disk } = at(0);
  const told: string[] = [];
  const stop = disk.watch(path => told.push(path));
  const user = disk.mount();
  user.mkdir('d', 0o755);
  user.writeFile('d/f', bytes('x'), 0o644);
  user.rename('d/f', 'g');
  user.chmod('g', 0o600);
  assert.equal(
    codeOf(() => user.rmdir('none')),
    'ENOENT',
  );
  user.unlink('g');
  assert.deepEqual(told, ['d', 'd/f', 'd/f', 'g', 'g', 'g']);
  stop();
  user.rmdir('d');
  assert.equal(told.length, 6);
});

it('knows special files, and does not open them', () => {
  const { disk } = at(0);
  disk.mknod('fifo');
  assert.equal(disk.lstat('fifo')?.kind, 'special');
  assert.equal(
    codeOf(() => disk.openRead('fifo')),
    'EINVAL',
  );
});
