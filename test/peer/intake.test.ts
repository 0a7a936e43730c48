import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { IntakeAgent } from '../../src/peer/intake.ts';
import { bytesOf, impostor, tcpImpostor, until } from './network.ts';

const MIB = 1 << 20;

function agentOf(t: TestContext): IntakeAgent {
  const agent = new IntakeAgent({ keepAlive: true });
  t.after(() => agent.destroy());
  return agent;
}

test('answers that come at the same time keep their bytes apart, on new and on kept sockets', {
  timeout: 20_000,
}, async t => {
  const bodies = Array.from({ length: 6 }, () => randomBytes(5 * MIB));
  const port = await impostor(t, (asked, answer) => answer.end(bodies[Number(asked.url!.slice(1))]));
  const agent = agentOf(t);
  for (let round = 0; round < 2; round++)
    await Promise.all(
      bodies.map(async (body, i) => {
        const [response] = await once(request({ port, path: `/${i}`, agent }).end(), 'response');
        assert.ok((await bytesOf(response)).equals(body), `answer ${i} of round ${round}`);
      }),
    );
});

test('what nobody takes at once waits as it came', { timeout: 20_000 }, async t => {
  const sent = randomBytes(MIB);
  let peer: Socket | undefined;
  const port = await tcpImpostor(t, socket => {
    peer = socket;
  });
  const socket = agentOf(t).createConnection({ host: '127.0.0.1', port }) as Socket;
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  await until(() => peer !== undefined);
  socket.read(0);
  // Each part is read before the next is sent, and none of them taken.
  for (let at = 0; at < 8; at++) {
    peer!.write(sent.subarray(at * 1000, (at + 1) * 1000));
    await until(() => socket.readableLength === (at + 1) * 1000);
  }
  assert.ok(sent.subarray(0, 8000).equals(socket.read(8000)));
});
