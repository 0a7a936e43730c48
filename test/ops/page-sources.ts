/** An operators' port whose answers a test decides, for the status page to show. */
import type { TestContext } from 'node:test';
import type { Network } from '../../src/core/topology.ts';
import { Events } from '../../src/ops/events.ts';
import { openOps } from '../../src/ops/http.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import type { Status } from '../../src/ops/status.ts';
import { instance } from '../support/network.ts';
import { sampleActions } from './actions-sample.ts';
import { sampleInspection } from './inspection-sample.ts';
import { sampleDomain, samplePeer, sampleStatus } from './status-sample.ts';

/** `server1` and `server2` in the north, `server3` in the south; the first and the last are gateways. */
export const NETWORK: Network = {
  sites: ['north', 'south'],
  domains: [
    { name: 'acme.example' as Network['domains'][number]['name'], directory: 'acme', sites: ['north', 'south'] },
  ],
  instances: [instance(1, 'north', true), instance(2, 'north'), instance(3, 'south', true)],
};

/** All of it in sync at this moment. */
export function inSync(changes: Partial<Status> = {}): Status {
  const now = Date.now();
  const domains = [{ domain: 'acme.example', lagSeconds: 0, mismatched: 0, wanted: 0, state: 'serving' }];
  const live = { lastContact: now, skewMs: 3, askedAt: now, domains };
  return sampleStatus({
    instance: { server: 'server1', startedAt: now - 3_600_000 },
    domains: [sampleDomain({ conflicts: 0, heard: { 2: now - 3000, 3: now - 8000 } })],
    peers: [samplePeer(live), samplePeer({ ...live, peer: 'dfsync3', roleid: 3, site: 'south' })],
    ...changes,
  });
}

/** Opens it; `shown` counts its answers, `asked` holds what was done. */
export async function openPage(t: TestContext, status: () => Status) {
  const asked: unknown[] = [];
  const shown = { answers: 0 };
  const events = new Events(status);
  const listener = await openOps(
    {
      status: () => {
        shown.answers++;
        return status();
      },
      vitals: () => ({ beatAgeMs: 0, stalledMs: 0 }),
      metrics: new Metrics(status),
      config: () => ({ network: NETWORK, document: {} }),
      tokens: () => ({ read: ['reader'], admin: ['chief'] }),
      actions: sampleActions(asked),
      inspection: sampleInspection(),
      events,
    },
    '127.0.0.1',
    0,
  );
  t.after(async () => {
    events.close();
    await listener.close();
  });
  return { url: `http://127.0.0.1:${listener.port}`, shown, asked, events };
}
