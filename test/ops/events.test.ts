import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Events } from '../../src/ops/events.ts';
import { StatusChanges } from '../../src/ops/status-changes.ts';
import { until } from '../e2e/until.ts';
import { sampleDomain, samplePeer, sampleStatus } from './status-sample.ts';

const change = (path: string, conflict = false) => ({
  ...{ domain: 'acme.example', path, kind: 'file', size: 1, conflict },
  did: 'pulled' as const,
});

/** Events, and clients of them on real sockets. */
async function open(t: TestContext) {
  let status = sampleStatus();
  const events = new Events(() => status);
  const attached: boolean[] = [];
  const clients: ServerResponse[] = [];
  const server = createServer((request, response) => {
    clients.push(response);
    const taken = events.attach(response, request.headers['last-event-id'] as string | undefined);
    attached.push(taken);
    if (!taken) response.writeHead(503).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.after(() => {
    events.close();
    server.closeAllConnections();
    server.close();
  });
  const listen = async (last?: string) => {
    const headers = last === undefined ? {} : { 'last-event-id': last };
    const [answer] = (await once(get({ port, host: '127.0.0.1', headers, agent: false }), 'response')) as [
      IncomingMessage,
    ];
    const client = { text: '', ended: false, answer };
    answer.setEncoding('utf8').on('data', part => {
      client.text += part;
    });
    answer.on('close', () => {
      client.ended = true;
    });
    answer.on('error', () => {});
    return client;
  };
  const become = (next: typeof status) => {
    status = next;
  };
  return { events, listen, become, attached, clients };
}

test('whoever connects is told how all stands, then each change of it', async t => {
  const { events, listen, become } = await open(t);
  const client = await listen();
  await until('the state', () => /event: peer\n/.test(client.text));
  assert.match(client.text, /^retry: 2000\n\nevent: instance\ndata: \{.*"name":"dfsync1".*\}\n\nevent: domain\n/);
  become(sampleStatus({ domains: [sampleDomain({ state: 'halted', reason: 'why' })], peers: [] }));
  await until('the change', () => /event: gone\n/.test(client.text));
  assert.match(client.text, /id: [0-9a-f]+-1\nevent: domain\ndata: \{.*"state":"halted","reason":"why".*\}\n\n/);
  assert.match(client.text, /event: gone\ndata: \{"peer":"dfsync2"\}\n\n/);
  events.close();
  await until('the end', () => client.ended);
});

test('paths are told as they change, many of them as a number', async t => {
  const { events, listen } = await open(t);
  const client = await listen();
  await until('the state', () => client.text.includes('event: peer'));
  events.path(change('a\nb', true));
  for (let i = 0; i < 500; i++) events.path(change(`${i}`));
  await until('the rest', () => client.text.includes('event: more'));
  assert.match(client.text, /event: conflict\ndata: \{.*"path":"a\\nb"/);
  const told = client.text.match(/event: change/g)!.length;
  const [, more] = /event: more\ndata: \{"domain":"acme\.example","changes":(\d+)\}/.exec(client.text)!;
  assert.ok(told < 150, `${told} told one by one`);
  assert.equal(told + Number(more), 501);
});

test('whoever comes back gets what he missed, and of another life nothing', async t => {
  const { events, listen } = await open(t);
  const first = await listen();
  events.tell({ event: 'trouble', data: { n: 1 } });
  events.tell({ event: 'trouble', data: { n: 2 } });
  await until('both', () => first.text.includes('"n":2'));
  const [, id] = /id: (\S+)\nevent: trouble\ndata: \{"n":1\}/.exec(first.text)!;
  const again = await listen(id);
  const stranger = await listen('00000000-1');
  events.tell({ event: 'trouble', data: { n: 3 } });
  await until('the news', () => again.text.includes('"n":3') && stranger.text.includes('"n":3'));
  assert.deepEqual([again.text.includes('"n":1'), again.text.includes('"n":2')], [false, true]);
  assert.equal(stranger.text.includes('"n":2'), false);
});

test('who does not read is cut off, and others are not held up', async t => {
  const { events, listen, clients } = await open(t);
  const slow = await listen();
  slow.answer.pause();
  const fast = await listen();
  await until('both to be there', () => clients.length === 2);
  const data = { text: 'x'.repeat(10_000) };
  await until('the slow one to be cut off', () => {
    for (let i = 0; i < 20; i++) events.tell({ event: 'trouble', data });
    return clients[0]!.destroyed;
  });
  events.tell({ event: 'trouble', data: { last: true } });
  await until('the other to hear on', () => fast.text.includes('"last":true') || clients[1]!.destroyed);
  assert.equal(clients[0]!.destroyed, true);
});

test('only so many may listen', async t => {
  const { listen, attached } = await open(t);
  for (let i = 0; i < 34; i++) await listen();
  assert.deepEqual([attached.filter(Boolean).length, attached.slice(-2)], [32, [false, false]]);
});

test('what did not change is not told again, however time passes', () => {
  const changes = new StatusChanges();
  const at = (lagSeconds: number, lastContact: number) =>
    sampleStatus({
      peers: [
        samplePeer({ lastContact, domains: [{ domain: 'd', lagSeconds, mismatched: 0, wanted: 0, state: 'serving' }] }),
      ],
    });
  assert.equal(changes.of(at(0, 1)).length, 3);
  assert.deepEqual(changes.of(at(0, 2)), []);
  assert.deepEqual(
    changes.of(at(7.5, 3)).map(({ event, data }) => [event, (data.domains as { lagSeconds: number }[])[0]!.lagSeconds]),
    [['peer', 7]],
  );
});

test('that bytes travel fast is told, that heartbeats do is not', () => {
  const changes = new StatusChanges();
  const at = (perSecond: number) => {
    const rate = { bytes: 1, perSecond };
    return changes.of(sampleStatus({ peers: [samplePeer({ traffic: { sent: rate, received: { ...rate } } })] }));
  };
  at(0);
  assert.deepEqual(at(4_900), []);
  assert.deepEqual(
    at(1_234_567).map(({ data }) => [data.sentPerSecond, data.receivedPerSecond]),
    [[1_230_000, 1_230_000]],
  );
});
