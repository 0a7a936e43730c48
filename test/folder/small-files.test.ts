/** One contract for every way to write and read batches of small files. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Disk, DiskError } from '../../src/folder/disk.ts';
import { realDisk } from '../../src/folder/real-disk.ts';
import { type Draft, inlineSmallFiles, type SmallFiles } from '../../src/folder/small-files.ts';
import { threadSmallFiles } from '../../src/folder/small-files-worker.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';

const scratch = fs.mkdtempSync(join(tmpdir(), 'dfsync-small-files-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

const LATER = Date.UTC(2100, 0, 1);
const DATE = 1_700_000_000_123;
/** Enough for a thread. */
const MANY = 40;

interface Bench {
  readonly disk: Disk;
  readonly files: SmallFiles;
  close(): Promise<void>;
}

function onRealDisk(make: (root: string) => SmallFiles & { close?(): Promise<void> }): Bench {
  const root = fs.mkdtempSync(join(scratch, 'root-'));
  const files = make(root);
  return { disk: realDisk(root), files, close: async () => files.close?.() };
}

const kinds: Record<string, () => Bench> = {
  'on a disk in memory': () => {
    const disk = new MemoryDisk({ now: () => 0 });
    return { disk, files: inlineSmallFiles(disk), close: async () => {} };
  },
  'on a real disk': () => onRealDisk(root => inlineSmallFiles(realDisk(root))),
  'in a thread': () => onRealDisk(root => threadSmallFiles(root, Date.now)),
};

const drafts = (change: (i: number) => Partial<Draft> = () => ({})): Draft[] =>
  Array.from({ length: MANY }, (_, i) => ({
    place: `d/f${i}`,
    bytes: Buffer.from(`content of ${i}`.repeat(i)),
    mode: 0o640,
    mtime: DATE + i,
    ...change(i),
  }));

const copyOf = ({ place, bytes, mtime }: Draft) => ({ parents: ['d'], place, size: bytes.length, mtime });
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

