import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RelPath } from '../../src/core/path.ts';
import { DiskError } from '../../src/folder/disk.ts';
import { SMALL_BYTES } from '../../src/sync/bundles.ts';
import { Refusal } from '../../src/sync/refusal.ts';
import type { ServedFile } from '../../src/sync/served-file.ts';
import { pathOf } from '../support/entries.ts';
import { instance } from '../support/network.ts';
import { domain, type Station, World } from '../support/station.ts';

const ACME = domain('acme', 'north');

/** Two or more instances of one site that share a domain. */
async function site(count = 2, prepare: (world: World) => void = () => {}): Promise<World> {
  const world = new World(
    Array.from({ length: count }, (_, i) => instance(i + 1, 'north')),
    [ACME],
  );
  prepare(world);
  return world.start();
}

const problems = (station: Station) =>
  station
    .life()
    .replica.problems.list()
    .map(problem => `${problem.class} ${problem.path}`);
const entryOf = (station: Station, path: string) => station.life().replica.get(pathOf(path));
const large = (letter: string) => letter.repeat(SMALL_BYTES + 1);

/** Takes the permission to read a file from a station; answers what gives it back. */
function withhold(station: Station, closed: string): () => void {
  const { disk } = station.life();
  const { openRead, readUnchanged } = disk;
  const refused = (path: string) => {
    if (path === closed) throw new DiskError('EACCES', 'open', path);
  };
  disk.openRead = path => {
    refused(path);
    return openRead.call(disk, path);
  };
  disk.readUnchanged = (path, size, mtime) => {
    refused(path);
    return readUnchanged.call(disk, path, size, mtime);
  };
  return () => Object.assign(disk, { openRead, readUnchanged });
}

/** Has the disk of a station fail in the middle of a file. */
function rot(station: Station, rotten: string): void {
  const { disk } = station.life();
  const { openRead, readUnchanged } = disk;
  const failure = () => new DiskError('EIO', 'read', rotten);
  disk.openRead = path => {
    const reader = openRead.call(disk, path);
    const size = reader.stat().size;
    const read = async (into: Uint8Array, position: number) => {
      if (position + into.length > size / 2) throw failure();
      return reader.read(into, position);
    };
    return path === rotten ? { ...reader, read } : reader;
  };
  disk.readUnchanged = (path, size, mtime) => {
    if (path === rotten) throw failure();
    return readUnchanged.call(disk, path, size, mtime);
  };
}

/** Three stations, the third cut off from the others, which share a file `f` and `others`. */
async function sharedByTwo(content: string, ...others: readonly string[]) {
  const world = await site(3);
  const [one, two, three] = [world.at(1), world.at(2), world.at(3)];
  world.links.cut(1, 3);
  world.links.cut(2, 3);
  for (const name of others) one.write(`acme/${name}`);
  one.write('acme/f', content);
  await world.pass(5_000);
  assert.equal(two.text('acme/f'), content);
  return { world, one, three };
}

/** A transfer that a test holds back. */
class Gate {
  readonly waiting: RelPath[] = [];
  readonly opened = new Set<string>();
  #open: (() => void)[] = [];

  /** Makes a station serve the bytes of large files only once the gate is open. */
  guard(station: Station): void {
    station.intercept.open = async (asking, name, path) => {
      const file = await station.server.open(asking, name, path);
      return file.size > SMALL_BYTES ? this.#held(path, file) : file;
    };
  }

