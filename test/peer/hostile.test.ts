import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { PeerClient } from '../../src/peer/client.ts';
import { PeerError } from '../../src/sync/peer.ts';
import { ACME, fileEntry, pathOf } from './in-memory-serving.ts';
import { bytesOf, clientAt, honest, impostor, NEVER, tcpImpostor } from './network.ts';

const FILE = { path: pathOf('a'), size: 10, mtime: 5 };
const FILE_HEADERS = { ...honest, etag: '"5-10"', 'content-length': '10' };
const QUERY = { epoch: 'e', since: 0, done: 0, wait: 0 };
const SELF = { roleid: 7, name: 'n', site: 's', version: '1', epoch: 'e', clock: 1, protocols: [1] };
const TEMPLATE = { epoch: 'e', sequence: 1, reset: false, changes: [], heard: {} };

const getSelf = (client: PeerClient) => client.self(NEVER);
const getFile = async (client: PeerClient) => bytesOf(await client.file(ACME, FILE, 0, NEVER));
const getRest = async (client: PeerClient) => bytesOf(await client.file(ACME, FILE, 4, NEVER));
const getEntries = (client: PeerClient) => client.entriesUnder(ACME, [''], NEVER);
const getBundle = async (client: PeerClient) => {
  const items = [];
  for await (const some of client.bundle(ACME, [FILE, { ...FILE, path: pathOf('b') }], NEVER)) items.push(...some);
  return items;
};

const getHashes = async (client: PeerClient) => {
  const items = [];
  for await (const item of client.hashes(ACME, [FILE], NEVER)) items.push(item);
  return items;
};

interface Case {
  readonly answer: (response: ServerResponse, request: IncomingMessage) => unknown;
  readonly ask: (client: PeerClient) => Promise<unknown>;
  readonly status: number;
  readonly says: RegExp;
}

const ok =
  (body: string | Buffer, headers: Record<string, string> = honest) =>
  (response: ServerResponse) =>
    response.writeHead(200, headers).end(body);

/** Writes until the other end has had enough. */
const endless = (chunk: string) => (response: ServerResponse) => {
  response.writeHead(200, honest);
  const write = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', write);
  write();
};

const bundleOf = (...items: [string, string][]) => ok(items.map(([header, bytes]) => `${header}\n${bytes}`).join(''));
const linesOf = (...items: object[]) => ok(items.map(item => `${JSON.stringify(item)}\n`).join(''));
const HASH = '0'.repeat(64);
const TEN = '0123456789';

