/** Slow-loris against a real instance, on both of its ports: whoever does not come to the point is shown out, and nobody waits for him. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Instance } from './instance.ts';
import { TestNetwork, TOKEN } from './network.ts';

/** Connections of each kind: fewer than one peer may have requests at a time, or the others of its name would be refused for that. */
const MANY = 20;
/** Between two bytes of each: more often than any idle time is over. */
const DRIP_MS = 500;

let network: TestNetwork;
let n1: Instance;
before(async () => {
  network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
  n1 = network.get('n1');
  await network.start();
});
after(() => network.close());

/** Says the beginning of a request, then a byte now and then, for ever; answers what came back when the connection was closed. */
async function drip(port: number, beginning: string): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', chunk => {
    answer += chunk;
  });
  socket.on('error', () => {});
  socket.write(beginning);
  const dripping = setInterval(() => socket.writable && socket.write('x'), DRIP_MS);
  await once(socket, 'close');
  clearInterval(dripping);
  return answer;
}

describe('connections that drip', () => {
  const peers = `host: x\r\ndfsync-roleid: 2\r\nauthorization: Bearer ${TOKEN}\r\n`;
  const cases: [name: string, port: () => number, beginning: string, answer: RegExp][] = [
    ['a request line, to peers', () => n1.place.port, 'GET /v1/', /^HTTP\/1\.1 408 /],
    ['a header, to peers', () => n1.place.port, `GET /v1/self HTTP/1.1\r\n${peers}x-slow: `, /^HTTP\/1\.1 408 /],
    [
      'a body, to peers',
      () => n1.place.port,
      `POST /v1/domains/acme.example/bundle HTTP/1.1\r\n${peers}content-type: application/json\r\ncontent-length: 100000\r\n\r\n{`,
      /^HTTP\/1\.1 408 /,
    ],
    [
      'a header, to operators',
      () => n1.place.opsPort,
      'GET /status HTTP/1.1\r\nhost: x\r\nx-slow: ',
      /^HTTP\/1\.1 408 /,
    ],
    [
      'a body, to operators',
      () => n1.place.opsPort,
      'POST /rescan HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{',
      /^HTTP\/1\.1 (401|408) /,
    ],
  ];

  test('are closed, all of them, with the reason; peers and operators are answered meanwhile', async () => {
    const ended = cases.map(([, port, beginning]) =>
      Promise.all(Array.from({ length: MANY }, () => drip(port(), beginning))),
    );
    let over = false;
    const all = Promise.all(ended).finally(() => {
      over = true;
    });
    for (let i = 0; !over; i++) {
      n1.write(`acme/${i}`, `${i}`);
      await network.until('a file to arrive', () => network.get('n2').read(`acme/${i}`) === `${i}`);
      assert.equal(await n1.isReady(), true);
    }
    for (const [at, answers] of (await all).entries())
      for (const answer of answers) assert.match(answer, cases[at]![3], cases[at]![0]);
    assert.doesNotMatch(n1.log, /"level":"error"/);
  });
});
