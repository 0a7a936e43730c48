import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Refusal } from '../../src/sync/refusal.ts';
import { instance } from '../support/network.ts';
import { domain, type Station, World } from '../support/station.ts';

const told = (station: Station) =>
  station.life().paths.map(({ did, entry, via, conflict }) => [did, entry.path, entry.kind, via, conflict]);

it('each path is told where it was made and where it was pulled, a conflict to who lost', async () => {
  const world = new World([instance(1, 'north'), instance(2, 'north')], [domain('acme', 'north')]);
  world.at(1).write('acme/before');
  await world.start();
  // Too young to have been taken by the first scan.
  assert.deepEqual(told(world.at(1)), [['made', 'before', 'file', undefined, false]]);
  assert.deepEqual(told(world.at(2)), [['pulled', 'before', 'file', 'north', false]]);
  // The winner hears nothing of the loser before that has heard of him: what knows both is in conflict with neither.
  const refused = () => {
    throw new Refusal(503, 'No', 'as the test wants it');
  };
  world.at(1).intercept = { admit: refused };
  world.links.cut(1, 2);
  world.at(1).write('acme/before', 'changed by one');
  await world.pass(5_000);
  world.at(2).write('acme/before', 'and then by two');
  await world.pass(5_000);
  world.links.mend(1, 2);
  await world.pass(60_000);
  assert.deepEqual(told(world.at(1)).slice(1), [
    ['made', 'before', 'file', undefined, false],
    ['pulled', 'before', 'file', 'north', true],
  ]);
  assert.deepEqual(told(world.at(2)).slice(1), [['made', 'before', 'file', undefined, false]]);
  assert.equal(world.at(1).life().replica.conflicts, 1);
  await world.stop();
});
