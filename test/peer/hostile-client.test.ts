/** Whoever asks, whatever he asks: nothing is told that he may not have, and it costs neither memory nor others. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext, test } from 'node:test';
import { Refusal } from '../../src/sync/refusal.ts';
import { ACME } from './in-memory-serving.ts';
import { ask, network, raw } from './network.ts';

const MIB = 1 << 20;
const FILES = `/v1/domains/${ACME}/files`;
const SECRET = 'what stands outside of every domain';
/** As many as the server takes, which is more than any network of ours has. */
const IDLE_SOCKETS = 2_000;
/** What a socket that says nothing may cost, kernel aside. */
const IDLE_SOCKET_BYTES = 32 * 1024;

/** A server that would serve anything that it is asked for, and remembers what that was. */
async function gullible(t: TestContext) {
  const { port, serving } = await network(t);
  const asked: string[] = [];
  serving.open = async (_, domain, path) => {
    asked.push(`${domain}: ${path}`);
    return {
      size: SECRET.length,
      mtime: 1,
      async *bytes(start, end) {
        yield Buffer.from(SECRET).subarray(start, end);
      },
      close() {},
    };
  };
  serving.entriesAt = (_, domain, paths) => {
    asked.push(...paths.map(path => `${domain}: ${path}`));
    return [];
  };
  serving.bundle = async function* (_, domain, files) {
    asked.push(...files.map(({ path }) => `${domain}: ${path}`));
  };
  return { port, asked };
}

describe('a way out of the domain', () => {
  const ESCAPED: readonly string[] = [
    '../x',
    'd/../../x',
    'd/..',
    '..',
    '.',
    './x',
    'd/./x',
    '/etc/passwd',
    '//etc/passwd',
    'd//x',
    'd/',
    '',
    '.dfsync/volume.json',
    'd/.dfsync/x',
    '%2e%2e/x',
    '%2E%2e/x',
    '.%2e/x',
    '%2e./x',
    '..%2fx',
    'd/..%2F..%2Fx',
    '..%2f..%2f..%2fetc%2fpasswd',
    '%2fetc%2fpasswd',
    'd%2fx',
    '%2edfsync/volume.json',
    '.dfsync%2fvolume.json',
    '%2e%64%66%73%79%6e%63/x',
    'x%00.txt',
    '%00',
    '%',
    '%2',
    '%zz',
    '%u002e%u002e/x',
    '%c0%ae%c0%ae%c0%af\u0000',
    `${'x/'.repeat(2000)}x`,
    'x'.repeat(256),
    '%ff'.repeat(256),
  ];
  for (const path of ESCAPED)
    it(`is none: ${JSON.stringify(path.slice(0, 40))} as a target`, { timeout: 10_000 }, async t => {
      const { port, asked } = await gullible(t);
      for (const target of [`${FILES}/${path}`, `/v1/domains/${ACME}/entries?path=${path}`]) {
        const answer = await raw(
          port,
          `GET ${target} HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\nconnection: close\r\n\r\n`,
        );
        // An escaped separator in a value is a separator: there it may be a path like any other.
        if (/^HTTP\/1\.1 200/.test(answer) && target.includes('?') && path === 'd%2fx') continue;
        assert.match(answer, /^HTTP\/1\.1 4\d\d /, target);
        assert.ok(!answer.includes(SECRET));
      }
      assert.deepEqual(
        asked.filter(each => each !== `${ACME}: d/x`),
        [],
      );
    });

  const PLAIN = [
    '../x',
    '..',
    '/etc/passwd',
    '',
    '.',
    'a//b',
    '.dfsync/x',
    'a/.dfsync',
    'nul\0',
    '\ud800',
    '\udc2e\udc2e',
    'x'.repeat(256),
  ];
  for (const path of PLAIN)
    it(`is none: ${JSON.stringify(path.slice(0, 40))} in a bundle`, { timeout: 10_000 }, async t => {
      const { port, asked } = await gullible(t);
      const body = JSON.stringify({ files: [{ path, size: 1, mtime: 1 }] });
      assert.equal((await ask(port, `/v1/domains/${ACME}/bundle`, { method: 'POST', body })).status, 400);
      assert.deepEqual(asked, []);
    });

  it('but bytes that look like one to others are a name like any other', { timeout: 10_000 }, async t => {
    const { port, asked } = await gullible(t);
    for (const [path, name] of [
      ['%252e%252e', '%2e%2e'],
      ['..%5cx', '..\\x'],
      ['%c0%ae%c0%ae', '\udcc0\udcae\udcc0\udcae'],
      ['.%20.', '. .'],
      ['...', '...'],
      ['%EF%BC%8E%EF%BC%8E', '\uff0e\uff0e'],
    ] as const) {
      assert.equal((await ask(port, `${FILES}/${path}`)).status, 200, path);
      assert.equal(asked.pop(), `${ACME}: ${name}`);
    }
  });
});

