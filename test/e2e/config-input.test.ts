/** Bad usage and bad network descriptions: one clear message, the exit code that scripts rely on, nothing touched. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runCommand } from './command.ts';
import { TestNetwork } from './network.ts';

const BAD_USAGE = 2;
const BAD_DESCRIPTION = 3;

let directory: string;
let config: string;
let root: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dfsync-input-'));
  config = join(directory, 'network.json');
  root = join(directory, 'root');
  mkdirSync(root);
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** A network of two, as an object that a case may spoil. */
// biome-ignore lint/suspicious/noExplicitAny: what is spoilt has no type
function description(): any {
  const server = (roleid: number) => ({
    name: `n${roleid}`,
    address: `127.0.0.1:${7420 + roleid}`,
    roles: [{ name: `dfsync${roleid}`, iface: 'lo', roleid, roletype: 'dfsync', separate: true }],
  });
  return {
    domains: [{ name: 'acme.example', directory: 'acme', sites: ['north'] }],
    sites: [{ name: 'north', servers: [server(1), server(2)] }],
    options: {},
  };
}

// biome-ignore lint/suspicious/noExplicitAny: what is spoilt has no type
function spoilt(spoil: (document: any) => void): string {
  const document = description();
  spoil(document);
  return JSON.stringify(document);
}

function assertClear(output: string, patterns: readonly RegExp[]): void {
  for (const pattern of patterns) assert.match(output, pattern);
  assert.doesNotMatch(output, /^\s+at /m, 'no stack trace');
}

describe('a network description that is refused with exit code 3', () => {
  const cases: Record<string, { text: () => string; says: readonly RegExp[] }> = {
    'no JSON': { text: () => '{ "sites": [', says: [/network\.json/, /line 1/] },
    'an empty file': { text: () => '', says: [/network\.json/] },
    'a list in place of an object': { text: () => '[]', says: [/expected an object/] },
    'a wrong type': {
      text: () => spoilt(document => (document.sites[0].servers[0].roles[0].roleid = 'one')),
      says: [/sites\[0\]\.servers\[0\]\.roles\[0\]\.roleid/, /number/],
    },
    'several problems, all told at once': {
      text: () =>
        spoilt(document => {
          document.sites[0].servers[1].roles[0].roleid = 1;
          document.domains[0].sites = ['nowhere'];
          delete document.sites[0].servers[0].address;
        }),
      says: [/servers\[1\]\.roles\[0\]\.roleid/, /domains\[0\]\.sites\[0\]/, /servers\[0\]\.address/],
    },
    'a directory outside the root': {
      text: () => spoilt(document => (document.domains[0].directory = '../outside')),
      says: [/domains\[0\]\.directory/],
    },
  };
  for (const [name, { text, says }] of Object.entries(cases)) {
    test(name, async () => {
      writeFileSync(config, text());
      const checked = await runCommand('check-config', config);
      assert.equal(checked.code, BAD_DESCRIPTION, checked.output);
      assertClear(checked.output, says);
      const run = await runCommand('run', '--config', config, '--roleid', '1', '--root', root);
      assert.equal(run.code, BAD_DESCRIPTION, run.output);
      assertClear(run.output, says);
      assert.deepEqual(readdirSync(root), [], 'nothing was touched');
    });
  }

  test('a file that is not there', async () => {
    const missing = join(directory, 'missing.json');
    for (const args of [
      ['check-config', missing],
      ['run', '--config', missing, '--roleid', '1', '--root', root],
    ]) {
      const { code, output } = await runCommand(...args);
      assert.equal(code, BAD_DESCRIPTION, output);
      assertClear(output, [/missing\.json/]);
    }
  });
});

describe('a network description that is accepted', () => {
  test('the example says who pulls from whom, for which domains', async () => {
    writeFileSync(config, JSON.stringify(description()));
    const { code, output } = await runCommand('check-config', config);
    assert.equal(code, 0, output);
    assertClear(output, [/acme\.example/, /n1/, /n2/, /common/]);
    assert.doesNotMatch(output, /warning/);
  });

  test('an unknown field is a warning that names it', async () => {
    writeFileSync(
      config,
      spoilt(document => (document.sites[0].colour = 'blue')),
    );
    const { code, output } = await runCommand('check-config', config);
    assert.equal(code, 0, output);
    assertClear(output, [/warning.*sites\[0\]\.colour/i]);
  });
});

describe('bad usage ends with exit code 2', () => {
  const cases: Record<string, readonly string[]> = {
    'an unknown command': ['frobnicate'],
    'an unknown option': ['run', '--frobnicate'],
    'no network description': ['run', '--roleid', '1', '--root', '/nowhere'],
    'no root': ['run', '--config', '/nowhere', '--roleid', '1'],
    'a roleid that is no number': ['run', '--config', '/nowhere', '--roleid', 'one', '--root', '/nowhere'],
    'an address that is none': [
      'run',
      '--config',
      '/nowhere',
      '--roleid',
      '1',
      '--root',
      '/nowhere',
      '--listen',
      'here:and:there',
    ],
  };
  for (const [name, args] of Object.entries(cases)) {
    test(name, async () => {
      const { code, output } = await runCommand(...args);
      assert.equal(code, BAD_USAGE, output);
      assertClear(output, [/\S/]);
    });
  }

  test('while --help of every command is answered with exit code 0', async () => {
    for (const args of [['--help'], ['run', '--help'], ['check-config', '--help']]) {
      const { code, output } = await runCommand(...args);
      assert.equal(code, 0, output);
      assertClear(output, [/usage/i]);
    }
  });
});

describe('a change of the description of a running network', () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
    await network.start();
  });
  after(() => network.close());

  test('that is invalid is refused with its reason, and the network goes on', async () => {
    network.describe('{ "sites": "none" }');
    for (const instance of network.instances) {
      await instance.until('it to refuse the description', async () => {
        const { problems } = (await instance.status()).instance.config;
        return problems.some(problem => problem.includes('sites'));
      });
    }
    network.get('n1').write('acme/file.txt', 'still in sync');
    await network.converge('acme');
    assert.equal(network.get('n2').read('acme/file.txt'), 'still in sync');
  });

  test('that is valid is applied live: a domain more is synchronised', async () => {
    const document = network.description();
    network.describe({
      ...document,
      domains: [...document.domains, { name: 'new.example', directory: 'new', sites: ['north'] }],
    });
    for (const instance of network.instances) {
      await instance.until(
        'it to take the description',
        async () => (await instance.domain('new')).state === 'in-sync',
      );
      assert.deepEqual((await instance.status()).instance.config.problems, []);
    }
    network.get('n2').write('new/file.txt', 'in a new domain');
    await network.converge('new', network.instances);
    assert.equal(network.get('n1').read('new/file.txt'), 'in a new domain');
  });

  test('that takes a domain away deletes none of its files', async () => {
    network.describe(network.description());
    for (const instance of network.instances) {
      await instance.until('it to drop the domain', async () =>
        (await instance.status()).domains.every(each => each.directory !== 'new' || each.state === 'unserved'),
      );
    }
    await network.barrier('acme', 'n1');
    for (const instance of network.instances) assert.equal(instance.read('new/file.txt'), 'in a new domain');
  });
});