  open(): void {
    for (const open of this.#open.splice(0)) open();
  }

  #held(path: RelPath, file: ServedFile): ServedFile {
    const passed = new Promise<void>(resolve => this.#open.push(resolve));
    this.waiting.push(path);
    return {
      ...file,
      close: () => file.close(),
      async *bytes(start, end) {
        yield* file.bytes(start, start + 1000);
        await passed;
        yield* file.bytes(start + 1000, end);
      },
    };
  }
}

describe('pulling', () => {
  it('makes everything true: files, modes, dates, links, directories, odd names', async () => {
    const world = await site(2, ({ stations }) => {
      const { disk } = stations.get(1)!.volume;
      disk.mkdir('acme/d', 0o750);
      disk.mkdir('acme/d/empty', 0o755);
      for (const name of ['f', 'd/g', 'd/\udcff', 'd/a\nb', 'ä']) stations.get(1)!.write(`acme/${name}`);
      stations.get(1)!.write('acme/none', '');
      disk.chmod('acme/f', 0o755);
      disk.setDate('acme/f', 1_600_000_000_123);
      disk.symlink('nowhere', 'acme/link');
    });
    const [one, two] = [world.at(1), world.at(2)];
    assert.equal(two.life().replica.digest, one.life().replica.digest);
    assert.ok(two.volume.disk.lstat('acme/d/\udcff'));
    assert.equal(two.volume.disk.lstat('acme/d')?.mode, 0o750);
    const { mode, mtime } = two.volume.disk.lstat('acme/f')!;
    assert.deepEqual([mode, mtime], [0o755, 1_600_000_000_123]);
    assert.equal(two.volume.disk.readlink('acme/link'), 'nowhere');
    assert.equal(two.volume.disk.lstat('acme/none')?.size, 0);
    await world.stop();
  });

  it('brings at once what is written right after the first scan', async () => {
    const world = await site();
    const two = world.at(2);
    let ready = false;
    const scanning = new Proxy(two.life().replica, {
      get(replica, name) {
        if (name === 'ready') return ready;
        const value = Reflect.get(replica, name, replica);
        return typeof value === 'function' ? value.bind(replica) : value;
      },
    });
    const configured = two.loop.configure(world.network, two.instance, new Map([[ACME.name, scanning]]));
    await world.pass(10);
    await configured;
    world.at(1).write('acme/f');
    await world.pass(100);
    assert.equal(two.text('acme/f'), undefined);
    ready = true;
    two.loop.ready(ACME.name);
    await world.pass(100);
    assert.equal(two.text('acme/f'), 'acme/f');
    await world.stop();
  });

  it('of equal trees moves no byte', async () => {
    const world = await site(2, ({ stations }) => {
      for (const station of stations.values()) {
        station.write('acme/f');
        station.volume.disk.setDate('acme/f', 1_600_000_000_000);
      }
    });
    for (const station of world.stations.values()) assert.equal(station.asked.bundle ?? 0, 0);
    assert.equal(world.at(1).life().replica.digest, world.at(2).life().replica.digest);
    await world.stop();
  });

  it('brings many small files in few answers', async () => {
    const world = await site(2, ({ stations }) => {
      for (let i = 0; i < 300; i++) stations.get(1)!.write(`acme/f${i}`);
    });
    assert.equal(world.at(2).life().replica.totals.files, 300);
    assert.ok(world.at(1).asked.bundle! <= 5, `${world.at(1).asked.bundle} bundles`);
    assert.equal(world.at(1).asked.open ?? 0, 0);
    await world.stop();
  });

  it('of a rename moves no byte', async () => {
    const world = await site(2, ({ stations }) => {
      stations.get(1)!.volume.disk.mkdir('acme/d', 0o755);
      for (let i = 0; i < 20; i++) stations.get(1)!.write(`acme/d/f${i}`);
    });
    const before = world.at(1).asked.bundle;
    const inode = world.at(2).volume.disk.lstat('acme/d')?.inode;
    world.at(1).volume.disk.rename('acme/d', 'acme/e');
    await world.pass();
    assert.equal(world.at(2).text('acme/e/f7'), 'acme/d/f7');
    assert.equal(world.at(2).volume.disk.lstat('acme/d'), undefined);
    assert.equal(world.at(2).volume.disk.lstat('acme/e')?.inode, inode, 'not moved as a whole');
    assert.equal(world.at(1).asked.bundle, before);
    await world.stop();
  });

  it('of a rename moves path by path what cannot move as a whole', async () => {
    const world = await site(2, ({ stations }) => {
      stations.get(1)!.volume.disk.mkdir('acme/d', 0o755);
      for (let i = 0; i < 20; i++) stations.get(1)!.write(`acme/d/f${i}`);
    });
    const before = world.at(1).asked.bundle;
    world.at(2).volume.disk.mknod('acme/d/pipe');
    world.at(1).volume.disk.rename('acme/d', 'acme/e');
    await world.pass();
    assert.equal(world.at(2).text('acme/e/f7'), 'acme/d/f7');
    assert.equal(world.at(2).volume.disk.lstat('acme/d/f7'), undefined);
    assert.equal(world.at(2).volume.disk.lstat('acme/d/pipe')?.kind, 'special');
    assert.equal(world.at(1).asked.bundle, before);
    await world.stop();
  });

  it('of deletions leaves the trash', async () => {
    const world = await site(2, ({ stations }) => stations.get(1)!.write('acme/f'));
    world.at(1).volume.disk.unlink('acme/f');
    await world.pass();
    assert.equal(world.at(2).text('acme/f'), undefined);
    assert.equal(world.at(2).volume.disk.list('.dfsync/trash/acme').length, 1);
    await world.stop();
  });
});

describe('what is in the way', () => {
  it('one path that cannot be had blocks no other, and is listed', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    one.intercept.bundle = async function* (asking, name, files, signal) {
      for (const item of files) {
        if (item.path === 'poisoned') yield { path: item.path, status: 404 };
        else yield* one.server.bundle(asking, name, [item], signal);
      }
    };
    for (const name of ['a', 'poisoned', 'z']) one.write(`acme/${name}`);
    await world.pass(5_000);
    assert.deepEqual(
      [two.text('acme/a'), two.text('acme/poisoned'), two.text('acme/z')],
      ['acme/a', undefined, 'acme/z'],
    );
    assert.deepEqual(problems(two), ['gone poisoned']);
    one.intercept = {};
    one.write('acme/poisoned', 'again');
    await world.pass();
    assert.equal(two.text('acme/poisoned'), 'again');
    assert.deepEqual(problems(two), []);
    await world.stop();
  });

  for (const isListed of [false, true])
    it(`a path that no peer has any more, and that was written here ${isListed ? 'after' : 'before'} that was known, is not listed`, async () => {
      const world = await site();
      const [one, two] = [world.at(1), world.at(2)];
      one.intercept.bundle = async function* (_, __, files) {
        if (!isListed) two.write('acme/p', 'ours');
        await two.life().clock.sleep(100);
        for (const { path } of files) yield { path, status: 404 };
      };
      one.write('acme/p', 'theirs');
      await world.pass(5_000);
      assert.deepEqual(problems(two), isListed ? ['gone p'] : []);
      if (isListed) two.write('acme/p', 'ours');
      await world.pass(5_000);
      assert.deepEqual(problems(two), []);
      assert.equal(one.text('acme/p'), 'ours');
      await world.stop();
    });

  it('a path that this disk refuses is listed, tried again, and blocks no other', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    two.volume.disk.fail('acme/refused', 'EIO');
    for (const name of ['a', 'refused']) one.write(`acme/${name}`);
    await world.pass(5_000);
    assert.equal(two.text('acme/a'), 'acme/a');
    assert.ok(problems(two).some(problem => problem.endsWith(' refused')));
    two.volume.disk.fail('acme/refused');
    await world.pass(90_000);
    assert.equal(two.text('acme/refused'), 'acme/refused');
    assert.deepEqual(problems(two), []);
    await world.stop();
  });

