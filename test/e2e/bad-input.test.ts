/** What a machine or a peer may do to an instance: it says what is wrong and what to do, goes on where it can, and touches nothing. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Command } from './command.ts';
import type { Instance } from './instance.ts';
import { TestNetwork } from './network.ts';
import { httpStub, jsonStub, noiseStub, type StubPeer, selfOf } from './stub-peer.ts';
import { assertSameTree } from './tree.ts';

const SHAPE = { sites: { north: ['n1', 'n2', 'n3'] }, domains: { acme: ['north'] } };
/** The user "nobody" of most systems. */
const NOBODY = 65_534;
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

describe('in the place of a peer', () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create(SHAPE);
    network.get('n1').write('acme/directory/file.txt', 'precious');
    await Promise.all(['n1', 'n3'].map(name => network.get(name).start()));
  });
  after(() => network.close());

  const EVIL = ['../../evil', '/tmp/evil', '.dfsync/evil', 'directory/../../../evil', 'a//b', 'nul\0', ''];
  const cases: Record<string, { stub: (port: number) => Promise<StubPeer>; says: RegExp }> = {
    'a web page': {
      says: /answer|JSON|html/i,
      stub: port => httpStub(port, (_, response) => response.end('<html><h1>It works!</h1></html>')),
    },
    'bytes that are no HTTP': {
      says: /HTTP|parse|answer/i,
      stub: port => noiseStub(port, Buffer.from('SSH-2.0-OpenSSH_9.2\r\n\0\xff', 'latin1')),
    },
    'an end without an answer': {
      says: /hang up|closed|reset|ended|answer/i,
      stub: port => noiseStub(port, Buffer.alloc(0)),
    },
    'JSON of another shape': {
      says: /roleid|answer|expected/i,
      stub: port => jsonStub(port, 2, () => ({ hello: 'world' })),
    },
    'JSON cut off in the middle': {
      says: /JSON|answer/i,
      stub: port => jsonStub(port, 2, () => '{"roleid":2,"name":'),
    },
    'an error for everything': {
      says: /500/,
      stub: port => httpStub(port, (_, response) => response.writeHead(500).end('boom')),
    },
    'a wrong protocol version': {
      stub: port =>
        jsonStub(port, 2, path => (path === '/v1/self' ? { ...selfOf(2), protocols: [98, 99] } : undefined), {
          'dfsync-protocol': '99',
        }),
      says: /protocol/i,
    },
    'another instance': {
      stub: port => jsonStub(port, 7, path => (path === '/v1/self' ? selfOf(7) : undefined)),
      says: /\b7\b/,
    },
    'a peer that announces paths outside of the domain': {
      stub: port => jsonStub(port, 2, path => answerOf(path, EVIL)),
      says: /dfsync2.*a path has no component/,
    },
  };
  for (const [name, { stub, says }] of Object.entries(cases)) {
    test(`${name}: it is told, nothing is touched, and everybody else goes on`, async () => {
      const [n1, n3] = [network.get('n1'), network.get('n3')];
      const before = await network.converge('acme', [n1, n3]);
      const log = n1.log.length;
      // A fresh process has no backoff from the case before.
      await n1.stop();
      {
        await using server = await stub(network.get('n2').place.port);
        await n1.start();
        await n1.until('it to ask the stub', () => server.asked() > 0);
        await n1.until(`a reason that says ${says}`, async () => says.test(await complaints(n1, log)));
        await n1.until('the log to name the peer', () => n1.log.slice(log).includes('dfsync2'));
        n3.write('acme/proof.txt', `while ${name}`);
        await network.converge('acme', [n1, n3]);
        assert.equal(n1.read('acme/proof.txt'), `while ${name}`);
      }
      const after = new Map(await network.converge('acme', [n1, n3]));
      const expected = new Map(before);
      for (const tree of [after, expected]) tree.delete('proof.txt');
      assertSameTree(expected, after, ['before', 'after']);
      assert.ok(!existsSync('/tmp/evil') && !existsSync(n1.path('evil')) && !existsSync(`${network.directory}/evil`));
      assert.equal(await n1.isReady(), true);
    });
  }

  /** What the instance says of the peer that is none: why it does not pull, and what it refused since a place in its log. */
  async function complaints(instance: Instance, since: number): Promise<string> {
    const { peers } = await instance.status();
    const refused = instance.log.slice(since).match(/.*refused.*/g) ?? [];
    return [peers.find(each => each.roleid === 2)?.reason ?? '', ...refused].join('\n');
  }

  /** A peer that speaks the protocol well and announces live files at the given paths in its feed. */
  function answerOf(path: string, paths: readonly string[]): unknown {
    const domain = 'acme.example';
    const entry = (at: string) => ({
      path: at,
      kind: 'file',
      size: 4,
      mtime: 1,
      mode: 0o644,
      version: { 2: Date.now() },
    });
    const states = {
      domain,
      state: 'serving',
      digest: '00000000000000aa',
      entries: paths.length,
      files: paths.length,
      bytes: 4,
      heard: {},
    };
    switch (path) {
      case '/v1/self':
        return selfOf(2);
      case '/v1/domains':
        return { epoch: 'stub', sequence: paths.length, domains: [states] };
      case '/v1/changes':
        return {
          epoch: 'stub',
          sequence: paths.length,
          reset: false,
          changes: paths.map(at => ({ domain, entry: entry(at) })),
          heard: {},
        };
      case `/v1/domains/${domain}/digests`:
        return { nodes: [{ prefix: '0', digest: '00000000000000aa', count: paths.length }] };
      case `/v1/domains/${domain}/entries`:
        return `${paths.map(at => JSON.stringify(entry(at))).join('\n')}\n`;
      default:
        return path.includes('/files/') ? 'evil' : undefined;
    }
  }
});

