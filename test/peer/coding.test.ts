/** Content codings: what is negotiated, what travels, and what a coded answer may not do to its reader. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { describe, it, test } from 'node:test';
import { constants, createZstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import {
  chooseCoding,
  decodeStream,
  encodeStream,
  MIN_CODED_BYTES,
  parseAcceptEncoding,
} from '../../src/peer/coding.ts';
import type { Transfer } from '../../src/peer/transfer.ts';
import { PeerError, TooMuch } from '../../src/sync/peer.ts';
import { ACME, CLIENT, fileEntry, pathOf, SERVER } from './in-memory-serving.ts';
import { ask, bytesOf, clientAt, honest, impostor, NEVER, network, until } from './network.ts';

const BASE = '/v1/domains/acme.example';
const none = undefined;

describe('Accept-Encoding (RFC 9110, 12.5.3)', () => {
  const cases: [
    header: string | undefined,
    long: 'zstd' | 'identity' | undefined,
    short: 'zstd' | 'identity' | undefined,
  ][] = [
    [none, 'identity', 'identity'],
    ['', 'identity', 'identity'],
    ['zstd', 'zstd', 'identity'],
    ['ZSTD', 'zstd', 'identity'],
    ['gzip, br', 'identity', 'identity'],
    ['gzip, zstd;q=0.1', 'zstd', 'identity'],
    ['zstd;q=0', 'identity', 'identity'],
    ['zstd;q=0.000', 'identity', 'identity'],
    ['*', 'zstd', 'identity'],
    ['*;q=0', none, none],
    ['zstd, *;q=0', 'zstd', 'zstd'],
    ['zstd, identity;q=0', 'zstd', 'zstd'],
    ['identity;q=0', none, none],
    ['identity;q=0, *', 'zstd', 'zstd'],
    ['gzip, identity;q=0', none, none],
    ['identity, *;q=0', 'identity', 'identity'],
    ['identity;q=1, zstd;q=0.5', 'identity', 'identity'],
    ['identity;q=0.5, zstd;q=1', 'zstd', 'identity'],
    ['identity;q=0.5, zstd ; q=0.5', 'zstd', 'identity'],
    [' , zstd ,, ', 'zstd', 'identity'],
    ['zstd;q=2', 'identity', 'identity'],
    ['zstd;level=9', 'identity', 'identity'],
  ];
  for (const [header, long, short] of cases)
    it(`${header}: ${long}, and for a short answer ${short}`, () => {
      const acceptable = parseAcceptEncoding(header);
      assert.equal(chooseCoding(acceptable, true), long);
      assert.equal(chooseCoding(acceptable, false), short);
    });
});

test('an answer is coded where that is accepted and it is long enough; its tag is another one', {
  timeout: 10_000,
}, async t => {
  const { port, serving } = await network(t);
  const state = serving.domains().domains[0]!;
  const pad = (bytes: number) => {
    serving.domains = () => ({
      epoch: 'e',
      sequence: 1,
      domains: [{ ...state, domain: 'x'.repeat(bytes) as typeof ACME }],
    });
  };
  pad(0);
  const base = (await ask(port, '/v1/domains')).text.length;
  for (const [bytes, coding] of [
    [MIN_CODED_BYTES - 1, none],
    [MIN_CODED_BYTES, 'zstd'],
  ] as const) {
    pad(bytes - base);
    const plain = await ask(port, '/v1/domains');
    const coded = await ask(port, '/v1/domains', { headers: { 'accept-encoding': 'zstd' } });
    assert.equal(plain.text.length, bytes);
    assert.equal(coded.headers['content-encoding'], coding);
    for (const { headers } of [plain, coded]) assert.equal(headers.vary, 'Accept-Encoding');
    if (!coding) continue;
    assert.equal(zstdDecompressSync(Buffer.from(coded.text, 'latin1')).toString('latin1'), plain.text);
    assert.equal(coded.headers['content-length'], String(coded.text.length));
    assert.equal(coded.headers.etag, `${plain.headers.etag!.slice(0, -1)}-zstd"`);
    for (const [accepted, own, other] of [
      ['zstd', coded, plain],
      ['identity', plain, coded],
    ] as const) {
      const ifNot = (etag: string) =>
        ask(port, '/v1/domains', { headers: { 'accept-encoding': accepted, 'if-none-match': etag } });
      assert.equal((await ifNot(own.headers.etag!)).status, 304);
      assert.equal((await ifNot(other.headers.etag!)).status, 200);
    }
    const head = await ask(port, '/v1/domains', { method: 'HEAD', headers: { 'accept-encoding': 'zstd' } });
    for (const name of ['content-encoding', 'content-length', 'etag'])
      assert.equal(head.headers[name], coded.headers[name], name);
  }
});

test('streams of lines and bundles are coded, unless that gains nothing; files never', { timeout: 10_000 }, async t => {
  const { port, serving } = await network(t);
  serving.entries = Array.from({ length: 3000 }, (_, i) => fileEntry(`dir/${i}`));
  const file = serving.put('a', 'x'.repeat(300_000));
  const bundle = { method: 'POST', body: JSON.stringify({ files: [file] }) };
  for (const [target, how] of [
    [`${BASE}/entries?prefix=`, {}],
    [`${BASE}/bundle`, bundle],
  ] as const) {
    const plain = await ask(port, target, how);
    const coded = await ask(port, target, { ...how, headers: { 'accept-encoding': 'zstd' } });
    assert.deepEqual([plain.headers['content-encoding'], coded.headers['content-encoding']], [none, 'zstd']);
    assert.equal(zstdDecompressSync(Buffer.from(coded.text, 'latin1')).toString('latin1'), plain.text);
    assert.ok(coded.text.length < plain.text.length / 3, `${coded.text.length} of ${plain.text.length} bytes`);
  }
  const noise = { method: 'POST', body: JSON.stringify({ files: [serving.put('n', randomBytes(100_000))] }) };
  for (const [accepted, coding] of [
    ['zstd', none],
    ['zstd, identity;q=0', 'zstd'],
  ] as const) {
    const answer = await ask(port, `${BASE}/bundle`, { ...noise, headers: { 'accept-encoding': accepted } });
    assert.deepEqual(
      [answer.status, answer.headers['content-encoding'], answer.headers.vary],
      [200, coding, 'Accept-Encoding'],
    );
  }
  const whole = await ask(port, `${BASE}/files/a`, { headers: { 'accept-encoding': 'zstd' } });
  assert.deepEqual([whole.headers['content-encoding'], whole.text.length], [none, 300_000]);
  assert.equal((await ask(port, `${BASE}/files/a`, { headers: { 'accept-encoding': 'zstd, *;q=0' } })).status, 406);
});

test('our own client asks for the index in zstd, for bundles only beyond this host, for files never', {
  timeout: 10_000,
}, async t => {
  const asked: Record<string, string | undefined> = {};
  const port = await impostor(t, (request, response) => {
    asked[request.url!.split('/').slice(4, 5).join() || request.url!] = String(request.headers['accept-encoding']);
    response.writeHead(404, honest).end();
  });
  const file = { path: pathOf('a'), size: 1, mtime: 1 };
  for (const [options, bundles] of [
    [{}, 'identity'],
    [{ codedBundles: true }, 'zstd'],
    [{ address: `localhost:${port}` }, 'identity'],
  ] as const) {
    const client = clientAt(t, port, options);
    await assert.rejects(client.self(NEVER));
    await assert.rejects(client.entriesUnder(ACME, [''], NEVER));
    await assert.rejects(client.digests(ACME, [''], NEVER));
    await assert.rejects(client.file(ACME, file, 0, NEVER));
    await assert.rejects(bytesOf(client.bundle(ACME, [file], NEVER) as never));
    assert.deepEqual(
      [asked['/v1/self'], asked['entries?prefix='], asked['digests?prefix='], asked.files, asked.bundle],
      ['zstd', 'zstd', 'zstd', 'identity', bundles],
    );
  }
});

test('whatever is coded is decoded, wherever it is cut', async () => {
  async function* cut(bytes: Uint8Array, size: number) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 500 }),
          fc.constant(new Uint8Array(70_000)),
          fc.constant(randomBytes(70_000)),
        ),
      ),
      fc.integer({ min: 500, max: 90_000 }),
      fc.integer({ min: 50, max: 9000 }),
      async (parts, before, after) => {
        const content = Buffer.concat(parts);
        const counted = { wire: 0, plain: 0, wireBack: 0, plainBack: 0 };
        const coded = await bytesOf(
          encodeStream(cut(content, before), (wire, plain) => {
            counted.wire += wire;
            counted.plain += plain;
          }),
        );
        const decoded = await bytesOf(
          decodeStream(cut(coded, after), 'zstd', (wire, plain) => {
            counted.wireBack += wire;
            counted.plainBack += plain;
          }),
        );
        assert.ok(decoded.equals(content));
        const [wire, plain] = [coded.length, content.length];
        assert.deepEqual(counted, { wire, plain, wireBack: wire, plainBack: plain });
      },
    ),
    { numRuns: 30 },
  );
});

const CODED = { ...honest, 'content-encoding': 'zstd' };
const compress = (text: string, window = 0) =>
  zstdCompressSync(text, window === 0 ? {} : { params: { [constants.ZSTD_c_windowLog]: window } });

/** Coded without end: a few kilobytes that unfold to gigabytes. */
function* endlessly(line: string): Generator<string> {
  for (const piece = line.repeat(Math.ceil(1e6 / line.length)); ; ) yield piece;
}

