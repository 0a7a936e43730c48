import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { fromBytes } from '../../src/core/path.ts';
import { MAX_BUNDLE_FILES, MAX_TARGET_BYTES } from '../../src/peer/protocol.ts';
import type { Transfer } from '../../src/peer/transfer.ts';
import type { BundleItem, HashItem } from '../../src/sync/peer.ts';
import { Refusal } from '../../src/sync/refusal.ts';
import { ACME, CLIENT, fileEntry, pathOf, SERVER } from './in-memory-serving.ts';
import { bytesOf, NEVER, network, until } from './network.ts';

const STRANGE = [
  'a b/c%41d.txt',
  '100%',
  '%2e%2e%2fetc',
  'what?#a=b&c+d',
  'new\nline',
  'ümläut/日本/😀',
  'back\\slash;,:@',
  fromBytes(Buffer.from([0x62, 0xff, 0xfe, 0x2f, 0xc3, 0x28])),
  `${'deep/'.repeat(20)}end`,
];

test('self, domains and digests arrive as they were given', { timeout: 10_000 }, async t => {
  const { client, serving } = await network(t);
  assert.deepEqual(await client.self(NEVER), serving.self());
  assert.deepEqual(await client.domains(NEVER), serving.domains());
  const prefixes = Array.from({ length: 600 }, (_, i) => i.toString(16).padStart(3, '0'));
  const nodes = await client.digests(ACME, prefixes, NEVER);
  assert.deepEqual(
    nodes.map(node => node.prefix),
    prefixes.map(prefix => `${prefix}a`),
  );
  assert.equal((await client.digests(ACME, [''], NEVER))[0]?.prefix, 'a');
  assert.deepEqual(await client.digests(ACME, [], NEVER), []);
});

test('entries of every kind and name survive the wire', { timeout: 10_000 }, async t => {
  const { client, serving } = await network(t);
  const version = { 0: 5, 11380: 1700000000000 };
  const kinds: Entry[] = [
    { path: pathOf('dir'), kind: 'directory', size: 0, mtime: 0, mode: 0o750, version },
    { path: pathOf('link'), kind: 'symlink', size: 0, mtime: 0, mode: 0, target: '../\udcff x', version },
    { path: pathOf('gone'), kind: 'tombstone', size: 0, mtime: 1700000000001, mode: 0o600, version },
    { ...fileEntry('moved', 2 ** 40), mtime: -5, from: { path: pathOf('old'), version } },
  ];
  serving.entries = [...kinds, ...STRANGE.map(path => fileEntry(path))];
  assert.deepEqual(await client.entriesUnder(ACME, [''], NEVER), serving.entries);
  assert.deepEqual(await client.entriesUnder(ACME, [], NEVER), []);
  for (const entry of serving.entries) assert.deepEqual(await client.entriesAt(ACME, [entry.path], NEVER), [entry]);
});

test('more paths than one target holds are asked for in several', { timeout: 10_000 }, async t => {
  const { client, serving } = await network(t);
  const paths = Array.from({ length: 40 }, (_, i) => pathOf(`${i}${'/ä'.repeat(400)}`));
  serving.entries = paths.map(path => fileEntry(path));
  assert.ok(paths.join('').length * 3 > MAX_TARGET_BYTES);
  assert.deepEqual(await client.entriesAt(ACME, paths, NEVER), serving.entries);
});

