/** A server that was away for longer than deletions are remembered: on real instances, with a retention of seconds. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { StaleStatus } from '../../src/ops/status.ts';
import { runCommand } from './command.ts';
import { total } from './exposition.ts';
import { TestNetwork } from './network.ts';

const SHAPE = {
  sites: { north: ['n1', 'n2'], south: ['s1'] },
  domains: { acme: ['north', 'south'] },
  options: { retention: '25s' },
};
const DOMAIN = 'acme.example';

let network: TestNetwork;
before(async () => {
  network = await TestNetwork.create(SHAPE);
  for (const name of ['kept', 'first', 'second']) get('n1').write(`acme/${name}`, name);
  await network.start();
  await network.converge('acme');
  // Since when it was away is known from the last heartbeat that it heard.
  await get('s1').until('it to have heard of the north', async () => {
    const labels = { domain: DOMAIN, origin: '1' };
    return total(await get('s1').metrics(), 'dfsync_heard_timestamp_seconds', labels) > 0;
  });
});
after(() => network.close());

const get = (name: string) => network.get(name);

/** While the south is off a file is deleted in the north, until nobody knows of that any more. Answers what the south says then. */
async function comeBackTooLate(path: string): Promise<StaleStatus> {
  await get('s1').stop();
  rmSync(get('n1').path(path));
  const tombstones = async () => [
    (await get('n1').domain('acme')).tombstones,
    (await get('n2').domain('acme')).tombstones,
  ];
  await network.until('the deletion to be known', async () => (await tombstones()).every(count => count > 0));
  await network.until('the deletion to be forgotten', async () => (await tombstones()).every(count => count === 0));
  await get('s1').start();
  return get('s1').until('it to say that it is stale', async () => (await get('s1').domain('acme')).stale);
}

describe('a server that was away for longer than deletions are remembered', () => {
  test('brings nothing back, hears the news, and says what to do', async () => {
    const { peers, unknown, since } = await comeBackTooLate('acme/first');
    assert.deepEqual(peers, ['dfsync1']);
    assert.equal(unknown, 1);
    assert.ok(since! < Date.now() - 20_000);
    get('n2').write('acme/news', 'news');
    await get('s1').until('the news', () => get('s1').tree('acme').has('news'));
    assert.equal(total(await get('s1').metrics(), 'dfsync_stale_replica', { domain: DOMAIN }), 1);
    await get('n1').until('it to be a stale replica for others', async () => {
      const labels = { domain: DOMAIN, peer: 'dfsync3' };
      return total(await get('n1').metrics(), 'dfsync_peer_stale_replica', labels) === 1;
    });
    const probe = await fetch(`http://127.0.0.1:${get('s1').place.opsPort}/readyz`);
    assert.equal(probe.status, 200);
    assert.match(await probe.text(), /replica of acme\.example: .*; next: dfsync accept-remote --domain acme\.example/);
    assert.match(get('s1').log, /stale replica.*dfsync accept-remote/);
    assert.match(get('n1').log, /stale replica.*dfsync accept-remote/);
    for (const name of ['n1', 'n2']) assert.equal(get(name).tree('acme').has('first'), false, name);
    assert.equal(get('s1').read('acme/first'), 'first');
  });

  test('is told elsewhere that this is not the place', async () => {
    const { place } = get('n1');
    const callee = ['--url', `http://127.0.0.1:${place.opsPort}`, '--admin-token-file', place.adminTokenFile];
    const { code, output } = await runCommand('accept-remote', '--domain', DOMAIN, ...callee);
    assert.equal(code, 1);
    assert.match(output, /no stale replica on this instance, but on dfsync3 on s1: say it there/);
  });

  test('gives it up where the others are right, and is a replica like any other then', async () => {
    assert.match(await get('s1').operate('accept-remote', '--domain', DOMAIN), /1 paths .*went to the trash/);
    assert.equal(get('s1').tree('acme').has('first'), false);
    assert.match(await get('s1').operate('trash', 'list'), /first/);
    get('s1').write('acme/afterwards', 'afterwards');
    const tree = await network.converge('acme');
    assert.deepEqual([...tree.keys()].sort(), ['afterwards', 'kept', 'news', 'second']);
    assert.equal((await get('s1').domain('acme')).stale, undefined);
  });

  test('brings it back where it is right itself', async () => {
    await comeBackTooLate('acme/second');
    assert.equal(get('n1').tree('acme').has('second'), false);
    await get('s1').operate('accept-local', '--domain', DOMAIN);
    const tree = await network.converge('acme');
    assert.ok(tree.has('second'));
  });
});