describe('a domain that is not served to who asks', () => {
  const QUESTIONS = ['digests?prefix=', 'entries?prefix=', 'entries?path=a', 'files/a'];
  const NAMES = [
    'other.example',
    'ACME.EXAMPLE',
    'acme.example%20',
    'acme.example%2f',
    '..',
    '%2e%2e',
    '.dfsync',
    '',
    '%00',
    'x'.repeat(5000),
  ];
  for (const name of NAMES)
    it(`${JSON.stringify(name.slice(0, 30))} is not there, whatever the question`, { timeout: 10_000 }, async t => {
      const { port, serving } = await network(t);
      serving.put('a', SECRET);
      serving.refusal = new Refusal(404, 'No such domain', 'this instance does not serve that domain to you');
      for (const question of QUESTIONS) {
        const { status, text } = await ask(port, `/v1/domains/${name}/${question}`);
        assert.ok([400, 404].includes(status), `${status} for ${question}`);
        assert.ok(!text.includes(SECRET));
      }
      const { status } = await ask(port, `/v1/domains/${name}/bundle`, { method: 'POST', body: '{"files":[]}' });
      assert.ok([400, 404].includes(status), `${status} for a bundle`);
    });
});

describe('ranges', () => {
  const CASES: Record<string, { range: string; status: number; length?: number }> = {
    'a thousand of them': { range: `bytes=${Array.from({ length: 1000 }, () => '0-').join(',')}`, status: 200 },
    'overlapping ones': { range: 'bytes=0-9,5-14,0-9', status: 200 },
    'one behind the end': { range: `bytes=${MIB}-`, status: 416 },
    'one beyond all numbers': { range: `bytes=${'9'.repeat(400)}-`, status: 416 },
    'one to beyond all numbers': { range: `bytes=0-${'9'.repeat(400)}`, status: 206, length: MIB },
    'one backwards': { range: 'bytes=10-5', status: 200 },
    'a negative one': { range: 'bytes=-0', status: 416 },
    'a last one of more than there is': { range: `bytes=-${'9'.repeat(30)}`, status: 206, length: MIB },
    'one of another unit': { range: 'lines=1-2', status: 200 },
    nonsense: { range: 'bytes=a-b', status: 200 },
    'one of a byte': { range: 'bytes=0-0', status: 206, length: 1 },
  };
  for (const [name, { range, status, length = MIB }] of Object.entries(CASES))
    it(`${name}: one answer of the file or a part of it, or none`, { timeout: 10_000 }, async t => {
      const { port, serving } = await network(t);
      serving.put('a', Buffer.alloc(MIB));
      const answer = await ask(port, `${FILES}/a`, { headers: { range } });
      assert.equal(answer.status, status);
      if (status !== 416) assert.equal(answer.text.length, length);
      assert.ok(serving.taken <= MIB);
      assert.equal(serving.opened, 0);
    });
});

