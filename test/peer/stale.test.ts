/** Kept sockets that the peer closes at the very moment they are used again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { DomainName, RelPath } from '../../src/core/path.ts';
import { PeerClient } from '../../src/peer/client.ts';
import { PeerError } from '../../src/sync/peer.ts';

const SELF = JSON.stringify({
  roleid: 1,
  name: 'n1',
  site: 'north',
  version: '1',
  epoch: 'e',
  clock: 0,
  protocols: [1],
});
const ANSWER = [
  'HTTP/1.1 200 OK',
  'dfsync-roleid: 1',
  'content-type: application/json',
  `content-length: ${SELF.length}`,
  'connection: keep-alive',
  '',
  SELF,
].join('\r\n');

test('a second kept socket that is closed is told as a failure of the peer', { timeout: 20_000 }, async t => {
  let open = 0;
  const waiting: (() => void)[] = [];
  const server = createServer(socket => {
    let served = false;
    socket.on('error', () => {});
    socket.on('data', () => {
      if (served) return void socket.resetAndDestroy();
      served = true;
      waiting.push(() => socket.write(ANSWER));
      if (++open === 2) for (const answer of waiting.splice(0)) answer();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new PeerClient({ roleid: 1, self: 2, address: `127.0.0.1:${port}`, tokens: () => [] });
  t.after(() => {
    client.close();
    server.close();
  });
  const signal = new AbortController().signal;
  await Promise.all([client.self(signal), client.self(signal)]);
  // Two sockets are kept: the question meets the one, and asked again the other.
  await assert.rejects(client.self(signal), (error: unknown) => {
    assert.ok(error instanceof PeerError, String(error));
    assert.match(error.message, /peer 1 at .*broke off|reset/);
    return true;
  });
});

/** A peer in a thread of its own, which goes on while this one is held up: answers every bundle with nothing but refusals. */
const BUSY_PEER = `
  import { createServer } from 'node:net';
  import { parentPort } from 'node:worker_threads';
  const server = createServer(socket => {
    let asked = '';
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', text => {
      asked += text;
      if (!asked.endsWith(']}')) return;
      const { files } = JSON.parse(asked.slice(asked.indexOf('\\r\\n\\r\\n') + 4));
      asked = '';
      const body = files.map(({ path }) => JSON.stringify({ path, status: 404 }) + '\\n').join('');
      socket.write('HTTP/1.1 200 OK\\r\\ndfsync-roleid: 1\\r\\ncontent-type: application/vnd.dfsync.bundle\\r\\ncontent-length: ' + body.length + '\\r\\n\\r\\n' + body.slice(0, 30000));
      setTimeout(() => socket.write(body.slice(30000)), 20);
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

test('an answer is read to its end, however long this thread was held up after it had asked', {
  timeout: 30_000,
}, async t => {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(BUSY_PEER)}`));
  const [port] = await once(worker, 'message');
  const client = new PeerClient({ roleid: 1, self: 2, address: `127.0.0.1:${port}`, tokens: () => [] });
  t.after(async () => {
    client.close();
    await worker.terminate();
  });
  const files = Array.from({ length: 900 }, (_, i) => ({
    path: `${'d'.repeat(100)}/${i}` as RelPath,
    size: 1,
    mtime: 1,
  }));
  const lane = async () => {
    for (let round = 0; round < 8; round++) {
      let items = 0;
      for await (const some of client.bundle('acme' as DomainName, files, new AbortController().signal))
        items += some.length;
      assert.equal(items, files.length);
      // What applying a bundle does: the next lane's question is written, answered and not looked at meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40);
    }
  };
  await Promise.all([lane(), lane(), lane()]);
});
