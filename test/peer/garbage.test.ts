/** Whatever comes in on a socket, the answer is a problem document that names this instance, and the port goes on. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { MAX_HEADER_BYTES, MAX_REQUEST_BYTES, MAX_TARGET_BYTES } from '../../src/peer/protocol.ts';
import { assertValid } from './document.ts';
import { ask, bytesOf, network, raw } from './network.ts';

const END = 'dfsync-roleid: 8\r\nconnection: close\r\n\r\n';
const FILE = '/v1/domains/acme.example/files/a';
const BUNDLE = 'POST /v1/domains/acme.example/bundle HTTP/1.1\r\nhost: x\r\n';

const CASES: Record<string, { says: readonly string[]; status: number; detail?: RegExp; header?: RegExp }> = {
  'another language': { says: ['SSH-2.0-OpenSSH\r\n\r\n'], status: 400, detail: /plain HTTP/ },
  TLS: { says: ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'], status: 400, detail: /is it TLS/ },
  'HTTP/2': { says: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], status: 400 },
  'a version to come': { says: [`GET /v1/self HTTP/9.9\r\nhost: x\r\n${END}`], status: 400 },
  'a method that is none': { says: [`BREW /v1/self HTTP/1.1\r\nhost: x\r\n${END}`], status: 400 },
  'a method that nothing has': {
    says: [`PROPFIND /v1/self HTTP/1.1\r\nhost: x\r\n${END}`],
    status: 501,
    header: /^allow: GET, HEAD$/im,
  },
  'a method that another route has': {
    says: [`PUT /v1/self HTTP/1.1\r\nhost: x\r\n${END}`],
    status: 405,
    header: /^allow: GET, HEAD$/im,
  },
  'a question about methods': {
    says: [`OPTIONS ${FILE} HTTP/1.1\r\nhost: x\r\n${END}`],
    status: 405,
    header: /^allow: GET, HEAD$/im,
  },
  'a tunnel': { says: [`CONNECT example:443 HTTP/1.1\r\nhost: x\r\n${END}`], status: 501, detail: /no proxy/ },
  'no route': { says: [`GET /v2/self HTTP/1.1\r\nhost: x\r\n${END}`], status: 404, detail: /openapi\.json/ },
  'a target of another form': { says: [`OPTIONS * HTTP/1.1\r\nhost: x\r\n${END}`], status: 400 },
  'no host': { says: [`GET /v1/self HTTP/1.1\r\n${END}`], status: 400, detail: /one Host header, this one 0/ },
  'two hosts': { says: [`GET /v1/self HTTP/1.1\r\nhost: a\r\nhost: b\r\n${END}`], status: 400, detail: /this one 2/ },
  'an expectation': { says: [`GET /v1/self HTTP/1.1\r\nhost: x\r\nexpect: a miracle\r\n${END}`], status: 417 },
  'a header that is none': { says: [`GET /v1/self HTTP/1.1\r\nhost x\r\n${END}`], status: 400 },
  'a header with a control character': { says: [`GET /v1/self HTTP/1.1\r\nhost: x\x01\r\n${END}`], status: 400 },
  'a folded header': { says: [`GET /v1/self HTTP/1.1\r\nhost: x\r\n y: z\x00\r\n${END}`], status: 400 },
  'a length that is none': { says: [`${BUNDLE}content-length: ten\r\n${END}`], status: 400 },
  'two lengths': { says: [`${BUNDLE}content-length: 1\r\ncontent-length: 2\r\n${END}xx`], status: 400 },
  'a length and chunks': {
    says: [`${BUNDLE}content-length: 1\r\ntransfer-encoding: chunked\r\n${END}0\r\n\r\n`],
    status: 400,
  },
  'chunks that are none': { says: [`${BUNDLE}transfer-encoding: chunked\r\n${END}`, 'zz\r\n'], status: 400 },
  'chunks with endless extensions': {
    says: [`${BUNDLE}transfer-encoding: chunked\r\n${END}`, `1;x=${'a'.repeat(40_000)}`],
    status: 400,
  },
  'a target just too long': {
    says: [`GET /v1/self?${'x'.repeat(MAX_TARGET_BYTES - 8)} HTTP/1.1\r\nhost: x\r\n${END}`],
    status: 414,
    detail: /16384 bytes/,
  },
  'a target far too long': {
    says: [`GET /v1/self?${'x'.repeat(2 * MAX_HEADER_BYTES)} HTTP/1.1\r\nhost: x\r\n${END}`],
    status: 431,
    detail: /32768 bytes/,
  },
  'headers too long': {
    says: [`GET /v1/self HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(2 * MAX_HEADER_BYTES)}\r\n${END}`],
    status: 431,
  },
  'a body too long': {
    says: [`${BUNDLE}content-length: ${3 * MAX_REQUEST_BYTES}\r\n${END}`, ' '.repeat(3 * MAX_REQUEST_BYTES)],
    status: 413,
    detail: /1048576 bytes/,
  },
  'a body too long, in chunks': {
    says: [`${BUNDLE}transfer-encoding: chunked\r\n${END}`, `200000\r\n${' '.repeat(0x200000)}\r\n0\r\n\r\n`],
    status: 413,
  },
  'a body that ends nowhere': { says: [`${BUNDLE}content-length: 10\r\n${END}`, '{'], status: 408 },
  'headers that end nowhere': { says: ['GET /v1/self HTTP/1.1\r\nhost: x\r\n'], status: 408 },
  'a connection without a word': { says: [], status: 408 },
};

for (const [name, { says, status, detail = /./, header = /./ }] of Object.entries(CASES))
  test(`${name} gets a problem`, { timeout: 20_000 }, async t => {
    const errors: unknown[] = [];
    // What is whole is answered however long it takes.
    const limits = status === 408 ? { headers: 300, request: 300, check: 50 } : {};
    const { port } = await network(t, { onError: error => errors.push(error) }, {}, limits);
    const [head = '', body = ''] = (await raw(port, ...says)).split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(head, /^content-type: application\/problem\+json$/im);
    assert.match(head, /^connection: close$/im);
    assert.match(head, /^dfsync-roleid: 7$/im);
    assert.match(head, /^dfsync-protocol: 1$/im);
    assert.match(head, header);
    const problem = JSON.parse(body);
    assertValid({ $ref: '#/components/schemas/Problem' }, problem, name);
    assert.equal(problem.status, status);
    assert.match(problem.detail, detail);
    if (status !== 408) assert.equal((await ask(port, '/v1/self')).status, 200);
    assert.deepEqual(errors, []);
  });

test('garbage behind a question never becomes a part of its answer', { timeout: 10_000 }, async t => {
  const { port, serving } = await network(t);
  serving.put('a', Buffer.alloc(200_000));
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  serving.source = async function* () {
    yield Buffer.alloc(100_000, 'x');
    begun.resolve();
    await held.promise;
    yield Buffer.alloc(100_000, 'x');
  };
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${FILE} HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\n\r\n`);
  await begun.promise;
  socket.write('BREW\r\n\r\n');
  const answer = (await bytesOf(socket).catch(() => Buffer.alloc(0))).toString('latin1');
  held.resolve();
  assert.doesNotMatch(answer, /problem\+json/);
});

test('what is asked by an older HTTP, without a host, is answered', { timeout: 10_000 }, async t => {
  const { port } = await network(t);
  assert.match(await raw(port, 'GET /v1/self HTTP/1.0\r\ndfsync-roleid: 8\r\n\r\n'), /^HTTP\/1\.1 200 .*"roleid":7/s);
});
