/** Two releases side by side: each speaks the version before its own too, and they meet in the newest that both know. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext, test } from 'node:test';
import { commonProtocol, PROTOCOLS } from '../../src/peer/protocol.ts';
import { createPeerServer } from '../../src/peer/server.ts';
import { PROTOCOLS as LEARNED } from '../../src/sync/learn.ts';
import { ACME, InMemoryServing } from './in-memory-serving.ts';
import { ask, bytesOf, clientAt, honest, impostor, NEVER } from './network.ts';

/** A server of a release, and which version each of its requests was in. */
async function release(t: TestContext, protocols: readonly number[], port = 0) {
  const serving = new InMemoryServing();
  serving.protocols = protocols;
  const server = createPeerServer({ serving, tokens: () => [] });
  t.after(() => server.close());
  const bound = await server.listen('127.0.0.1', port);
  return { serving, server, port: bound.port };
}

const MEET: [server: readonly number[], client: readonly number[], version: number][] = [
  [[1], [1], 1],
  [[3, 2], [3, 2], 3],
  [[3, 2], [2, 1], 2],
  [[2, 1], [3, 2], 2],
  [[4, 3], [3, 2], 3],
  [[3, 2], [4, 3], 3],
  [[2, 1], [1], 1],
  [[1], [2, 1], 1],
  [[2, 3], [1, 2], 2],
];

describe('releases that have a version in common', () => {
  for (const [server, protocols, version] of MEET)
    it(`a server of ${server} and a client of ${protocols} meet in ${version}`, { timeout: 10_000 }, async t => {
      const { port, serving } = await release(t, server);
      const versions: (string | undefined)[] = [];
      const spied = await impostor(t, (request, response) => {
        versions.push(request.headers['dfsync-protocol'] as string | undefined);
        void ask(port, request.url!, { headers: request.headers as Record<string, string> }).then(answer => {
          const { 'transfer-encoding': _, ...headers } = answer.headers;
          response.writeHead(answer.status, headers).end(Buffer.from(answer.text, 'latin1'));
        });
      });
      const client = clientAt(t, spied, { protocols });
      const self = await client.self(NEVER);
      assert.deepEqual(self.protocols, server);
      const file = serving.put('a', 'content');
      await client.domains(NEVER);
      assert.equal((await bytesOf(await client.file(ACME, file, 0, NEVER))).toString(), 'content');
      assert.deepEqual(versions, [undefined, `${version}`, `${version}`]);
      const answer = await ask(port, '/v1/domains', { headers: { 'dfsync-protocol': `${version}` } });
      assert.equal(answer.headers['dfsync-protocol'], `${version}`);
    });

  it('also where nobody asked first who answers: the refusal tells', { timeout: 10_000 }, async t => {
    const { port, serving } = await release(t, [2, 1]);
    const client = clientAt(t, port, { protocols: [3, 2] });
    assert.deepEqual(await client.domains(NEVER), serving.domains());
    for await (const [item] of client.bundle(ACME, [serving.put('a', 'x')], NEVER)) assert.ok('bytes' in item!);
  });
});

const PART: [server: readonly number[], client: readonly number[], older: string][] = [
  [[1], [3, 2], 'the peer'],
  [[3, 2], [1], 'this instance'],
  [[2, 1], [4, 3], 'the peer'],
  [[4, 3], [2, 1], 'this instance'],
];

describe('releases that have none refuse each other, and say which to update', () => {
  for (const [server, protocols, older] of PART)
    it(`a server of ${server} and a client of ${protocols}: ${older}`, { timeout: 10_000 }, async t => {
      const { port } = await release(t, server);
      const client = clientAt(t, port, { protocols });
      const says = new RegExp(
        `the peer speaks protocol ${server.join(', ')}, this instance ${protocols.join(', ')}: none in common; update ${older}, which is the older one`,
      );
      await assert.rejects(client.self(NEVER), { name: 'PeerError', message: says });
      await assert.rejects(client.domains(NEVER), { name: 'PeerError', status: 400, message: says });
    });
});

const REFUSED: Record<string, { asked: string; says: RegExp }> = {
  'an older version': { asked: '1', says: /^protocol 1 was asked in, this instance speaks 3, 2: .* update the asking/ },
  'a newer version': {
    asked: '4',
    says: /^protocol 4 was asked in, this instance speaks 3, 2: .* update this instance/,
  },
  'another spelling': { asked: '03', says: /speaks 3, 2/ },
  'no number': { asked: 'three', says: /^the header dfsync-protocol names no version; this instance speaks 3, 2$/ },
};

