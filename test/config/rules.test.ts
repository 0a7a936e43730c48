import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { oneSite, parse, problemPaths, role, server, twoSites, valid, warningPaths } from './networks.ts';

const ROLE = 'sites[0].servers[0].roles[0]';
const domain = (name: string, changes: object = {}) => ({ name, sites: ['north'], ...changes });
const withRole = (changes: object) => oneSite(server(1, { roles: [role(1, changes)] }));

describe('what refuses a description', () => {
  const cases: [name: string, document: unknown, ...paths: string[]][] = [
    ['no object', [], ''],
    ['nothing', null, ''],
    ['no site', { sites: [] }, 'sites'],
    ['sites missing', {}, 'sites'],
    ['a site without servers', { sites: [{ name: 'north', servers: [] }] }, 'sites[0].servers'],
    ['an unnamed site', { sites: [{ servers: [server(1)] }] }, 'sites[0].name'],
    ['a server without address', oneSite(server(1, { address: undefined })), 'sites[0].servers[0].address'],
    ['a bad external address', oneSite(server(1, { external_address: 'a:0' })), 'sites[0].servers[0].external_address'],
    ['a name with other letters', withRole({ name: 'дфс' }), `${ROLE}.name`],
    ['a name that starts with a digit', withRole({ name: '1dfsync' }), `${ROLE}.name`],
    ['a name with a hyphen', withRole({ name: 'dfsync-1' }), `${ROLE}.name`],
    ['no name', withRole({ name: undefined }), `${ROLE}.name`],
    ['no iface', withRole({ iface: null }), `${ROLE}.iface`],
    ['an empty iface', withRole({ iface: '' }), `${ROLE}.iface`],
    ['no roletype', withRole({ roletype: undefined }), `${ROLE}.roletype`],
    ['no separate', withRole({ separate: undefined }), `${ROLE}.separate`],
    ['no roleid', withRole({ roleid: undefined }), `${ROLE}.roleid`],
    ['roleid 0', withRole({ roleid: 0 }), `${ROLE}.roleid`],
    ['a negative roleid', withRole({ roleid: -1 }), `${ROLE}.roleid`],
    ['a fractional roleid', withRole({ roleid: 1.5 }), `${ROLE}.roleid`],
    ['a roleid as text', withRole({ roleid: '1' }), `${ROLE}.roleid`],
    ['a roleid past 31 bits', withRole({ roleid: 2 ** 31 }), `${ROLE}.roleid`],
    ['enabled as text', withRole({ enabled: 'yes' }), `${ROLE}.enabled`],
    ['is_cross_site as number', withRole({ is_cross_site: 1 }), `${ROLE}.is_cross_site`],
    ['ext as text', withRole({ ext: 'x' }), `${ROLE}.ext`],
    ['a role that is no object', oneSite(server(1, { roles: [7] })), ROLE],
    ['a server without dfsync', oneSite(server(1, { roles: [] })), 'sites[0].servers[0].roles'],
    [
      'a server with other roles only',
      oneSite(server(1, { roles: [{ roletype: 'mail' }] })),
      'sites[0].servers[0].roles',
    ],
    [
      'two enabled dfsync on one server',
      oneSite(server(1, { roles: [role(1), role(2)] })),
      'sites[0].servers[0].roles[1]',
    ],
    ['a roleid twice', oneSite(server(1), server(2, { roles: [role(1)] })), 'sites[0].servers[1].roles[0].roleid'],
    ['a server name twice', oneSite(server(1), server(2, { name: 's1' })), 'sites[0].servers[1].name'],
    ['an address twice', oneSite(server(1), server(2, { address: '10.0.0.1:7420' })), 'sites[0].servers[1].address'],
    ['a domain name twice', twoSites(domain('a'), domain('a', { directory: 'b' })), 'domains[1].name'],
    ['a directory twice', twoSites(domain('a'), domain('b', { directory: 'a' })), 'domains[1].directory'],
    ['an unknown site in a domain', twoSites(domain('a', { sites: ['north', 'west'] })), 'domains[0].sites[1]'],
    ['common as a domain', twoSites(domain('common')), 'domains[0].name'],
    ['common as a directory', twoSites(domain('a', { directory: 'common' })), 'domains[0].directory'],
    ['a directory of two components', twoSites(domain('a', { directory: 'a/b' })), 'domains[0].directory'],
    ['a directory that climbs', twoSites(domain('a', { directory: '..' })), 'domains[0].directory'],
    ['an absolute directory', twoSites(domain('a', { directory: '/a' })), 'domains[0].directory'],
    ['an empty directory', twoSites(domain('a', { directory: '' })), 'domains[0].directory'],
    ['a directory with NUL', twoSites(domain('a', { directory: 'a\0' })), 'domains[0].directory'],
    ['the private directory', twoSites(domain('a', { directory: '.dfsync' })), 'domains[0].directory'],
    ['lost+found', twoSites(domain('a', { directory: 'lost+found' })), 'domains[0].directory'],
    ['a domain name no directory can have', twoSites(domain('ä'.repeat(200))), 'domains[0].name'],
    ['a domain name with a slash', twoSites(domain('a/b', { directory: 'a' })), 'domains[0].name'],
    ['a domain without a list of sites', twoSites(domain('a', { sites: undefined })), 'domains[0].sites'],
  ];
  for (const [name, document, ...paths] of cases)
    it(name, () => assert.deepEqual(problemPaths(parse(document)), paths));

  it('a site name twice', () => {
    const document = twoSites();
    document.sites[1]!.name = 'north';
    assert.deepEqual(problemPaths(parse(document)), ['sites[1].name']);
  });

  it('a site without gateway where there is more than one', () => {
    const document = twoSites();
    document.sites[1]!.servers = [server(2, { roles: [role(2)] })];
    assert.deepEqual(problemPaths(parse(document)), ['sites[1]']);
    document.sites[1]!.servers = [server(2, { roles: [role(2, { is_cross_site: true, enabled: false })] })];
    assert.deepEqual(problemPaths(parse(document)), ['sites[1]'], 'a disabled gateway is none');
    document.sites.splice(1);
    document.sites[0]!.servers = [server(2, { roles: [role(2)] })];
    valid(parse(document));
  });

  it('two gateways behind one external address', () => {
    const document = twoSites();
    document.sites[0]!.servers = [server(1, { external_address: 'lb.example' })];
    document.sites[1]!.servers = [server(2, { external_address: 'LB.example:7420' })];
    assert.deepEqual(problemPaths(parse(document)), ['sites[1].servers[0].external_address']);
  });

  it('two servers of different sites with one name, as a server must be known by it', () => {
    const document = twoSites();
    document.sites[1]!.servers = [server(2, { name: 's1' })];
    assert.deepEqual(problemPaths(parse(document)), ['sites[1].servers[0].name']);
  });
});