  it('a peer that has it no more is struck off, and another one is asked', async () => {
    const world = await site(3);
    const [one, two, three] = [world.at(1), world.at(2), world.at(3)];
    const refusing: Station['intercept'] = {
      async *bundle(_, __, files) {
        for (const { path } of files) yield { path, status: 412 };
      },
    };
    world.links.cut(1, 3);
    one.write('acme/f');
    await world.pass(5_000);
    assert.equal(two.text('acme/f'), 'acme/f');
    one.intercept = refusing;
    world.links.mend(1, 3);
    await world.pass();
    assert.equal(three.text('acme/f'), 'acme/f');
    await world.stop();
  });

  for (const [kind, content] of [
    ['small', 'small'],
    ['large', large('x')],
  ] as const) {
    it(`a ${kind} file that its peer may not read is listed on both sides, is no lag, and comes when it may`, async () => {
      const world = await site();
      const [one, two] = [world.at(1), world.at(2)];
      const give = withhold(one, 'acme/closed');
      one.write('acme/closed', content);
      one.write('acme/a');
      await world.pass(5_000);
      assert.equal(two.text('acme/a'), 'acme/a');
      assert.deepEqual([problems(one), problems(two)], [['unreadable closed'], ['transfer closed']]);
      const want = two.loop.domain(ACME.name)!.wants.get(pathOf('closed'))!;
      assert.ok(want.stuck && want.nextTry > world.clock.now(), 'it waits for a person, and is tried again');
      give();
      await world.pass(90_000);
      assert.equal(two.text('acme/closed'), content);
      assert.deepEqual([problems(one), problems(two)], [[], []]);
      await world.stop();
    });

    it(`a ${kind} file that one peer may not read is asked of another one, and listed where it cannot be read alone`, async () => {
      const { world, one, three } = await sharedByTwo(content);
      withhold(one, 'acme/f');
      world.links.mend(1, 3);
      await world.pass(5_000);
      assert.equal(three.text('acme/f'), undefined);
      world.links.mend(2, 3);
      await world.pass(90_000);
      assert.equal(three.text('acme/f'), content);
      assert.deepEqual([problems(one), problems(three)], [['unreadable f'], []]);
      await world.stop();
    });

    it(`a ${kind} file in which the disk of a peer fails is listed there, blocks no other, and is asked of another one`, async () => {
      const { world, one, three } = await sharedByTwo(content, 'a', 'z');
      rot(one, 'acme/f');
      world.links.mend(1, 3);
      await world.pass(5_000);
      assert.deepEqual([three.text('acme/a'), three.text('acme/z')], ['acme/a', 'acme/z']);
      assert.equal(three.text('acme/f'), undefined);
      assert.deepEqual(problems(one), ['unreadable f']);
      world.links.mend(2, 3);
      await world.pass(90_000);
      assert.equal(three.text('acme/f'), content);
      assert.deepEqual(problems(three), []);
      await world.stop();
    });
  }

