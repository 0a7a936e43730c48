/** Every limit of the wire is in the README with the value that it has, and meets whoever passes it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import { ByteReader } from '../../src/peer/byte-reader.ts';
import { readEntries } from '../../src/peer/entry-format.ts';
import { MAX_WAIT_MS } from '../../src/peer/protocol.ts';
import { ACME, fileEntry, pathOf } from './in-memory-serving.ts';
import { ask, clientAt, honest, impostor, NEVER, network, until } from './network.ts';

const SRC = join(import.meta.dirname, '../../src/peer');
const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** Numbers that the source names in capitals, and the members of named sets of them: `PACE.graceMs`. */
function numbersIn(text: string): [name: string, value: number][] {
  return [...text.matchAll(/^(?:export )?const ([A-Z][A-Z_]+)(?:: [\w<>]+)? =\s+(\{[^}]*\}|[^;]*);/gm)].flatMap(
    ([, name = '', value = '']): [string, number][] =>
      value.startsWith('{')
        ? [...value.matchAll(/(\w+): ([\d_ *<+]+|MAX_WAIT_MS \+ [\d_]+)/g)].map(([, member = '', number = '']) => [
            `${name}.${member}`,
            evaluate(number.replace('MAX_WAIT_MS', String(MAX_WAIT_MS))),
          ])
        : /^[\d_ *<+]+$/.test(value)
          ? [[name, evaluate(value)]]
          : [],
  );
}

/** What a sum, product or shift of numbers comes to. */
function evaluate(expression: string): number {
  const [left = '', shift] = expression.split('<<');
  const sum = left
    .split('+')
    .map(product => product.split('*').reduce((total, number) => total * Number(number.replaceAll('_', '')), 1))
    .reduce((total, number) => total + number, 0);
  return shift === undefined ? sum : sum * 2 ** Number(shift);
}

const UNITS: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, s: 1000, 'KiB/s': 2 ** 10, '': 1 };

/** `16 KiB` in bytes, `10 s` in milliseconds, `1,000` as it is. */
function readValue(text: string): number {
  const [, number = '', unit = ''] = /^([\d,]+) ?([\w/]*)$/.exec(text) ?? [];
  assert.ok(unit in UNITS, text);
  return Number(number.replaceAll(',', '')) * UNITS[unit]!;
}

describe('the limits in the README', () => {
  const section = README.slice(README.indexOf('### Limits of the wire'));
  const rows = [
    ...section.slice(0, section.indexOf('\n## ')).matchAll(/^\| `([\w-]+)\.ts` `([\w.]+)` \| ([^|]+) \|/gm),
  ];
  const listed = rows.map<[name: string, value: number]>(([, file = '', name = '', value = '']) => [
    `${file} ${name}`,
    readValue(value.trim()),
  ]);
  const actual = new Map<string, number>(
    readdirSync(SRC).flatMap(file =>
      numbersIn(readFileSync(join(SRC, file), 'utf8')).map(([name, value]) => [
        `${file.replace('.ts', '')} ${name}`,
        value,
      ]),
    ),
  );

  it('are as they are in the source', () => {
    for (const [name, value] of listed) assert.equal(actual.get(name), value, name);
  });

  it('are all there are: whatever is called a maximum, a time or a pace', () => {
    const limits = [...actual.keys()].filter(name => / MAX_|_MS$| LIMITS\.| TIMEOUTS\.| PACE\./.test(name));
    assert.ok(limits.length > 20);
    const names = listed.map(([name]) => name);
    assert.deepEqual(
      limits.filter(name => !names.includes(name) && !/http-date|WINDOW_LOG/.test(name)),
      [],
    );
  });
});

test('sockets past the limit are closed at once, those within it go on', { timeout: 20_000 }, async t => {
  const { port } = await network(t, {}, {}, { sockets: 3 });
  const held = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'));
  await Promise.all(held.map(socket => new Promise(resolve => socket.once('connect', resolve))));
  await assert.rejects(ask(port, '/v1/self'), /ECONNRESET|socket hang up/);
  held[0]!.write('GET /v1/self HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\nconnection: close\r\n\r\n');
  const [answer] = await held[0]!.take(1).toArray();
  assert.match(String(answer), /^HTTP\/1\.1 200/);
  for (const socket of held) socket.destroy();
  let status = 0;
  await until(() => {
    if (status === 0)
      void ask(port, '/v1/self')
        .then(again => (status = again.status))
        .catch(() => {});
    return status === 200;
  });
});

test('a stranger without a token holds no socket', { timeout: 10_000 }, async t => {
  const { port } = await network(t, { tokens: () => ['one'] });
  assert.equal((await ask(port, '/v1/self', { headers: { connection: 'keep-alive' } })).headers.connection, 'close');
});

test('a feed is not held open longer than any proxy on the way lets it', { timeout: 10_000 }, async t => {
  const { port, serving } = await network(t);
  const waits: number[] = [];
  serving.onPoll = async query => {
    waits.push(query.wait);
    return { epoch: '', sequence: 0, reset: true, changes: [], heard: {} };
  };
  for (const wait of [5, MAX_WAIT_MS + 1, 999_999_999]) await ask(port, `/v1/changes?wait=${wait}`);
  assert.deepEqual(waits, [5, MAX_WAIT_MS, MAX_WAIT_MS]);
});

test('a socket without any progress is closed', { timeout: 20_000 }, async t => {
  const { port, serving } = await network(t, {}, {}, { idle: 200 });
  serving.put('a', Buffer.alloc(128 << 20));
  const socket = connect(port, '127.0.0.1').pause();
  socket.on('error', () => {});
  socket.write('GET /v1/domains/acme.example/files/a HTTP/1.1\r\nhost: x\r\ndfsync-roleid: 8\r\n\r\n');
  await until(() => serving.opened === 1);
  await until(() => serving.opened === 0);
  socket.destroy();
});

test('more entries than were to be expected are refused, and no more of them read', async () => {
  let read = 0;
  async function* lines() {
    for (; ; read++) yield Buffer.from(`${JSON.stringify(fileEntry(`${read}`))}\n`);
  }
  await assert.rejects(
    readEntries(new ByteReader(lines()), 5, () => {}),
    { message: 'more than 5 entries in one answer' },
  );
  assert.ok(read < 10);
});

test('a peer that claims to speak everything is not believed', { timeout: 10_000 }, async t => {
  const self = { roleid: 7, name: 'n', site: 's', version: '1', epoch: 'e', clock: 1 };
  const protocols = Array.from({ length: 17 }, (_, i) => i);
  const port = await impostor(t, (_, r) => void r.writeHead(200, honest).end(JSON.stringify({ ...self, protocols })));
  await assert.rejects(clientAt(t, port).self(NEVER), { message: /protocols: / });
});

test('a question nested without end is a question like any other', { timeout: 10_000 }, async t => {
  const { port } = await network(t);
  const bundle = (body: string) => ask(port, '/v1/domains/acme.example/bundle', { method: 'POST', body });
  assert.equal((await bundle('['.repeat(500_000))).status, 400);
  assert.equal((await bundle(`{"files":${'['.repeat(400_000)}${']'.repeat(400_000)}}`)).status, 400);
  const refs = { path: pathOf('a'), size: Number.MAX_SAFE_INTEGER + 1, mtime: 1 };
  assert.equal((await bundle(JSON.stringify({ files: [refs] }))).status, 400);
  assert.equal((await ask(port, `/v1/domains/${ACME}/digests?prefix=`)).status, 200);
});
