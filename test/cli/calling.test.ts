/** The commands that call a running instance: what they ask, and what they say when it comes to nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { accept } from '../../src/cli/accept.ts';
import type { Callee } from '../../src/cli/call.ts';
import { redate } from '../../src/cli/redate.ts';
import { release } from '../../src/cli/release.ts';
import { parseSince } from '../../src/cli/since.ts';
import { shown } from '../../src/cli/telling.ts';
import { restoreFromTrash } from '../../src/cli/trash.ts';
import { undo } from '../../src/cli/undo.ts';
import { openOps } from '../../src/ops/http.ts';
import type { Listener } from '../../src/ops/listener.ts';
import { Metrics } from '../../src/ops/metrics.ts';
import { runCommand } from '../e2e/command.ts';
import { freePort } from '../e2e/ports.ts';
import { sampleActions } from '../ops/actions-sample.ts';
import { sampleLooks } from '../ops/inspection-sample.ts';
import { sampleStatus } from '../ops/status-sample.ts';

const scratch = mkdtempSync(join(tmpdir(), 'dfsync-calling-'));
const tokenFile = (name: string, token: string) => {
  const file = join(scratch, name);
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return file;
};
const asked: unknown[] = [];
let listener: Listener;
let callee: Callee & { readonly adminTokenFile: string };
before(async () => {
  const sources = {
    status: sampleStatus,
    vitals: () => ({ beatAgeMs: 0, stalledMs: 0 }),
    metrics: new Metrics(sampleStatus),
    config: () => ({ network: {}, document: {} }),
    tokens: () => ({ read: [], admin: ['chief'] }),
  };
  listener = await openOps({ ...sources, ...sampleLooks(), actions: sampleActions(asked) }, '127.0.0.1', 0);
  callee = { url: `http://127.0.0.1:${listener.port}/`, adminTokenFile: tokenFile('admin', 'chief') };
});
after(async () => {
  await listener.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Runs a command; answers its exit code and everything that it wrote. */
async function running(
  run: (streams: { out: NodeJS.WritableStream; err: NodeJS.WritableStream }) => Promise<number>,
): Promise<{ code: number; out: string; err: string }> {
  const { PassThrough } = await import('node:stream');
  const [out, err] = [new PassThrough(), new PassThrough()];
  const code = await run({ out, err });
  const text = (stream: typeof out) => (stream.read() as Buffer | null)?.toString() ?? '';
  return { code, out: text(out), err: text(err) };
}

const acme = { domain: 'acme.example' };

describe('a call', () => {
  it('says in words what came of it', async () => {
    const { code, out } = await running(streams => release({ ...callee, ...acme }, streams));
    assert.deepEqual([code, out], [0, 'acme.example: 3 deletions are released, and go out to the other servers\n']);
  });

  it('says which side was taken', async () => {
    const local = await running(streams => accept('local', { ...callee, ...acme }, streams));
    assert.match(local.out, /goes out again, to dfsync2/);
    const remote = await running(streams => accept('remote', { ...callee, ...acme }, streams));
    assert.match(remote.out, /3 paths of which dfsync2 had no trace went to the trash/);
  });

  it('or as JSON', async () => {
    const { out } = await running(streams => redate({ ...callee, json: true }, streams));
    assert.deepEqual(JSON.parse(out), { redated: { 'acme.example': 2 } });
  });

  it('asks what it was told', async () => {
    asked.length = 0;
    await running(streams => undo({ ...callee, ...acme, since: { since: 5 }, dryRun: true }, streams));
    await running(streams => undo({ ...callee, ...acme }, streams));
    await running(streams => restoreFromTrash('a b/\udc80/', { ...callee, ...acme, item: '7.2' }, streams));
    assert.deepEqual(asked, [
      ['undo', 'acme.example', { since: 5, dryRun: true }],
      ['undo', 'acme.example', { since: undefined, dryRun: false }],
      ['restore', 'acme.example', { path: 'a b/\udc80', version: '7.2', dryRun: false }],
    ]);
  });
});

describe('a call that comes to nothing', () => {
  const cases: [name: string, flags: () => Promise<Callee & { domain: string }>, says: RegExp][] = [
    ['another domain', async () => ({ ...callee, domain: 'other' }), /refuses: no domain other is served here/],
    ['no token', async () => ({ url: callee.url, ...acme }), /an admin token is needed.*--admin-token-file FILE/],
    ['a wrong token', async () => ({ ...callee, ...acme, adminTokenFile: tokenFile('w', 'wrong') }), /admin token/],
    ['no token file', async () => ({ ...callee, ...acme, adminTokenFile: join(scratch, 'none') }), /none/],
    ['nobody there', async () => ({ ...callee, ...acme, url: `http://127.0.0.1:${await freePort()}` }), /--ops-listen/],
    ['no URL', async () => ({ ...callee, ...acme, url: 'n1' }), /no answer from n1.*--ops-listen/],
  ];
  for (const [name, flags, says] of cases)
    it(`${name}: says what to do`, async () => {
      const given = await flags();
      const { code, out, err } = await running(streams => release(given, streams));
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, says);
      assert.doesNotMatch(err, /chief|wrong$/);
    });

  it('somebody else there: says so', async () => {
    const other = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await new Promise(resolve => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const { code, err } = await running(streams =>
      release({ ...callee, ...acme, url: `http://127.0.0.1:${port}` }, streams),
    );
    other.close();
    assert.equal(code, 1);
    assert.match(err, /no dfsync says/);
  });
});

describe('the command line of an undo', () => {
  it('takes a while or a time', () => {
    assert.deepEqual(parseSince('10m'), { ago: 600_000 });
    assert.deepEqual(parseSince('2026-03-01T12:00Z'), { since: Date.UTC(2026, 2, 1, 12) });
    assert.deepEqual(parseSince('2026-03-01T12:00'), { since: new Date(2026, 2, 1, 12).getTime() });
    for (const raw of ['', 'soon', '12', '5', 'yesterday']) assert.equal(parseSince(raw), undefined, raw);
  });

  for (const [args, says] of [
    [['undo', '--domain', 'd'], /--since TIME, or --held/],
    [['undo', '--domain', 'd', '--since', 'soon'], /such as 10m/],
    [['undo', '--since', '10m'], /--domain/],
    [['undo', '--domain', 'd', '--since', '10m', '--held'], /cannot be used/],
    [['trash', 'restore', '--domain', 'd'], /path/],
  ] as const)
    it(`is refused: ${args.join(' ')}`, async () => {
      const { code, output } = await runCommand(...args);
      assert.equal(code, 2, output);
      assert.match(output, says);
    });
});

describe('a path on a terminal', () => {
  for (const [path, text] of [
    ['a b/ä.txt', 'a b/ä.txt'],
    ['a\nb', '"a\\nb"'],
    ['a\u001b[31m', '"a\\u001b[31m"'],
    ['a\u009bb', '"a\\u009bb"'],
    ['a\udc80', '"a\\udc80"'],
    ['quoted "name"', '"quoted \\"name\\""'],
  ] as const)
    it(JSON.stringify(path), () => assert.equal(shown(path), text));
});