  it('nothing is pulled while there is a reason not to, and all of it after', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    const fine = two.life().circumstances;
    two.life().circumstances = { ...fine, lockLost: true };
    await world.pass(2_000);
    one.write('acme/f');
    await world.pass();
    assert.equal(two.text('acme/f'), undefined);
    assert.match(two.loop.domain(ACME.name)?.objection ?? '', /lock/);
    two.life().circumstances = fine;
    await world.pass(5_000);
    assert.equal(two.text('acme/f'), 'acme/f');
    assert.equal(two.loop.domain(ACME.name)?.objection, undefined);
    await world.stop();
  });

  it('a parent that was deleted here is revived with the sender’s mode', async () => {
    const world = await site(2, ({ stations }) => {
      for (const { volume } of stations.values()) volume.disk.mkdir('acme/d', 0o700);
    });
    const [one, two] = [world.at(1), world.at(2)];
    world.links.cut(1, 2);
    await world.pass(1_000);
    one.volume.disk.rmdir('acme/d');
    two.write('acme/d/f');
    await world.pass(60_000);
    world.links.heal();
    await world.pass(90_000);
    for (const station of [one, two]) {
      assert.equal(station.text('acme/d/f'), 'acme/d/f');
      assert.equal(station.volume.disk.lstat('acme/d')?.mode, 0o700);
    }
    assert.equal(one.life().replica.digest, two.life().replica.digest);
    await world.stop();
  });
});

