/** Peers that are slow: they cost neither memory, nor other peers, nor a place for ever. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import type { Entry } from '../../src/core/entry.ts';
import { MAX_REQUESTS_PER_PEER } from '../../src/peer/gate.ts';
import { hurried, Patience } from '../../src/peer/pace.ts';
import { ACME, fileEntry, type InMemoryServing, OTHER, pathOf } from './in-memory-serving.ts';
import { bytesOf, clientAt, honest, impostor, NEVER, network, tcpImpostor, until } from './network.ts';

const BASE = '/v1/domains/acme.example';
const MIB = 1 << 20;
/** More than the kernel's buffers of both ends of a socket take (4 and up to 32 MiB), and what node holds above them. */
const MOST_AHEAD = 64 * MIB;

/** Texts that coding makes little smaller: longer than what it looks back on. */
const NOISE = randomBytes(2 * MIB).toString('base64url');

/** A request whose answer nobody reads. */
function unread(t: TestContext, port: number, target: string, { body = '', headers = '' } = {}): Socket {
  const socket = connect(port, '127.0.0.1').pause();
  // Of no use while the server still waits for it: each test destroys its sockets, unless it fails.
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  const method = body === '' ? 'GET' : `POST`;
  socket.write(
    `${method} ${target} HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes in buffers that somebody still refers to. */
function held(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

/** Waits until a count has stood still for many turns of the event loop: then it is the reader who is waited for. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1, still = 0; still < 20; ) {
    await new Promise(resolve => setTimeout(resolve, 10));
    still = count() > 0 && count() === before ? still + 1 : 0;
    before = count();
  }
  return count();
}

/** Answers that never end: only a reader who does not read stops them from being made. */
const ENDLESS: Record<string, (serving: InMemoryServing) => { target: string; body?: string; made: () => number }> = {
  'a file': serving => {
    let made = 0;
    const size = 1024 * MIB;
    serving.open = async () => ({
      size,
      mtime: 1,
      async *bytes() {
        for (; made < size; made += 65_536) yield Buffer.alloc(65_536);
      },
      close() {},
    });
    return { target: `${BASE}/files/a`, made: () => made };
  },
  entries: serving => {
    let made = 0;
    serving.entriesUnder = () =>
      (function* () {
        for (;;) {
          const entry = fileEntry(NOISE.slice(made % (2 * MIB)).slice(0, 200));
          made += JSON.stringify(entry).length;
          yield entry;
        }
      })() as unknown as Entry[];
    return { target: `${BASE}/entries?prefix=`, made: () => made };
  },
  'a bundle': serving => {
    let made = 0;
    serving.bundle = async function* () {
      for (;;) {
        made += 10_000;
        yield { path: pathOf('a'), bytes: Buffer.alloc(10_000) };
      }
    };
    return { target: `${BASE}/bundle`, body: '{"files":[]}', made: () => made };
  },
};

describe('a reader that reads nothing', () => {
  for (const [name, endless] of Object.entries(ENDLESS))
    it(`of ${name} is waited for, not made for`, { timeout: 60_000 }, async t => {
      const { port, serving } = await network(t);
      const { target, made, ...request } = endless(serving);
      const socket = unread(t, port, target, request);
      const ahead = await settled(made);
      socket.destroy();
      assert.ok(ahead < MOST_AHEAD, `${ahead} bytes were made ahead`);
    });

  it('of coded entries too: what is ahead is counted after coding', { timeout: 60_000 }, async t => {
    const { port, serving } = await network(t);
    const { target, made } = ENDLESS.entries!(serving);
    const socket = unread(t, port, target, { headers: 'accept-encoding: zstd\r\n' });
    const ahead = await settled(made);
    socket.destroy();
    assert.ok(ahead < 3 * MOST_AHEAD, `${ahead} bytes were made ahead, of which half travel`);
  });

  it('costs other peers nothing, however often it asks', { timeout: 60_000 }, async t => {
    const { port, serving } = await network(t);
    const { open } = serving;
    const { target, made } = ENDLESS['a file']!(serving);
    const memory = held();
    const sockets = Array.from({ length: MAX_REQUESTS_PER_PEER }, () => unread(t, port, target));
    await settled(made);
    const more = held() - memory;
    assert.ok(more < MAX_REQUESTS_PER_PEER * MIB, `${more} bytes are held for it`);
    await assert.rejects(clientAt(t, port).self(NEVER), { status: 503, message: /Too many requests/ });
    const other = clientAt(t, port, { self: OTHER });
    serving.open = open;
    const file = serving.put('b', Buffer.alloc(4 * MIB, 1));
    assert.equal((await bytesOf(await other.file(ACME, file, 0, NEVER))).length, 4 * MIB);
    for await (const [item] of other.bundle(ACME, [serving.put('c', 'x')], NEVER)) assert.ok('bytes' in item!);
    for (const socket of sockets) socket.destroy();
  });
});

test('a peer that goes before its answer begins leaves nothing open', { timeout: 20_000 }, async t => {
  const { port, serving } = await network(t);
  const gate = Promise.withResolvers<void>();
  let open = 0;
  serving.bundle = async function* () {
    open++;
    try {
      await gate.promise;
      for (;;) yield { path: pathOf('a'), bytes: randomBytes(70_000) };
    } finally {
      open--;
    }
  };
  for (const headers of ['', 'accept-encoding: zstd\r\n', 'accept-encoding: zstd, identity;q=0\r\n']) {
    const before = open;
    const socket = unread(t, port, `${BASE}/bundle`, { body: '{"files":[]}', headers });
    await until(() => open > before);
    socket.destroy();
  }
  await until(() => open === 3);
  gate.resolve();
  await until(() => open === 0);
});

/** So that a test need not wait a minute: 200 ms, and a pace that nobody keeps who takes a byte at a time. */
const HASTY = { graceMs: 200, bytesPerSecond: 4 * MIB };

describe('a reader that is too slow', () => {
  const READERS: Record<string, (socket: Socket) => void> = {
    'reads nothing': () => {},
    drips: socket => {
      const drip = setInterval(() => socket.read(1), 5);
      socket.on('close', () => clearInterval(drip));
    },
  };
  for (const [name, read] of Object.entries(READERS))
    it(`${name}: is cut off, and the file closed`, { timeout: 60_000 }, async t => {
      const errors: Error[] = [];
      const { port, serving } = await network(t, { pace: HASTY, onError: error => errors.push(error as Error) });
      serving.put('a', Buffer.alloc(64 * MIB));
      read(unread(t, port, `${BASE}/files/a`));
      await until(() => serving.opened === 1);
      await until(() => serving.opened === 0);
      assert.match(
        errors.map(String).join(),
        /^SlowReader: instance 8 took less than 4194304 bytes a second over 0.2 s/,
      );
    });

  it('is cut off as well after all was made and only buffers wait for it', { timeout: 60_000 }, async t => {
    const errors: unknown[] = [];
    const { port, serving } = await network(t, {
      pace: { ...HASTY, bytesPerSecond: 1024 * MIB },
      onError: error => errors.push(error),
    });
    let made = 0;
    let open = 0;
    serving.bundle = async function* () {
      open++;
      try {
        yield { path: pathOf('a'), bytes: Buffer.alloc(64 * MIB) };
        made++;
      } finally {
        open--;
      }
    };
    unread(t, port, `${BASE}/bundle`, { body: '{"files":[]}' });
    await until(() => made === 1);
    await until(() => errors.length > 0 && open === 0);
    assert.equal(errors.length, 1);
  });

  it('but whoever keeps the pace gets everything', { timeout: 60_000 }, async t => {
    const pace = { graceMs: 2000, bytesPerSecond: MIB };
    const { client, serving } = await network(t, { pace }, { pace });
    const file = serving.put('a', Buffer.alloc(64 * MIB));
    assert.equal((await bytesOf(await client.file(ACME, file, 0, NEVER))).length, 64 * MIB);
  });
});

describe('a sender that is too slow', () => {
  const file = { path: pathOf('a'), size: 10_000, mtime: 5 };
  const headers = { ...honest, etag: '"5-10000"', 'content-length': '10000' };

  it('drips content: the pull is given up, long before the idle timeout', { timeout: 20_000 }, async t => {
    let sent = 0;
    const port = await impostor(t, (_, response) => {
      response.writeHead(200, headers);
      const drip = setInterval(() => {
        sent++;
        response.write('x');
      }, 5);
      response.on('close', () => clearInterval(drip));
    });
    const body = clientAt(t, port, { pace: { graceMs: 200, bytesPerSecond: 10_000 } }).file(ACME, file, 0, NEVER);
    await assert.rejects(bytesOf(await body), {
      status: 0,
      message: /no progress: less than 10000 bytes a second over 0.2 s; look at the network/,
    });
    assert.ok(sent > 1);
  });

  it('drips headers: so too', { timeout: 20_000 }, async t => {
    const port = await tcpImpostor(t, socket => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nx: ');
        const drip = setInterval(() => socket.write('x'), 5);
        socket.on('close', () => clearInterval(drip));
      });
    });
    const client = clientAt(t, port, { timeouts: { response: 200 } });
    await assert.rejects(client.self(NEVER), { status: 0, message: /no progress/ });
  });

  it('does not take the question: so too', { timeout: 20_000 }, async t => {
    const port = await tcpImpostor(t, socket => void socket.pause());
    const client = clientAt(t, port, { timeouts: { send: 300, response: 300, idle: 10_000 } });
    const files = Array.from({ length: 240 }, (_, i) => ({
      path: pathOf(`${'d/'.repeat(1900)}${i}`),
      size: 1,
      mtime: 1,
    }));
    await assert.rejects(bytesOf(client.bundle(ACME, files, NEVER) as never), { status: 0, message: /no progress/ });
  });

  it('is not whoever waits for us: the time that the reader takes is his own', { timeout: 20_000 }, async t => {
    const pace = { graceMs: 100, bytesPerSecond: 1000 * MIB };
    const port = await impostor(t, (_, response) => void response.writeHead(200, headers).end(Buffer.alloc(10_000)));
    const body = await clientAt(t, port, { pace }).file(ACME, file, 0, NEVER);
    let length = 0;
    for await (const chunk of body) {
      length += chunk.length;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    }
    assert.equal(length, 10_000);
  });
});

test('what came while this thread was held up is noticed before anybody is called slow', {
  timeout: 20_000,
}, async t => {
  const echo = `const { parentPort } = require('node:worker_threads'); parentPort.on('message', m => parentPort.postMessage(m));`;
  const worker = new Worker(echo, { eval: true });
  t.after(() => worker.terminate());
  worker.postMessage('ready');
  await once(worker, 'message');
  const answer = once(worker, 'message');
  const source = async function* () {
    yield (await answer)[0] as Uint8Array;
  };
  let slow = 0;
  const reading = bytesOf(hurried(source(), { graceMs: 50, bytesPerSecond: MIB }, () => slow++));
  // In the phase before the timers', so that they come first.
  await new Promise(resolve => setImmediate(resolve));
  worker.postMessage(Buffer.from('here'));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  assert.equal((await reading).toString(), 'here');
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(slow, 0);
});

test('patience: a second for each kibibyte that was moved, a minute saved up at most', () => {
  const patience = new Patience({ graceMs: 60_000, bytesPerSecond: 1024 });
  const steps: [what: 'spend' | 'grant', howMuch: number, leftMs: number][] = [
    ['spend', 50_000, 10_000],
    ['grant', 10 * 1024, 20_000],
    ['spend', 15_000, 5_000],
    ['grant', MIB, 5_000 + 1024_000],
    ['grant', 1024, 61_000],
    ['spend', 70_000, 0],
    ['grant', 1024, 0],
    ['grant', 20 * 1024, 12_000],
  ];
  for (const [what, howMuch, leftMs] of steps) {
    patience[what](howMuch);
    assert.equal(patience.leftMs, leftMs, `${what} ${howMuch}`);
  }
});

test('kept sockets are used again, and no more than so many at a time', { timeout: 20_000 }, async t => {
  const sockets = new Set<unknown>();
  const waiting: (() => void)[] = [];
  const port = await impostor(t, (request, response) => {
    sockets.add(request.socket);
    waiting.push(() => response.writeHead(200, { ...honest, etag: '"1-0"', 'content-length': '0' }).end());
  });
  const client = clientAt(t, port);
  const file = { path: pathOf('a'), size: 0, mtime: 1 };
  const asked = Array.from({ length: 40 }, async () => bytesOf(await client.file(ACME, file, 0, NEVER)));
  for (let answered = 0; answered < 40; answered++) {
    await until(() => waiting.length > 0);
    waiting.shift()!();
  }
  await Promise.all(asked);
  assert.equal(sockets.size, 16);
});
