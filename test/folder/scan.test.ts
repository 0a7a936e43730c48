/** One contract for every way to scan; the thread is that and something more. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { Disk } from '../../src/folder/disk.ts';
import { realDisk } from '../../src/folder/real-disk.ts';
import { type Hidden, type ScanBatch, type Scanner, walk } from '../../src/folder/scan.ts';
import { threadScanner } from '../../src/folder/scan-worker.ts';
import type { Sighting } from '../../src/folder/sightings.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';
import { walking } from '../support/walking.ts';

const scratch = fs.mkdtempSync(join(tmpdir(), 'dfsync-scan-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

const ODD = ['ä', ' ', 'a\nb', '\udcff', 'x'.repeat(255), '\u{1f600}'];

/** A domain `d` with files, directories, links, odd names, something private and something special. */
function furnish(disk: Disk): Disk {
  for (const directory of ['d', 'd/sub', 'd/sub/deep', 'd/empty', 'd/.dfsync', 'd/sub/.dfsync', 'other'])
    disk.mkdir(directory, 0o755);
  for (const path of ['d/f', 'd/sub/g', 'd/sub/deep/h', 'd/.dfsync/private', 'other/o'])
    disk.writeFile(path, Buffer.from(path), 0o640);
  for (const name of ODD) disk.writeFile(`d/${name}`, Buffer.alloc(1), 0o644);
  disk.setDate('d/f', 1_700_000_000_123);
  disk.symlink('sub', 'd/to-sub');
  disk.symlink('nowhere', 'd/sub/dangling');
  return disk;
}

const EXPECTED = ['empty', 'f', 'sub', 'sub/dangling', 'sub/deep', 'sub/deep/h', 'sub/g', 'to-sub', ...ODD].sort();

async function gathered(
  batches: AsyncIterable<ScanBatch>,
): Promise<{ sightings: Map<string, Sighting>; hidden: Hidden[]; batches: number }> {
  const sightings = new Map<string, Sighting>();
  const hidden: Hidden[] = [];
  let count = 0;
  for await (const batch of batches) {
    count++;
    for (const sighting of batch.sightings) sightings.set(sighting.path, sighting);
    hidden.push(...batch.hidden);
  }
  return { sightings, hidden, batches: count };
}

function fresh(): { root: string; disk: Disk } {
  const root = fs.mkdtempSync(join(scratch, 'root-'));
  return { root, disk: realDisk(root) };
}

const kinds: Record<string, () => { disk: Disk; scan: Scanner }> = {
  'of a disk in memory': () => {
    const disk = new MemoryDisk({ now: () => 0 });
    return { disk, scan: walking(disk) };
  },
  'of a real disk': () => {
    const { disk } = fresh();
    return { disk, scan: walking(disk) };
  },
  'in a thread': () => {
    const { root, disk } = fresh();
    return { disk, scan: threadScanner(root) };
  },
};

const go = new AbortController().signal;

/** Paths from which on several threads list a tree that a test has. */
const FEW = 10;

/** Does something; answers the threads that began meanwhile too, and lets it see them as they do. */
async function begun<T>(act: (threads: readonly Worker[]) => Promise<T>): Promise<{ threads: Worker[]; result: T }> {
  const threads: Worker[] = [];
  const note = (worker: Worker) => threads.push(worker);
  process.on('worker', note);
  try {
    return { threads, result: await act(threads) };
  } finally {
    process.off('worker', note);
  }
}

/** What a worker says of itself from its end on. */
const hasEnded = ({ threadId }: Worker) => threadId === -1;

for (const [name, make] of Object.entries(kinds))
  describe(`a scan ${name}`, () => {
    it('meets everything once, as lstat shows it, and nothing private or of other domains', async () => {
      const { disk, scan } = make();
      furnish(disk);
      const { sightings, hidden } = await gathered(scan({ directory: 'd' }, go));
      assert.deepEqual([...sightings.keys()].sort(), EXPECTED);
      assert.deepEqual(hidden, []);
      for (const { path, stat } of sightings.values()) assert.deepEqual(stat, disk.lstat(`d/${path}`));
      assert.equal(sightings.get('f')?.stat.mtime, 1_700_000_000_123);
      assert.equal(sightings.get('to-sub')?.target, 'sub');
      assert.equal(sightings.get('sub/dangling')?.target, 'nowhere');
    });

    it('meets directories before what is in them', async () => {
      const { disk, scan } = make();
      furnish(disk);
      const { sightings } = await gathered(scan({ directory: 'd' }, go));
      const order = [...sightings.keys()];
      assert.ok(
        order.indexOf('sub') < order.indexOf('sub/deep') && order.indexOf('sub/deep') < order.indexOf('sub/deep/h'),
      );
    });

    const roots: [what: string, prepare: (disk: Disk) => void, why: string][] = [
      ['missing', () => {}, 'ENOENT'],
      ['a file', disk => disk.writeFile('d', Buffer.alloc(0), 0o644), 'ENOTDIR'],
      ['a symlink', disk => disk.symlink('other', 'd'), 'ENOTDIR'],
    ];
    for (const [what, prepare, why] of roots)
      it(`of a domain whose directory is ${what} says so, and meets nothing`, async () => {
        const { disk, scan } = make();
        prepare(disk);
        const { sightings, hidden } = await gathered(scan({ directory: 'd' }, go));
        assert.equal(sightings.size, 0);
        assert.deepEqual(hidden, [{ path: undefined, why }]);
      });

    it('of an empty domain meets nothing and hides nothing', async () => {
      const { disk, scan } = make();
      disk.mkdir('d', 0o755);
      const { sightings, hidden } = await gathered(scan({ directory: 'd' }, go));
      assert.equal(sightings.size + hidden.length, 0);
    });
  });

