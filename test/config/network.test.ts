import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { parseText } from '../../src/config/document.ts';
import { identify, parseNetwork } from '../../src/config/network.ts';
import { DEFAULT_OPTIONS } from '../../src/config/options.ts';
import { Findings } from '../../src/config/problem.ts';
import {
  EXAMPLE,
  MANUAL_ROLE,
  oneSite,
  parse,
  problemPaths,
  role,
  server,
  twoSites,
  valid,
  warningPaths,
} from './networks.ts';

describe('a network description', () => {
  it('is accepted as JSON', () => {
    const parsed = parseNetwork(EXAMPLE);
    assert.deepEqual(parsed.warnings, []);
    const network = valid(parsed);
    assert.deepEqual(network.sites, ['north', 'south']);
    assert.deepEqual(network.domains, [
      { name: 'common', directory: 'common', sites: ['north', 'south'] },
      { name: 'acme.example', directory: 'acme', sites: ['north', 'south'] },
      { name: 'local.example', directory: 'local', sites: ['north'] },
    ]);
    assert.deepEqual(network.instances[1], {
      roleid: 2,
      name: 'dfsync2',
      site: 'north',
      server: 'n2',
      iface: 'lo',
      enabled: true,
      gateway: false,
      separate: true,
      address: '127.0.0.1:7422',
      externalAddress: '127.0.0.1:7422',
      options: DEFAULT_OPTIONS,
    });
    assert.deepEqual(
      network.instances.map(each => each.gateway),
      [true, false, true],
    );
  });

  it('says the same as YAML', () => {
    assert.deepEqual(parseNetwork(stringify(JSON.parse(EXAMPLE))), parseNetwork(EXAMPLE));
    assert.deepEqual(parseNetwork(`# a comment\n${EXAMPLE}`), parseNetwork(EXAMPLE));
  });

  it("takes the manual's role node as it is, with a warning about its roleid", () => {
    const parsed = parse(oneSite(server(1, { roles: [MANUAL_ROLE] })));
    assert.equal(valid(parsed).instances[0]?.roleid, 11380);
    assert.deepEqual(warningPaths(parsed), ['sites[0].servers[0].roles[0].roleid']);
  });

  it('names line and column of what is no JSON or YAML', () => {
    const parsed = parseNetwork('{\n  "sites": [\n');
    assert.ok('problems' in parsed);
    assert.match(parsed.problems[0]?.message ?? '', /line \d+, column \d+/);
  });

  it('refuses a key that is given twice', () => {
    const parsed = parseNetwork(EXAMPLE.replace('"options": {}', '"options": {}, "options": {}'));
    assert.ok('problems' in parsed);
    assert.match(parsed.problems[0]?.message ?? '', /unique.* line 14/);
  });

  it('refuses a second document in one file', () => {
    const parsed = parseNetwork(`${EXAMPLE}\n---\n${EXAMPLE}`);
    assert.ok('problems' in parsed);
    assert.match(parsed.problems[0]?.message ?? '', /multiple documents/);
  });

  it('tells all problems at once, those between nodes too', () => {
    const document = twoSites({ name: 'acme', sites: ['west'] });
    document.sites[0]?.servers.push(
      server(3, { address: 'http://x', roles: [role(2, { name: '1x', separate: 'no' })] }),
    );
    assert.deepEqual(problemPaths(parse(document)), [
      'domains[0].sites[0]',
      'sites[0].servers[1].address',
      'sites[0].servers[1].roles[0].name',
      'sites[0].servers[1].roles[0].separate',
      'sites[1].servers[0].roles[0].roleid',
    ]);
  });

  it('warns of unknown fields everywhere', () => {
    const parsed = parse({
      extra: 1,
      ...oneSite(server(1, { rack: 7, roles: [role(1, { 'odd name': 1, ext: { foo: 1 } })] })),
    });
    valid(parsed);
    assert.deepEqual(warningPaths(parsed), [
      'extra',
      'sites[0].servers[0].rack',
      'sites[0].servers[0].roles[0].ext.foo',
      'sites[0].servers[0].roles[0]["odd name"]',
    ]);
  });

  it('never throws, whatever the text', () => {
    const garbage = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.stringMatching(/^[{}[\]&*!|>'"%@:,#a \n-]*$/),
    );
    fc.assert(fc.property(garbage, text => 'problems' in parseNetwork(text)));
  });

  it('never throws, whatever stands in the place of a node', () => {
    const paths = [
      'sites',
      'sites.0',
      'sites.0.servers',
      'sites.0.servers.0',
      'sites.0.servers.0.roles',
      'sites.0.servers.0.roles.0',
      'domains',
      'domains.0',
      'options',
    ];
    const fields = [
      'name',
      'address',
      'external_address',
      'roleid',
      'roletype',
      'iface',
      'ext',
      'enabled',
      'is_cross_site',
      'separate',
      'directory',
      'sites',
    ];
    const anywhere = fc.tuple(fc.constantFrom(...paths), fc.option(fc.constantFrom(...fields)), fc.jsonValue());
    fc.assert(
      fc.property(anywhere, ([path, field, value]) => {
        const document = JSON.parse(EXAMPLE);
        const keys = [...path.split('.'), ...(field === null ? [] : [field])];
        const parent = keys.slice(0, -1).reduce((node, key) => node[key], document);
        parent[keys.at(-1)!] = value;
        const parsed = parse(document);
        return 'network' in parsed || parsed.problems.length > 0;
      }),
    );
  });

  it('reads every JSON text as JSON.parse does', () => {
    const json = fc.jsonValue({ stringUnit: 'binary' });
    const indent = fc.constantFrom(undefined, 2, '\t');
    fc.assert(
      fc.property(json, indent, (value, space) => {
        const text = JSON.stringify(value, null, space);
        const findings = new Findings();
        assert.deepEqual(parseText(text, findings), { value: JSON.parse(text) });
      }),
    );
  });

  it('survives aliases that expand without end and nesting without end', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(10)}]`).join('\n')}`;
    assert.ok('problems' in parseNetwork(bomb));
    const deep = parseNetwork('['.repeat(100_000));
    assert.ok('problems' in deep && deep.problems.length <= 10, 'nor are they told in a thousand lines');
    assert.ok('problems' in parseNetwork('&a [*a]'));
  });
});

describe('identify', () => {
  const network = valid(
    parse(
      oneSite(
        server(1, { roles: [role(7, { enabled: false }), role(1)] }),
        server(2, { roles: [role(1, { enabled: false })] }),
        server(3, { roles: [role(3)] }),
      ),
    ),
  );

  for (const [name, identity, expected] of [
    ['by roleid', { roleid: 3 }, 's3'],
    ['by server', { server: 's3' }, 's3'],
    ['a disabled instance', { roleid: 7 }, 's1'],
    ['an enabled one before a disabled one of the same roleid', { roleid: 1 }, 's1'],
    ['an unlisted roleid', { roleid: 9 }, undefined],
    ['an unlisted server', { server: 's9' }, undefined],
  ] as const)
    it(`finds ${name}`, () => assert.equal(identify(network, identity)?.server, expected));

  it('finds the enabled instance of a server first', () =>
    assert.equal(identify(network, { server: 's1' })?.roleid, 1));
});