describe('a large file', () => {
  it('does not delay small ones', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    const gate = new Gate();
    gate.guard(one);
    one.write('acme/large', large('x'));
    await world.pass(5_000);
    assert.deepEqual(gate.waiting, ['large']);
    for (let i = 0; i < 50; i++) one.write(`acme/small${i}`);
    await world.pass(5_000);
    assert.equal(two.text('acme/small49'), 'acme/small49');
    assert.equal(two.text('acme/large'), undefined);
    gate.open();
    await world.pass(5_000);
    assert.equal(two.text('acme/large'), large('x'));
    await world.stop();
  });

  it('that is replaced while it travels arrives as it was, then as it is', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    const gate = new Gate();
    gate.guard(one);
    one.write('acme/large', large('x'));
    await world.pass(5_000);
    one.write('other', large('y'));
    one.volume.disk.rename('other', 'acme/large');
    await world.pass(5_000);
    const seen: (string | undefined)[] = [];
    for (let i = 0; i < 10; i++) {
      gate.open();
      await world.pass(5_000);
      const text = two.text('acme/large')?.[0];
      if (seen.at(-1) !== text) seen.push(text);
    }
    assert.deepEqual(seen, ['x', 'y']);
    await world.stop();
  });

  it('that is deleted while it travels never arrives, and leaves nothing', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    const gate = new Gate();
    gate.guard(one);
    one.write('acme/large', large('x'));
    await world.pass(5_000);
    one.volume.disk.unlink('acme/large');
    await world.pass(5_000);
    gate.open();
    await world.pass();
    assert.equal(two.text('acme/large'), undefined);
    assert.equal(entryOf(two, 'large')?.kind, 'tombstone');
    const staging = '.dfsync/staging/acme';
    const staged = two.volume.disk.list(staging).flatMap(shard => two.volume.disk.list(`${staging}/${shard}`));
    assert.deepEqual(staged, []);
    await world.stop();
  });

  it('that was cut off goes on where it stopped', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    const starts: number[] = [];
    one.intercept.open = async (asking, name, path) => {
      const file = await one.server.open(asking, name, path);
      return {
        ...file,
        close: () => file.close(),
        async *bytes(start, end) {
          starts.push(start);
          if (starts.length > 1) return yield* file.bytes(start, end);
          yield* file.bytes(start, 100_000);
          throw new Refusal(503, 'Cut off', 'the connection is cut');
        },
      };
    };
    one.write('acme/large', large('x'));
    await world.pass();
    assert.equal(two.text('acme/large'), large('x'));
    assert.deepEqual(starts.slice(0, 2), [0, 100_000]);
    await world.stop();
  });
});

