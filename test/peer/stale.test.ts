/** Kept sockets that the peer closes at the very moment they are used again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
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