describe('on the machine', () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
  });
  after(() => network.close());

  test('a missing root is named, and not made', async () => {
    const { place } = network.get('n1');
    const root = `${network.directory}/missing`;
    const command = new Command([
      'run',
      '--config',
      place.config,
      '--roleid',
      '1',
      '--root',
      root,
      ...ports(place.port, place.opsPort),
      '--token-file',
      place.tokenFile,
    ]);
    try {
      await network.until(`a message that names ${root}`, () => command.output.includes(root));
      assert.doesNotMatch(command.output, /^\s+at /m, 'no stack trace');
      assert.ok(!existsSync(root));
    } finally {
      command.signal('SIGKILL');
      await command.exited;
    }
    assert.notEqual(command.exit?.code, 0);
  });

  for (const which of ['port', 'opsPort'] as const) {
    test(`a port in use is named (${which})`, async () => {
      const { place } = network.get('n1');
      const other = createServer().listen(place[which], '127.0.0.1');
      const command = new Command([
        'run',
        '--config',
        place.config,
        '--roleid',
        '1',
        '--root',
        place.root,
        ...ports(place.port, place.opsPort),
        '--token-file',
        place.tokenFile,
      ]);
      try {
        await network.until(
          'a message that names the port',
          () => command.output.includes(`${place[which]}`) && /in use|EADDRINUSE/i.test(command.output),
        );
        assert.doesNotMatch(command.output, /^\s+at /m, 'no stack trace');
      } finally {
        command.signal('SIGKILL');
        await command.exited;
        other.close();
      }
    });
  }

  test('an unreadable directory is named; nothing in it is deleted elsewhere, and all else is synchronised', async context => {
    if (
      process.getuid?.() !== 0 ||
      spawnSync(AS_NOBODY[0]!, [...AS_NOBODY.slice(1), process.execPath, '--version']).status !== 0
    ) {
      return context.skip('needs root and setpriv: what is unreadable to this user is unreadable to the test');
    }
    const [n1, n2] = [network.get('n1'), network.get('n2')];
    n1.write('acme/closed/file.txt', 'precious');
    n1.write('acme/open/file.txt', 'open');
    chmodSync(n1.path('acme/closed'), 0o700);
    execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, network.directory]);
    await Promise.all([n1.start(AS_NOBODY), n2.start(AS_NOBODY)]);
    const tree = await network.converge('acme');
    await n1.stop();
    // The mode stays as it is, so that there is no change to synchronise, only nothing to see.
    chownSync(n1.path('acme/closed'), 0, 0);
    await n1.start(AS_NOBODY);
    mkdirSync(n1.path('acme/open/new'));
    execFileSync('chown', [`${NOBODY}:${NOBODY}`, n1.path('acme/open/new')]);
    await network.until('the rest to be synchronised', () => n2.tree('acme').has('open/new'));
    await n1.until('the unreadable directory to be named', async () => {
      const { items } = await n1.domain('acme');
      return items.some(item => item.path === 'closed') && /closed/.test(n1.log);
    });
    const after = new Map(n2.tree('acme', { content: true }));
    after.delete('open/new');
    assertSameTree(tree, after, ['before', 'after']);
  });
});

function ports(port: number, opsPort: number): string[] {
  return ['--listen', `127.0.0.1:${port}`, '--ops-listen', `127.0.0.1:${opsPort}`];
}
