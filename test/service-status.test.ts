import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Network } from '../src/core/topology.ts';
import type { InstanceStatus } from '../src/ops/status.ts';
import type { Service } from '../src/service.ts';
import { peerNames, statusOf } from '../src/service-status.ts';
import { Feed } from '../src/sync/feed.ts';
import { instance } from './support/network.ts';

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
  };
  const { peers } = statusOf({} as InstanceStatus, service as unknown as Service, names, 0);
  assert.deepEqual(
    peers.map(each => each.peer),
    ['web-2', 'mail'],
  );
});
