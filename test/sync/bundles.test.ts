import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bundles } from '../../src/sync/bundles.ts';
import { Outcomes } from '../../src/sync/outcome.ts';
import type { FileRef, Peer } from '../../src/sync/peer.ts';
import { Tally } from '../../src/sync/pull-report.ts';
import { Wants } from '../../src/sync/wants.ts';
import { FAIR } from '../sim/links.ts';
import { file, pathOf } from '../support/entries.ts';
import { Volume } from '../support/life.ts';
import { instance } from '../support/network.ts';
import { domain, type Station, World } from '../support/station.ts';

const ACME = domain('acme', 'north');
/** How long what is staged waits for others at most; see GROUP_MS. */
const GROUP_MS = 500;
/** Long enough for a change to settle, to be told and to be asked for. */
const TOLD_MS = 3_000;

/** What answers bundles for a station, and holds back what a test wants it to. */
class Courier {
  /** What each bundle was asked for. */
  readonly bundles: string[][] = [];
  readonly #held = new Map<string, { readonly when: 'unread' | 'read'; readonly gate: PromiseWithResolvers<void> }>();

  constructor(station: Station) {
    const courier = this;
    station.intercept.bundle = async function* (asking, name, files, signal) {
      courier.bundles.push(files.map(({ path }) => path));
      for (const file of files) {
        await courier.#passed(file.path, 'unread');
        for await (const item of station.server.bundle(asking, name, [file], signal)) {
          await courier.#passed(item.path, 'read');
          yield item;
        }
      }
    };
  }

  /** How often a path was asked for. */
  asked(path: string): number {
    return this.bundles.flat().filter(asked => asked === path).length;
  }

  /** Holds a file back, once it is `read` or before. */
  hold(path: string, when: 'unread' | 'read' = 'read'): void {
    this.#held.set(path, { when, gate: Promise.withResolvers() });
  }

  release(...paths: string[]): void {
    for (const path of paths) {
      this.#held.get(path)?.gate.resolve();
      this.#held.delete(path);
    }
  }

  async #passed(path: string, when: 'unread' | 'read'): Promise<void> {
    const held = this.#held.get(path);
    if (held?.when === when) await held.gate.promise;
  }
}

/** What a station's folder was told to do, and when. */
class Doings {
  readonly staged: { readonly at: number; readonly path: string }[] = [];
  readonly applied: { readonly at: number; readonly steps: readonly string[] }[] = [];

  constructor(world: World, station: Station) {
    const { replica } = station.life();
    const { put, apply } = replica;
    replica.put = async files => {
      const refused = await put.call(replica, files);
      for (const { entry } of files) this.staged.push({ at: world.clock.now(), path: entry.path });
      return refused;
    };
    replica.apply = async (actions, via) => {
      const results = await apply.call(replica, actions, via);
      const steps = actions.map((action, i) => `${action.do} ${action.entry.path} ${results[i]!.result}`);
      if (steps.length > 0) this.applied.push({ at: world.clock.now(), steps });
      return results;
    };
  }

  /** Groups of files that were installed together. */
  get groups(): (typeof this.applied)[number][] {
    return this.applied.filter(({ steps }) => steps.every(step => step.startsWith('fetch ')));
  }

  get steps(): string[] {
    return this.applied.flatMap(({ steps }) => steps);
  }

  stagedAt(path: string): number | undefined {
    return this.staged.find(staged => staged.path === path)?.at;
  }

  installedAt(path: string): number | undefined {
    return this.applied.find(({ steps }) => steps.includes(`fetch ${path} done`))?.at;
  }
}

interface Scene {
  readonly world: World;
  /** Of whom is fetched, … */
  readonly one: Station;
  /** … and who fetches. */
  readonly two: Station;
  readonly courier: Courier;
  readonly doings: Doings;
}

/** Instances of one site that share a domain and are equal; files come from the first, as its courier lets them. */
async function scene({ count = 2, prepare = (_: Station) => {} } = {}): Promise<Scene> {
  const world = new World(
    Array.from({ length: count }, (_, i) => instance(i + 1, 'north')),
    [ACME],
  );
  world.links.weather = { ...FAIR, latencyMs: 1 };
  const [one, two] = [world.at(1), world.at(2)];
  prepare(one);
  await world.start();
  return { world, one, two, courier: new Courier(one), doings: new Doings(world, two) };
}

/** A file that is on its way, and held back by its peer. */
async function underway({ world, one, courier }: Scene, path: string, when: 'unread' | 'read' = 'read'): Promise<void> {
  courier.hold(path, when);
  one.write(`acme/${path}`);
  await world.pass(TOLD_MS);
  assert.equal(courier.asked(path), 1, `${path} is not on its way`);
}

