import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DomainName } from '../src/core/path.ts';
import type { Network } from '../src/core/topology.ts';
import type { InstanceStatus } from '../src/ops/status.ts';
import type { Service } from '../src/service.ts';
import { peerNames, statusOf } from '../src/service-status.ts';
import { Feed } from '../src/sync/feed.ts';
import { Wants } from '../src/sync/wants.ts';
import { file, pathOf } from './support/entries.ts';
import { instance } from './support/network.ts';

const QUIET = { sent: { bytes: 0, perSecond: 0 }, received: { bytes: 0, perSecond: 0 } };

test('a peer has one label everywhere, also where somebody whom this instance never meets has the same name', () => {
  const [peer, stranger, other] = [
    { ...instance(2, 'north'), name: 'web' },
    { ...instance(3, 'south'), name: 'web' },
    { ...instance(4, 'north'), name: 'mail' },
  ];
  const network: Network = { domains: [], sites: ['north', 'south'], instances: [peer, stranger, other] };
  const names = peerNames(network);
  assert.deepEqual([...names.values()], ['web-2', 'web-3', 'mail']);

  const learner = { state: 'live', sharedDomains: () => [] };
  const links = [peer, other].map(each => ({ instance: each, crossSite: false, active: true, learner }));
  const service = {
    folders: new Map(),
    feed: new Feed('e'),
    loop: { links },
    unmapped: () => [],
    askedAt: () => undefined,
    untaken: () => undefined,
    traffic: () => QUIET,
  };
  const { peers } = statusOf({} as InstanceStatus, service as unknown as Service, names, 0);
  assert.deepEqual(
    peers.map(each => each.peer),
    ['web-2', 'mail'],
  );
});

test('what is wanted from each peer: how much, since when, and without what only a person can heal', () => {
  const acme = 'acme.example' as DomainName;
  const wants = new Wants();
  const north = (roleid: number) => ({ roleid, site: 'north' });
  wants.add(file('large', { 2: 100 }, { size: 70 }), north(2), 1, 1_000);
  wants.add(file('both', { 2: 100 }, { size: 5 }), north(2), 2, 3_000);
  wants.add(file('both', { 2: 100 }, { size: 5 }), north(3), 1, 4_000);
  wants.add(file('full', { 2: 100 }, { size: 900 }), north(2), 3, 500);
  wants.postpone(pathOf('full'), 600, true);

  const network: Network = {
    domains: [],
    sites: ['north'],
    instances: [2, 3].map(roleid => instance(roleid, 'north')),
  };
  const known = (mismatchedSince: number | undefined) =>
    new Map([[acme, { state: 'serving', compared: true, mismatched: 0, mismatchedSince }]]);
  const learnerOf = (since: number | undefined) => ({
    state: 'live',
    sharedDomains: () => [acme],
    lagMs: () => 0,
    links: known(since),
  });
  const links = network.instances.map((each, i) => ({
    instance: each,
    crossSite: false,
    active: true,
    learner: learnerOf(i === 0 ? 2_000 : undefined),
  }));
  const loop = { links, domain: () => ({ wants }) };
  const feed = new Feed('e');
  const service = {
    folders: new Map(),
    feed,
    loop,
    unmapped: () => [],
    untaken: () => undefined,
    askedAt: () => undefined,
    traffic: () => QUIET,
  };
  const { peers } = statusOf({} as InstanceStatus, service as unknown as Service, peerNames(network), 5_000);
  assert.deepEqual(
    peers.map(({ domains: [of] }) => [of!.wanted, of!.wantedBytes, of!.wantedSince, of!.inSync, of!.mismatchedSince]),
    [
      [2, 75, 1_000, false, 2_000],
      [1, 5, 3_000, true, undefined],
    ],
  );
});