for (const [name, make] of Object.entries(kinds))
  describe(`small files ${name}`, () => {
    it('are installed where nothing stands and every parent is a directory with their owner; others are left where they are', async () => {
      const { disk, files, close } = make();
      for (const directory of ['s', 'd', 'd/in']) disk.mkdir(directory, 0o755);
      disk.symlink('in', 'd/link');
      disk.writeFile('d/in/f3', Buffer.from('somebody else’s'), 0o600);
      const made = await files.write(drafts(i => ({ place: `s/f${i}` })));
      const odd: Record<number, object> = {
        5: { parents: ['d/link'], place: 'd/link/f5' },
        6: { parents: ['d/missing'], place: 'd/missing/f6' },
        7: { uid: 12345 },
        8: { from: 's/nothing' },
      };
      const installations = made.map((stat, i) => {
        assert.ok(!(stat instanceof DiskError));
        const { uid, gid } = stat;
        return { from: `s/f${i}`, place: `d/in/f${i}`, parents: ['d/in'], uid, gid, ...odd[i] };
      });
      const installed = await files.install('d', installations);
      const refused = [3, 5, 6, 7, 8];
      assert.deepEqual(
        installed.flatMap((done, i) => (done ? [] : [i])),
        refused,
      );
      for (const i of installed.keys()) {
        const isRefused = refused.includes(i);
        assert.equal(disk.lstat(`s/f${i}`) !== undefined, isRefused, `staged ${i}`);
        if (!isRefused) assert.deepEqual(disk.lstat(`d/in/f${i}`)?.inode, (made[i] as { inode: number }).inode);
      }
      assert.equal(text(disk.readFile('d/in/f3')), 'somebody else’s');
      await close();
    });

    it('are written with bytes, mode and date, whatever stood there, and read back', async () => {
      const { disk, files, close } = make();
      disk.mkdir('d', 0o755);
      disk.writeFile('d/f3', Buffer.from('something older and longer than what comes'), 0o600);
      const all = drafts();
      const made = await files.write(all);
      for (const [i, { place, bytes, mode, mtime }] of all.entries()) {
        const stat = disk.lstat(place)!;
        assert.deepEqual(made[i], stat);
        assert.deepEqual([stat.size, stat.mode, stat.mtime], [bytes.length, mode, mtime]);
      }
      const read = await files.read(all.map(copyOf), LATER);
      assert.deepEqual(
        read.map(text),
        all.map(({ bytes }) => text(bytes)),
      );
      await close();
    });

    it('that cannot be written are told one by one', async () => {
      const { disk, files, close } = make();
      disk.mkdir('d', 0o755);
      const made = await files.write(drafts(i => (i % 2 === 1 ? { place: `none/f${i}` } : {})));
      for (const [i, stat] of made.entries()) {
        if (i % 2 === 0) assert.equal(disk.lstat(`d/f${i}`)?.inode, (stat as { inode: number }).inode);
        else assert.ok(stat instanceof DiskError && stat.code === 'ENOENT');
      }
      await close();
    });

    it('that are not what they should be are not read', async () => {
      const { disk, files, close } = make();
      disk.mkdir('d', 0o755);
      disk.mkdir('other', 0o755);
      disk.symlink('d', 'link');
      const all = drafts();
      await files.write(all);
      disk.writeFile('d/f1', Buffer.from('rewritten'), 0o640);
      disk.setDate('d/f2', DATE);
      disk.unlink('d/f5');
      disk.unlink('d/f6');
      disk.symlink('f7', 'd/f6');
      const copies = all.map((draft, i) => {
        const copy = copyOf(draft);
        if (i === 3) return { ...copy, parents: ['none'] };
        if (i === 4) return { ...copy, parents: ['link'] };
        return i === 8 ? { ...copy, mtime: LATER + 1 } : copy;
      });
      const read = await files.read(copies, LATER);
      for (const [i, bytes] of read.entries())
        assert.equal(text(bytes), [1, 2, 3, 4, 5, 6, 8].includes(i) ? undefined : text(all[i]!.bytes), `file ${i}`);
      await close();
    });

    it('are none at all', async () => {
      const { files, close } = make();
      assert.deepEqual([await files.write([]), await files.read([], LATER)], [[], []]);
      await close();
    });
  });

let owes: () => number | undefined = () => undefined;

describe('the thread of small files', () => {
  it('says since when it owes an answer, and that it owes none', async () => {
    let now = 1_000;
    const { disk, files, close } = onRealDisk(root => {
      const thread = threadSmallFiles(root, () => now);
      owes = () => thread.owesSince;
      return thread;
    });
    disk.mkdir('d', 0o755);
    assert.equal(owes(), undefined);
    const first = files.write(drafts());
    now = 2_000;
    const second = files.read(drafts().map(copyOf), LATER);
    assert.equal(owes(), 1_000);
    await first;
    assert.equal(owes(), 2_000, 'an answer is a sign of life');
    await second;
    assert.equal(owes(), undefined);
    await close();
  });

  it('answers each of several batches at once, and starts again after its end', async () => {
    const { disk, files, close } = kinds['in a thread']!();
    disk.mkdir('d', 0o755);
    for (let round = 0; round < 2; round++) {
      const batches = Array.from({ length: 5 }, (_, n) => drafts(i => ({ place: `d/${round}-${n}-${i}` })));
      const made = await Promise.all(batches.map(batch => files.write(batch)));
      for (const [n, stats] of made.entries())
        for (const [i, stat] of stats.entries()) assert.deepEqual(stat, disk.lstat(`d/${round}-${n}-${i}`));
      await close();
    }
  });

  it('that is ended answers what it was asked with an error', async () => {
    const { disk, files, close } = kinds['in a thread']!();
    disk.mkdir('d', 0o755);
    const asked = files.write(drafts());
    await Promise.all([assert.rejects(asked, DiskError), close()]);
  });
});
