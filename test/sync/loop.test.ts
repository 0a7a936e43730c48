import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance, Network } from '../../src/core/topology.ts';
import { instance } from '../support/network.ts';
import { domain, type Station, World } from '../support/station.ts';

const SHARED = domain('shared', 'north', 'south');
const LOCAL = domain('local', 'north');

const n1 = instance(1, 'north', true);
const n2 = instance(2, 'north');
const s1 = instance(3, 'south', true);
const s2 = instance(4, 'south');

const started = (instances: readonly Instance[], ...domains: Network['domains']) =>
  new World(instances, domains).start();
const active = (station: Station) => station.loop.links.filter(link => link.active).map(link => link.instance.roleid);
const all = (world: World) => [...world.stations.values()];

describe('two sites', () => {
  it('become equal through their gateways, and nobody else crosses', async () => {
    const world = await started([n1, n2, s1, s2], SHARED, LOCAL);
    assert.deepEqual(all(world).map(active), [[2, 3], [1], [4, 1], [3]]);
    world.at(2).write('shared/f');
    await world.pass();
    for (const station of all(world)) assert.equal(station.text('shared/f'), 'shared/f', station.instance.name);
    world.at(4).write('shared/g');
    await world.pass();
    for (const station of all(world)) assert.equal(station.text('shared/g'), 'shared/g', station.instance.name);
    assert.equal(new Set(all(world).map(station => station.life('shared').replica.digest)).size, 1);
    await world.stop();
  });

  it('keep from each other what is not shared', async () => {
    const world = await started([n1, n2, s1], SHARED, LOCAL);
    world.at(1).write('local/secret');
    await world.pass();
    assert.equal(world.at(2).text('local/secret'), 'local/secret');
    assert.equal(world.at(3).lives.has(LOCAL.name), false);
    assert.equal(world.at(3).volume.disk.lstat('local'), undefined);
    await world.stop();
  });

  it('hear each other’s hearts through the gateways', async () => {
    const world = await started([n1, n2, s1, s2], SHARED);
    await world.pass(120_000);
    for (const station of all(world))
      for (const { roleid } of [n1, n2, s1, s2]) {
        const age = world.clock.now() - (station.life('shared').replica.heard.get(roleid) ?? 0);
        assert.ok(age < 45_000, `${station.instance.roleid} heard of ${roleid} ${age} ms ago`);
      }
    await world.stop();
  });

  it('cut off from each other, then not, have all of both', async () => {
    const world = await started([n1, n2, s1, s2], SHARED);
    world.links.cut(1, 3);
    world.at(2).write('shared/north');
    world.at(4).write('shared/south');
    for (const [station, text] of [
      [world.at(1), 'of the north'],
      [world.at(3), 'of the south'],
    ] as const) {
      station.write('shared/both', text);
      await world.pass(2_000);
    }
    await world.pass(60_000);
    assert.equal(world.at(3).text('shared/north'), undefined);
    world.links.heal();
    await world.pass(60_000);
    for (const station of all(world)) {
      assert.equal(station.text('shared/north'), 'shared/north');
      assert.equal(station.text('shared/south'), 'shared/south');
      assert.equal(station.text('shared/both'), 'of the south');
    }
    // What lost is kept, wherever it was overwritten.
    assert.ok(all(world).some(station => thrownAway(station).includes('of the north')));
    await world.stop();
  });
});

/** The contents of all files in the trash of the domain `shared`. */
function thrownAway(station: Station, at = '.dfsync/trash/shared'): string[] {
  const { disk } = station.volume;
  return disk.list(at).flatMap(name => {
    const path = `${at}/${name}`;
    const isDirectory = disk.lstat(path)?.kind === 'directory';
    return isDirectory ? thrownAway(station, path) : [Buffer.from(disk.readFile(path)).toString()];
  });
}

describe('a site with two gateways', () => {
  const s3 = instance(5, 'south', true);

  it('is pulled from one at a time, and the other one when that fails', async () => {
    const world = await started([n1, s1, s3], SHARED);
    const [current] = active(world.at(1));
    const other = current === 3 ? 5 : 3;
    assert.deepEqual(active(world.at(1)), [current]);
    world.links.cut(1, current!);
    await world.pass(120_000);
    assert.deepEqual(active(world.at(1)), [other]);
    world.at(other).write('shared/f');
    await world.pass();
    assert.equal(world.at(1).text('shared/f'), 'shared/f');
    await world.stop();
  });
});

describe('another network', () => {
  it('takes peers away, and their wants with them', async () => {
    const world = await started([n1, n2, s1], SHARED);
    const station = world.at(1);
    const network: Network = { ...world.network, instances: [n1, n2] };
    const folders = new Map([...station.lives].map(([name, life]) => [name, life.replica]));
    const configured = station.loop.configure(network, n1, folders);
    await world.pass(1_000);
    await configured;
    assert.deepEqual(active(station), [2]);
    world.at(3).write('shared/f');
    await world.pass();
    assert.equal(station.text('shared/f'), undefined);
    await world.stop();
  });

  it('that drops a domain stops pulling it, and touches no file', async () => {
    const world = await started([n1, n2], SHARED, LOCAL);
    const station = world.at(1);
    station.write('local/f');
    await world.pass();
    const folders = new Map([[SHARED.name, station.life('shared').replica]]);
    const configured = station.loop.configure({ ...world.network, domains: [SHARED] }, n1, folders);
    await world.pass(1_000);
    await configured;
    assert.equal(station.loop.domain(LOCAL.name), undefined);
    world.at(2).write('local/g');
    await world.pass();
    assert.deepEqual([station.text('local/f'), station.text('local/g')], ['local/f', undefined]);
    await world.stop();
  });

  it('that changes nothing leaves every link running', async () => {
    const world = await started([n1, n2, s1], SHARED);
    const station = world.at(1);
    const before = station.loop.links.map(link => link.learner);
    const folders = new Map([...station.lives].map(([name, life]) => [name, life.replica]));
    await station.loop.configure(world.network, n1, folders);
    assert.deepEqual(
      station.loop.links.map(link => link.learner),
      before,
    );
    assert.ok(station.loop.links.every(link => link.learner.state === 'live'));
    await world.stop();
  });
});
