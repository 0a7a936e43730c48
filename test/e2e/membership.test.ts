/** What operators do to a network that runs: servers, gateways, sites and domains come and go by the description alone. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Description, TestNetwork } from './network.ts';

/** All that ever belong to it. */
const SHAPE = {
  sites: { north: ['n1', 'n2', 'n3'], south: ['s1'], west: ['w1'] },
  domains: { acme: ['north', 'south', 'west'], extra: ['north', 'south'] },
};

interface Server {
  readonly name: string;
  readonly roles: readonly { readonly name: string }[];
}

interface Site {
  readonly name: string;
  readonly servers: readonly Server[];
}

/** What belongs to it at a time: servers, those of them that are gateways, and each domain's sites. */
interface Plan {
  readonly servers: readonly string[];
  readonly gateways: readonly string[];
  readonly domains: Readonly<Record<string, readonly string[]>>;
}

let network: TestNetwork;
let plan: Plan = {
  servers: ['n1', 'n2', 's1'],
  gateways: ['n1', 's1'],
  domains: { acme: ['north', 'south'] },
};
const get = (name: string) => network.get(name);
const names = () => plan.servers.map(get);

function descriptionOf({ servers, gateways, domains }: Plan): Description {
  const all = network.description();
  const sites = (all.sites as readonly Site[]).flatMap(site => {
    const own = site.servers.filter(({ name }) => servers.includes(name));
    const withRoles = own.map(server => ({
      ...server,
      roles: server.roles.map(role => ({ ...role, is_cross_site: gateways.includes(server.name) })),
    }));
    return own.length === 0 ? [] : [{ ...site, servers: withRoles }];
  });
  const mapped = Object.entries(domains).map(([directory, serving]) => ({
    name: `${directory}.example`,
    directory,
    sites: serving,
  }));
  return { domains: mapped, sites, options: all.options };
}

/** Gives all of them a new description, and waits until those that run have taken it. */
async function become(changes: Partial<Plan>): Promise<void> {
  plan = { ...plan, ...changes };
  const running = network.instances.filter(({ isRunning }) => isRunning);
  const before = new Map<string, number>();
  for (const one of running) before.set(one.name, (await one.status()).instance.config.loadedAt);
  network.describe(descriptionOf(plan));
  for (const one of running)
    await one.until('the new description', async () => {
      const { config, state } = (await one.status()).instance;
      return config.problems.length === 0 && config.loadedAt !== before.get(one.name) && state !== 'starting';
    });
}

/** Names of the peers of an instance, in order. */
const peersOf = async (name: string) => (await get(name).status()).peers.map(({ peer }) => peer).sort();

/** Makes a copy with all dates as they are, as a backup has them; Node's own would round them. */
const copyOf = (from: string, to: string) => execFileSync('cp', ['-a', from, to]);

/** It is up, and touches nothing. */
const unlisted = (name: string) =>
  get(name).until('it to be unlisted', async () => (await get(name).status()).instance.state === 'unlisted');

before(async () => {
  network = await TestNetwork.create(SHAPE);
  network.describe(descriptionOf(plan));
  for (let i = 0; i < 30; i++) get('n1').write(`acme/dir/${i}.txt`, `content ${i}`);
  await Promise.all(names().map(one => one.start()));
  await network.converge('acme', names());
});
after(() => network.close());

