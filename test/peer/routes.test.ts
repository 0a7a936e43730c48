import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { MAX_REQUESTS_PER_PEER } from '../../src/peer/gate.ts';
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES, MAX_REQUEST_BYTES } from '../../src/peer/protocol.ts';
import { createPeerServer } from '../../src/peer/server.ts';
import { fileEntry, InMemoryServing } from './in-memory-serving.ts';
import { ask, NEVER, network, until } from './network.ts';

const BASE = '/v1/domains/acme.example';

const bundle = (files: unknown) => ({ method: 'POST', body: JSON.stringify({ files }) });
const ref = (path: string, size = 1) => ({ path, size, mtime: 1 });

const PROBLEMS: Record<string, { target: string; status: number; with?: Parameters<typeof ask>[2]; says?: RegExp }> = {
  'no such route': { target: '/v1/nothing', status: 404 },
  'the root': { target: '/', status: 404 },
  'a file without a name': { target: `${BASE}/files/`, status: 404 },
  'a method that a route has not': { target: '/v1/self', status: 405, with: { method: 'DELETE' } },
  'a domain that is not served': { target: '/v1/domains/x/digests?prefix=', status: 503 },
  'a file that is not there': { target: `${BASE}/files/none`, status: 404 },
  'an instance that is not of the network': {
    target: '/v1/self',
    status: 403,
    with: { headers: { 'dfsync-roleid': '99' } },
  },
  nobody: { target: '/v1/self', status: 400, with: { headers: { 'dfsync-roleid': undefined } }, says: /dfsync-roleid/ },
  'a roleid that is none': { target: '/v1/self', status: 400, with: { headers: { 'dfsync-roleid': '8; drop' } } },
  'a protocol to come': {
    target: '/v1/self',
    status: 400,
    with: { headers: { 'dfsync-protocol': '2' } },
    says: /protocol 2 was asked in, this instance speaks 1: .*update this instance/,
  },
  'an escaped separator': { target: `${BASE}/files/..%2fsecret`, status: 400 },
  'an escaped separator in a domain': { target: '/v1/domains/a%2Fb/files/x', status: 400 },
  'an escaped NUL': { target: `${BASE}/files/a%00b`, status: 400 },
  'a bad escape': { target: `${BASE}/files/100%`, status: 400 },
  'another bad escape': { target: `${BASE}/files/%zz`, status: 400 },
  dots: { target: `${BASE}/files/a/../b`, status: 400 },
  'escaped dots': { target: `${BASE}/files/a/%2e%2E/b`, status: 400 },
  'an absolute path': { target: `${BASE}/files//etc/passwd`, status: 400 },
  'the private directory': { target: `${BASE}/files/.dfsync/volume.json`, status: 400 },
  'the private directory, escaped': { target: `${BASE}/files/%2edfsync/volume.json`, status: 400 },
  'a second spelling of dots is decoded once only': { target: `${BASE}/files/%252e%252e%252fsecret`, status: 404 },
  'a fragment': { target: `${BASE}/files/a#b`, status: 400 },
  'a target of another host': { target: `http://127.0.0.1${BASE}/files/secret`, status: 400 },
  'a prefix that is none': { target: `${BASE}/digests?prefix=xyz`, status: 400 },
  'a prefix without children': { target: `${BASE}/digests?prefix=abcd`, status: 400 },
  'too many prefixes': { target: `${BASE}/entries?prefix=${'a,'.repeat(300)}`, status: 400 },
  'a prefix twice': { target: `${BASE}/entries?prefix=a&prefix=b`, status: 400 },
  'an entry outside': { target: `${BASE}/entries?path=../x`, status: 400 },
  'a cursor that is none': { target: '/v1/changes?since=-1', status: 400 },
  'a target too long': { target: `${BASE}/files/${'a'.repeat(17_000)}`, status: 414 },
  'headers too long': { target: '/v1/self', status: 431, with: { headers: { 'x-long': 'a'.repeat(40_000) } } },
  'a bundle that is no JSON': { target: `${BASE}/bundle`, status: 400, with: { method: 'POST', body: '{' } },
  'a bundle of another shape': {
    target: `${BASE}/bundle`,
    status: 400,
    with: bundle([{ path: 'a' }]),
    says: /files\.0\.size/,
  },
  'a bundle from outside': { target: `${BASE}/bundle`, status: 400, with: bundle([ref('../a')]) },
  'a bundle of too many files': {
    target: `${BASE}/bundle`,
    status: 413,
    with: bundle(Array.from({ length: MAX_BUNDLE_FILES + 1 }, (_, i) => ref(`${i}`))),
  },
  'a bundle of too many bytes': {
    target: `${BASE}/bundle`,
    status: 413,
    with: bundle([ref('a', MAX_BUNDLE_BYTES), ref('b')]),
  },
  'a request too large': {
    target: `${BASE}/bundle`,
    status: 413,
    with: { method: 'POST', body: ' '.repeat(MAX_REQUEST_BYTES * 3) },
  },
  'a bundle of a domain that is not served': { target: '/v1/domains/x/bundle', status: 503, with: bundle([ref('a')]) },
};

