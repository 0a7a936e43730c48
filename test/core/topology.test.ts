import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DomainName } from '../../src/core/path.ts';
import {
  COMMON,
  domainsOf,
  type Instance,
  mayPull,
  type Network,
  sharedDomains,
  sourcesOf,
  unaskedBy,
} from '../../src/core/topology.ts';
import { instance } from '../support/network.ts';

const domain = (name: string, ...sites: string[]) => ({ name: name as DomainName, directory: name, sites });

const n1 = instance(1, 'north', true);
const n2 = instance(2, 'north');
const n3 = instance(3, 'north', true);
const off = { ...instance(4, 'north'), enabled: false };
const s1 = instance(5, 'south', true);
const s2 = instance(6, 'south');
const s3 = instance(7, 'south', true);
const far = instance(8, 'far', true);
const sleeping = { ...instance(9, 'far', true), enabled: false };

const network: Network = {
  sites: ['north', 'south', 'far'],
  domains: [domain('acme', 'north', 'south'), domain('local', 'north'), domain('polar', 'far')],
  instances: [n1, n2, n3, off, s1, s2, s3, far, sleeping],
};
const withCommon: Network = { ...network, domains: [...network.domains, domain(COMMON, 'north', 'south', 'far')] };

const ids = (instances: readonly Instance[]) => instances.map(({ roleid }) => roleid);

function pulls(from: Network, self: Instance): { group: number[]; remote: Record<string, number[]> } {
  const { group, remote } = sourcesOf(from, self);
  return {
    group: ids(group),
    remote: Object.fromEntries([...remote].map(([site, gateways]) => [site, ids(gateways)])),
  };
}

describe('who pulls from whom', () => {
  const cases: [name: string, network: Network, self: Instance, expected: ReturnType<typeof pulls>][] = [
    [
      'a gateway: its group and the gateways of sites that share a domain',
      network,
      n1,
      { group: [2, 3], remote: { south: [5, 7] } },
    ],
    ['a second gateway pulls by itself', network, n3, { group: [1, 2], remote: { south: [5, 7] } }],
    ['a member: its group alone', network, n2, { group: [1, 3], remote: {} }],
    ['a gateway of a site that shares nothing: nobody', network, far, { group: [], remote: {} }],
    [
      'with `common` every site shares a domain',
      withCommon,
      far,
      { group: [], remote: { north: [1, 3], south: [5, 7] } },
    ],
    ['from the other side too', withCommon, n1, { group: [2, 3], remote: { south: [5, 7], far: [8] } }],
    ['a member never crosses, whatever is shared', withCommon, s2, { group: [5, 7], remote: {} }],
  ];
  for (const [name, from, self, expected] of cases) it(name, () => assert.deepEqual(pulls(from, self), expected));

  it('whoever pulls from an instance may ask it', () => {
    for (const self of withCommon.instances.filter(({ enabled }) => enabled)) {
      const { group, remote } = sourcesOf(withCommon, self);
      for (const source of [...group, ...[...remote.values()].flat()])
        assert.ok(mayPull(self, source), `${self.roleid} from ${source.roleid}`);
    }
  });

  const asking: [name: string, asking: Instance, serving: Instance, may: boolean][] = [
    ['a member of the site', n2, n1, true],
    ['a gateway of another site asks a gateway', s1, n1, true],
    ['a gateway of another site asks a member', s1, n2, false],
    ['a member of another site asks a gateway', s2, n1, false],
    ['a disabled one', off, n1, false],
    ['of a disabled one', n1, off, false],
    ['itself', n1, n1, false],
  ];
  for (const [name, from, to, may] of asking)
    it(`${name}: ${may ? 'may' : 'may not'}`, () => assert.equal(mayPull(from, to), may));
});

describe('domains', () => {
  it('of a site', () => {
    assert.deepEqual(
      domainsOf(withCommon, 'north').map(({ name }) => name),
      ['acme', 'local', 'common'],
    );
    assert.deepEqual(
      domainsOf(network, 'far').map(({ name }) => name),
      ['polar'],
    );
  });

  it('that two sites share', () => {
    assert.deepEqual(
      sharedDomains(withCommon, 'north', 'south').map(({ name }) => name),
      ['acme', 'common'],
    );
    assert.deepEqual(sharedDomains(network, 'north', 'far'), []);
  });
});

describe('whom an instance has no link to', () => {
  const cases: [name: string, self: Instance, domain: string, expected: Record<number, number[]>][] = [
    [
      'a member: nobody of another site, whose gateways its own gateways ask',
      n2,
      'acme',
      { 5: [1, 3, 6, 7], 6: [5, 7], 7: [1, 3, 5, 6] },
    ],
    ['a gateway: members of another site', n1, 'acme', { 6: [5, 7] }],
    ['nobody, within one site', n2, 'local', {}],
    ['nobody of a domain that is not there', n2, 'none', {}],
  ];
  for (const [name, self, of, expected] of cases)
    it(name, () => {
      const unasked = unaskedBy(network, self, of as DomainName);
      assert.deepEqual(
        Object.fromEntries(unasked.map(({ instance, askers }) => [instance.roleid, ids(askers)])),
        expected,
      );
    });

  it('is everybody of the domain whom it may not ask, and each is asked by somebody', () => {
    for (const self of withCommon.instances.filter(({ enabled }) => enabled))
      for (const { name, sites } of withCommon.domains.filter(each => each.sites.includes(self.site))) {
        const unasked = unaskedBy(withCommon, self, name);
        const others = withCommon.instances.filter(
          each => each.enabled && each.roleid !== self.roleid && sites.includes(each.site),
        );
        assert.equal(unasked.length + others.filter(other => mayPull(self, other)).length, others.length);
        // A site of one that is no gateway of its own is out of everybody's reach; validation refuses it.
        for (const { instance, askers } of unasked) assert.ok(askers.length > 0, `${self.roleid}: ${instance.roleid}`);
      }
  });
});
