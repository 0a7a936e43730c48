/** `dfsync healthcheck`: alive, stalled, not there; and where it asks. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { healthcheck } from '../../src/cli/healthcheck.ts';
import { localUrl } from '../../src/cli/local-url.ts';
import { openOps } from '../../src/ops/http.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import { freePort } from '../e2e/ports.ts';
import { sampleActions } from '../ops/actions-sample.ts';
import { sampleLooks } from '../ops/inspection-sample.ts';
import { sampleStatus } from '../ops/status-sample.ts';

async function checked(url: string): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const code = await healthcheck({ url }, { out, err });
  const text = (stream: PassThrough) => (stream.read() as Buffer | null)?.toString() ?? '';
  return { code, out: text(out), err: text(err) };
}

/** Checks an instance whose engine made progress so long ago (ms). */
async function checkedAt(beatAgeMs: number) {
  const listener = await openOps(
    {
      status: sampleStatus,
      vitals: () => ({ beatAgeMs, stalledMs: 0 }),
      metrics: new Metrics(sampleStatus),
      config: () => ({ network: {}, document: {} }),
      tokens: () => ({ read: [], admin: [] }),
      actions: sampleActions([]),
      ...sampleLooks(),
    },
    '127.0.0.1',
    0,
  );
  try {
    return await checked(`http://127.0.0.1:${listener.port}/`);
  } finally {
    await listener.close();
  }
}

describe('healthcheck', () => {
  it('is content with an instance that makes progress', async () => {
    const { code, out, err } = await checkedAt(0);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /ok/);
  });

  it('fails for one that does not, and says which check', async () => {
    const { code, out, err } = await checkedAt(3_600_000);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /engine|progress/);
  });

  it('fails where nobody answers, and says what to look at', async () => {
    const { code, err } = await checked(`http://127.0.0.1:${await freePort()}`);
    assert.equal(code, 1);
    assert.match(err, /no answer from http.*ECONNREFUSED.*is dfsync running there\? --url/);
  });

  const places: Record<string, [NodeJS.ProcessEnv, string]> = {
    'the default port': [{}, 'http://127.0.0.1:9420'],
    'another port': [{ DFSYNC_OPS_LISTEN: '0.0.0.0:9999' }, 'http://127.0.0.1:9999'],
    'a port alone': [{ DFSYNC_OPS_LISTEN: '9999' }, 'http://127.0.0.1:9999'],
    'every IPv6 address': [{ DFSYNC_OPS_LISTEN: '[::]:9999' }, 'http://127.0.0.1:9999'],
    'one address': [{ DFSYNC_OPS_LISTEN: '10.0.0.7:9999' }, 'http://10.0.0.7:9999'],
    TLS: [{ DFSYNC_OPS_TLS_CERT: '/tls.crt' }, 'https://127.0.0.1:9420'],
  };
  for (const [name, [environment, url]] of Object.entries(places))
    it(`asks where the environment says the instance is: ${name}`, () =>
      assert.equal(localUrl(environment, 9420), url));
});
