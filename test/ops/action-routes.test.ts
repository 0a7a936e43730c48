import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { call } from '../../src/cli/call.ts';
import { ActionError } from '../../src/ops/actions.ts';
import { type OpsSources, openOps } from '../../src/ops/http.ts';
import { createLogger } from '../../src/ops/log.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import { sampleActions } from './actions-sample.ts';
import { sampleLooks } from './inspection-sample.ts';
import { sampleStatus } from './status-sample.ts';

async function open(t: TestContext, changes: Partial<OpsSources> = {}) {
  const asked: unknown[] = [];
  const logged: string[] = [];
  const listener = await openOps(
    {
      status: () => sampleStatus(),
      vitals: () => ({ beatAgeMs: 0, stalledMs: 0 }),
      metrics: new Metrics(() => sampleStatus()),
      config: () => ({ network: {}, document: {} }),
      tokens: () => ({ read: ['reader'], admin: ['chief'] }),
      actions: sampleActions(asked),
      ...sampleLooks(),
      log: createLogger({ format: 'json', output: { write: line => logged.push(line) } }),
      ...changes,
    },
    '127.0.0.1',
    0,
  );
  t.after(() => listener.close());
  const post = async (path: string, body: unknown, token = 'chief') => {
    const answer = await fetch(`http://127.0.0.1:${listener.port}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  return { asked, logged, post, port: listener.port };
}

const ACME = '/domains/acme.example';

test('what is asked arrives, and is answered', async t => {
  const { asked, post } = await open(t);
  assert.deepEqual(await post(`${ACME}/release`, ''), {
    status: 200,
    body: { domain: 'acme.example', released: 3 },
  });
  await post(`${ACME}/undo`, { since: 5 });
  await post(`${ACME}/undo`, { held: true, dryRun: true });
  await post(`${ACME}/restore`, { path: 'a\udc80b', version: '5.1' });
  await post(`${ACME}/accept-local`, '');
  await post(`${ACME}/accept-remote`, '');
  await post('/redate', {});
  assert.deepEqual(asked, [
    ['release', 'acme.example'],
    ['undo', 'acme.example', { since: 5, dryRun: false }],
    ['undo', 'acme.example', { since: undefined, dryRun: true }],
    ['restore', 'acme.example', { path: 'a\udc80b', version: '5.1', dryRun: false }],
    ['accept', 'acme.example', 'local'],
    ['accept', 'acme.example', 'remote'],
    ['redate', undefined],
  ]);
});

test('who had what done is in the log, and which files is not', async t => {
  const { logged, post } = await open(t);
  await post(`${ACME}/restore`, { path: 'secret.txt' });
  await post('/domains/other/release', '');
  const records = logged.map(line => JSON.parse(line));
  assert.deepEqual(
    records.map(({ event, action, from, status }) => [event, action, from, status]),
    [
      ['ops.action', `${ACME}/restore`, '127.0.0.1', 200],
      ['ops.action', '/domains/other/release', '127.0.0.1', 404],
    ],
  );
  assert.doesNotMatch(logged.join(), /secret/);
});

test('what takes longer than a connection may be silent is answered all the same, as it ended', {
  timeout: 20_000,
}, async t => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const actions = {
    ...sampleActions([]),
    async accept(): Promise<never> {
      begun.resolve();
      await gate.promise;
      throw new ActionError(409, 'not here');
    },
    async undo(domain: string, { dryRun }: { dryRun: boolean }) {
      await gate.promise;
      return { domain, dryRun, held: 7, recovered: 0, items: [], failed: [] };
    },
  };
  const { port, post } = await open(t, { actions, idleMs: 150 });
  const directory = mkdtempSync(join(tmpdir(), 'dfsync-ops-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const adminTokenFile = join(directory, 'token');
  writeFileSync(adminTokenFile, 'chief', { mode: 0o600 });
  const refused = post(`${ACME}/accept-local`, '');
  const called = call<{ held: number }>({ url: `http://127.0.0.1:${port}`, adminTokenFile }, 'POST', `${ACME}/undo`, {
    held: true,
  });
  called.catch(() => {});
  await begun.promise;
  // Three ticks are as long as a silent connection has.
  let ticks = 0;
  const watched = request({
    port,
    method: 'POST',
    path: `${ACME}/accept-remote`,
    headers: { authorization: 'Bearer chief' },
  });
  const status = new Promise<number | undefined>((resolve, reject) => {
    watched.on('information', ({ statusCode }) => {
      assert.equal(statusCode, 102);
      if (++ticks === 10) gate.resolve();
    });
    watched.on('response', answer => resolve(answer.resume().statusCode)).on('error', reject);
  });
  watched.end();
  assert.equal(await status, 409);
  assert.ok(ticks >= 10);
  const { status: code, body } = await refused;
  assert.deepEqual([code, body.detail], [409, 'not here']);
  assert.equal((await called).held, 7);
});

test('a while is counted back from now', async t => {
  const { asked, post } = await open(t);
  const before = Date.now();
  await post(`${ACME}/undo`, { ago: 60_000 });
  const { since } = (asked[0] as [string, string, { since: number }])[2];
  assert.ok(since >= before - 60_000 && since <= Date.now() - 60_000);
});

const refusals: [name: string, path: string, body: unknown, status: number, says: RegExp][] = [
  ['no JSON', `${ACME}/undo`, '{', 400, /no JSON/],
  ['an undo of nothing', `${ACME}/undo`, {}, 400, /one of since, ago and held/],
  ['an undo of two things', `${ACME}/undo`, { since: 1, held: true }, 400, /one of since, ago and held/],
  ['what is not known', `${ACME}/undo`, { held: true, force: 1 }, 400, /force/],
  ['no path', `${ACME}/restore`, {}, 400, /path/],
  ['a version that is none', `${ACME}/restore`, { path: 'a', version: 'x' }, 400, /version/],
  ['a body without end', `${ACME}/restore`, { path: 'a'.repeat(70_000) }, 400, /bytes/],
  ['a domain that is none', '/domains/other/release', '', 404, /no domain other/],
];
for (const [name, path, body, status, says] of refusals)
  test(`${name} is refused with the reason`, async t => {
    const { post } = await open(t);
    const answer = await post(path, body);
    assert.equal(answer.status, status);
    assert.match(String(answer.body.detail), says);
  });

test('to act takes an admin token, to look at the trash a read token does', async t => {
  const { asked, post, port } = await open(t);
  for (const path of [
    `${ACME}/release`,
    `${ACME}/undo`,
    `${ACME}/restore`,
    `${ACME}/accept-local`,
    `${ACME}/accept-remote`,
    '/redate',
  ])
    for (const [token, status] of [
      ['reader', 403],
      ['nobody', 401],
    ] as const)
      assert.equal((await post(path, {}, token)).status, status, `${path} with ${token}`);
  assert.deepEqual(asked, []);
  const headers = { authorization: 'Bearer reader' };
  assert.equal((await fetch(`http://127.0.0.1:${port}${ACME}/trash`, { headers })).status, 200);
});