test('a bad entry is told and costs nothing else', { timeout: 10_000 }, async t => {
  const refused: string[] = [];
  const { client, serving } = await network(
    t,
    {},
    { onRefused: (path, reason, domain) => refused.push(`${domain} ${path}: ${reason}`) },
  );
  const good = fileEntry('good');
  const bad = [
    fileEntry('../up'),
    fileEntry('/etc/passwd'),
    fileEntry('a/.dfsync/b'),
    fileEntry('\udcc3\udcbc'),
    { ...good, path: 7 },
    { ...good, mode: 0o4755 },
    { ...good, size: -1 },
    { ...good, version: {} },
    { ...good, version: { '01': 1 } },
    { ...good, kind: 'device' },
    { ...good, kind: 'symlink', target: '' },
    null,
    'text',
  ] as unknown as Entry[];
  serving.entriesUnder = () => [...bad, good];
  assert.deepEqual(await client.entriesUnder(ACME, [''], NEVER), [good]);
  assert.equal(refused.length, bad.length);
  assert.match(refused[0]!, /^acme\.example \.\.\/up: a path has no component "\.\."$/);
  serving.onPoll = async () => ({
    epoch: 'e',
    sequence: 9,
    reset: false,
    changes: [...bad, good].map(entry => ({ domain: ACME, entry })),
    heard: { [ACME]: { 3: 4 } },
  });
  const answer = await client.changes({ epoch: 'e', since: 1, done: 1, wait: 0 }, NEVER);
  assert.deepEqual(answer, {
    epoch: 'e',
    sequence: 9,
    reset: false,
    changes: [{ domain: ACME, entry: good }],
    compare: [],
    heard: { [ACME]: { 3: 4 } },
  });
  assert.equal(refused.length, 2 * bad.length);
});

test('a file of any name arrives, from any offset', { timeout: 10_000 }, async t => {
  const { client, serving } = await network(t);
  for (const path of STRANGE) {
    const ref = serving.put(path, `content of ${path}`);
    const all = await bytesOf(await client.file(ACME, ref, 0, NEVER));
    assert.deepEqual(all, Buffer.from(`content of ${path}`));
    const rest = await bytesOf(await client.file(ACME, ref, 5, NEVER));
    assert.deepEqual(rest, all.subarray(5));
    assert.equal((await bytesOf(await client.file(ACME, ref, ref.size, NEVER))).length, 0);
  }
  assert.equal((await bytesOf(await client.file(ACME, serving.put('empty', ''), 0, NEVER))).length, 0);
  await until(() => serving.opened === 0);
});

test('a file that is missing or another one rejects with the status of it', { timeout: 10_000 }, async t => {
  const { client, serving } = await network(t);
  const ref = serving.put('a', 'content');
  await assert.rejects(client.file(ACME, { ...ref, mtime: 7 }, 0, NEVER), { status: 412, refusesItem: true });
  await assert.rejects(client.file(ACME, { ...ref, size: 9 }, 2, NEVER), { status: 412 });
  await assert.rejects(client.file(ACME, { ...ref, path: pathOf('b') }, 0, NEVER), { status: 404, refusesItem: true });
  await assert.rejects(client.file('other' as typeof ACME, ref, 0, NEVER), {
    status: 503,
    message: /^peer 7 at 127.*files\/a: 503 Domain not served: this domain is not served here$/,
  });
  await until(() => serving.opened === 0);
});

test('a file arrives as it is although the memory it is read into is used again', { timeout: 20_000 }, async t => {
  const { client, serving } = await network(t);
  const chunk = Buffer.alloc(512 << 10);
  const chunks = 40;
  const ref = serving.put('a', Buffer.alloc(chunk.length * chunks));
  serving.source = async function* () {
    for (let i = 0; i < chunks; i++) yield chunk.fill(i);
    chunk.fill(255);
  };
  let at = 0;
  for await (const part of await client.file(ACME, ref, 0, NEVER)) {
    // A reader who takes his time: what was sent has to wait in buffers.
    await new Promise(setImmediate);
    const expected = Buffer.from(part.map((_, i) => Math.floor((at + i) / chunk.length)));
    assert.ok(expected.equals(part), `other bytes within ${part.length} from ${at} on`);
    at += part.length;
  }
  assert.equal(at, ref.size);
});

test('a file that changes while it is sent is never taken for whole', { timeout: 10_000 }, async t => {
  const { client, serving } = await network(t);
  const ref = serving.put('a', Buffer.alloc(300_000));
  serving.source = async function* () {
    yield Buffer.alloc(200_000);
    throw new Error('changed');
  };
  const body = await client.file(ACME, ref, 0, NEVER);
  await assert.rejects(bytesOf(body), { name: 'PeerError', message: /the answer broke off/ });
  serving.source = async function* () {
    yield Buffer.alloc(300_001);
  };
  await assert.rejects(client.file(ACME, ref, 0, NEVER), { status: 500 });
  assert.equal((await client.self(NEVER)).roleid, SERVER);
  await until(() => serving.opened === 0);
});