/** Lets time pass until something is so. */
async function until(world: World, what: string, isSo: () => boolean): Promise<void> {
  for (let ms = 0; !isSo(); ms += 10) {
    assert.ok(ms < 30_000, `never ${what}`);
    await world.pass(10);
  }
}

const entryOf = (station: Station, path: string) => station.life().replica.get(pathOf(path));
const problems = (station: Station) =>
  station
    .life()
    .replica.problems.list()
    .map(problem => `${problem.class} ${problem.path}`);
const namesIn = (station: Station, directory: string) => station.volume.disk.list(directory).sort();

/** A station took a path over as others made it. */
function assertUnchangedBy(station: Station, path: string): void {
  const { version } = entryOf(station, path)!;
  assert.equal(version[station.instance.roleid], undefined, `${path} was changed by ${station.instance.name}`);
}

/** Everybody has the same tree, and knows it. */
function assertEqual(world: World): void {
  const digests = new Set([...world.stations.values()].map(station => station.life().replica.digest));
  assert.equal(digests.size, 1, 'trees differ');
  for (const station of world.stations.values()) assert.deepEqual(problems(station), [], station.instance.name);
}

describe('small files', () => {
  it('that have come are installed soon, although others are held back by their peer', async () => {
    const at = await scene();
    const { world, one, two, courier, doings } = at;
    await underway(at, 'slow');
    one.write('acme/quick');
    await world.pass(TOLD_MS);
    assert.equal(two.text('acme/quick'), 'acme/quick');
    assert.ok(doings.installedAt('quick')! - doings.stagedAt('quick')! <= GROUP_MS);
    assert.equal(two.text('acme/slow'), undefined);
    courier.release('slow');
    await world.pass(TOLD_MS);
    assert.equal(two.text('acme/slow'), 'acme/slow');
    assertEqual(world);
    await world.stop();
  });

  it('of many bundles are installed in few groups', async () => {
    const at = await scene();
    const { world, one, two, courier, doings } = at;
    await underway(at, 'slow');
    const disk = two.life().disk;
    let syncs = 0;
    const { sync, syncFile } = disk;
    disk.sync = () => {
      syncs++;
      return sync.call(disk);
    };
    disk.syncFile = place => {
      syncs++;
      return syncFile.call(disk, place);
    };
    for (let i = 0; i < 100; i++) {
      one.write(`acme/f${i}`);
      await world.pass(10);
    }
    await world.pass(TOLD_MS);
    assert.equal(namesIn(two, 'acme').length, 100);
    assert.ok(courier.bundles.length >= 20, `${courier.bundles.length} bundles`);
    assert.ok(doings.groups.length <= 4, `${doings.groups.length} groups`);
    assert.ok(syncs <= 4, `the disk was waited for ${syncs} times`);
    courier.release('slow');
    await world.pass(TOLD_MS);
    assertEqual(world);
    await world.stop();
  });

  for (const [name, backMs] of [
    ['although a timer is early by a millisecond', 1],
    ['although the clock is put back', 3_600_000],
  ] as const)
    it(`that have come are installed soon, ${name}`, async () => {
      const volume = new Volume();
      const life = await volume.start(2);
      const clock = volume.clock.view();
      const { replica: folder } = life;
      const wants = new Wants();
      const held = Promise.withResolvers<never>();
      const bytes = Buffer.from('x');
      const peer = {
        async *bundle(_: unknown, [file]: readonly FileRef[]) {
          yield [file!.path === 'slow' ? await held.promise : { path: file!.path, bytes }];
        },
      } as unknown as Peer;
      const failures: unknown[] = [];
      const bundles = new Bundles({
        folder,
        wants,
        clock,
        outcomes: new Outcomes({ folder, wants, clock }),
        source: () => ({ peer, near: true }),
        sourceOf: () => 1,
        onFailure: error => failures.push(error),
      });
      const tally = new Tally({ self: 2, since: 0, skews: new Map(), now: () => clock.now() });
      for (const name of ['slow', 'quick']) {
        const entry = file(name);
        wants.add(entry, { roleid: 1, site: 'north' }, 1, clock.now());
        void bundles.add(
          [{ do: 'fetch', entry, was: undefined, below: [], conflict: false }],
          tally,
          new AbortController().signal,
        );
      }
      await volume.pass(0);
      assert.deepEqual([tally.fetched, volume.disk.lstat('d/quick')], [1, undefined]);
      clock.skewMs = -backMs;
      await volume.pass(GROUP_MS);
      assert.equal(volume.text('quick'), 'x');
      assert.equal(bundles.underway, 1);
      assert.deepEqual(failures, []);
      life.kill();
    });

  it('are waited for no more when something is thrown that nobody may throw: that ends the pulling', async () => {
    const at = await scene();
    const { world, one, two } = at;
    await underway(at, 'slow');
    two.life().replica.put = async () => {
      throw new TypeError('a mistake of ours');
    };
    one.write('acme/quick');
    await assert.rejects(world.pass(TOLD_MS), /a mistake of ours/);
  });
});

