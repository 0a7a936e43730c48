/** One contract for every disk: the simulator is worth what its disk is like the real one. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { fromBytes } from '../../src/core/path.ts';
import { type Disk, DiskError, seenOf } from '../../src/folder/disk.ts';
import { realDisk } from '../../src/folder/real-disk.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';

const scratch = fs.mkdtempSync(join(tmpdir(), 'dfsync-disk-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

const MIB = 1024 * 1024;

const freshRoot = () => fs.mkdtempSync(join(scratch, 'root-'));
const bytes = (text: string) => Buffer.from(text);
const text = (disk: Disk, path: string) => Buffer.from(disk.readFile(path)).toString();

/** Runs with another umask: what a disk makes must not depend on it. */
function withUmask<T>(mask: number, act: () => T): T {
  const before = process.umask(mask);
  try {
    return act();
  } finally {
    process.umask(before);
  }
}

function refuses(code: string, act: () => unknown): void {
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof DiskError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

/** A tree with one of each: file `f`, empty directory `d`, directory `full` with `full/x`, symlinks to both and to nothing. */
function furnished(disk: Disk): Disk {
  disk.writeFile('f', bytes('content of f'), 0o644);
  disk.mkdir('d', 0o755);
  disk.mkdir('full', 0o755);
  disk.writeFile('full/x', bytes('x'), 0o644);
  disk.symlink('f', 'to-f');
  disk.symlink('d', 'to-d');
  disk.symlink('nowhere', 'to-nothing');
  return disk;
}

const refusals: Record<string, [code: string, act: (disk: Disk) => unknown]> = {
  'list of nothing': ['ENOENT', disk => disk.list('none')],
  'list of a file': ['ENOTDIR', disk => disk.list('f')],
  'list through a symlink': ['ENOTDIR', disk => disk.list('to-d')],
  'mkdir over a file': ['EEXIST', disk => disk.mkdir('f', 0o755)],
  'mkdir over a symlink': ['EEXIST', disk => disk.mkdir('to-nothing', 0o755)],
  'mkdir below nothing': ['ENOENT', disk => disk.mkdir('none/a', 0o755)],
  'mkdir below a file': ['ENOTDIR', disk => disk.mkdir('f/a', 0o755)],
  'rmdir of nothing': ['ENOENT', disk => disk.rmdir('none')],
  'rmdir of a full directory': ['ENOTEMPTY', disk => disk.rmdir('full')],
  'rmdir of a file': ['ENOTDIR', disk => disk.rmdir('f')],
  'rmdir of a symlink to a directory': ['ENOTDIR', disk => disk.rmdir('to-d')],
  'unlink of nothing': ['ENOENT', disk => disk.unlink('none')],
  'unlink of a directory': ['EISDIR', disk => disk.unlink('d')],
  'symlink over a file': ['EEXIST', disk => disk.symlink('x', 'f')],
  'link over a file': ['EEXIST', disk => disk.link('full/x', 'f')],
  'link of a directory': ['EPERM', disk => disk.link('d', 'e')],
  'link of nothing': ['ENOENT', disk => disk.link('none', 'e')],
  'rename of nothing': ['ENOENT', disk => disk.rename('none', 'e')],
  'rename into nothing': ['ENOENT', disk => disk.rename('f', 'none/e')],
  'rename of a file over a directory': ['EISDIR', disk => disk.rename('f', 'd')],
  'rename of a directory over a file': ['ENOTDIR', disk => disk.rename('d', 'f')],
  'rename of a directory over a symlink to one': ['ENOTDIR', disk => disk.rename('full', 'to-d')],
  'rename of a directory over a full one': ['ENOTEMPTY', disk => disk.rename('d', 'full')],
  'rename of a directory into itself': ['EINVAL', disk => disk.rename('full', 'full/y')],
  'chmod of a symlink': ['ELOOP', disk => disk.chmod('to-f', 0o600)],
  'chmod of nothing': ['ENOENT', disk => disk.chmod('none', 0o600)],
  'date of nothing': ['ENOENT', disk => disk.setDate('none', 0)],
  'readlink of a file': ['EINVAL', disk => disk.readlink('f')],
  'read of a directory': ['EISDIR', disk => disk.readFile('d')],
  'read through a symlink': ['ELOOP', disk => disk.readFile('to-f')],
  'write through a symlink': ['ELOOP', disk => disk.writeFile('to-f', bytes('!'), 0o644)],
  'write through a symlink to nothing': ['ELOOP', disk => disk.writeFile('to-nothing', bytes('!'), 0o644)],
  'append through a symlink': ['ELOOP', disk => disk.append('to-f', bytes('!'))],
  'open for reading through a symlink': ['ELOOP', disk => disk.openRead('to-f')],
  'open for writing through a symlink': ['ELOOP', disk => disk.openAppend('to-nothing')],
  'open of nothing for reading': ['ENOENT', disk => disk.openRead('none')],
  'copy of a symlink': ['ELOOP', disk => disk.copy('to-f', 'e')],
  'copy of a directory': ['EISDIR', disk => disk.copy('d', 'e')],
  'copy over a directory': ['EISDIR', disk => disk.copy('f', 'd')],
};

const disks: Record<string, () => Disk> = {
  'a real disk': () => realDisk(freshRoot()),
  'a disk in memory': () => new MemoryDisk({ now: Date.now }),
};

for (const [name, fresh] of Object.entries(disks)) describe(name, () => contract(fresh));

function contract(fresh: () => Disk): void {
  for (const [name, [code, act]] of Object.entries(refusals)) {
    it(`refuses ${name}: ${code}, and changes nothing`, () => {
      const disk = furnished(fresh());
      refuses(code, () => act(disk));
      assert.deepEqual(disk.list('').sort(), ['d', 'f', 'full', 'to-d', 'to-f', 'to-nothing']);
      assert.equal(text(disk, 'f'), 'content of f');
      assert.deepEqual(disk.list('full'), ['x']);
    });
  }

  it('says what stands at a path, and nothing for what is missing or below a file', () => {
    const disk = furnished(fresh());
    const seen = (path: string) => {
      const stat = disk.lstat(path);
      return stat && seenOf(stat, () => disk.readlink(path));
    };
    disk.setDate('f', 1_700_000_000_123);
    assert.deepEqual(seen('f'), { kind: 'file', size: 12, mtime: 1_700_000_000_123, mode: 0o644 });
    assert.deepEqual(seen('d'), { kind: 'directory', size: 0, mtime: 0, mode: 0o755 });
    assert.deepEqual(seen('to-d'), { kind: 'symlink', size: 0, mtime: 0, mode: 0, target: 'd' });
    assert.equal(disk.lstat('')?.kind, 'directory');
    for (const missing of ['none', 'none/below', 'f/below', 'f/far/below', 'to-nothing/below'])
      assert.equal(disk.lstat(missing), undefined);
  });

  it('makes files and directories with their mode whatever the umask', () => {
    const disk = fresh();
    withUmask(0o077, () => {
      disk.mkdir('d', 0o777);
      disk.writeFile('f', bytes(''), 0o666);
      disk.writeFile('f', bytes('again'), 0o604);
    });
    assert.equal(disk.lstat('d')?.mode, 0o777);
    assert.equal(disk.lstat('f')?.mode, 0o604);
    disk.chmod('d', 0o500);
    disk.chmod('f', 0);
    assert.equal(disk.lstat('d')?.mode, 0o500);
    assert.equal(disk.lstat('f')?.mode, 0);
  });

  it('reads every date back as it was set', () => {
    const disk = furnished(fresh());
    const special = [0, -1, 1, 999, -999, -1000, -1001, 1_000_000_000_000, -2_000_000_000_000, 15_000_000_000_000];
    const dates = fc.oneof(
      fc.constantFrom(...special),
      fc.integer({ min: 1_000_000_000_000, max: 2_000_000_000_000 }),
      // What ext4 with its usual inodes holds: 1901 to 2446.
      fc.integer({ min: -2_147_483_647_000, max: 15_032_385_534_999 }),
    );
    fc.assert(
      fc.property(dates, date => {
        disk.setDate('f', date);
        assert.equal(disk.lstat('f')?.mtime, date);
      }),
      { numRuns: 2000 },
    );
    for (const date of special) {
      disk.setDate('f', date);
      assert.equal(disk.lstat('f')?.mtime, date);
    }
  });

  it('sets the date of a symlink, not of what it points to', () => {
    const disk = furnished(fresh());
    disk.setDate('f', 1000);
    disk.setDate('to-f', 2000);
    assert.equal(disk.lstat('f')?.mtime, 1000);
    assert.equal(disk.lstat('to-f')?.mtime, 2000);
  });

  it('keeps names that are no text', () => {
    const disk = fresh();
    const names = [
      'plain',
      'ü\u{1f600}',
      ' \n\\',
      '\ufffd',
      fromBytes(Buffer.of(0x61, 0xff, 0x80)),
      fromBytes(Buffer.of(0xed, 0xa0, 0x80)),
    ];
    for (const name of names) {
      disk.mkdir(name, 0o755);
      disk.writeFile(`${name}/${name}`, bytes(name), 0o644);
      disk.symlink(name, `${name}/link`);
    }
    assert.deepEqual(disk.list('').sort(), [...names].sort());
    for (const name of names) {
      assert.deepEqual(disk.list(name).sort(), [name, 'link'].sort());
      assert.equal(disk.readlink(`${name}/link`), name);
      disk.rename(`${name}/${name}`, `${name}/moved`);
      assert.deepEqual(Buffer.from(disk.readFile(`${name}/moved`)), bytes(name));
    }
  });

  it('renames over a file, over an empty directory, and over another name of itself', () => {
    const disk = furnished(fresh());
    const inode = disk.lstat('f')?.inode;
    disk.rename('f', 'full/x');
    assert.equal(text(disk, 'full/x'), 'content of f');
    assert.equal(disk.lstat('full/x')?.inode, inode);
    assert.equal(disk.lstat('f'), undefined);
    disk.rename('full', 'd');
    assert.deepEqual(disk.list('d'), ['x']);
    disk.link('d/x', 'y');
    disk.rename('y', 'd/x');
    assert.equal(text(disk, 'y'), 'content of f');
    assert.equal(text(disk, 'd/x'), 'content of f');
  });

  it('renames and unlinks symlinks, not what they point to', () => {
    const disk = furnished(fresh());
    disk.rename('to-f', 'moved');
    assert.equal(disk.readlink('moved'), 'f');
    disk.rename('f', 'moved');
    assert.equal(disk.lstat('moved')?.kind, 'file');
    disk.unlink('to-d');
    assert.equal(disk.lstat('d')?.kind, 'directory');
  });

  it('links: two names of one inode, of which either may go', () => {
    const disk = furnished(fresh());
    disk.link('f', 'd/g');
    assert.equal(disk.lstat('f')?.links, 2);
    assert.equal(disk.lstat('f')?.inode, disk.lstat('d/g')?.inode);
    disk.append('f', bytes(', more'));
    disk.unlink('f');
    assert.equal(text(disk, 'd/g'), 'content of f, more');
    assert.equal(disk.lstat('d/g')?.links, 1);
  });

  it('replaces a file by link and rename without a moment of absence', () => {
    const disk = furnished(fresh());
    disk.writeFile('new', bytes('new'), 0o600);
    disk.link('f', 'd/old');
    disk.rename('new', 'f');
    assert.equal(text(disk, 'f'), 'new');
    assert.equal(text(disk, 'd/old'), 'content of f');
  });

  it('copies content into a file of its own, replacing the name only', () => {
    const disk = furnished(fresh());
    disk.copy('f', 'copied');
    disk.append('copied', bytes('!'));
    assert.equal(text(disk, 'f'), 'content of f');
    disk.link('full/x', 'other-name');
    disk.copy('f', 'full/x');
    assert.equal(text(disk, 'full/x'), 'content of f');
    assert.equal(text(disk, 'other-name'), 'x');
    disk.copy('full/x', 'to-f');
    assert.equal(disk.lstat('to-f')?.kind, 'file');
    assert.equal(text(disk, 'f'), 'content of f');
  });

  it('serves an open file whole after its name is gone or another file has it', async () => {
    const disk = furnished(fresh());
    const reader = disk.openRead('f');
    disk.writeFile('new', bytes('another'), 0o600);
    disk.rename('new', 'f');
    const into = Buffer.alloc(100);
    assert.equal(into.toString('utf8', 0, await reader.read(into, 8)), 'of f');
    assert.equal(await reader.read(into, 12), 0);
    assert.equal(reader.stat().size, 12);
    assert.notEqual(reader.stat().inode, disk.lstat('f')?.inode);
    reader.close();
  });

  it('shows the same stat by name and by descriptor, before and after a change', () => {
    const disk = furnished(fresh());
    const reader = disk.openRead('f');
    for (const date of [1_000, 1_700_000_000_123]) {
      disk.setDate('f', date);
      assert.deepEqual(reader.stat(), disk.lstat('f'));
    }
    disk.append('f', bytes('!'));
    assert.deepEqual(reader.stat(), disk.lstat('f'));
    reader.close();
  });

  it('writes at the end of a file, and goes on where another writer stopped', async () => {
    const disk = fresh();
    const first = disk.openAppend('part');
    assert.equal(first.size, 0);
    await first.write(bytes('one '));
    await first.write(new Uint8Array());
    first.close();
    const second = disk.openAppend('part');
    assert.equal(second.size, 4);
    await second.write(bytes('two'));
    await second.sync();
    assert.equal(second.size, 7);
    second.close();
    second.close();
    assert.equal(text(disk, 'part'), 'one two');
    assert.equal(disk.lstat('part')?.mode, 0o600);
  });

  it('writes long runs of zeros as it does anything else, and goes on behind them', async () => {
    const disk = fresh();
    const parts = [0, 1, 0, 0].map((byte, i) => Buffer.alloc(200_000 + i, byte));
    for (const part of parts) {
      const writer = disk.openAppend('zeros');
      await writer.write(part, bytes('.'));
      await writer.write(part);
      assert.equal(writer.size, disk.lstat('zeros')?.size);
      writer.close();
    }
    const expected = Buffer.concat(parts.flatMap(part => [part, bytes('.'), part]));
    assert.ok(Buffer.from(disk.readFile('zeros')).equals(expected));
  });

  it('appends to a file, making it where there is none', () => {
    const disk = fresh();
    for (let i = 0; i < 50; i++) disk.append('log', bytes(`${i};`));
    assert.equal(text(disk, 'log'), Array.from({ length: 50 }, (_, i) => `${i};`).join(''));
  });

  it('leaves content and date alone when the mode changes, and says so in ctime', async () => {
    const disk = furnished(fresh());
    disk.setDate('f', 1000);
    const before = disk.lstat('f')!;
    for (let mode = 0o600; disk.lstat('f')!.ctime === before.ctime; mode ^= 0o001) {
      await new Promise(resolve => setImmediate(resolve));
      disk.chmod('f', mode);
    }
    assert.equal(disk.lstat('f')?.mtime, 1000);
    assert.equal(disk.lstat('f')?.birth, before.birth);
  });

  it('has space and can be synced', async () => {
    const disk = fresh();
    await disk.sync();
    const { free, total } = disk.space();
    assert.ok(free > 0 && free <= total);
  });
}

describe('a real disk only', () => {
  const touched = (date: string) => {
    const root = freshRoot();
    execFileSync('touch', ['-d', date, join(root, 'f')]);
    return realDisk(root).lstat('f')!.mtime;
  };

  for (const [date, mtime] of [
    ['2024-01-01T00:00:00.999999999Z', 1_704_067_200_999],
    ['2024-01-01T00:00:00.000999999Z', 1_704_067_200_000],
    ['2024-01-01T00:00:01.000000001Z', 1_704_067_201_000],
    ['1960-01-01T00:00:00.000999999Z', -315_619_200_000],
    ['1960-01-01T00:00:00.999999999Z', -315_619_199_001],
  ] as const)
    it(`rounds ${date} down`, () => assert.equal(touched(date), mtime));

  it('keeps long runs of zeros as holes', async () => {
    const root = freshRoot();
    const writer = realDisk(root).openAppend('sparse');
    for (let i = 0; i < 64; i++) await writer.write(i === 30 ? Buffer.alloc(MIB, 'data') : Buffer.alloc(MIB));
    writer.close();
    const { size, blocks } = fs.statSync(join(root, 'sparse'));
    assert.equal(size, 64 * MIB);
    assert.ok(blocks * 512 < 2 * MIB, `${blocks * 512} bytes are taken`);
  });

  for (const code of ['EPERM', 'ENOSYS', 'ENOTSUP'])
    it(`makes what it is to make where the file system refuses modes, dates and owners with ${code}`, t => {
      for (const name of ['chmodSync', 'fchmodSync', 'futimesSync', 'lchownSync'] as const)
        t.mock.method(fs, name, () => {
          throw Object.assign(new Error('refused'), { code });
        });
      const disk = realDisk(freshRoot());
      disk.mkdir('d', 0o700);
      disk.writeFile('d/f', bytes('private'), 0o600);
      disk.chown('d/f', 1234, 1234);
      assert.equal(disk.create('d/new', bytes('new'), 0o640, 123).size, 3);
      assert.equal(text(disk, 'd/f'), 'private');
      assert.equal(disk.lstat('d')?.kind, 'directory');
      refuses(code, () => disk.chmod('d/f', 0o644));
    });

  it('does not wait for, nor read, a FIFO', () => {
    const root = freshRoot();
    const disk = realDisk(root);
    execFileSync('mkfifo', [join(root, 'fifo')]);
    assert.equal(disk.lstat('fifo')?.kind, 'special');
    refuses('EINVAL', () => disk.openRead('fifo'));
    refuses('EINVAL', () => disk.copy('fifo', 'e'));
    refuses('ENXIO', () => disk.append('fifo', bytes('!')));
  });

  it('keeps set-group-id of a directory that it makes or changes', () => {
    const root = freshRoot();
    fs.chmodSync(root, 0o2775);
    const disk = realDisk(root);
    disk.mkdir('d', 0o755);
    disk.chmod('d', 0o700);
    assert.equal(fs.statSync(join(root, 'd')).mode & 0o7777, 0o2700);
  });

  it('follows its root where that is a symlink', () => {
    const root = freshRoot();
    const link = join(scratch, 'link-to-root');
    fs.symlinkSync(root, link);
    const disk = furnished(realDisk(link));
    assert.equal(disk.lstat('')?.kind, 'directory');
    assert.ok(disk.list('').includes('to-f'));
    assert.equal(text(realDisk(root), 'f'), 'content of f');
  });

  it('closes a file only when nothing is under way on it', async () => {
    const root = freshRoot();
    const disk = realDisk(root);
    disk.writeFile('old', Buffer.alloc(1 << 20, 'o'), 0o600);
    disk.writeFile('new', Buffer.alloc(1 << 20, 'n'), 0o600);
    for (let i = 0; i < 50; i++) {
      const reader = disk.openRead('old');
      const into = Buffer.alloc(1 << 20);
      const reading = reader.read(into, 0);
      reader.close();
      // Had the descriptor been closed, this one would have its number.
      const other = disk.openRead('new');
      assert.equal(into.subarray(0, await reading).indexOf('n'), -1);
      other.close();
      await assert.rejects(reader.read(into, 0), { code: 'EBADF' });
    }
    const left = fs.readdirSync('/proc/self/fd').map(fd => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    });
    assert.deepEqual(
      left.filter(path => path.startsWith(root)),
      [],
    );
  });

  it('names the thing and the reason in its errors', () => {
    assert.throws(() => realDisk(freshRoot()).readFile('a/b'), {
      name: 'DiskError',
      message: 'read a/b: ENOENT',
      code: 'ENOENT',
      path: 'a/b',
    });
  });
});