test('what breaks off on our side is told here, what the peer gave up is not', { timeout: 10_000 }, async t => {
  const errors: unknown[] = [];
  const { client, serving } = await network(t, { onError: error => errors.push(error) });
  const ref = serving.put('a', Buffer.alloc(300_000));
  const broken = (error: Error) =>
    async function* () {
      yield Buffer.alloc(200_000);
      throw error;
    };
  serving.source = broken(new Refusal(409, 'Changed', 'it changed'));
  await assert.rejects(bytesOf(await client.file(ACME, ref, 0, NEVER)));
  serving.source = broken(new Error('EIO'));
  await assert.rejects(bytesOf(await client.file(ACME, ref, 0, NEVER)));
  await until(() => errors.length > 0);
  serving.onPoll = async (_, signal) => {
    if (!signal.aborted) await once(signal, 'abort');
    throw signal.reason;
  };
  const mine = new AbortController();
  const poll = client.changes({ epoch: 'e', since: 1, done: 0, wait: 50_000 }, mine.signal);
  await until(() => serving.polls.length === 1);
  mine.abort();
  await assert.rejects(poll);
  await until(() => serving.polls[0]!.aborted);
  assert.equal((await client.self(NEVER)).roleid, SERVER);
  assert.ok(errors.every(error => (error as Error).message === 'EIO'));
});

test('bundles: contents, statuses and order, in as many requests as needed', { timeout: 20_000 }, async t => {
  const { client, serving } = await network(t);
  const files = Array.from({ length: MAX_BUNDLE_FILES + 50 }, (_, i) =>
    serving.put(`d/${i}`, '\n{"x":1}\n'.repeat(i % 60)),
  );
  files.push(...STRANGE.map(path => serving.put(path, path)), { path: pathOf('none'), size: 3, mtime: 4 });
  files.splice(3, 1, { ...files[3]!, mtime: 1 });
  files.push(serving.put('big 1', Buffer.alloc(9 << 20, 1)), serving.put('big 2', Buffer.alloc(9 << 20, 2)));
  const items: BundleItem[] = [];
  for await (const some of client.bundle(ACME, files, NEVER)) items.push(...some);
  assert.deepEqual(
    items.map(item => item.path),
    files.map(file => file.path),
  );
  const statuses = items.flatMap(item => ('status' in item ? [[item.path, item.status]] : []));
  assert.deepEqual(statuses, [
    ['d/3', 412],
    ['none', 404],
  ]);
  for (const item of items)
    if ('bytes' in item) assert.ok(serving.files.get(item.path)!.bytes.every((byte, i) => byte === item.bytes[i]));
});

test('a poll ends when either side goes', { timeout: 10_000 }, async t => {
  const { client, serving, server } = await network(t);
  serving.onPoll = async (query, signal) => {
    if (!signal.aborted) await once(signal, 'abort');
    return { epoch: 'e', sequence: query.since, reset: false, changes: [], heard: {} };
  };
  const mine = new AbortController();
  const reason = new Error('enough');
  const poll = client.changes({ epoch: 'e', since: 1, done: 0, wait: 50_000 }, mine.signal);
  await until(() => serving.polls.length === 1);
  mine.abort(reason);
  await assert.rejects(poll, error => error === reason);
  await until(() => serving.polls[0]!.aborted);
  await assert.rejects(client.self(mine.signal), error => error === reason);

  const second = client.changes({ epoch: 'e', since: 3, done: 0, wait: 50_000 }, NEVER);
  await until(() => serving.polls.length === 2);
  await Promise.all([server.close(), second.then(answer => assert.equal(answer.sequence, 3))]);
  await assert.rejects(client.self(NEVER), { status: 0, message: /connection refused/ });
});

