/** Changes of every sort, made anywhere, while everybody runs, while sites are cut off, and while an instance is down. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync, unlinkSync, utimesSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Instance } from './instance.ts';
import { TestNetwork, TWO_BY_TWO } from './network.ts';
import type { Tree } from './tree.ts';

const OLD = new Date('2001-01-01T00:00:00Z');
const RECENT = new Date('2020-01-01T00:00:00Z');
/** Files that nobody touches: what must not move when something else does. */
const BYSTANDERS = 40;

let network: TestNetwork;
before(async () => {
  network = await TestNetwork.create(TWO_BY_TWO);
  for (let i = 0; i < BYSTANDERS; i++)
    network.get('n1').write(`acme/bystanders/${i}`, `bystander ${i}`, { date: RECENT });
  await network.start();
  await network.converge('acme');
});
after(() => network.close());

/** Makes a file somewhere and waits until everybody has it. */
async function given(path: string, content: string, date: Date = RECENT): Promise<void> {
  network.get('n1').write(`acme/${path}`, content, { date });
  await network.converge('acme');
}

/** Every live path and every text file's content that the test looks at must be the same everywhere. */
function everywhere(check: (instance: Instance) => void): void {
  for (const instance of network.instances) check(instance);
}

describe('while everybody runs', () => {
  for (const origin of ['n1', 'n2', 's2']) {
    test(`a new file, an edit of it and its deletion on ${origin} arrive everywhere`, async () => {
      const instance = network.get(origin);
      const path = `acme/on ${origin}/file.txt`;
      instance.write(path, 'new');
      await network.converge('acme');
      everywhere(each => assert.equal(each.read(path), 'new'));
      instance.write(path, 'edited');
      await network.converge('acme');
      everywhere(each => assert.equal(each.read(path), 'edited'));
      unlinkSync(instance.path(path));
      const tree = await network.converge('acme');
      assert.ok(!tree.has(`on ${origin}/file.txt`));
      assert.ok(tree.has(`on ${origin}`), 'its directory stays');
    });
  }

  test('an edit that keeps the size is seen by its date', async () => {
    await given('same-size.txt', 'aaaa');
    network.get('s2').write('acme/same-size.txt', 'bbbb');
    await network.converge('acme');
    everywhere(each => assert.equal(each.read('acme/same-size.txt'), 'bbbb'));
  });

  test('an old file restored with its old date wins over the newer one', async () => {
    await given('restored.txt', 'the newer content');
    network.get('s1').write('acme/restored.txt', 'the old content', { date: OLD });
    const tree = await network.converge('acme');
    everywhere(each => assert.equal(each.read('acme/restored.txt'), 'the old content'));
    assert.equal(tree.get('restored.txt')?.mtime, OLD.getTime());
  });

  test('an empty directory arrives, and goes', async () => {
    mkdirSync(network.get('s2').path('acme/empty/inner'), { recursive: true });
    assert.ok((await network.converge('acme')).has('empty/inner'));
    rmdirSync(network.get('n2').path('acme/empty/inner'));
    const tree = await network.converge('acme');
    assert.ok(tree.has('empty') && !tree.has('empty/inner'));
  });

  test('a chmod of a file and of a directory arrives and moves no content', async () => {
    await given('modes/script.sh', '#!/bin/sh\n');
    const before = await network.contentReceived();
    chmodSync(network.get('n2').path('acme/modes/script.sh'), 0o750);
    chmodSync(network.get('n2').path('acme/modes'), 0o711);
    const tree = await network.converge('acme');
    assert.equal(tree.get('modes/script.sh')?.mode, 0o750);
    assert.equal(tree.get('modes')?.mode, 0o711);
    assert.equal(await network.contentReceived(), before);
  });

  test('a symlink is made, pointed elsewhere, and replaced by a file', async () => {
    const link = network.get('s1').path('acme/link');
    symlinkSync('bystanders/1', link);
    assert.equal((await network.converge('acme')).get('link')?.target, 'bystanders/1');
    unlinkSync(link);
    symlinkSync('../../outside', link);
    assert.equal((await network.converge('acme')).get('link')?.target, '../../outside');
    unlinkSync(link);
    network.get('s1').write('acme/link', 'a file now');
    assert.equal((await network.converge('acme')).get('link')?.kind, 'file');
  });

  test('a tree is replaced by a file of its name, and that by a tree again', async () => {
    await given('shape/inner/file.txt', 'inside');
    rmSync(network.get('n2').path('acme/shape'), { recursive: true });
    network.get('n2').write('acme/shape', 'a file');
    assert.equal((await network.converge('acme')).get('shape')?.kind, 'file');
    rmSync(network.get('s2').path('acme/shape'));
    network.get('s2').write('acme/shape/again.txt', 'a tree');
    const tree = await network.converge('acme');
    assert.deepEqual(below(tree, 'shape'), ['shape', 'shape/again.txt']);
  });

  test('a file saved by rename and one that is renamed arrive under their names', async () => {
    await given('saved.txt', 'first');
    const { place } = network.get('n1');
    network.get('n1').write('acme/saved.txt.tmp', 'second');
    renameSync(`${place.root}/acme/saved.txt.tmp`, `${place.root}/acme/saved.txt`);
    renameSync(`${place.root}/acme/bystanders/0`, `${place.root}/acme/renamed`);
    const tree = await network.converge('acme');
    everywhere(each => assert.equal(each.read('acme/saved.txt'), 'second'));
    everywhere(each => assert.equal(each.read('acme/renamed'), 'bystander 0'));
    assert.ok(!tree.has('saved.txt.tmp') && !tree.has('bystanders/0'));
  });

  test('a date alone is a change', async () => {
    await given('touched.txt', 'content');
    utimesSync(network.get('s2').path('acme/touched.txt'), OLD, OLD);
    assert.equal((await network.converge('acme')).get('touched.txt')?.mtime, OLD.getTime());
  });

  test('what was replaced and what was deleted by a peer is in the trash', async () => {
    await given('trashed.txt', 'precious, replaced');
    network.get('n1').write('acme/trashed.txt', 'precious, deleted');
    await network.converge('acme');
    unlinkSync(network.get('n1').path('acme/trashed.txt'));
    await network.converge('acme');
    for (const name of ['n2', 's1', 's2']) {
      assert.deepEqual(trashed(network.get(name), /^precious/), ['precious, deleted', 'precious, replaced'], name);
    }
  });
});

