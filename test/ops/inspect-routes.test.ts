import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Events } from '../../src/ops/events.ts';
import { openOps } from '../../src/ops/http.ts';
import type { VerifyLine } from '../../src/ops/inspection.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import { sampleActions } from './actions-sample.ts';
import { sampleInspection, WHY } from './inspection-sample.ts';
import { sampleStatus } from './status-sample.ts';

const LINES: VerifyLine[] = [
  { progress: { domain: 'acme.example', phase: 'scan', files: 0, bytes: 0, ofFiles: 3, ofBytes: 9 } },
  { result: { equal: true, domains: [] } },
];

async function open(t: TestContext, lines = LINES) {
  const asked: unknown[] = [];
  const listener = await openOps(
    {
      status: () => sampleStatus(),
      vitals: () => ({ beatAgeMs: 0, stalledMs: 0 }),
      metrics: new Metrics(() => sampleStatus()),
      config: () => ({ network: {}, document: {} }),
      tokens: () => ({ read: ['reader'], admin: ['chief'] }),
      actions: sampleActions(asked),
      inspection: sampleInspection(asked, lines),
      events: new Events(() => sampleStatus()),
    },
    '127.0.0.1',
    0,
  );
  t.after(() => listener.close());
  const ask = async (target: string, { method = 'GET', token = '', proxied = false } = {}) => {
    const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(proxied && { forwarded: 'for=x' }) };
    const answer = await fetch(`http://127.0.0.1:${listener.port}${target}`, { method, headers });
    return { status: answer.status, body: await answer.text() };
  };
  return { asked, ask };
}

test('mismatches are of all domains, or of one', async t => {
  const { ask, asked } = await open(t);
  const { domains } = JSON.parse((await ask('/mismatches')).body);
  assert.equal(domains[0].total, 7);
  assert.equal((await ask('/mismatches?domain=acme.example')).status, 200);
  assert.equal((await ask('/mismatches?domain=other')).status, 404);
  assert.deepEqual(asked, [
    ['mismatches', undefined],
    ['mismatches', 'acme.example'],
    ['mismatches', 'other'],
  ]);
});

test('a path is decoded once, from its bytes', async t => {
  const { ask, asked } = await open(t);
  assert.deepEqual(JSON.parse((await ask('/why/acme/a/b.txt')).body), WHY);
  for (const target of ['/why/acme/%ff%2Fx', '/why/acme/%25ff?x=1', '/why/acme/%C3%A4', '/why/acme/..%2f..'])
    await ask(target);
  assert.deepEqual(asked, [
    ['why', 'acme/a/b.txt'],
    ['why', 'acme/\udcff/x'],
    ['why', 'acme/%ff'],
    ['why', 'acme/ä'],
    ['why', 'acme/../..'],
  ]);
  const { status, body } = await ask('/why/other/x');
  assert.deepEqual([status, JSON.parse(body).detail], [404, 'directories that are served here: acme']);
});

test('a verification answers line by line, or refuses as anything else does', async t => {
  const { ask, asked } = await open(t);
  const lines = (text: string) =>
    text
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line));
  assert.deepEqual(lines((await ask('/verify?domain=acme.example')).body), LINES);
  assert.deepEqual(lines((await ask('/verify?content', { method: 'POST', token: 'chief' })).body), LINES);
  assert.deepEqual(asked, [
    ['verify', { domain: 'acme.example', content: false }],
    ['verify', { domain: undefined, content: true }],
  ]);
  const refused = await ask('/verify?domain=none');
  assert.deepEqual([refused.status, JSON.parse(refused.body).detail], [404, 'no domain none']);
  assert.equal((await ask('/verify?content', { method: 'HEAD' })).status, 200);
});

test('to look takes what looking takes; all content is for those who may act', async t => {
  const { ask, asked } = await open(t);
  for (const target of ['/mismatches', '/why/acme/x', '/verify', '/events'])
    assert.equal((await ask(target, { proxied: true })).status, 401, target);
  for (const target of ['/mismatches', '/why/acme/x', '/verify'])
    assert.equal((await ask(target, { proxied: true, token: 'reader' })).status, 200, target);
  asked.length = 0;
  for (const target of ['/verify?content', '/pause', '/resume', '/rescan'])
    for (const [token, status] of [
      ['reader', 403],
      ['', 401],
    ] as const)
      assert.equal((await ask(target, { method: 'POST', token })).status, status, `${target} with ${token}`);
  assert.deepEqual(asked, []);
  await ask('/pause', { method: 'POST', token: 'chief' });
  assert.deepEqual(asked, [['pause', undefined]]);
});