describe('what a walk cannot see', () => {
  it('an unreadable directory or file hides what is there', () => {
    const disk = new MemoryDisk({ now: () => 0 });
    furnish(disk);
    disk.fail('d/sub/deep', 'EACCES');
    disk.fail('d/f', 'EIO');
    const batches = [...walk(disk, 'd')];
    assert.deepEqual(
      batches.flatMap(({ hidden }) => hidden).sort((a, b) => (a.path! < b.path! ? -1 : 1)),
      [
        { path: 'f', why: 'EIO' },
        { path: 'sub/deep', why: 'EACCES' },
      ],
    );
    assert.ok(!batches.flatMap(({ sightings }) => [...sightings]).some(({ path }) => path.startsWith('sub/deep')));
  });

  const goings: [what: string, happen: (disk: Disk) => void][] = [
    ['went', () => {}],
    ['became a file', disk => disk.writeFile('d/empty', Buffer.alloc(1), 0o644)],
    ['became a symlink', disk => disk.symlink('sub', 'd/empty')],
  ];
  for (const [what, happen] of goings)
    for (const [kind, make] of Object.entries({
      'in memory': () => new MemoryDisk({ now: () => 0 }),
      real: () => fresh().disk,
    }))
      it(`a directory that ${what} between being met and being listed hides nothing, on a disk ${kind}`, () => {
        const disk = furnish(make());
        const batches: ScanBatch[] = [];
        for (const batch of walk(disk, 'd')) {
          if (batches.length === 0) {
            disk.rmdir('d/empty');
            happen(disk);
          }
          batches.push(batch);
        }
        assert.ok([...batches[0]!.sightings].some(({ path }) => path === 'empty'));
        assert.deepEqual(
          batches.flatMap(({ hidden }) => hidden),
          [],
        );
      });

  it('another file system inside is a mount, and left alone', () => {
    const disk = new MemoryDisk({ now: () => 0 });
    furnish(disk);
    const mounted = new Proxy(disk, {
      get: (target, name) => {
        const value = target[name as keyof MemoryDisk] as unknown;
        if (name === 'lstat')
          return (path: string) => {
            const stat = target.lstat(path);
            return stat && path.startsWith('d/sub') ? { ...stat, device: 99 } : stat;
          };
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const batches = [...walk(mounted, 'd')];
    assert.deepEqual(
      batches.flatMap(({ hidden }) => hidden),
      [{ path: 'sub', why: 'mount' }],
    );
    assert.ok(!batches.flatMap(({ sightings }) => [...sightings]).some(({ path }) => path.startsWith('sub')));
  });
});

describe('the scanning threads', () => {
  // Some thousand files that are there anyway: more than one batch.
  const root = join(import.meta.dirname, '../..');
  const directory = 'node_modules';

  it('waits while nobody takes its batches, and loses none', async () => {
    const expected = await gathered(walking(realDisk(root))({ directory }, go));
    const found = await gathered(threadScanner(root, 1)({ directory }, go));
    assert.ok(found.batches > 1);
    assert.deepEqual([...found.sightings.keys()].sort(), [...expected.sightings.keys()].sort());
  });

  it('are one for a small tree, and more from so many paths on, with the same answer', async () => {
    const alone = await begun(() => gathered(threadScanner(root)({ directory: 'src' }, go)));
    assert.equal(alone.threads.length, 1);
    const one = await begun(() => gathered(threadScanner(root, 4, Number.POSITIVE_INFINITY)({ directory }, go)));
    assert.equal(one.threads.length, 1);
    const several = await begun(() => gathered(threadScanner(root, 4, FEW)({ directory }, go)));
    assert.equal(several.threads.length, Math.min(2, availableParallelism()));
    const byPath = (a: Sighting, b: Sighting) => (a.path < b.path ? -1 : 1);
    assert.deepEqual(
      [...several.result.sightings.values()].sort(byPath),
      [...one.result.sightings.values()].sort(byPath),
    );
  });

  it('fail together when one of them does', async () => {
    const { threads } = await begun(async threads => {
      const gather = async () => {
        for await (const _ of threadScanner(root, 1, FEW)({ directory }, go))
          if (threads.length === Math.min(2, availableParallelism())) await threads.at(-1)!.terminate();
      };
      await assert.rejects(gather(), /ended before its scan did/);
    });
    assert.ok(threads.every(hasEnded));
  });

  it('end together when they are told to', async () => {
    const { threads } = await begun(async threads => {
      const stop = new AbortController();
      for await (const _ of threadScanner(root, 1, FEW)({ directory }, stop.signal))
        if (threads.length === Math.min(2, availableParallelism())) stop.abort();
    });
    assert.ok(threads.every(hasEnded));
  });

  it('ends with its reader', async () => {
    for await (const batch of threadScanner(root)({ directory }, go)) {
      assert.ok(batch.sightings.length > 0);
      break;
    }
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const batches = threadScanner(root)({ directory }, stop.signal)[Symbol.asyncIterator]();
    await batches.next();
    stop.abort();
    for (let next = await batches.next(); !next.done; ) next = await batches.next();
  });
});