for (const [name, { asked, says }] of Object.entries(REFUSED))
  test(`a question in ${name} is refused with the list of what is spoken`, { timeout: 10_000 }, async t => {
    const { port } = await release(t, [3, 2]);
    const answer = await ask(port, '/v1/domains', { headers: { 'dfsync-protocol': asked } });
    assert.equal(answer.status, 400);
    assert.equal(answer.json.type, 'about:blank#protocol-not-spoken');
    assert.deepEqual(answer.json.protocols, [3, 2]);
    assert.match(answer.json.detail, says);
    assert.equal(answer.headers['dfsync-protocol'], '2');
  });

test('a question in no version is taken as one in the oldest', { timeout: 10_000 }, async t => {
  const { port } = await release(t, [3, 2]);
  const answer = await ask(port, '/v1/self');
  assert.deepEqual([answer.status, answer.headers['dfsync-protocol']], [200, '2']);
});

const ROLLING: [name: string, client: readonly number[], releases: readonly (readonly number[])[]][] = [
  ['a network rolls on', [2, 1], [[1], [2, 1], [3, 2]]],
  ['one is left behind for a release', [2, 1], [[1], [3, 2]]],
  [
    'and is rolled back',
    [3, 2],
    [
      [3, 2],
      [2, 1],
      [3, 2],
    ],
  ],
];

for (const [name, protocols, releases] of ROLLING)
  test(`a peer is replaced by other releases while a client is connected: ${name}`, { timeout: 20_000 }, async t => {
    let port = 0;
    let client: ReturnType<typeof clientAt> | undefined;
    for (const spoken of releases) {
      const { serving, server, port: bound } = await release(t, spoken, port);
      port = bound;
      if (client === undefined) {
        client = clientAt(t, port, { protocols });
        await client.self(NEVER);
      }
      // Without having asked again who answers.
      for (let i = 0; i < 2; i++) assert.deepEqual(await client.domains(NEVER), serving.domains());
      assert.deepEqual(await client.changes({ epoch: 'e', since: 1, done: 0, wait: 0 }, NEVER), {
        epoch: 'e',
        sequence: 1,
        reset: false,
        changes: [],
        compare: [],
        heard: {},
      });
      await server.close();
    }
  });

test('a peer that speaks none of ours any more is left, with the reason', { timeout: 10_000 }, async t => {
  const first = await release(t, [2, 1]);
  const client = clientAt(t, first.port, { protocols: [2, 1] });
  await client.self(NEVER);
  await first.server.close();
  await release(t, [4, 3], first.port);
  await assert.rejects(client.domains(NEVER), {
    status: 400,
    message: /speaks protocol 4, 3, this instance 2, 1: .*update this/,
  });
});

test('a peer that refuses what it says it speaks is asked once more, not for ever', { timeout: 10_000 }, async t => {
  let asked = 0;
  const problem = { type: 'x', title: 'No', status: 400, detail: 'no', protocols: [3, 2] };
  const port = await impostor(t, (request, response) => {
    asked++;
    const other = request.headers['dfsync-protocol'] === '3' ? [2] : [3];
    response
      .writeHead(400, { ...honest, 'content-type': 'application/problem+json' })
      .end(JSON.stringify({ ...problem, protocols: other }));
  });
  await assert.rejects(clientAt(t, port, { protocols: [3, 2] }).domains(NEVER), { name: 'PeerError' });
  assert.equal(asked, 2);
});

test('an answer in another version than it was asked in is not believed', { timeout: 10_000 }, async t => {
  const port = await impostor(
    t,
    (_, response) => void response.writeHead(200, { ...honest, 'dfsync-protocol': '3' }).end(),
  );
  await assert.rejects(clientAt(t, port, { protocols: [2, 1] }).domains(NEVER), {
    name: 'PeerError',
    message: /answers in protocol 3 what was asked in 2: bring both to one release/,
  });
});

test('the common version is the newest of both, in whatever order they are told', () => {
  assert.equal(commonProtocol([1, 2, 3], [9, 2, 1]), 2);
  assert.equal(commonProtocol([2], []), undefined);
  assert.deepEqual(LEARNED, PROTOCOLS, 'learning and the wire speak of the same versions');
});
