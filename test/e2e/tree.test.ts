/** A real tree on a network of two sites: it reaches everyone who serves it, whole and nobody else, and then stays where it is. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { total } from './exposition.ts';
import { TestNetwork, TOKEN, TWO_BY_TWO } from './network.ts';
import { DEEP_PATH, makeOddTree, NOT_UTF8, ODD_NAMES } from './odd-names.ts';
import { key, type Tree, type TreeNode } from './tree.ts';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
/** Of the installed modules two more copies are made, without what is large, to have about ten thousand files. */
const SMALL = '1M';
const FILES = 9_000;

const SECRET_NAME = 'only-the-north-knows.txt';
const SECRET = 'what it says there';

describe('a real tree on two sites of two instances', () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create(TWO_BY_TWO);
    const { place } = network.get('n1');
    makeRealTree(join(place.root, 'acme'));
    network.get('n2').write(`local/${SECRET_NAME}`, SECRET);
    network.get('s2').write('common/notes.txt', 'for everybody');
    network.get('s2').write('unmapped/file.txt', 'in no domain');
    network.get('s2').write('plain.txt', 'under the root');
  });
  after(() => network.close());

  test('the tree has about ten thousand files, symlinks, executables, empty files and directories, a deep path and odd names', () => {
    const tree = network.get('n1').tree('acme');
    const count = (is: (node: TreeNode, path: string) => boolean) =>
      [...tree].filter(([path, node]) => is(node, path)).length;
    assert.ok(count(node => node.kind === 'file') > FILES);
    assert.ok(count(node => node.kind === 'symlink') > 5);
    assert.ok(count(node => node.kind === 'file' && (node.mode & 0o100) !== 0) > 5);
    assert.ok(count(node => node.kind === 'file' && node.size === 0) > 0);
    assert.ok(count(node => node.size > 50_000_000) > 0);
    assert.ok(tree.has('odd/empty/directory in/directory'));
    assert.ok(tree.has(`odd/${DEEP_PATH}/at the bottom`));
    for (const name of [...ODD_NAMES, ...NOT_UTF8])
      assert.ok(tree.has(key(Buffer.concat([Buffer.from('odd/names/'), name]))));
  });

  test('it reaches every instance of both sites equal in kind, size, date, mode, target and content', async () => {
    const source = network.get('n1').tree('acme', { content: true });
    await network.start();
    assertTree(await network.converge('acme'), source);
  });

  test('the domain common reaches every site without being listed', async () => {
    await network.converge('common');
    assert.equal(network.get('n2').read('common/notes.txt'), 'for everybody');
  });

  test('what no domain maps stays where it is, and is listed', async () => {
    await network.barrier('acme', 's2');
    for (const name of ['n1', 'n2', 's1']) {
      assert.equal(network.get(name).tree('unmapped').size, 0, name);
      assert.ok(!network.get(name).tree('').has('plain.txt'), name);
    }
    const { unmapped } = await network.get('s2').status();
    assert.deepEqual([...unmapped].sort(), ['plain.txt', 'unmapped']);
  });

  test('a domain that one site does not serve never appears there', async () => {
    await network.converge('local');
    assert.equal(network.get('n1').read(`local/${SECRET_NAME}`), SECRET);
    await network.barrier('acme', 'n2');
    for (const name of ['s1', 's2']) {
      assert.deepEqual([...network.get(name).tree('local').keys()], [], name);
      assert.doesNotMatch(network.get(name).log, new RegExp(SECRET_NAME), name);
      assert.ok(!JSON.stringify(await network.get(name).status()).includes(SECRET_NAME), name);
    }
  });

  test('a gateway that asks for a domain which its site does not serve learns nothing of it', async () => {
    for (const path of routes('local.example')) {
      const answer = await ask(network.get('n1').place.port, path, {
        authorization: `Bearer ${TOKEN}`,
        'dfsync-roleid': '3',
      });
      if (path.includes('local.example')) assert.ok(answer.status >= 400, `${path}: ${answer.status}`);
      else assert.ok(!answer.text.includes('local.example'), `${path}: ${answer.text}`);
      assert.ok(path.includes(SECRET_NAME) || !answer.text.includes(SECRET_NAME), `${path}: ${answer.text}`);
      assert.ok(!answer.text.includes(SECRET), `${path}: ${answer.text}`);
    }
  });

  test('an instance of another site that is no gateway is refused', async () => {
    for (const path of routes('acme.example')) {
      const answer = await ask(network.get('n1').place.port, path, {
        authorization: `Bearer ${TOKEN}`,
        'dfsync-roleid': '4',
      });
      assert.equal(answer.status, 403, path);
    }
  });

  test('a wrong token, or none, gets 401 and no name of any file', async () => {
    const authorizations = [
      { authorization: 'Bearer wrong' },
      { authorization: `Basic ${TOKEN}` },
      { authorization: 'Bearer ' },
      {},
    ];
    for (const instance of network.instances) {
      for (const path of [...routes('acme.example'), ...routes('local.example')]) {
        for (const headers of authorizations) {
          const answer = await ask(instance.place.port, path, { ...headers, 'dfsync-roleid': '2' });
          assert.equal(answer.status, 401, `${instance.name} ${path}`);
          // An answer may repeat the address that was asked for; that is no news.
          assert.doesNotMatch(
            answer.text.replaceAll(path, ''),
            /package\.json|only-the-north/,
            `${instance.name} ${path}`,
          );
        }
      }
    }
  });

  test('nothing is left over: no mismatch, no lag, every peer up', () => settled(network));

  test('the rename of a big directory moves no bytes of content', async () => {
    const before = await network.contentReceived();
    const { root } = network.get('s2').place;
    renameSync(join(root, 'acme/vendor'), join(root, 'acme/third party'));
    const tree = await network.barrier('acme', 's2');
    assert.equal(network.get('s2').tree('acme/vendor').size, 0);
    assert.ok(tree.has('third party/zod/package.json'));
    assert.equal((await network.contentReceived()) - before, 0);
  });

  test('a restart of the unchanged network moves no bytes of content and changes nothing', async () => {
    const tree = await network.converge('acme');
    await network.stop();
    await network.start();
    await settled(network);
    assertTree(await network.converge('acme'), tree);
    for (const { name } of network.instances) await network.barrier('acme', name);
    assert.equal(await network.contentReceived(), 0);
  });
});

