import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeDirectories } from '../../src/folder/disk.ts';
import { type TrashArea, type TrashBounds, TrashKeeper } from '../../src/folder/trash-keeper.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 5, 15, 12);
const dayBefore = (days: number) => new Date(NOW - days * DAY_MS).toISOString().slice(0, 10);

class Bench {
  readonly clock = new VirtualClock(NOW - 100 * DAY_MS);
  readonly disk = new MemoryDisk({ now: () => this.clock.now() });
  readonly keeper: TrashKeeper;
  bounds: TrashBounds = { days: 30, bytes: { bytes: 1000 } };
  areas: TrashArea[] = [
    { directory: 'trash/a', thrown: 0 },
    { directory: 'trash/b', thrown: 0 },
  ];

  constructor() {
    for (const { directory } of this.areas) makeDirectories(this.disk, directory);
    this.keeper = new TrashKeeper(
      this.disk,
      this.clock.view(),
      () => this.areas,
      () => this.bounds,
    );
  }

  /** Throws so many bytes away, so many days and minutes before now; in order of time. */
  async throw(path: string, bytes: number, days: number, minutes = 0): Promise<void> {
    await this.clock.run(NOW - days * DAY_MS - minutes * 60_000);
    const place = `trash/${path.replace('DAY', dayBefore(days))}`;
    makeDirectories(this.disk, place.slice(0, place.lastIndexOf('/')));
    this.disk.writeFile(place, Buffer.alloc(bytes), 0o644);
  }

  async sweep(): Promise<void> {
    await this.clock.run(NOW);
    const swept = this.keeper.sweep(new AbortController().signal);
    await this.clock.settle();
    await swept;
  }

  /** Every file and every day. */
  left(place = 'trash'): string[] {
    return this.disk.list(place).flatMap(name => {
      const at = `${place}/${name}`;
      return this.disk.lstat(at)?.kind === 'directory' ? [at, ...this.left(at)] : [at];
    });
  }

  files(): string[] {
    return this.left().flatMap(at => (this.disk.lstat(at)?.kind === 'file' ? at.slice(at.lastIndexOf('/') + 1) : []));
  }
}

describe('the trash', () => {
  it('loses what is older than its days, directories and all', async () => {
    const bench = new Bench();
    await bench.throw('a/DAY/p/q/old~1.1', 10, 31);
    await bench.throw('a/DAY/whole~1.1/inside', 10, 31);
    await bench.throw('b/DAY/young~1.1', 10, 30);
    await bench.sweep();
    assert.deepEqual(bench.left(), [
      'trash/a',
      'trash/b',
      `trash/b/${dayBefore(30)}`,
      `trash/b/${dayBefore(30)}/young~1.1`,
    ]);
  });

  it('loses the oldest of all its domains where it has too much, to the item', async () => {
    const bench = new Bench();
    await bench.throw('a/DAY/first~1.1', 400, 5);
    await bench.throw('b/DAY/second~1.1', 400, 3, 20);
    await bench.throw('b/DAY/third~1.1', 400, 3, 10);
    await bench.throw('a/DAY/fourth~1.1', 400, 1);
    await bench.sweep();
    assert.deepEqual(bench.files().sort(), ['fourth~1.1', 'third~1.1']);
    assert.equal(bench.keeper.bytesIn(bench.areas[0]!), 400);
    assert.equal(bench.keeper.bytesIn(bench.areas[1]!), 400);
  });

  it('keeps everything while it has not', async () => {
    const bench = new Bench();
    await bench.throw('a/DAY/first~1.1', 500, 5);
    await bench.throw('b/DAY/second~1.1', 500, 3);
    await bench.sweep();
    assert.equal(bench.files().length, 2);
  });

  it('is bounded by a share of the volume', async () => {
    const bench = new Bench();
    const { total } = bench.disk.space();
    bench.bounds = { days: 30, bytes: { ratio: 500 / total } };
    await bench.throw('a/DAY/first~1.1', 300, 5);
    await bench.throw('a/DAY/second~1.1', 300, 3);
    await bench.sweep();
    assert.deepEqual(bench.files(), ['second~1.1']);
  });

  it('is known with what is thrown into it after it was measured', async () => {
    const bench = new Bench();
    await bench.throw('a/DAY/first~1.1', 300, 5);
    assert.equal(bench.keeper.bytesIn(bench.areas[0]!), undefined);
    await bench.sweep();
    bench.areas[0] = { ...bench.areas[0]!, thrown: 70 };
    assert.equal(bench.keeper.bytesIn(bench.areas[0]!), 370);
    await bench.sweep();
    assert.equal(bench.keeper.bytesIn(bench.areas[0]!), 370);
  });

  it('is bounded while much is thrown away too', async () => {
    const bench = new Bench();
    await bench.throw('a/DAY/first~1.1', 900, 5);
    await bench.sweep();
    await bench.throw('a/DAY/second~1.1', 900, 0);
    bench.areas[0] = { ...bench.areas[0]!, thrown: 900 };
    await bench.sweep();
    assert.deepEqual(bench.files(), ['second~1.1']);
  });

  it('waits for a volume that cannot be asked, and goes on', async () => {
    const bench = new Bench();
    await bench.throw('a/DAY/old~1.1', 10, 40);
    bench.bounds = { days: 30, bytes: { ratio: 0.5 } };
    await bench.clock.run(NOW);
    const stop = new AbortController();
    bench.disk.refuse(() => 'EIO');
    const ended = bench.keeper.run(stop.signal);
    await bench.clock.run(NOW + 5 * 60_000);
    bench.disk.refuse(() => undefined);
    assert.deepEqual(bench.files(), ['old~1.1']);
    await bench.clock.run(NOW + 10 * 60_000);
    assert.deepEqual(bench.files(), []);
    stop.abort();
    await bench.clock.settle();
    await ended;
  });

  it('keeps what is no day', async () => {
    const bench = new Bench();
    await bench.throw('a/0000 mine/file', 5_000, 90);
    await bench.sweep();
    assert.deepEqual(bench.files(), ['file']);
  });
});