describe('what a description may say', () => {
  for (const [empty, value] of [
    ['missing', undefined],
    ['null', null],
    ['""', ''],
  ] as const)
    it(`enabled, is_cross_site, ext and external_address ${empty}`, () => {
      const roles = [role(1, { enabled: value, is_cross_site: value, ext: value })];
      const [instance] = valid(parse(oneSite(server(1, { external_address: value, roles })))).instances;
      assert.equal(instance?.enabled, true);
      assert.equal(instance?.gateway, false);
      assert.equal(instance?.externalAddress, '10.0.0.1:7420');
    });

  it('roles of other types, whatever they look like', () => {
    const parsed = parse(oneSite(server(1, { roles: [{ roletype: 'mail', roleid: 'x' }, role(1), { roletype: '' }] })));
    assert.equal(valid(parsed).instances.length, 1);
    assert.deepEqual(parsed.warnings, []);
  });

  it('private addresses that repeat on another site', () => {
    const document = twoSites();
    document.sites[0]!.servers = [
      server(1, { external_address: 'n.example' }),
      server(3, { address: '10.0.0.2', roles: [role(3)] }),
    ];
    valid(parse(document));
  });

  it('a domain without directory: that of its name', () => {
    assert.equal(valid(parse(twoSites(domain('acme.example')))).domains[1]?.directory, 'acme.example');
  });

  it('a domain that no site serves, or a site twice, with a warning', () => {
    const parsed = parse(twoSites(domain('a', { sites: [] }), domain('b', { sites: ['north', 'north'] })));
    assert.deepEqual(valid(parsed).domains[2]?.sites, ['north']);
    assert.deepEqual(warningPaths(parsed), ['domains[0].sites', 'domains[1].sites[1]']);
  });
});

describe('a disabled instance', () => {
  it('is listed, and counts as the dfsync of its server', () => {
    const [instance] = valid(parse(withRole({ enabled: false }))).instances;
    assert.equal(instance?.enabled, false);
  });

  it('breaks no rule: a second one on a server, a roleid that is taken', () => {
    const parsed = parse(
      oneSite(
        server(1, { roles: [role(1), role(2, { enabled: false })] }),
        server(3, { roles: [role(1, { enabled: false })] }),
      ),
    );
    assert.deepEqual(
      valid(parsed).instances.map(each => [each.server, each.enabled]),
      [
        ['s1', true],
        ['s1', false],
        ['s3', false],
      ],
    );
    assert.deepEqual(warningPaths(parsed), ['sites[0].servers[1].roles[0].roleid']);
  });

  it('refuses nothing by what is wrong with it, and is left out then', () => {
    const parsed = parse(withRole({ enabled: false, roleid: 'x', ext: { settle: 'soon' } }));
    assert.deepEqual(valid(parsed).instances, []);
    assert.deepEqual(warningPaths(parsed), [`${ROLE}.ext.settle`, `${ROLE}.roleid`]);
  });
});