function makeRealTree(acme: string): void {
  mkdirSync(join(acme, 'odd'), { recursive: true });
  execFileSync('cp', ['-a', `${MODULES}/.`, join(acme, 'modules')]);
  for (const copy of ['vendor', 'copy']) {
    execFileSync('cp', ['-a', `${MODULES}/.`, join(acme, copy)]);
    execFileSync('find', [join(acme, copy), '-type', 'f', '-size', `+${SMALL}`, '-delete']);
  }
  makeOddTree(join(acme, 'odd'));
}

/** Waits until every instance knows every peer up, nothing wanted and no entry that differs. */
async function settled(network: TestNetwork): Promise<void> {
  for (const instance of network.instances) {
    await instance.until('no mismatch, no lag and every peer up', async () => {
      const samples = await instance.metrics();
      const peers = instance.place.gateway ? 2 : 1;
      assert.equal(total(samples, 'dfsync_peer_up'), peers, 'peers up');
      assert.ok(
        samples.some(sample => sample.name === 'dfsync_sync_lag_seconds'),
        'a lag is told',
      );
      assert.equal(total(samples, 'dfsync_sync_lag_seconds'), 0, 'lag');
      assert.equal(total(samples, 'dfsync_mismatched_entries'), 0, 'mismatch');
      assert.equal(total(samples, 'dfsync_wanted_entries'), 0, 'wanted');
      return true;
    });
  }
}

function routes(domain: string): string[] {
  const at = `/v1/domains/${domain}`;
  const file = domain.startsWith('local') ? SECRET_NAME : 'modules/zod/package.json';
  return [
    '/v1/self',
    '/v1/domains',
    `${at}/digests?prefix=`,
    `${at}/entries?prefix=`,
    '/v1/changes?epoch=x&since=0&done=0&wait=0',
    `${at}/files/${file}`,
  ];
}

async function ask(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  return { status: answer.status, text: await answer.text() };
}

/** The first has everything of the second, unchanged; marks of barriers may be added. */
function assertTree(actual: Tree, expected: Tree): void {
  for (const [path, node] of expected) assert.deepEqual(actual.get(path), node, path);
  const added = [...actual.keys()].filter(path => !expected.has(path) && !path.startsWith('.mark-'));
  assert.deepEqual(added, []);
}