const HOSTILE: Record<string, { body: Buffer | string; headers?: Record<string, string>; says: RegExp }> = {
  'a JSON that unfolds without end': { body: ' ', says: /more than 16777216 bytes/ },
  'what is not zstd': { body: Buffer.from('{"roleid":7}'), says: /not zstd as it should be/ },
  'a frame that is cut': { body: compress('x'.repeat(100_000)).subarray(0, 15), says: /not zstd as it should be/ },
  'nothing at all': { body: Buffer.alloc(0), says: /not zstd|not JSON/ },
  'a coding that was not asked for': {
    body: Buffer.from('x'),
    headers: { ...honest, 'content-encoding': 'gzip' },
    says: /a content coding that was not asked for/,
  },
  'two codings': {
    body: compress('x'),
    headers: { ...honest, 'content-encoding': 'zstd, zstd' },
    says: /a content coding that was not asked for/,
  },
};

for (const [name, { body, headers = CODED, says }] of Object.entries(HOSTILE))
  test(`refused in an answer: ${name}`, { timeout: 30_000 }, async t => {
    const port = await impostor(t, (_, response) => {
      response.writeHead(200, headers);
      if (typeof body !== 'string') response.end(body);
      else pipeline(Readable.from(endlessly(body)), createZstdCompress(), response, () => {});
    });
    await assert.rejects(clientAt(t, port).changes({ epoch: '', since: 0, done: 0, wait: 0 }, NEVER), {
      name: 'PeerError',
      message: says,
    });
  });

