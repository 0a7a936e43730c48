/** Files on their way to the disk, and what a loss of power makes of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { file, pathOf, tombstone } from '../support/entries.ts';
import { type Life, SETTLE_MS, START, Volume } from '../support/life.ts';
import { actionsFor, known, NEW, VIA } from '../support/wishes.ts';

describe('bringing files to the disk', () => {
  const synced: [name: string, files: number, isWhole: boolean, alone: number, together: number][] = [
    ['that are large and whole is left to the background', 1, true, 0, 0],
    ['that were not ended is done one by one', 3, false, 3, 0],
    ['that are many is done for the whole volume', 20, false, 0, 1],
  ];
  for (const [name, files, isWhole, alone, together] of synced)
    it(name, async () => {
      const volume = new Volume();
      const life = await volume.start();
      const syncs = { alone: 0, together: 0 };
      const { disk } = life;
      const [sync, syncFile] = [disk.sync.bind(disk), disk.syncFile.bind(disk)];
      disk.sync = () => {
        syncs.together++;
        return sync();
      };
      disk.syncFile = path => {
        if (!path.endsWith('.jsonl')) syncs.alone++;
        return syncFile(path);
      };
      const entries = Array.from({ length: files }, (_, i) => file(`large${i}`, { 9: 5 }, { size: 10 }));
      for (const entry of entries) {
        const inlet = life.replica.append(entry);
        await inlet.write(Buffer.alloc(isWhole ? 10 : 5));
        await inlet.sync();
        await inlet.write(Buffer.alloc(isWhole ? 0 : 5));
        if (isWhole) await inlet.end();
        inlet.close();
      }
      const applied = life.replica.apply(actionsFor(life, entries), () => VIA);
      await volume.clock.settle();
      assert.deepEqual(
        (await applied).map(({ result }) => result),
        entries.map(() => 'done'),
      );
      assert.deepEqual(syncs, { alone, together });
    });
});

describe('a large file', () => {
  const whole = file('large', { 9: 5 }, { size: 10, mtime: START - 1_000 });

  /** A life in which the file came whole and has its name; `written` resolves when it is on the disk. */
  async function received(volume: Volume, entry: Entry, written: Promise<void>): Promise<Life> {
    const life = await volume.start();
    const { disk } = life;
    const openAppend = disk.openAppend.bind(disk);
    disk.openAppend = path => {
      const writer = openAppend(path);
      if (path.includes('/staging/')) writer.sync = () => written;
      return writer;
    };
    const inlet = life.replica.append(entry);
    await inlet.write(Buffer.alloc(entry.size));
    await inlet.end();
    inlet.close();
    const applied = life.replica.apply(actionsFor(life, [entry]), () => VIA);
    await volume.clock.settle();
    assert.deepEqual(
      (await applied).map(({ result }) => result),
      ['done'],
    );
    return life;
  }

  /** The machine loses power before all of the file is on the disk: it has its name and date, and nothing of the end. */
  function cutShort(volume: Volume, entry: Entry): void {
    volume.disk.writeFile(`d/${entry.path}`, Buffer.alloc(entry.size - 4), entry.mode);
    volume.disk.setDate(`d/${entry.path}`, entry.mtime);
  }

  const never = new Promise<void>(() => {});
  const endings: [name: string, end: (life: Life, volume: Volume) => Promise<void>][] = [
    ['at once', async life => life.kill()],
    [
      'after the cache was written',
      async (life, volume) => {
        const flushed = life.replica.flush();
        await volume.clock.settle();
        await flushed;
        life.kill();
      },
    ],
  ];
  for (const [when, end] of endings)
    it(`that a loss of power ${when} left short is no change: it comes again`, async () => {
      const volume = await known();
      await end(await received(volume, whole, never), volume);
      cutShort(volume, whole);
      const next = await volume.start();
      assert.equal(next.entry('large'), undefined);
      assert.equal(volume.disk.lstat('d/large'), undefined);
      assert.equal(actionsFor(next, [whole])[0]?.do, 'fetch');
      assert.deepEqual(next.changes, []);
      assert.match(next.events.join(), /left short by a loss of power/);
      await next.end();
    });

  it('that a loss of power left short in place of another one is no deletion of that', async () => {
    const volume = await known();
    const newer = { ...whole, path: pathOf('f'), version: NEW };
    (await received(volume, newer, never)).kill();
    cutShort(volume, newer);
    const next = await volume.start();
    assert.equal(next.entry('f'), undefined);
    await next.end();
  });

  it('that somebody cut short after it had come is a change', async () => {
    const volume = await known();
    (await received(volume, whole, never)).kill();
    await volume.pass(10 * SETTLE_MS);
    volume.disk.writeFile('d/large', Buffer.alloc(6), whole.mode);
    const next = await volume.start();
    assert.equal(next.entry('large')?.size, 6);
    await next.end();
  });

  it('that is on the disk is asked no more', async () => {
    const volume = await known();
    (await received(volume, whole, Promise.resolve())).kill();
    cutShort(volume, whole);
    const next = await volume.start();
    assert.equal(next.entry('large')?.size, whole.size - 4);
    await next.end();
  });

  const renames: [name: string, rename: (life: Life, volume: Volume) => Promise<void>][] = [
    [
      'for a peer',
      async (life, volume) => {
        const old = life.entry('large')!;
        const wanted = { ...old, path: pathOf('moved'), version: NEW, from: { path: old.path, version: old.version } };
        const actions = actionsFor(life, [wanted, tombstone('large', NEW, START)]);
        assert.deepEqual(
          actions.map(action => action.do),
          ['rename'],
        );
        const applied = life.replica.apply(actions, () => VIA);
        await volume.clock.settle();
        assert.deepEqual(
          (await applied).map(({ result }) => result),
          ['done'],
        );
      },
    ],
    [
      'by somebody here',
      async (life, volume) => {
        volume.disk.rename('d/large', 'd/moved');
        for (const path of ['large', 'moved']) life.replica.hint(pathOf(path), true);
        await volume.pass(5 * SETTLE_MS);
        assert.equal(life.entry('moved')?.kind, 'file');
      },
    ],
  ];
  for (const [who, rename] of renames)
    for (const [when, end] of endings)
      it(`that was renamed ${who} and that a loss of power ${when} left short is no change`, async () => {
        const volume = await known();
        const life = await received(volume, whole, never);
        await rename(life, volume);
        await end(life, volume);
        cutShort(volume, { ...whole, path: pathOf('moved') });
        const next = await volume.start();
        assert.equal(next.entry('moved'), undefined);
        assert.deepEqual(next.changes, []);
        await next.end();
      });

  it('that somebody made shorter meanwhile keeps that change over a crash', async () => {
    const volume = await known();
    const life = await received(volume, whole, never);
    volume.write('large', 'mine');
    life.replica.hint(whole.path, true);
    await volume.pass(5 * SETTLE_MS);
    assert.equal(life.entry('large')?.size, 4);
    life.kill();
    const next = await volume.start();
    assert.equal(next.entry('large')?.size, 4);
    assert.equal(volume.text('large'), 'mine');
    await next.end();
  });

  it('that broke off leaves no note', async () => {
    const volume = await known();
    const life = await volume.start();
    const inlet = life.replica.append(whole);
    await inlet.write(Buffer.alloc(4));
    inlet.close();
    life.kill();
    const lines = Buffer.from(volume.disk.readFile('.dfsync/cache/d/journal.jsonl')).toString().trim().split('\n');
    assert.deepEqual(
      lines.slice(-2).map(line => Object.keys(JSON.parse(line) as object)[0]),
      ['unsynced', 'synced'],
    );
  });
});
