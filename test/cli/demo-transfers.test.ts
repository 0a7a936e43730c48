import assert from 'node:assert/strict';
import { it } from 'node:test';
import { receivedBytes } from '../../src/cli/demo-transfers.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import { samplePeer, sampleStatus } from '../ops/status-sample.ts';

it('sums the bytes of files that came from all peers, by domain, from what the metrics say', async () => {
  const odd = 'a "b"\\\n{c} 日本';
  const domains = ['acme.example', odd].map(domain => ({ ...samplePeer().domains[0]!, domain }));
  const peers = ['n2', 's1'].map((peer, i) => samplePeer({ peer, roleid: i + 2, domains }));
  const metrics = new Metrics(() => sampleStatus({ peers }));
  for (const peer of ['n2', 's1']) {
    const content = { peer, kind: 'content', direction: 'received' } as const;
    metrics.addTransfer({ ...content, domain: 'acme.example', bytes: 1000 });
    metrics.addTransfer({ ...content, domain: odd, bytes: 1 });
    metrics.addTransfer({ ...content, domain: odd, direction: 'sent', bytes: 20 });
    metrics.addTransfer({ ...content, domain: odd, kind: 'index', bytes: 300 });
  }
  const received = receivedBytes(await metrics.render());
  assert.deepEqual([received.get('acme.example'), received.get(odd)], [2000, 2]);
});