const LINES: Record<string, { line: string; says: RegExp }> = {
  'a line': { line: ' ', says: /a line of more than 131072 bytes/ },
  'lines of entries': {
    line: `${JSON.stringify({ ...fileEntry('a'), path: 'x/'.repeat(1900) })}\n`,
    says: /more than 33554432 bytes of entries/,
  },
};

for (const [name, { line, says }] of Object.entries(LINES))
  test(`refused in an answer: ${name} unfolding without end`, { timeout: 60_000 }, async t => {
    let refused = 0;
    const port = await impostor(t, (_, response) => {
      response.writeHead(200, CODED);
      pipeline(Readable.from(endlessly(line)), createZstdCompress(), response, () => {});
    });
    const client = clientAt(t, port, { onRefused: () => refused++ });
    const failure: unknown = await client.entriesUnder(ACME, [''], NEVER).catch(error => error);
    assert.ok(failure instanceof PeerError && says.test(failure.message), String(failure));
    assert.equal(failure instanceof TooMuch, name === 'lines of entries', 'of what is too much, less is asked for');
    assert.ok(refused < 10_000);
  });

test('a window that no reader has to have room for is refused', async () => {
  const content = randomBytes(1 << 20);
  const coder = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: 27 } });
  pipeline(Readable.from([content]), coder, () => {});
  const coded = await bytesOf(coder);
  await assert.rejects(bytesOf(decodeStream(Readable.from([coded]), 'zstd', () => {})), /not zstd as it should be/);
});

test('accounts are of what the wire carried: files as they are, the index as it was coded', {
  timeout: 20_000,
}, async t => {
  const theirs: Transfer[] = [];
  const ours: Transfer[] = [];
  const { client, serving } = await network(
    t,
    { onTransfer: x => theirs.push(x) },
    { onTransfer: x => ours.push(x), codedBundles: true },
  );
  const sum = (list: Transfer[], kind: string, direction: string) =>
    list.filter(x => x.kind === kind && x.direction === direction).reduce((total, x) => total + x.bytes, 0);
  const text = Array.from({ length: 200 }, (_, i) => serving.put(`t${i}`, `line ${i}\n`.repeat(100)));
  const noise = [serving.put('n', randomBytes(100_000))];
  const content = [...text, ...noise].reduce((total, { size }) => total + size, 0);
  for (const files of [text, noise]) for await (const _ of client.bundle(ACME, files, NEVER));
  const before = 4000;
  await until(() => sum(ours, 'index', 'received') > 0 && sum(theirs, 'index', 'sent') > 0);
  await until(() => sum(ours, 'index', 'received') === sum(theirs, 'index', 'sent'));
  assert.equal(sum(ours, 'content', 'received'), content);
  assert.equal(sum(theirs, 'content', 'sent'), content);
  // Headers of two answers and of 201 files, the latter coded together with what they stand before.
  assert.ok(sum(ours, 'index', 'received') < before, `${sum(ours, 'index', 'received')} bytes`);
  serving.entries = Array.from({ length: 5000 }, (_, i) => fileEntry(`dir/${i}`));
  await client.entriesUnder(ACME, [''], NEVER);
  await until(() => sum(ours, 'index', 'received') > before);
  const plain = serving.entries.reduce((total, entry) => total + JSON.stringify(entry).length + 1, 0);
  assert.ok(sum(ours, 'index', 'received') < plain / 3, 'coded bytes count, not what they stand for');
  assert.equal(ours.every(({ peer }) => peer === SERVER) && theirs.every(({ peer }) => peer === CLIENT), true);
});