describe('while a network runs', () => {
  test('a server is added, with a volume that has most of it', async () => {
    mkdirSync(get('n3').path('acme'));
    copyOf(get('n2').path('acme/dir'), get('n3').path('acme/dir'));
    get('n3').write('acme/dir/of-n3.txt', 'only here');
    get('n2').write('acme/news.txt', 'twelve bytes');
    await become({ servers: [...plan.servers, 'n3'] });
    await get('n3').start();
    const tree = await network.converge('acme', names());
    assert.ok(tree.has('dir/of-n3.txt') && tree.has('news.txt'));
    assert.equal(await get('n3').contentReceived(), 'twelve bytes'.length);
    assert.deepEqual(await peersOf('n3'), ['dfsync1', 'dfsync2']);
  });

  test('the gateway is changed, the new one first', async () => {
    await become({ gateways: [...plan.gateways, 'n2'] });
    await get('n2').until('it to pull from the south', async () =>
      (await get('n2').status()).peers.some(({ peer, state }) => peer === 'dfsync4' && state === 'live'),
    );
    await become({ gateways: ['n2', 's1'] });
    assert.deepEqual(await peersOf('n1'), ['dfsync2', 'dfsync3']);
    assert.deepEqual(await peersOf('s1'), ['dfsync2']);
    get('n1').write('acme/by-the-new-gateway', 'north');
    get('s1').write('acme/from-the-south', 'south');
    const tree = await network.converge('acme', names());
    assert.ok(tree.has('by-the-new-gateway') && tree.has('from-the-south'));
  });

  test('a server is removed once others have what it had, and its files stay', async () => {
    get('n1').write('acme/last-words', 'of n1');
    assert.match(await get('n1').operate('wait', '--timeout', '60s'), /^in sync$/m);
    await become({ servers: plan.servers.filter(name => name !== 'n1') });
    await unlisted('n1');
    get('n2').write('acme/without-n1', 'n2');
    const tree = await network.converge('acme', names());
    assert.ok(tree.has('last-words') && tree.has('without-n1'));
    for (const name of plan.servers) assert.ok(!(await peersOf(name)).includes('dfsync1'), name);
    assert.deepEqual([get('n1').read('acme/last-words'), get('n1').tree('acme').has('without-n1')], ['of n1', false]);
    await get('n1').stop();
  });

  test('a site is added', async () => {
    await become({
      servers: [...plan.servers, 'w1'],
      gateways: [...plan.gateways, 'w1'],
      domains: { acme: ['north', 'south', 'west'] },
    });
    await get('w1').start();
    get('w1').write('acme/from-the-west', 'west');
    assert.ok((await network.converge('acme', names())).has('from-the-west'));
    assert.deepEqual(await peersOf('s1'), ['dfsync2', 'dfsync5']);
  });

  test('a site is removed: nobody deletes anything for it', async () => {
    await get('w1').operate('wait', '--timeout', '60s');
    const had = get('w1').tree('acme').size;
    await become({
      servers: plan.servers.filter(name => name !== 'w1'),
      gateways: ['n2', 's1'],
      domains: { acme: ['north', 'south'] },
    });
    await unlisted('w1');
    get('n3').write('acme/after-the-west', 'n3');
    assert.equal((await network.converge('acme', names())).size, had + 1);
    assert.equal(get('w1').tree('acme').size, had);
    await get('w1').stop();
  });

  test('a domain is added where files are already', async () => {
    get('n2').write('extra/before', 'it was a domain');
    await become({ domains: { ...plan.domains, extra: ['north', 'south'] } });
    assert.ok((await network.converge('extra', names())).has('before'));
  });

  test('a domain is taken from a site, whose files stay and are its own', async () => {
    await become({ domains: { ...plan.domains, extra: ['north'] } });
    get('n3').write('extra/before', 'another content');
    get('s1').write('extra/of-the-south', 'stays there');
    assert.equal((await network.converge('extra', [get('n2'), get('n3')])).size, 1);
    await network.converge('acme', names());
    assert.equal(get('s1').read('extra/before'), 'it was a domain');
    assert.deepEqual((await get('s1').status()).domains.map(({ directory }) => directory).sort(), ['acme', 'common']);
  });

  test('a domain is removed, and its files stay everywhere', async () => {
    await become({ domains: { acme: ['north', 'south'] } });
    for (const name of ['n2', 'n3']) assert.equal(get(name).read('extra/before'), 'another content');
    assert.deepEqual((await get('n2').status()).unmapped, ['extra']);
  });

  test('a server moves to another volume, or is restored from a backup, without a byte of content', async () => {
    await get('n3').stop();
    const { root } = get('n3').place;
    renameSync(root, `${root}-old`);
    copyOf(`${root}-old`, root);
    rmSync(`${root}/.dfsync`, { recursive: true });
    const before = await network.contentReceived();
    await get('n3').start();
    await network.barrier('acme', 'n3', names());
    assert.equal((await network.contentReceived()) - before, 0);
  });

  test('and after all that everybody is in sync', async () => {
    for (const one of names()) assert.match(await one.operate('wait', '--timeout', '60s'), /^in sync$/m);
    for (const one of names()) assert.match(await one.operate('verify'), /^equal: /m);
  });
});
