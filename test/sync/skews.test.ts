import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Measured, skewsOf } from '../../src/sync/skews.ts';
import { instance } from '../support/network.ts';
import { domain, World } from '../support/station.ts';

const NETWORK = [1, 2, 3]
  .map(roleid => instance(roleid, 'north'))
  .concat([4, 5].map(roleid => instance(roleid, 'south')));

function link(roleid: number, skewMs: number | undefined, skews: Record<number, number> = {}): Measured {
  return { instance: NETWORK.find(each => each.roleid === roleid)!, learner: { skewMs, skews } };
}

describe('the clock', () => {
  const cases: [name: string, links: Measured[], known: [number, number][]][] = [
    [
      'of a peer is the one that was measured, whatever others say of it',
      [link(2, 50, { 3: 7 }), link(3, -20)],
      [
        [2, 50],
        [3, -20],
      ],
    ],
    [
      'of who is behind a gateway of this site is the sum',
      [link(2, 50, { 4: 100 })],
      [
        [2, 50],
        [4, 150],
      ],
    ],
    [
      'of a member of a remote site is the sum',
      [link(4, 50, { 5: -10 })],
      [
        [4, 50],
        [5, 40],
      ],
    ],
    ['of somebody of this site is not believed of a stranger', [link(4, 50, { 2: -10 })], [[4, 50]]],
    [
      'of a remote site is believed of its own gateway rather than of a neighbour',
      [link(2, 1, { 5: 1 }), link(4, 0, { 5: 9 })],
      [
        [2, 1],
        [4, 0],
        [5, 9],
      ],
    ],
    ['of who is not of the network is left out', [link(2, 1, { 99: 1 })], [[2, 1]]],
    ['that was not measured yet is not known, nor what lies behind it', [link(2, undefined, { 4: 1 })], []],
  ];
  for (const [name, links, known] of cases)
    it(name, () => assert.deepEqual([...skewsOf('north', links, NETWORK)].sort(), known));
});

it('is known through two gateways, and corrects how long a change took', async () => {
  const acme = domain('acme', 'north', 'south');
  const world = new World(
    [instance(1, 'north', true), instance(2, 'north'), instance(3, 'south', true), instance(4, 'south')],
    [acme],
  );
  await world.start();
  // Neighbours are asked once a minute what they know by then.
  await world.pass(130_000);
  const far = world.at(4);
  assert.deepEqual([...far.loop.skews.keys()].sort(), [1, 2, 3]);
  for (const skew of far.loop.skews.values())
    assert.ok(Math.abs(skew) < 300, `${skew} ms, and all clocks are the same`);
  far.reports.length = 0;
  world.at(2).write('acme/f');
  await world.pass(30_000);
  const arrivals = far.reports.flatMap(report => report.arrivals);
  assert.deepEqual(
    arrivals.map(({ origin }) => origin),
    [2],
  );
  assert.ok(arrivals[0]!.ms < 20_000 && arrivals[0]!.sinceWrittenMs >= arrivals[0]!.ms, JSON.stringify(arrivals));
  await world.stop();
});