describe('a large file that cannot be had', () => {
  it('for want of room is listed with its size; others arrive, and it does when there is room', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    const life = two.life();
    const { circumstances } = life;
    life.circumstances = { ...circumstances, totalBytes: SMALL_BYTES };
    one.write('acme/large', large('x'));
    one.write('acme/small');
    await world.pass();
    assert.deepEqual(problems(two), ['unwritable large']);
    assert.match(
      life.replica.problems.list()[0]!.message,
      new RegExp(`${SMALL_BYTES + 1} bytes more.*free some space`),
    );
    assert.equal(one.asked.open ?? 0, 0);
    assert.equal(two.text('acme/small'), 'acme/small');
    life.circumstances = circumstances;
    await world.pass(120_000);
    assert.equal(two.text('acme/large'), large('x'));
    assert.deepEqual(problems(two), []);
    await world.stop();
  });

  it('because its peer breaks off again and again is listed with the reason, until it arrives', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    one.intercept.open = async () => {
      throw new Refusal(503, 'Later', 'as the test wants it');
    };
    one.write('acme/large', large('x'));
    await world.pass(60_000);
    assert.deepEqual(problems(two), ['transfer large']);
    assert.match(two.life().replica.problems.list()[0]!.message, /as the test wants it/);
    assert.ok(one.asked.open! < 20, `${one.asked.open} tries in a minute`);
    assert.ok(two.reports.some(({ trouble }) => trouble?.includes('as the test wants it')));
    one.intercept = {};
    await world.pass(120_000);
    assert.equal(two.text('acme/large'), large('x'));
    assert.deepEqual(problems(two), []);
    await world.stop();
  });

  it('is listed no more when its peer does not have it any more', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    one.intercept.open = async () => {
      throw new Refusal(503, 'Later', 'as the test wants it');
    };
    one.write('acme/large', large('x'));
    await world.pass(60_000);
    assert.deepEqual(problems(two), ['transfer large']);
    // Another life of the peer, which lost its cache and the file: nobody says of it that it was deleted.
    one.intercept.domains = asking => ({ ...one.server.domains(asking), epoch: 'another life' });
    one.intercept.entriesUnder = () => [];
    one.intercept.changes = async () => ({ epoch: '', sequence: 0, reset: true, changes: [], heard: {} });
    await world.pass(60_000);
    assert.deepEqual(problems(two), []);
    await world.stop();
  });

  it('because the disk refuses it leaves nothing behind that would keep others out', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    const { disk } = two.life();
    const openAppend = disk.openAppend.bind(disk);
    disk.openAppend = path => {
      const writer = openAppend(path);
      if (!path.includes('/staging/')) return writer;
      const refuse = async () => {
        throw new DiskError('ENOSPC', 'write', path);
      };
      return { ...writer, size: writer.size, write: refuse, sync: () => writer.sync(), close: () => writer.close() };
    };
    one.write('acme/large', large('x'));
    await world.pass();
    assert.deepEqual(problems(two), ['unwritable large']);
    const staged = () => '0123456789abcdef'.split('').flatMap(shard => disk.list(`.dfsync/staging/acme/${shard}`));
    assert.deepEqual(staged(), []);
    disk.openAppend = openAppend;
    await world.pass(120_000);
    assert.equal(two.text('acme/large'), large('x'));
    await world.stop();
  });
});

describe('a report', () => {
  it('tells what was done, what did not have to travel, and how long each change took', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    one.write('acme/f', 'a text');
    await world.pass(20_000);
    two.reports.length = 0;
    one.volume.disk.rename('acme/f', 'acme/g');
    await world.pass(20_000);
    const [report] = two.reports.filter(({ applied }) => applied > 0);
    assert.deepEqual({ ...report!.operations }, { rename: 1 });
    assert.deepEqual({ ...report!.saved }, { renamed: 6 });
    assert.deepEqual(
      report!.arrivals.map(({ origin, ms }) => [origin, ms >= 0 && ms < 15_000]),
      [[1, true]],
    );
    await world.stop();
  });

  it('counts what is fetched by its content, with the time since it was written', async () => {
    const world = await site();
    const [one, two] = [world.at(1), world.at(2)];
    one.write('acme/f', 'a text');
    await world.pass(20_000);
    const [{ operations, arrivals }] = two.reports.filter(({ fetched }) => fetched > 0) as [(typeof two.reports)[0]];
    assert.deepEqual({ ...operations }, { create: 1 });
    assert.ok(arrivals[0]!.sinceWrittenMs >= arrivals[0]!.ms);
    await world.stop();
  });

  it('leaves out what was made before this instance began: it says nothing of how fast that is', async () => {
    const world = new World([instance(1, 'north'), instance(2, 'north')], [ACME]);
    await world.at(1).start();
    world.at(1).write('acme/f', 'a text');
    await world.pass(20_000);
    await world.at(2).start();
    await world.pass(20_000);
    assert.equal(world.at(2).text('acme/f'), 'a text');
    assert.deepEqual(
      world.at(2).reports.flatMap(({ arrivals }) => arrivals),
      [],
    );
    await world.stop();
  });
});
