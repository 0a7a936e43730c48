/** An unmounted or swapped volume never becomes deletions; of an emptied one they are held. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Instance } from './instance.ts';
import { TestNetwork } from './network.ts';
import { assertSameTree, type Tree } from './tree.ts';

const FILES = 25;

/** The three instances of the example in the documentation. */
const SHAPE = {
  sites: { north: ['n1', 'n2'], south: ['s1'] },
  domains: { acme: ['north', 'south'], local: ['north'] },
};

let network: TestNetwork;
let tree: Tree;
before(async () => {
  network = await TestNetwork.create(SHAPE);
  for (let i = 0; i < FILES; i++) network.get('n1').write(`acme/directory ${i % 5}/${i}.txt`, `content ${i}`);
  network.get('n1').write('local/file.txt', 'local');
  await network.start();
  await network.converge('acme');
  await network.converge('local');
  tree = network.get('n1').tree('acme', { content: true });
});
after(() => network.close());

/** Nobody but the victim lost anything, and the rest of the network still works. */
async function assertNothingLost(victim: Instance): Promise<void> {
  network.get('n1').write('common/proof.txt', `the others go on without ${victim.name}`);
  await network.converge(
    'common',
    network.instances.filter(each => each.isRunning && existsSync(each.place.root)),
  );
  for (const other of network.instances) {
    if (other !== victim) assertSameTree(tree, other.tree('acme', { content: true }), ['the tree before', other.name]);
  }
}

/** Takes the domain's files away as an unmount does, runs something, and brings them back. */
async function without(instance: Instance, what: string, run: () => Promise<void>): Promise<void> {
  const aside = `${instance.place.root}.aside`;
  const path = instance.path(what);
  renameSync(path, aside);
  try {
    if (what !== 'acme') mkdirSync(path);
    await run();
  } finally {
    rmSync(path, { recursive: true, force: true });
    renameSync(aside, path);
  }
}

describe('while running', () => {
  test("a domain's files removed, all of them: that is held, with a reason, and nothing is deleted elsewhere", async () => {
    const victim = network.get('n2');
    const copy = `${victim.place.root}.copy`;
    copyTree(victim.path('acme'), copy);
    for (let i = 0; i < 5; i++) rmSync(victim.path(`acme/directory ${i}`), { recursive: true });
    assert.match((await victim.held('acme')).reason, /files/);
    await assertNothingLost(victim);
    assert.equal(victim.tree('acme').size, 0, 'and nothing is pulled into it');
    copyTree(`${copy}/.`, victim.path('acme'));
    await recovered(victim);
  });

  test("a domain's directory gone: it halts with a reason, and goes on when it is back", async () => {
    const victim = network.get('s1');
    await without(victim, 'acme', async () => {
      assert.match(await victim.halted('acme'), /acme|directory/);
      await assertNothingLost(victim);
    });
    await recovered(victim);
  });

  test('the volume itself gone: all of it halts with a reason, the process lives, and it goes on when it is back', async () => {
    const victim = network.get('n2');
    const { pid } = victim;
    const away = `${victim.place.root}.away`;
    renameSync(victim.place.root, away);
    try {
      assert.match(await victim.halted('acme'), /missing|unmounted|mount/);
      await assertNothingLost(victim);
    } finally {
      renameSync(away, victim.place.root);
    }
    await network.converge('common');
    await recovered(victim);
    assert.equal(victim.pid, pid);
  });

  test('a halted domain does not make the instance unready while others go on', async () => {
    const victim = network.get('n2');
    await without(victim, 'acme', async () => {
      await victim.halted('acme');
      assert.equal(await victim.isReady(), true);
    });
    await recovered(victim);
  });
});

describe('before the start', () => {
  test("a domain's files removed: that is held, with a reason, and nothing is deleted elsewhere", async () => {
    const victim = network.get('n2');
    await victim.stop();
    const copy = `${victim.place.root}.copy2`;
    renameSync(victim.path('acme'), copy);
    mkdirSync(victim.path('acme'));
    victim.launch();
    assert.match((await victim.held('acme')).reason, /files/);
    await assertNothingLost(victim);
    await victim.stop();
    rmSync(victim.path('acme'), { recursive: true });
    renameSync(copy, victim.path('acme'));
    await victim.start();
    await recovered(victim);
  });

  test('the one file of a domain removed: that is held too, for it may be a mount that is not there', async () => {
    const victim = network.get('n2');
    await victim.stop();
    rmSync(victim.path('local/file.txt'));
    await victim.start();
    assert.equal((await victim.held('local')).deletions, 1);
    await assertNothingLost(victim);
    assert.equal(network.get('n1').read('local/file.txt'), 'local');
    await victim.operate('undo', '--held', '--domain', 'local.example');
    await network.converge('local');
    assert.equal(victim.read('local/file.txt'), 'local');
  });

  test('the whole volume gone, an empty directory in its place: it is filled like a new server, nothing is deleted elsewhere', async () => {
    const victim = network.get('n2');
    await victim.stop();
    renameSync(victim.place.root, `${victim.place.root}.unmounted`);
    mkdirSync(victim.place.root);
    await victim.start();
    await recovered(victim);
  });

  test('another volume in its place, of another instance: it is refused, and no file is touched', async () => {
    const victim = network.get('n2');
    await victim.stop();
    const foreign = network.get('s1');
    renameSync(victim.place.root, `${victim.place.root}.right`);
    copyTree(foreign.place.root, victim.place.root);
    rmSync(victim.path('acme/directory 0'), { recursive: true });
    victim.launch();
    await network.until('it to say whose volume that is, and to end', () => !victim.isRunning);
    assert.match(victim.log, /belongs to roleid 3, not 2/);
    assert.ok(!victim.tree('acme').has('directory 0'), 'nothing is pulled into it');
    await assertNothingLost(victim);
    await victim.kill();
    rmSync(victim.place.root, { recursive: true });
    renameSync(`${victim.place.root}.right`, victim.place.root);
    await victim.start();
    await recovered(victim);
  });
});

/** The domain is in sync again, with everything that was there before. */
async function recovered(victim: Instance): Promise<void> {
  const restored = await network.converge('acme');
  assertSameTree(tree, restored, ['the tree before', 'the tree now']);
  await victim.until('acme to be neither halted nor held', async () => {
    const { state, held } = await victim.domain('acme');
    return state !== 'halted' && held === undefined;
  });
}

/** With dates to the nanosecond, which `fs.cp` does not keep. */
function copyTree(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}