test('a slow reader holds the sender up, not its memory', { timeout: 20_000 }, async t => {
  const { client, serving } = await network(t);
  const size = 64 << 20;
  const ref = serving.put('big', Buffer.alloc(size, 7));
  const reader = (await client.file(ACME, ref, 0, NEVER))[Symbol.asyncIterator]();
  await reader.next();
  // The sockets' own buffers fill up, then nothing moves any more.
  for (let before = -1; before !== serving.taken; ) {
    before = serving.taken;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  assert.ok(serving.taken < size / 2, `${serving.taken} bytes were read ahead`);
  await reader.return!();
  await until(() => serving.opened === 0);
});

test('both ends account for the same bytes', { timeout: 10_000 }, async t => {
  const theirs: Transfer[] = [];
  const ours: Transfer[] = [];
  const { client, serving } = await network(t, { onTransfer: x => theirs.push(x) }, { onTransfer: x => ours.push(x) });
  const sum = (list: Transfer[], peer: number, kind: string, direction: string, domain: string = ACME) =>
    list
      .filter(x => x.peer === peer && x.kind === kind && x.direction === direction && x.domain === domain)
      .reduce((total, x) => total + x.bytes, 0);
  const files = [serving.put('a', 'x'.repeat(500)), serving.put('b', 'y'.repeat(300_000)), serving.put('c', 'zz')];
  await bytesOf(await client.file(ACME, files[1]!, 100_000, NEVER));
  for await (const _ of client.bundle(ACME, files, NEVER));
  await client.entriesUnder(ACME, [''], NEVER);
  await client.self(NEVER);
  await until(() => sum(ours, SERVER, 'index', 'received', '') > 0 && sum(theirs, CLIENT, 'index', 'sent', '') > 0);
  assert.equal(sum(ours, SERVER, 'content', 'received'), 200_000 + 500 + 300_000 + 2);
  assert.equal(sum(theirs, CLIENT, 'content', 'sent'), 200_000 + 500 + 300_000 + 2);
  for (const domain of [ACME, '']) {
    assert.equal(sum(ours, SERVER, 'index', 'received', domain), sum(theirs, CLIENT, 'index', 'sent', domain));
    assert.equal(sum(ours, SERVER, 'index', 'sent', domain), sum(theirs, CLIENT, 'index', 'received', domain));
  }
  assert.equal(sum(theirs, CLIENT, 'content', 'received') + sum(ours, SERVER, 'content', 'sent'), 0);
});

test('a refused token is told as such, a rotated one is accepted', { timeout: 10_000 }, async t => {
  let accepted = ['new', 'old'];
  let sent = ['old', 'new'];
  const { client } = await network(t, { tokens: () => accepted }, { tokens: () => sent });
  assert.equal((await client.self(NEVER)).roleid, SERVER);
  accepted = ['new'];
  await assert.rejects(client.self(NEVER), { status: 401, message: /the peer refuses our token: .*--token-file/ });
  sent = ['new'];
  assert.equal((await client.self(NEVER)).roleid, SERVER);
});

test('hashes of content: in order, with how far a large one is, and why there is none', {
  timeout: 10_000,
}, async t => {
  const { client, serving } = await network(t);
  const files = [
    ...STRANGE.map((path, i) => serving.put(path, `content ${i}`)),
    serving.put('huge', Buffer.alloc(1 << 20)),
  ];
  const gone = { path: pathOf('gone'), size: 1, mtime: 1 };
  const other = { ...serving.put('other', 'now'), size: 9 };
  const items: HashItem[] = [];
  for await (const item of client.hashes(ACME, [...files, gone, other], NEVER)) items.push(item);
  const sha256 = (content: Uint8Array | string) => createHash('sha256').update(content).digest('hex');
  assert.deepEqual(
    items.filter(item => !('at' in item)),
    [
      ...STRANGE.map((path, i) => ({ hash: sha256(`content ${i}`), path })),
      { hash: sha256(Buffer.alloc(1 << 20)), path: 'huge' },
      { status: 404, path: 'gone' },
      { status: 412, path: 'other' },
    ],
  );
  assert.ok(items.some(item => 'at' in item));
});

test('more files than one question names are asked for in several', { timeout: 20_000 }, async t => {
  const { client, serving } = await network(t);
  const files = Array.from({ length: MAX_BUNDLE_FILES + 5 }, (_, i) => serving.put(`${i}`, '1'));
  let hashes = 0;
  for await (const item of client.hashes(ACME, files, NEVER)) if ('hash' in item) hashes++;
  assert.equal(hashes, files.length);
});