describe('while the sites are cut off from one another', () => {
  before(async () => {
    network.get('n1').write('acme/contested.txt', 'before');
    network.get('n1').write('acme/deleted-or-edited.txt', 'before');
    await network.converge('acme');
    network.cut();
  });
  after(() => network.heal());

  test('each site goes on by itself', async () => {
    // The earlier edit has the later date: it is the time of the change that decides.
    network.get('n2').write('acme/contested.txt', 'from the north', { date: new Date(Date.now() + 30_000) });
    unlinkSync(network.get('n2').path('acme/deleted-or-edited.txt'));
    await network.converge('acme', [network.get('n1'), network.get('n2')]);
    assert.ok(!network.get('n1').tree('acme').has('deleted-or-edited.txt'));
    network.get('s2').write('acme/contested.txt', 'from the south');
    network.get('s2').write('acme/deleted-or-edited.txt', 'edited later');
    await network.converge('acme', [network.get('s1'), network.get('s2')]);
    assert.equal(network.get('s1').read('acme/deleted-or-edited.txt'), 'edited later');
    assert.equal(network.get('n1').read('acme/contested.txt'), 'from the north');
  });

  test('and when they meet all agree on the later edit, the loser is in a trash, and the conflict is counted', async () => {
    // The loser's site hears of it first: were it the other way round, it would get versions that are merged already.
    network.relay('s1').heal();
    await network.until(
      'n1 to have the later edit',
      () => network.get('n1').read('acme/contested.txt') === 'from the south',
    );
    network.heal();
    await network.barrier('acme', 's1');
    await network.barrier('acme', 'n1');
    everywhere(each => assert.equal(each.read('acme/contested.txt'), 'from the south'));
    everywhere(each => assert.equal(each.read('acme/deleted-or-edited.txt'), 'edited later'));
    for (const name of ['n1', 'n2'])
      assert.deepEqual(trashed(network.get(name), /^from the/), ['from the north'], name);
    assert.ok((await network.get('n1').domain('acme')).conflicts > 0, 'a conflict is counted');
  });
});