for (const [name, { target, status, with: how, says = /./ }] of Object.entries(PROBLEMS)) {
  test(`refused: ${name}`, { timeout: 10_000 }, async t => {
    const { port, serving } = await network(t);
    serving.put('secret', 'x');
    const answer = await ask(port, target, how);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.equal(answer.headers['dfsync-roleid'], '7');
    assert.equal(answer.json.status, status);
    assert.match(answer.json.type, /^about:blank#[a-z0-9-]+$/);
    assert.match(answer.json.detail, says);
    if (status === 503) assert.equal(answer.headers['retry-after'], '3');
    if (status === 405) assert.match(answer.headers.allow ?? '', /GET/);
  });
}

test('every route answers in its own format', { timeout: 10_000 }, async t => {
  const { port, serving } = await network(t);
  const file = serving.put('a', 'x\ny');
  serving.entries = [fileEntry('a'), fileEntry('b')];
  const type = async (target: string, how?: Parameters<typeof ask>[2]) => {
    const answer = await ask(port, target, how);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['dfsync-protocol'], '1');
    return [answer.headers['content-type'], answer.text];
  };
  assert.match((await type('/v1/self')).join(), /^application\/json.*"roleid":7/);
  assert.match((await type('/v1/domains')).join(), /^application\/json.*"domain":"acme.example"/);
  assert.match((await type(`${BASE}/digests?prefix=,0a`)).join(), /"prefix":"a".*"prefix":"0aa"/);
  const lines = serving.entries.map(entry => `${JSON.stringify(entry)}\n`);
  assert.deepEqual(await type(`${BASE}/entries?prefix=`), ['application/x-ndjson', lines.join('')]);
  assert.deepEqual(await type(`${BASE}/entries?path=b`), ['application/x-ndjson', lines[1]]);
  assert.match((await type('/v1/changes?epoch=q&since=5')).join(), /"epoch":"q","sequence":5/);
  assert.deepEqual(await type(`${BASE}/files/a`), ['application/octet-stream', 'x\ny']);
  assert.deepEqual(await type(`${BASE}/bundle`, bundle([file, ref('none'), { ...file, mtime: 3 }])), [
    'application/vnd.dfsync.bundle',
    '{"path":"a","size":3}\nx\ny{"path":"none","status":404}\n{"path":"a","status":412}\n',
  ]);
});

test('without a token nothing is told', { timeout: 10_000 }, async t => {
  const { port, serving } = await network(t, { tokens: () => ['one', 'two'] });
  serving.put('secret', 'x');
  const targets = ['/v1/self', '/v1/domains', `${BASE}/files/secret`, '/v1/nothing', `${BASE}/files/%00`];
  for (const authorization of [undefined, 'Bearer three', 'Bearer', 'Bearer one two', 'Basic one', 'Bearer on']) {
    for (const target of targets) {
      const answer = await ask(port, target, { headers: { authorization } });
      assert.equal(answer.status, 401);
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
      assert.doesNotMatch(answer.text, /secret|acme/);
    }
  }
  for (const authorization of ['Bearer one', 'bearer two'])
    assert.equal((await ask(port, '/v1/self', { headers: { authorization } })).status, 200);
});

test('one peer has so many requests at a time, and gets them back', { timeout: 10_000 }, async t => {
  const { port, serving } = await network(t);
  const gate = Promise.withResolvers<void>();
  serving.onPoll = async query => {
    await gate.promise;
    return { epoch: '', sequence: query.since, reset: false, changes: [], heard: {} };
  };
  const polls = Array.from({ length: MAX_REQUESTS_PER_PEER }, () => ask(port, '/v1/changes?wait=1000'));
  await until(() => serving.polls.length === MAX_REQUESTS_PER_PEER);
  const refused = await ask(port, '/v1/self');
  assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '1']);
  gate.resolve();
  for (const answer of await Promise.all(polls)) assert.equal(answer.status, 200);
  assert.equal((await ask(port, '/v1/self')).status, 200);
});

test('what should never happen is told here, not to the peer', { timeout: 10_000 }, async t => {
  const errors: unknown[] = [];
  const { port, serving } = await network(t, { onError: error => errors.push(error) });
  serving.digests = () => {
    throw new Error('/secret/path');
  };
  const answer = await ask(port, `${BASE}/digests`);
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.text, /secret/);
  assert.equal((errors[0] as Error).message, '/secret/path');
});

test('what is no request gets an answer and no more', { timeout: 10_000 }, async t => {
  const { port } = await network(t);
  const socket = connect(port, '127.0.0.1');
  socket.write('SSH-2.0\r\n\r\n');
  let text = '';
  for await (const part of socket) text += part;
  assert.match(text, /^HTTP\/1\.1 400 .*"status":400/s);
});

test('a port in use, and an address of another machine, say what to do', { timeout: 10_000 }, async t => {
  const { port } = await network(t);
  const second = createPeerServer({ serving: new InMemoryServing(), tokens: () => [] });
  await assert.rejects(second.listen('127.0.0.1', port), {
    message: `cannot listen on 127.0.0.1:${port}: the port is in use; stop what listens there or choose another address with --listen`,
  });
  await assert.rejects(second.listen('192.0.2.1', 0), { message: /^cannot listen on 192\.0\.2\.1:0: .*--listen/ });
  await second.close();
});

test('closing lets an answer under way end', { timeout: 10_000 }, async t => {
  const { client, serving, server } = await network(t);
  const gate = Promise.withResolvers<void>();
  const file = serving.put('a', 'abcd');
  serving.source = async function* () {
    yield Buffer.from('ab');
    await gate.promise;
    yield Buffer.from('cd');
  };
  const body = await client.file('acme.example' as never, file, 0, NEVER);
  const closed = server.close();
  gate.resolve();
  let text = '';
  for await (const part of body) text += Buffer.from(part).toString();
  assert.equal(text, 'abcd');
  await closed;
});
