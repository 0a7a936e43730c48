/** A server whose clock ran far ahead, and was put right: what it changed meanwhile is listed elsewhere, and spreads once it is dated anew. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Instance } from './instance.ts';
import { TestNetwork } from './network.ts';

const HOUR_MS = 3_600_000;
const PRELOAD = new URL('./clock-ahead.ts', import.meta.url).href;
const AHEAD = ['env', `NODE_OPTIONS=--import=${PRELOAD}`, `CLOCK_AHEAD_MS=${HOUR_MS}`];

let network: TestNetwork;
let n1: Instance;
let n2: Instance;
before(async () => {
  network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
  [n1, n2] = [network.get('n1'), network.get('n2')];
  for (const name of ['edited', 'deleted', 'kept']) n1.write(`acme/${name}`, `${name} before`);
  await network.start();
  await network.converge('acme');
});
after(() => network.close());

const listed = async () =>
  (await n2.domain('acme')).items
    .filter(each => each.class === 'clock')
    .map(each => each.path)
    .sort();

describe('a clock that is an hour ahead', () => {
  test('its changes wait, listed with what to do; those of others go both ways', async () => {
    await n1.stop();
    await n1.start(AHEAD);
    n1.write('acme/edited', 'edited in the future');
    n1.write('acme/new', 'new in the future');
    rmSync(n1.path('acme/deleted'));
    await n2.until('them to be listed', async () => (await listed()).join() === 'deleted,edited,new');
    const { items } = await n2.domain('acme');
    for (const { message } of items)
      assert.match(message, /peer 1 .* (59|60) min ahead of this clock: put the clocks right/);
    n2.write('acme/of the other', 'x');
    await network.until('what is dated rightly to arrive', () => existsSync(n1.path('acme/of the other')));
    assert.equal(n2.read('acme/edited'), 'edited before');
    assert.ok(existsSync(n2.path('acme/deleted')) && !existsSync(n2.path('acme/new')));
    const samples = await n2.metrics();
    const skew = samples.find(({ name }) => name === 'dfsync_peer_clock_skew_seconds');
    assert.ok(skew && skew.value > 3_500, `a metric says it: ${skew?.value}`);
  });

  test('put right, they still wait, until they are dated anew; then they are changes like any other', async () => {
    await n1.stop();
    await n1.start();
    await n2.until('them to be listed still', async () => (await listed()).join() === 'deleted,edited,new');
    assert.match(await n1.operate('redate'), /acme\.example: 3 entries were dated in the future/);
    await n2.until('them to arrive', () => n2.read('acme/edited') === 'edited in the future');
    await network.converge('acme');
    assert.ok(!existsSync(n2.path('acme/deleted')) && existsSync(n2.path('acme/new')));
    await n2.until('nothing to be listed', async () => (await n2.domain('acme')).items.length === 0);
    assert.match(await n1.operate('redate'), /acme\.example: 0 entries/);
  });

  test('and an edit of the other server, later, wins', async () => {
    writeFileSync(n2.path('acme/edited'), 'edited in the present');
    await network.until('it to arrive', () => n1.read('acme/edited') === 'edited in the present');
    await network.barrier('acme', 'n1');
    assert.equal(n2.read('acme/edited'), 'edited in the present');
  });
});