const CASES: Record<string, Case> = {
  'no JSON': { answer: ok('<html>'), ask: getSelf, status: 200, says: /GET \/v1\/self: .*not JSON/ },
  'JSON of another shape': { answer: ok('{"roleid":"7"}'), ask: getSelf, status: 200, says: /roleid: / },
  'JSON that is cut': { answer: ok('{"roleid":7'), ask: getSelf, status: 200, says: /not JSON/ },
  'an empty answer': { answer: ok(''), ask: getSelf, status: 200, says: /not JSON/ },
  'a protocol to come': {
    answer: ok(JSON.stringify({ ...SELF, protocols: [8, 9] })),
    ask: getSelf,
    status: 200,
    says: /the peer speaks protocol 8, 9, this instance 1: none in common; update this instance/,
  },
  'a protocol to come in the headers': {
    answer: ok(JSON.stringify(SELF), { ...honest, 'dfsync-protocol': '9' }),
    ask: getSelf,
    status: 200,
    says: /answers in protocol 9, which is none of those that it speaks/,
  },
  'another instance': {
    answer: ok(JSON.stringify(SELF), { 'dfsync-roleid': '70' }),
    ask: getSelf,
    status: 421,
    says: /misrouted: instance 70 answers there/,
  },
  'no instance at all': {
    answer: ok('hello', {}),
    ask: getSelf,
    status: 421,
    says: /no dfsync instance; check its address/,
  },
  'a proxy without the peer': {
    answer: r => r.writeHead(502).end('bad'),
    ask: getSelf,
    status: 502,
    says: /before the peer/,
  },
  'a redirect': {
    answer: (response, request) => {
      assert.equal(request.url, '/v1/self');
      response.writeHead(302, { ...honest, location: '/elsewhere' }).end();
    },
    ask: getSelf,
    status: 302,
    says: /302/,
  },
  'a problem with control characters': {
    answer: r =>
      r
        .writeHead(403, { ...honest, 'content-type': 'application/problem+json' })
        .end(JSON.stringify({ title: 'No\n\u001b[31m', detail: 'x'.repeat(9000) })),
    ask: getSelf,
    status: 403,
    says: /403 No \[31m: x{100,200}…$/,
  },
  'an endless problem': {
    answer: r => {
      r.writeHead(500, { ...honest, 'content-type': 'application/problem+json' });
      const write = () => {
        while (!r.destroyed && r.write('x'.repeat(1000)));
      };
      r.on('drain', write);
      write();
    },
    ask: getSelf,
    status: 500,
    says: /without a reason/,
  },
  'an endless JSON': {
    answer: endless(' '.repeat(65_536)),
    ask: c => c.changes(QUERY, NEVER),
    status: 200,
    says: /more than 16777216 bytes/,
  },
  'an endless line': {
    answer: endless('x'.repeat(1000)),
    ask: getEntries,
    status: 200,
    says: /a line of more than 131072 bytes/,
  },
  'a line that is no JSON': { answer: ok('{}\nnope\n'), ask: getEntries, status: 200, says: /not JSON/ },
  'entries cut within a line': {
    answer: ok(JSON.stringify(fileEntry('a'))),
    ask: getEntries,
    status: 200,
    says: /ends within a line/,
  },
  'entries cut off': {
    answer: r => {
      r.writeHead(200, honest).write(`${JSON.stringify(fileEntry('a'))}\n`, () => r.destroy());
    },
    ask: getEntries,
    status: 0,
    says: /broke off/,
  },
  'digests nobody asked for': {
    answer: ok(JSON.stringify({ nodes: [{ prefix: 'ab', digest: TEN + TEN.slice(4), count: 1 }] })),
    ask: c => c.digests(ACME, ['b'], NEVER),
    status: 200,
    says: /digest of "ab", which was not asked for/,
  },
  'a change without a domain': {
    answer: ok(JSON.stringify({ ...TEMPLATE, changes: [{ entry: fileEntry('a') }] })),
    ask: c => c.changes(QUERY, NEVER),
    status: 200,
    says: /changes\.0\.domain/,
  },
  'a file of another version': {
    answer: ok(TEN, { ...FILE_HEADERS, etag: '"6-10"' }),
    ask: getFile,
    status: 200,
    says: /another version: "6-10" instead of "5-10"/,
  },
  'a file without a version': {
    answer: ok(TEN, { ...honest, 'content-length': '10' }),
    ask: getFile,
    status: 200,
    says: /another version/,
  },
  'a file without a length': {
    answer: r => {
      r.writeHead(200, { ...honest, etag: '"5-10"' }).write(TEN);
      r.end();
    },
    ask: getFile,
    status: 200,
    says: /undefined bytes announced/,
  },
  'a file with too few bytes': {
    answer: r => {
      r.writeHead(200, FILE_HEADERS).write('0123', () => r.destroy());
    },
    ask: getFile,
    status: 0,
    says: /broke off/,
  },
  'a whole file for a range': { answer: ok(TEN, FILE_HEADERS), ask: getRest, status: 200, says: /files\/a: 200/ },
  'another range': {
    answer: r =>
      r.writeHead(206, { ...FILE_HEADERS, 'content-length': '6', 'content-range': 'bytes 3-8/10' }).end('345678'),
    ask: getRest,
    status: 206,
    says: /bytes 3-8\/10 instead of bytes 4-9\/10/,
  },
  'a bundle in another order': {
    answer: bundleOf(['{"path":"b","size":10}', TEN], ['{"path":"a","size":10}', TEN]),
    ask: getBundle,
    status: 200,
    says: /"b" instead of "a"/,
  },
  'a bundle with another size': {
    answer: bundleOf(['{"path":"a","size":3}', '012']),
    ask: getBundle,
    status: 200,
    says: /3 bytes of "a"/,
  },
  'a bundle that ends early': {
    answer: bundleOf(['{"path":"a","size":10}', TEN]),
    ask: getBundle,
    status: 200,
    says: /ends before "b"/,
  },
  'a bundle that ends within a file': {
    answer: bundleOf(['{"path":"a","size":10}', '0123']),
    ask: getBundle,
    status: 200,
    says: /ends 6 bytes early/,
  },
  'a bundle that goes on': {
    answer: bundleOf(['{"path":"a","status":404}', ''], ['{"path":"b","size":10}', `${TEN}x`]),
    ask: getBundle,
    status: 200,
    says: /more than was asked for/,
  },
  'hashes in another order': {
    answer: linesOf({ path: 'b', hash: HASH }),
    ask: getHashes,
    status: 200,
    says: /"b" instead of "a"/,
  },
  'hashes that are none': { answer: linesOf({ path: 'a', hash: 'x' }), ask: getHashes, status: 200, says: /a hash: / },
  'hashes that end early': {
    answer: linesOf({ path: 'a', at: 3 }),
    ask: getHashes,
    status: 200,
    says: /it ends before "a"/,
  },
  'hashes that go on': {
    answer: linesOf({ path: 'a', hash: HASH }, { path: 'b', hash: HASH }),
    ask: getHashes,
    status: 200,
    says: /goes on/,
  },
  'a hash that goes back': {
    answer: linesOf({ path: 'a', at: 3 }, { path: 'a', at: 3 }),
    ask: getHashes,
    status: 200,
    says: /progress that is none/,
  },
  'a hash that goes beyond the file': {
    answer: linesOf({ path: 'a', at: 11 }),
    ask: getHashes,
    status: 200,
    says: /11 of 10/,
  },
  'a bundle of garbage': { answer: bundleOf(['[]', '']), ask: getBundle, status: 200, says: /a file's header/ },
  'a bundle with a status that is none': {
    answer: bundleOf(['{"path":"a","status":200}', '']),
    ask: getBundle,
    status: 200,
    says: /header/,
  },
};

for (const [name, { answer, ask, status, says }] of Object.entries(CASES)) {
  test(`a peer that answers ${name} is refused`, { timeout: 20_000 }, async t => {
    const port = await impostor(t, (request, response) => void answer(response, request));
    const client = clientAt(t, port);
    const error = await ask(client).then(
      () => assert.fail('taken'),
      thrown => thrown,
    );
    assert.ok(error instanceof PeerError, String(error?.stack ?? error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, says);
    assert.match(error.message, /^peer 7 at 127\.0\.0\.1:\d+, (GET|POST) \/v1\//);
  });
}

test('silence ends by a timeout', { timeout: 10_000 }, async t => {
  const timeouts = { response: 50, idle: 50 };
  const mute = clientAt(t, await tcpImpostor(t, () => {}), { timeouts });
  await assert.rejects(mute.self(NEVER), { status: 0, message: /no progress: / });
  const stalled = clientAt(t, await impostor(t, (_, r) => void r.writeHead(200, FILE_HEADERS).write('0123')), {
    timeouts,
  });
  await assert.rejects(getFile(stalled), { status: 0, message: /no progress: / });
});

test('what is no HTTP is refused', { timeout: 10_000 }, async t => {
  const client = clientAt(t, await tcpImpostor(t, socket => void socket.write('SSH-2.0-OpenSSH\r\n\r\n')));
  await assert.rejects(client.self(NEVER), { name: 'PeerError', status: 0 });
});

test('a kept socket that the peer closed meanwhile is replaced once', { timeout: 10_000 }, async t => {
  let requests = 0;
  const port = await tcpImpostor(t, socket => {
    let first = true;
    socket.on('data', () => {
      requests++;
      const body = JSON.stringify(SELF);
      const answer = `HTTP/1.1 200 OK\r\ndfsync-roleid: 7\r\nconnection: keep-alive\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
      if (first) socket.write(answer);
      else socket.resetAndDestroy();
      first = false;
    });
  });
  const client = clientAt(t, port);
  assert.equal((await client.self(NEVER)).roleid, 7);
  assert.equal((await client.self(NEVER)).roleid, 7);
  assert.equal(requests, 3);
});

test('a reset of a fresh socket is not tried again', { timeout: 10_000 }, async t => {
  let connections = 0;
  const port = await tcpImpostor(t, socket => {
    connections++;
    void once(socket, 'data').then(() => socket.resetAndDestroy());
  });
  await assert.rejects(clientAt(t, port).self(NEVER), { status: 0, message: /broke off/ });
  assert.equal(connections, 1);
});
