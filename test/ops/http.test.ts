import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type TestContext, test } from 'node:test';
import { type OpsSources, openOps } from '../../src/ops/http.ts';
import { ListenError } from '../../src/ops/listener.ts';
import { createLogger } from '../../src/ops/log.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import type { TlsIdentity } from '../../src/peer/tls.ts';
import { Authority, identityOf, withoutOpenssl } from '../support/certificates.ts';
import { sampleActions } from './actions-sample.ts';
import { sampleLooks } from './inspection-sample.ts';
import { sampleStatus } from './status-sample.ts';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Ask {
  method?: string;
  headers?: Record<string, string>;
  agent?: Agent;
}

const CONFIG = { network: { sites: ['north'] }, document: { password: 'of another role' } };

async function open(t: TestContext, changes: Partial<OpsSources> = {}, host = '127.0.0.1') {
  const sources: OpsSources = {
    status: () => sampleStatus(),
    vitals: () => ({ beatAgeMs: 0, stalledMs: 0 }),
    metrics: new Metrics(() => sampleStatus()),
    config: () => CONFIG,
    tokens: () => ({ read: ['reader'], admin: ['chief'] }),
    actions: sampleActions(),
    ...sampleLooks(),
    ...changes,
  };
  const listener = await openOps(sources, host, 0);
  t.after(() => listener.close());
  const ask = async (path: string, options: Ask = {}): Promise<Answer> => {
    const sent = request({ host, port: listener.port, path, agent: false, ...options }).end();
    const [response] = await once(sent, 'response');
    const chunks = await response.toArray();
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() };
  };
  return { listener, ask };
}

function isProblem(answer: Answer, status: number): void {
  assert.equal(answer.status, status);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  const { type, title, status: told, detail } = JSON.parse(answer.body);
  assert.deepEqual([type, told, typeof title, typeof detail], ['about:blank', status, 'string', 'string']);
}

for (const host of ['127.0.0.1', '127.0.0.9']) {
  test(`every route answers on ${host}`, async t => {
    const { ask, listener } = await open(t, {}, host);
    assert.equal(listener.host, host);
    const metrics = await ask('/metrics');
    assert.equal(metrics.status, 200);
    assert.match(metrics.headers['content-type']!, /^text\/plain; version=0\.0\.4/);
    assert.match(metrics.body, /^dfsync_peer_up\{peer="dfsync2"\} 1$/m);
    for (const probe of ['/livez', '/readyz', '/startupz']) {
      const answer = await ask(probe);
      assert.deepEqual([answer.status, answer.body, answer.headers['cache-control']], [200, 'ok\n', 'no-store']);
    }
    const status = await ask('/status');
    assert.match(status.headers['content-type']!, /^application\/json/);
    assert.deepEqual(JSON.parse(status.body), sampleStatus());
    const config = await ask('/config');
    assert.deepEqual(JSON.parse(config.body), { network: CONFIG.network });
  });
}

test('HEAD answers like GET, without the body', async t => {
  const { ask } = await open(t);
  for (const path of ['/metrics', '/livez', '/readyz', '/startupz', '/status', '/config']) {
    const { status, body, headers } = await ask(path, { method: 'HEAD' });
    assert.deepEqual([status, body], [200, ''], path);
    assert.ok(Number(headers['content-length']) > 0, path);
  }
});

test('failing probes answer 503 with the reason, and all checks where asked for', async t => {
  const { ask } = await open(t, {
    status: () => sampleStatus({ instance: { state: 'waiting-for-lock', reason: 'held by pid 17' } }),
    vitals: () => ({ beatAgeMs: 0, stalledMs: 1e9 }),
  });
  for (const probe of ['readyz', 'startupz']) {
    const answer = await ask(`/${probe}`);
    assert.equal(answer.status, 503);
    assert.match(answer.body, new RegExp(`held by pid 17; next: .*\n${probe} failed\n$`));
  }
  const live = await ask('/livez');
  assert.equal(live.status, 503);
  assert.doesNotMatch(live.body, /engine/);
  assert.match((await ask('/livez?verbose')).body, /^\[\+\] engine: ok\n\[-\] event-loop: stalled/);
});