describe('questions in a row on one connection', () => {
  const GOOD = 'GET /v1/self HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\n\r\n';

  it('are answered one after the other, up to the garbage behind them', { timeout: 20_000 }, async t => {
    const { port } = await network(t);
    const text = await raw(port, GOOD.repeat(20), 'BREW\r\n\r\n', GOOD.repeat(20));
    const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
    assert.ok(
      statuses.slice(0, -1).every(status => status === '200'),
      statuses.join(),
    );
    assert.ok(statuses.length <= 21, `${statuses.length} answers`);
    assert.equal((await ask(port, '/v1/self')).status, 200);
  });

  it('by the ten thousand, unread, cost no more than a few', { timeout: 60_000 }, async t => {
    const { port, serving } = await network(t);
    serving.put('a', Buffer.alloc(16 * MIB));
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.pause();
    socket.write(`GET ${FILES}/a HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\n\r\n`.repeat(10_000));
    while (serving.opened === 0) await new Promise(resolve => setTimeout(resolve, 5));
    const other = await ask(port, '/v1/self', { headers: { 'dfsync-roleid': '9' } });
    assert.equal(other.status, 200);
    assert.ok(serving.opened <= 32, `${serving.opened} files are open for it`);
    socket.destroy();
    while (serving.opened > 0) await new Promise(resolve => setTimeout(resolve, 5));
  });

  it('smuggled behind a body are a body', { timeout: 10_000 }, async t => {
    const { port, serving } = await network(t);
    serving.put('a', SECRET);
    const inner = `GET ${FILES}/a HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\n\r\n`;
    const head = `POST /v1/domains/${ACME}/bundle HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\nconnection: close\r\n`;
    for (const framing of [
      `content-length: ${inner.length}\r\n\r\n${inner}`,
      `content-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
      `transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner}`,
      `content-length: 0\r\ncontent-length: ${inner.length}\r\n\r\n${inner}`,
    ]) {
      const answer = await raw(port, head + framing);
      assert.match(answer, /^HTTP\/1\.1 4\d\d /);
      assert.ok(!answer.includes(SECRET), framing.slice(0, 60));
    }
  });
});

test('thousands of connections that say nothing cost little, and peers are answered', { timeout: 60_000 }, async t => {
  const { port } = await network(t);
  const before = process.memoryUsage().rss;
  const idle: Socket[] = [];
  t.after(() => {
    for (const socket of idle) socket.destroy();
  });
  for (let i = 0; i < IDLE_SOCKETS; i++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    idle.push(socket);
    // Some begin a question and leave it at that.
    if (i % 2 === 0) socket.write('GET /v1/self HTTP/1.1\r\nx: ');
    if (i % 100 === 99) await once(socket, 'connect');
  }
  assert.equal((await ask(port, '/v1/self')).status, 200);
  const each = (process.memoryUsage().rss - before) / IDLE_SOCKETS;
  // Both ends are in this process.
  assert.ok(each < 2 * IDLE_SOCKET_BYTES, `${each} bytes for each`);
});

test('a header is no way to be somebody else', { timeout: 10_000 }, async t => {
  const { port } = await network(t);
  for (const roleid of ['7', '0', '-8', '8,9', '8 ', '08x', '1e1', '99999999999999999999', '0x8', '٨', ''])
    assert.notEqual(
      (
        await raw(
          port,
          `GET /v1/self HTTP/1.1\r\nhost: x\r\ndfsync-roleid: ${Buffer.from(roleid).toString('latin1')}\r\nconnection: close\r\n\r\n`,
        )
      ).slice(9, 12),
      roleid === '8 ' ? '400' : '200',
    );
  const twice = await raw(
    port,
    'GET /v1/self HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\ndfsync-roleid: 9\r\nconnection: close\r\n\r\n',
  );
  assert.match(twice, /^HTTP\/1\.1 4\d\d /);
});
