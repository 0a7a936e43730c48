/** Deletions of most of a domain: held, released, undone; the trash; on real instances. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { total } from './exposition.ts';
import { TestNetwork } from './network.ts';
import { assertSameTree, type Tree } from './tree.ts';

const SHAPE = {
  sites: { north: ['n1', 'n2'], south: ['s1'] },
  domains: { acme: ['north', 'south'] },
};
const DOMAIN = 'acme.example';
const MANY = 240;
const OTHERS = 60;
const DIRECTORIES = 7;
/** Once a file of each of two directories is back. */
const STILL_HELD = MANY - 2 + DIRECTORIES - 2;

let network: TestNetwork;
let tree: Tree;
before(async () => {
  network = await TestNetwork.create(SHAPE);
  for (let i = 0; i < MANY; i++) network.get('n1').write(`acme/big/${i % DIRECTORIES}/${i}.txt`, `content ${i}`);
  for (let i = 0; i < OTHERS; i++) network.get('n1').write(`acme/others/${i}.txt`, `other ${i}`);
  await network.start();
  tree = await network.converge('acme');
});
after(() => network.close());

const get = (name: string) => network.get(name);
const released = (name: string) =>
  get(name).until('no deletions to be held', async () => (await get(name).domain('acme')).held === undefined);

describe('most of a domain removed on one server', () => {
  test('is held there, the others keep all, and the metric and the log say so', async () => {
    rmSync(get('n1').path('acme/big'), { recursive: true });
    const { reason, paths } = await get('n1').held('acme', MANY);
    assert.match(reason, new RegExp(`of its ${MANY + OTHERS} files`));
    assert.equal(paths.length, 100);
    assert.equal(
      total(await get('n1').metrics(), 'dfsync_held_deletions', { domain: DOMAIN }),
      (await get('n1').domain('acme')).held!.deletions,
    );
    assert.match(get('n1').log, /deletions are held.*dfsync release --domain acme\.example/);
    await get('n2').until('the others to have heard of everything', async () => {
      get('n1').write('acme/proof', 'n1 still talks');
      return get('n2').tree('acme').has('proof');
    });
    for (const name of ['n2', 's1']) assert.equal(get(name).tree('acme/big').size, tree.size - OTHERS - 2);
  });

  test('everything else flows, both ways', async () => {
    get('n1').write('acme/others/new on n1', 'new');
    get('s1').write('acme/others/new on s1', 'new');
    rmSync(get('s1').path('acme/others/1.txt'));
    await network.until('it to be everywhere', () =>
      network.instances.every(instance => {
        const others = instance.tree('acme/others');
        return others.has('new on n1') && others.has('new on s1') && !others.has('1.txt');
      }),
    );
  });

  test('what is put back and what is edited elsewhere is held no more', async () => {
    get('n1').write('acme/big/1/1.txt', 'put back');
    get('n2').write('acme/big/2/2.txt', 'edited elsewhere');
    await network.until('both to be everywhere', () =>
      network.instances.every(
        instance =>
          instance.tree('acme').has('big/1/1.txt') &&
          instance.read('acme/big/1/1.txt') === 'put back' &&
          instance.tree('acme').has('big/2/2.txt') &&
          instance.read('acme/big/2/2.txt') === 'edited elsewhere',
      ),
    );
    await network.until('neither they nor their directories to be held', async () => {
      const { held } = await get('n1').domain('acme');
      return held?.deletions === STILL_HELD;
    });
  });

  test('is held over restarts, after a kill -9 too', async () => {
    await get('n1').kill();
    await get('n1').start();
    await get('n1').held('acme', STILL_HELD);
    await get('n1').stop();
    await get('n1').start();
    await get('n1').held('acme', STILL_HELD);
    assert.equal(get('s1').tree('acme').has('big/3/3.txt'), true);
  });

  test('spreads when it is released', async () => {
    assert.match(await get('n1').operate('release', '--domain', DOMAIN), /\d+ deletions are released/);
    await released('n1');
    const left = await network.converge('acme');
    assert.deepEqual([...left.keys()].filter(path => path.startsWith('big/')).sort(), [
      'big/1',
      'big/1/1.txt',
      'big/2',
      'big/2/2.txt',
    ]);
    assert.match(await get('n1').operate('release', '--domain', DOMAIN), /no deletions are held/);
  });
});

describe('on a server that received deletions', () => {
  test('an undo brings them back to all, and a dry run only says so', async () => {
    const dry = await get('n2').operate('undo', '--domain', DOMAIN, '--since', '1h', '--dry-run');
    assert.match(dry, /deleted .*big\/3\/3\.txt/);
    assert.equal(get('n2').tree('acme').has('big/3/3.txt'), false);
    const { recovered, failed } = JSON.parse(
      await get('n2').operate('undo', '--domain', DOMAIN, '--since', '1h', '--json'),
    );
    assert.deepEqual(failed, []);
    assert.ok(recovered >= MANY - 2);
    const back = await network.converge('acme');
    const files = [...tree.keys()].filter(path => path.startsWith('big/'));
    for (const path of files) assert.ok(back.has(path), path);
    assert.equal(get('s1').read('acme/big/3/3.txt'), 'content 3');
  });

  test('one path comes back by name', async () => {
    rmSync(get('n1').path('acme/others/5.txt'));
    await network.until('it to be gone', () => !get('n2').tree('acme').has('others/5.txt'));
    assert.match(await get('n2').operate('trash', 'list'), /others\/5\.txt/);
    await get('n2').operate('trash', 'restore', 'others/5.txt', '--domain', DOMAIN);
    await network.until('it to be back', () => get('n1').tree('acme').has('others/5.txt'));
    assert.equal(get('n1').read('acme/others/5.txt'), 'other 5');
  });
});

describe('most of a domain', () => {
  test('renamed is no deletion', async () => {
    await network.converge('acme');
    const holds = () => get('n1').log.split('deletions are held').length;
    const before = holds();
    renameSync(get('n1').path('acme/big'), get('n1').path('acme/moved'));
    const moved = await network.converge('acme');
    assert.ok(moved.has('moved/3/3.txt') && !moved.has('big'));
    assert.equal(holds(), before);
    assert.equal((await get('n1').domain('acme')).held, undefined);
    renameSync(get('n1').path('acme/moved'), get('n1').path('acme/big'));
    await network.converge('acme');
  });

  test('removed by mistake and undone comes from the others', async () => {
    const all = await network.converge('acme');
    rmSync(get('s1').path('acme'), { recursive: true });
    mkdirSync(get('s1').path('acme'));
    await get('s1').held('acme', MANY);
    assert.match(await get('s1').operate('undo', '--held', '--domain', DOMAIN), /\d+ held deletions are undone/);
    await released('s1');
    assertSameTree(all, await network.converge('acme'), ['before', 'after']);
  });

  test('cannot be released without the admin token', async () => {
    const answer = await fetch(`http://127.0.0.1:${get('n1').place.opsPort}/domains/${DOMAIN}/release`, {
      method: 'POST',
    });
    assert.equal(answer.status, 401);
  });
});