test('other paths and methods are problems', async t => {
  const { ask } = await open(t);
  for (const path of ['/nothing', '/status/x', '/%ff%00', '/..%2fstatus', '//status']) isProblem(await ask(path), 404);
  const post = await ask('/status', { method: 'POST' });
  isProblem(post, 405);
  assert.equal(post.headers.allow, 'HEAD, GET');
});

test('an answer that cannot be made is a 500 that tells nothing; the log tells', async t => {
  const lines: string[] = [];
  const fail = () => {
    throw new Error('secret/file/name');
  };
  const log = createLogger({ output: { write: line => lines.push(line) } });
  const { ask } = await open(t, { status: fail, metrics: new Metrics(fail), log });
  for (const path of ['/status', '/metrics', '/readyz']) {
    const answer = await ask(path);
    isProblem(answer, 500);
    assert.doesNotMatch(answer.body, /secret/);
  }
  assert.equal(lines.filter(line => /ops\.failed.*secret\/file\/name/.test(line)).length, 3);
});

/** What asks over a proxy is not on this host; a real address of another interface is the plainer case, where there is one. */
const outside = Object.values(networkInterfaces())
  .flatMap(each => each ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

test('beyond this host only metrics and probes are open', { skip: !outside && 'only loopback here' }, async t => {
  let tokens = { read: ['reader', 'old'], admin: ['chief'] };
  const { ask } = await open(t, { tokens: () => tokens }, outside);
  for (const path of ['/metrics', '/livez', '/readyz', '/startupz']) assert.equal((await ask(path)).status, 200, path);
  const bearer = (path: string, token: string) => ask(path, { headers: { authorization: `Bearer ${token}` } });
  for (const path of ['/status', '/config']) {
    const refused = await ask(path);
    isProblem(refused, 401);
    assert.equal(refused.headers['www-authenticate'], 'Bearer');
    isProblem(await bearer(path, 'wrong'), 401);
    for (const token of ['reader', 'old', 'chief']) assert.equal((await bearer(path, token)).status, 200, token);
  }
  tokens = { read: ['new'], admin: [] };
  for (const token of ['reader', 'chief']) isProblem(await bearer('/status', token), 401);
  assert.equal((await bearer('/status', 'new')).status, 200);
});

test('what a proxy forwards needs the token', async t => {
  const { ask } = await open(t);
  const headers = { 'x-forwarded-for': '127.0.0.1' };
  isProblem(await ask('/status', { headers }), 401);
  assert.equal((await ask('/status', { headers: { ...headers, authorization: 'Bearer reader' } })).status, 200);
});

test('the document as it was given is for the admin token, on the host itself too', async t => {
  const { ask } = await open(t);
  const config = async (token: string) =>
    (await ask('/config', { headers: { authorization: `Bearer ${token}` } })).body;
  assert.deepEqual(JSON.parse(await config('chief')), CONFIG);
  for (const token of ['reader', 'wrong'])
    assert.deepEqual(JSON.parse(await config(token)), { network: CONFIG.network });
});

const GARBAGE: Record<string, { says: string; status: number }> = {
  'what is no HTTP': { says: '\x16\x03\x01 TLS hello\r\n\r\n', status: 400 },
  'another version of HTTP': { says: 'GET /livez HTTP/9.9\r\nhost: x\r\n\r\n', status: 400 },
  'a method that is none': { says: 'BREW /livez HTTP/1.1\r\nhost: x\r\n\r\n', status: 400 },
  'a length that is none': { says: 'GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n', status: 400 },
  'headers without end': { says: `GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}`, status: 431 },
  'a target without end': { says: `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n`, status: 431 },
  'no host': { says: 'GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n', status: 400 },
  'two hosts': { says: 'GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n', status: 400 },
  'an expectation': {
    says: 'GET /livez HTTP/1.1\r\nhost: x\r\nexpect: a miracle\r\nconnection: close\r\n\r\n',
    status: 417,
  },
  'a tunnel': { says: 'CONNECT example:443 HTTP/1.1\r\nhost: x\r\n\r\n', status: 501 },
  'a method that nothing has': {
    says: 'PROPFIND /status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    status: 501,
  },
};

for (const [name, { says, status }] of Object.entries(GARBAGE)) {
  test(`${name} gets a problem, and the port stays open`, async t => {
    const { ask, listener } = await open(t);
    const socket = connect(listener.port, '127.0.0.1');
    socket.write(says, 'latin1');
    const [head = '', body = ''] = Buffer.concat(await socket.toArray())
      .toString()
      .split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    isProblem({ status, headers: { 'content-type': /^content-type: (.*)$/im.exec(head)?.[1] ?? '' }, body }, status);
    assert.equal((await ask('/livez')).status, 200);
  });
}

test('a port in use names the address and the option', async t => {
  const { listener } = await open(t);
  const sources = {
    status: sampleStatus,
    vitals: () => ({ beatAgeMs: 0, stalledMs: 0 }),
    config: () => CONFIG,
    actions: sampleActions(),
    ...sampleLooks(),
    tokens: () => ({ read: [], admin: [] }),
  };
  await assert.rejects(
    openOps({ ...sources, metrics: new Metrics(sampleStatus) }, '127.0.0.1', listener.port),
    error => {
      assert.ok(error instanceof ListenError);
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${listener.port}: it is in use.*--ops-listen`));
      return true;
    },
  );
  await assert.rejects(
    openOps({ ...sources, metrics: new Metrics(sampleStatus) }, '192.0.2.1', 0),
    /192\.0\.2\.1:0.*no such address/,
  );
});

test('closing ends idle connections and answers under way', async t => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string>();
  const render = () => {
    asked.resolve();
    return answer.promise;
  };
  const { ask, listener } = await open(t, { metrics: { contentType: 'text/plain', render, requested: () => {} } });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  assert.equal((await ask('/livez', { agent })).headers.connection, 'keep-alive');
  const pending = ask('/metrics', { agent: new Agent({ keepAlive: true }) });
  await asked.promise;
  const closing = listener.close();
  answer.resolve('late\n');
  assert.equal((await pending).body, 'late\n');
  await closing;
  await assert.rejects(ask('/livez'), /ECONNREFUSED/);
  await listener.close();
});

test('an answer that never ends does not hold the close', async t => {
  const asked = Promise.withResolvers<void>();
  const render = () => {
    asked.resolve();
    return new Promise<string>(() => {});
  };
  const { ask, listener } = await open(t, { metrics: { contentType: 'text/plain', render, requested: () => {} } });
  const pending = assert.rejects(ask('/metrics'), /hang up|ECONNRESET/);
  await asked.promise;
  await listener.close();
  await pending;
});

test('TLS with a certificate of its own, replaced while open', { skip: withoutOpenssl }, async t => {
  const authority = new Authority();
  const shown = (names: string) => identityOf(authority.issue('ops', { names }));
  let replace = (_: TlsIdentity): void => {};
  const tls = {
    current: shown('DNS:first.example'),
    onChange: (tell: (identity: TlsIdentity) => void) => {
      replace = tell;
    },
  };
  const { listener, ask } = await open(t, { tls });
  const secure = async (servername: string) => {
    const { ca } = tls.current;
    const asked = secureRequest({
      host: '127.0.0.1',
      port: listener.port,
      path: '/livez',
      agent: false,
      ca,
      servername,
    });
    const [response] = await once(asked.end(), 'response');
    return Buffer.concat(await response.toArray()).toString();
  };
  assert.equal(await secure('first.example'), 'ok\n');
  await assert.rejects(secure('second.example'), /ERR_TLS_CERT_ALTNAME_INVALID|altnames/);
  await assert.rejects(ask('/livez'), /hang up|ECONNRESET/);
  replace(shown('DNS:second.example'));
  assert.equal(await secure('second.example'), 'ok\n');
});