describe('while an instance is down', () => {
  test('edits, deletions and restores on it and elsewhere meet when it comes back', async () => {
    const files = [
      'edited-there',
      'deleted-there',
      'restored-there',
      'edited-here',
      'deleted-here',
      'deleted-there-edited-here',
    ];
    for (const file of files) network.get('n1').write(`acme/down/${file}`, 'before', { date: RECENT });
    await network.converge('acme');
    const [here, there] = [network.get('n1'), network.get('s2')];
    await there.stop();
    there.write('acme/down/edited-there', 'edited');
    unlinkSync(there.path('acme/down/deleted-there'));
    there.write('acme/down/restored-there', 'restored', { date: OLD });
    unlinkSync(there.path('acme/down/deleted-there-edited-here'));
    here.write('acme/down/edited-here', 'edited');
    unlinkSync(here.path('acme/down/deleted-here'));
    here.write('acme/down/deleted-there-edited-here', 'edited');
    await there.start();
    const tree = await network.barrier('acme', 's2');
    assert.deepEqual(below(tree, 'down/'), [
      'down/deleted-there-edited-here',
      'down/edited-here',
      'down/edited-there',
      'down/restored-there',
    ]);
    const contents = {
      'edited-there': 'edited',
      'restored-there': 'restored',
      'edited-here': 'edited',
      'deleted-there-edited-here': 'edited',
    };
    for (const [file, content] of Object.entries(contents))
      everywhere(each => assert.equal(each.read(`acme/down/${file}`), content, file));
    assert.equal(tree.get('down/restored-there')?.mtime, OLD.getTime());
  });

  test('its lost cache revives nothing, loses nothing and moves nothing that did not change', async () => {
    for (const file of ['edited', 'deleted', 'kept'])
      network.get('n1').write(`acme/cache/${file}`, 'before', { date: RECENT });
    await network.converge('acme');
    const there = network.get('s2');
    await there.stop();
    rmSync(there.path('.dfsync/cache'), { recursive: true });
    network.get('n2').write('acme/cache/edited', 'edited meanwhile');
    unlinkSync(network.get('n2').path('acme/cache/deleted'));
    await network.converge('acme', [network.get('n1'), network.get('n2'), network.get('s1')]);
    const before = await network.contentReceived();
    await there.start();
    const tree = await network.barrier('acme', 's2');
    assert.deepEqual(below(tree, 'cache/'), ['cache/edited', 'cache/kept']);
    everywhere(each => assert.equal(each.read('acme/cache/edited'), 'edited meanwhile'));
    assert.equal(below(tree, 'bystanders/').length, BYSTANDERS - 1);
    assert.equal((await network.contentReceived()) - before, 'edited meanwhile'.length);
  });
});

/** The paths at and below a prefix, sorted. */
function below(tree: Tree, prefix: string): string[] {
  return [...tree.keys()].filter(path => path.startsWith(prefix)).sort();
}

/** What the files in an instance's trash say, of those that match; sorted. */
function trashed(instance: Instance, content: RegExp): string[] {
  const files = [...instance.tree('.dfsync/trash')].filter(([, node]) => node.kind === 'file').map(([path]) => path);
  return files
    .map(path => instance.read(`.dfsync/trash/${path}`))
    .filter(text => content.test(text))
    .sort();
}