describe('what is planned while a file is on its way', () => {
  it('and would remove its directory waits: the file keeps it, and nobody changes it for that', async () => {
    const at = await scene({ count: 3, prepare: one => one.volume.disk.mkdir('acme/d', 0o750) });
    const { world, one, two, courier, doings } = at;
    const three = world.at(3);
    world.links.cut(1, 3);
    await underway(at, 'd/f');
    three.volume.disk.rmdir('acme/d');
    await world.pass(TOLD_MS);
    // The second has heard of both, and the third only of what it did itself.
    assert.equal(entryOf(three, 'd')?.kind, 'tombstone');
    assert.equal(two.loop.domain(ACME.name)?.wants.get(pathOf('d'))?.entry.kind, 'tombstone');
    assert.deepEqual(doings.steps, []);
    courier.release('d/f');
    await world.pass(TOLD_MS);
    assert.equal(two.text('acme/d/f'), 'acme/d/f');
    assert.deepEqual(doings.steps, ['fetch d/f done']);
    world.links.heal();
    await world.pass(60_000);
    for (const station of [one, two, three]) assert.equal(station.text('acme/d/f'), 'acme/d/f');
    assertUnchangedBy(two, 'd');
    assert.equal(courier.asked('d/f'), 2, 'once by each');
    assertEqual(world);
    await world.stop();
  });

  it('and would remove it with its directory waits: both go', async () => {
    const at = await scene({
      prepare: one => {
        one.volume.disk.mkdir('acme/d', 0o750);
        one.write('acme/d/old');
      },
    });
    const { world, one, two, courier, doings } = at;
    await underway(at, 'd/new');
    for (const name of ['old', 'new']) one.volume.disk.unlink(`acme/d/${name}`);
    one.volume.disk.rmdir('acme/d');
    await world.pass(TOLD_MS);
    assert.equal(two.text('acme/d/old'), 'acme/d/old');
    courier.release('d/new');
    await world.pass(TOLD_MS);
    assert.equal(two.volume.disk.lstat('acme/d'), undefined);
    const [first, ...then] = doings.steps;
    assert.deepEqual([first, then.at(-1)], ['fetch d/new done', 'remove d done']);
    assert.deepEqual(then.toSorted(), ['remove d done', 'remove d/new done', 'remove d/old done']);
    for (const path of ['d', 'd/old', 'd/new']) assertUnchangedBy(two, path);
    assertEqual(world);
    await world.stop();
  });

  it('and would move its directory waits: it moves as a whole, with the file', async () => {
    const at = await scene({
      prepare: one => {
        one.volume.disk.mkdir('acme/d', 0o750);
        one.write('acme/d/old');
      },
    });
    const { world, one, two, courier, doings } = at;
    const inode = two.volume.disk.lstat('acme/d')?.inode;
    await underway(at, 'd/new');
    one.volume.disk.rename('acme/d', 'acme/e');
    await world.pass(TOLD_MS);
    assert.deepEqual(namesIn(two, 'acme/d'), ['old']);
    courier.release('d/new');
    await world.pass(TOLD_MS);
    assert.deepEqual(namesIn(two, 'acme'), ['e']);
    assert.deepEqual(namesIn(two, 'acme/e'), ['new', 'old']);
    assert.equal(two.text('acme/e/new'), 'acme/d/new');
    assert.equal(two.volume.disk.lstat('acme/e')?.inode, inode);
    assert.deepEqual(doings.steps, ['fetch d/new done', 'move e done']);
    assert.deepEqual(courier.bundles, [['d/new']]);
    assertEqual(world);
    await world.stop();
  });

  it('of a directory that takes its place waits: nobody else makes that directory', async () => {
    const at = await scene();
    const { world, one, two, courier } = at;
    await underway(at, 'p');
    one.volume.disk.unlink('acme/p');
    one.volume.disk.mkdir('acme/p', 0o750);
    one.write('acme/p/f');
    await world.pass(TOLD_MS);
    assert.deepEqual(namesIn(two, 'acme'), []);
    courier.release('p');
    await world.pass(TOLD_MS);
    assert.equal(two.text('acme/p/f'), 'acme/p/f');
    assertUnchangedBy(two, 'p');
    assert.equal(courier.asked('p/f'), 1);
    assertEqual(world);
    await world.stop();
  });

  for (const [when, first] of [
    ['read', 'the older content comes first'],
    ['unread', 'the older content is given up'],
  ] as const)
    it(`of the same path waits: ${first}, then the newer one is fetched and stands`, async () => {
      const at = await scene();
      const { world, one, two, courier, doings } = at;
      await underway(at, 'f', when);
      one.write('acme/f', 'a newer text');
      await world.pass(TOLD_MS);
      assert.equal(courier.asked('f'), 1);
      assert.equal(two.loop.domain(ACME.name)?.wants.get(pathOf('f'))?.entry.size, 'a newer text'.length);
      courier.release('f');
      await world.pass(1_000);
      assert.equal(two.text('acme/f'), 'a newer text');
      assert.equal(courier.asked('f'), 2);
      assert.deepEqual(doings.steps, Array(when === 'read' ? 2 : 1).fill('fetch f done'));
      assertEqual(world);
      await world.stop();
    });

  it('of a rename of it waits: its content travels once', async () => {
    const at = await scene();
    const { world, one, two, courier, doings } = at;
    await underway(at, 'f');
    one.volume.disk.rename('acme/f', 'acme/g');
    await world.pass(TOLD_MS);
    assert.deepEqual([...two.loop.domain(ACME.name)!.wants.list()].map(({ path }) => path).sort(), ['f', 'g']);
    courier.release('f');
    await world.pass(TOLD_MS);
    assert.deepEqual([two.text('acme/f'), two.text('acme/g')], [undefined, 'acme/f']);
    assert.deepEqual(courier.bundles, [['f']]);
    assert.deepEqual(doings.steps, ['fetch f done', 'rename g done']);
    assertEqual(world);
    await world.stop();
  });
});

