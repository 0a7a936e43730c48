/** A description that comes at a bad moment: it is in force as soon as it can be, and nobody has to say it twice. */
import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Instance } from './instance.ts';
import { type Description, TestNetwork } from './network.ts';
import { freePort } from './ports.ts';

let network: TestNetwork;
const n1 = () => network.get('n1');
const n2 = () => network.get('n2');

/** A domain of the one site by its directory, under a name that may be another one. */
const domain = (directory: string, name = `${directory}.example`) => ({ name, directory, sites: ['north'] });

function describeDomains(...domains: Description['domains']): void {
  network.describe({ ...network.description(), domains });
}

/** What is said of the newest description; nothing where it is in force. */
const objectionsOf = async (instance: Instance) => (await instance.status()).instance.config.problems;

const servedBy = async (instance: Instance) => (await instance.status()).domains.map(({ domain }) => domain).sort();

const toBeServed = (instance: Instance, ...names: string[]) =>
  instance.until(`${names} to be in force`, async () => {
    const served = await servedBy(instance);
    return names.every(name => served.includes(name)) && (await objectionsOf(instance)).length === 0;
  });

const equal = (directory: string) => network.converge(directory, network.instances);

/** Takes an instance's volume away, has something happen, and brings it back. */
async function withoutVolume(instance: Instance, act: () => Promise<void>): Promise<void> {
  const away = `${instance.place.root}.away`;
  renameSync(instance.place.root, away);
  try {
    await act();
  } finally {
    renameSync(away, instance.place.root);
  }
}

before(async () => {
  network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
  n1().write('acme/file.txt', 'acme');
  await network.start();
  await equal('acme');
});
after(() => network.close());

describe('a description that comes', () => {
  test('while the volume is gone: it is said what cannot be done yet, and it is done once the volume is back', async () => {
    await withoutVolume(n2(), async () => {
      await n2().halted('acme');
      describeDomains(domain('second'), domain('third'));
      const said = await n2().until('it to say why', async () => (await objectionsOf(n2()))[0]);
      assert.match(
        said,
        /^what was known of acme cannot be forgotten: .*; mount the volume again; this is tried again/,
      );
      assert.match((await objectionsOf(n2()))[1] ?? '', /^second\.example cannot be begun: .*; mount the volume again/);
      assert.deepEqual(await servedBy(n2()), ['common']);
      assert.equal(existsSync(n2().place.root), false);
    });
    for (const one of network.instances) await toBeServed(one, 'second.example', 'third.example');
    n1().write('second/file.txt', 'second');
    n2().write('third/file.txt', 'third');
    await equal('second');
    await equal('third');
    assert.equal(n2().read('acme/file.txt'), 'acme');
  });

  test('with a domain that comes back: what was deleted here meanwhile is no deletion', async () => {
    rmSync(n2().path('acme/file.txt'));
    describeDomains(domain('acme'), domain('second'));
    for (const one of network.instances) await toBeServed(one, 'acme.example');
    await equal('acme');
    assert.equal(n1().read('acme/file.txt'), 'acme');
  });

  test('with another name for a domain: its directory stays, whole', async () => {
    for (let i = 0; i < 50; i++) n1().write(`acme/more/${i}`, `content ${i}`);
    describeDomains(domain('acme', 'renamed.example'), domain('second'));
    for (const one of network.instances) await toBeServed(one, 'renamed.example');
    n2().write('acme/after', 'of n2');
    const tree = await equal('acme');
    assert.equal([...tree.keys()].filter(path => path.startsWith('more/')).length, 50);
    assert.ok(tree.has('after') && tree.has('file.txt'));
  });

  test('while it waits for the lock on its volume: it begins with the newest', async () => {
    const standby = new Instance({ ...n2().place, name: 'standby', port: await freePort(), opsPort: await freePort() });
    standby.launch();
    try {
      await standby.until('it to wait', async () => (await standby.status()).instance.state === 'waiting-for-lock');
      const { loadedAt } = (await standby.status()).instance.config;
      describeDomains(domain('acme', 'renamed.example'), domain('second'), domain('fourth'));
      await standby.until('it to take the newest', async () => {
        const { config } = (await standby.status()).instance;
        return config.loadedAt !== loadedAt && config.problems.length === 0;
      });
      await n2().stop();
      await toBeServed(standby, 'fourth.example');
      assert.doesNotMatch(standby.log, /"event":"config\.reload"/);
    } finally {
      await standby.stop();
    }
    await n2().start();
    await equal('fourth');
  });
});
