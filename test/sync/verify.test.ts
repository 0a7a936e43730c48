import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pauses } from '../../src/folder/pauses.ts';
import { type Compared, type Found, verify } from '../../src/sync/verify.ts';
import { instance } from '../support/network.ts';
import { domain, type Station, World } from '../support/station.ts';

const ACME = domain('acme', 'north');
const signal = new AbortController().signal;

async function three(): Promise<World> {
  const world = new World([instance(1, 'north'), instance(2, 'north'), instance(3, 'north')], [ACME]);
  for (const path of ['a', 'b', 'dir-file']) world.at(1).write(`acme/${path}`, `content of ${path}`);
  await world.start();
  return world;
}

async function verified(world: World, station: Station, content: boolean) {
  const found: Found[] = [];
  const hashed = { files: 0, bytes: 0 };
  let result: Compared[] | undefined;
  const folder = station.life().replica;
  const others = station.loop.links.map(({ instance: { roleid }, peer }) => ({ roleid, peer }));
  const done = verify(
    {
      folder,
      others,
      clock: world.clock.view(),
      ownHashes: (files, ended) => station.server.ownHashes(folder, files, ended),
      onFound: one => found.push(one),
      onHashed: ({ files, bytes }) => {
        hashed.files += files;
        hashed.bytes += bytes;
      },
    },
    content,
    signal,
  ).then(compared => {
    result = compared;
  });
  await world.pass(60_000);
  await done;
  const tallies = result!.map(({ roleid, different, unchecked, reason }) => [roleid, different, unchecked, reason]);
  return { found: found.map(({ roleid, path, difference }) => [roleid, path, difference]).sort(), hashed, tallies };
}

describe('verifying', () => {
  it('finds nothing where all is equal, and reads all content where it is to', async () => {
    const world = await three();
    for (const content of [false, true]) {
      const { found, hashed, tallies } = await verified(world, world.at(1), content);
      assert.deepEqual(found, []);
      assert.deepEqual(tallies, [
        [2, 0, 0, undefined],
        [3, 0, 0, undefined],
      ]);
      assert.deepEqual(
        hashed,
        content ? { files: 3, bytes: 'content of '.length * 3 + 'abdir-file'.length } : { files: 0, bytes: 0 },
      );
    }
    await world.stop();
  });

  it('finds what a peer that cannot pull lacks, with every class', async () => {
    const world = await three();
    world.at(2).life().circumstances = { ...world.at(2).life().circumstances, paused: 'an operator has it wait' };
    world.at(1).write('acme/a', 'newer content');
    world.at(1).write('acme/new');
    world.at(1).volume.disk.unlink('acme/b');
    await world.pass();
    assert.deepEqual((await verified(world, world.at(1), false)).found, [
      [2, 'a', 'newer'],
      [2, 'b', 'missing'],
      [2, 'new', 'extra'],
    ]);
    assert.deepEqual((await verified(world, world.at(2), false)).found, [
      [1, 'a', 'older'],
      [1, 'b', 'extra'],
      [1, 'new', 'missing'],
      [3, 'a', 'older'],
      [3, 'b', 'extra'],
      [3, 'new', 'missing'],
    ]);
    await world.stop();
  });

  it('finds other bytes of the same size and date', async () => {
    const world = await three();
    world.at(3).intercept.hashes = async function* (_asking, _domain, files) {
      for (const { path } of files) yield { path, hash: path === 'a' ? 'f'.repeat(64) : await own(path) };
    };
    const own = async (path: string) => {
      const replica = world.at(1).life().replica;
      for await (const item of world.at(1).server.ownHashes(replica, [replica.get(path as never)!], signal))
        if ('hash' in item) return item.hash;
      throw new Error(path);
    };
    const { found, tallies } = await verified(world, world.at(1), true);
    assert.deepEqual(found, [[3, 'a', 'content']]);
    assert.deepEqual(tallies, [
      [2, 0, 0, undefined],
      [3, 1, 0, undefined],
    ]);
    await world.stop();
  });

  it('says of what changes meanwhile that it cannot tell', async () => {
    const world = await three();
    world.at(2).intercept.hashes = async function* (_asking, _domain, files) {
      for (const { path } of files) yield { path, status: 412 };
    };
    assert.deepEqual((await verified(world, world.at(1), true)).tallies[0], [2, 0, 3, undefined]);
    await world.stop();
  });

  it('answers for a peer that does not', async () => {
    const world = await three();
    world.links.cut(1, 2);
    const { tallies } = await verified(world, world.at(1), true);
    assert.deepEqual([tallies[0]![0], tallies[0]![3]], [2, 'no answer']);
    assert.equal(tallies[1]![3], undefined);
    await world.stop();
  });
});

describe('an instance that is paused', () => {
  it('pulls nothing, announces all, and goes on when it is resumed', async () => {
    const world = await three();
    const pauses = new Pauses(world.at(2).volume.disk, 2);
    const life = world.at(2).life();
    const fine = life.circumstances;
    await pauses.pause([ACME.name], 0);
    life.circumstances = { ...fine, paused: pauses.reason(ACME.name) };
    world.at(1).write('acme/while-paused');
    world.at(2).write('acme/of-two');
    await world.pass();
    assert.deepEqual(
      [world.at(2).text('acme/while-paused'), world.at(1).text('acme/of-two')],
      [undefined, 'acme/of-two'],
    );
    assert.match(
      world.at(2).loop.domain(ACME.name)!.objection!,
      /paused by an operator since 1970.* dfsync resume --domain acme/,
    );
    await pauses.resume([ACME.name]);
    life.circumstances = { ...fine, paused: pauses.reason(ACME.name) };
    await world.pass();
    assert.equal(world.at(2).text('acme/while-paused'), 'acme/while-paused');
    await world.stop();
  });

  it('and those who have what it lacks remember since when', async () => {
    const world = await three();
    world.at(2).life().circumstances = { ...world.at(2).life().circumstances, paused: 'an operator has it wait' };
    world.at(1).write('acme/new');
    await world.pass(40_000);
    const lacking = () => [...world.at(1).loop.links[0]!.learner.links.get(ACME.name)!.lacking];
    const [[path, { difference, since }]] = lacking() as [ReturnType<typeof lacking>[number]];
    assert.deepEqual([path, difference], ['new', 'extra']);
    await world.pass(120_000);
    assert.equal(lacking()[0]![1].since, since);
    await world.stop();
  });
});