describe('a reason not to pull that arises between staging and installing', () => {
  for (const [name, change] of [
    ['a pause', { paused: 'an operator has it wait' }],
    ['too little space', { freeRatio: 0.01, minFreeRatio: 0.05 }],
  ] as const)
    it(`${name}: nothing is installed, and what is staged is, without another fetch, when that has gone`, async () => {
      const at = await scene();
      const { world, one, two, courier, doings } = at;
      const life = two.life();
      const fine = life.circumstances;
      await underway(at, 'slow');
      two.reports.length = 0;
      one.write('acme/quick');
      await until(world, 'staged', () => doings.stagedAt('quick') !== undefined);
      assert.deepEqual(doings.steps, []);
      life.circumstances = { ...fine, ...change };
      await world.pass(10_000);
      assert.deepEqual(doings.steps, []);
      life.circumstances = fine;
      await world.pass(TOLD_MS);
      assert.equal(two.text('acme/quick'), 'acme/quick');
      assert.equal(courier.asked('quick'), 1);
      assert.equal(doings.staged.length, 1);
      courier.release('slow');
      await world.pass(TOLD_MS);
      assert.equal(courier.asked('slow'), 1);
      assertEqual(world);
      await world.stop();
    });
});

describe('stopping while bundles are queued', () => {
  it('ends at once, installs what is staged, and leaves the rest wanted', async () => {
    const at = await scene();
    const { world, one, two, courier, doings } = at;
    const names = Array.from({ length: 9 }, (_, i) => `f${i}`);
    for (const name of names) {
      courier.hold(name);
      one.write(`acme/${name}`);
      await world.pass(TOLD_MS);
    }
    // As many as are fetched at once; the others are queued, or not planned yet.
    assert.deepEqual(courier.bundles, [['f0'], ['f1'], ['f2']]);
    courier.release('f0');
    await until(world, 'staged', () => doings.stagedAt('f0') !== undefined);
    assert.deepEqual(doings.steps, []);
    const { wants } = two.loop.domain(ACME.name)!;
    const [asked, folders] = [courier.bundles.length, new Map([[ACME.name, two.life().replica]])];
    let ended = false;
    const stopped = two.loop.configure(world.network, two.instance, new Map()).then(() => {
      ended = true;
    });
    await world.pass(0);
    assert.ok(ended, 'it has not ended');
    await stopped;
    assert.deepEqual(doings.steps, ['fetch f0 done']);
    assert.equal(courier.bundles.length, asked);
    assert.deepEqual([...wants.list()].map(({ path }) => path).sort(), names.slice(1));
    assert.equal(
      wants.ready(world.clock.now(), 100).length,
      names.length - 1,
      'something is taken for being under way',
    );

    courier.release(...names);
    await two.loop.configure(world.network, two.instance, folders);
    await world.pass();
    assert.deepEqual(namesIn(two, 'acme'), names);
    assertEqual(world);
    await world.stop();
  });
});
