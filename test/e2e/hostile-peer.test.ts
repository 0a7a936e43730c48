/** A hostile peer: nothing outside the domain is written, memory stays bounded, it is named and left alone, everybody else goes on. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { announced, bomb, endlessly, HostilePeer, type Lies, NOWHERE } from './hostile-peer.ts';
import { TestNetwork } from './network.ts';
import { httpStub } from './stub-peer.ts';

/**
 * Of a process that holds next to nothing itself. Most is taken by the entries of one answer: 32 MiB of their text (README, "Limits of
 * the wire"), and what is made of it.
 */
const MOST_MEMORY = 512 * 2 ** 20;
const YEAR_9999 = Date.parse('9999-12-31T00:00:00Z');
const LARGE = 64 << 20;

interface Case {
  readonly lies: (peer: HostilePeer) => Lies;
  readonly announces?: readonly object[];
  /** What the status says of the peer, which is backed off then. */
  readonly says?: RegExp;
  /** What is listed of a path. */
  readonly lists?: RegExp;
  /** What must hold while it lies, besides. */
  readonly meanwhile?: (peer: HostilePeer) => Promise<void>;
}

let network: TestNetwork;
let peer: HostilePeer;
before(async () => {
  network = await TestNetwork.create({ sites: { north: ['n1', 'n2', 'n3'] }, domains: { acme: ['north'] } });
  const n1 = network.get('n1');
  n1.write('acme/directory/file.txt', 'precious');
  mkdirSync(`${network.directory}/outside`);
  writeFileSync(`${network.directory}/outside/file`, 'outside');
  symlinkSync(`${network.directory}/outside`, n1.path('acme/way-out'));
  peer = await HostilePeer.at(network.get('n2').place.port, 2);
  await Promise.all(['n1', 'n3'].map(name => network.get(name).start()));
  await network.converge('acme', [n1, network.get('n3')]);
});
after(async () => {
  await peer[Symbol.asyncDispose]();
  await network.close();
});

const zstd = (response: ServerResponse, body: Buffer) =>
  response.writeHead(200, { ...peer.headers, 'content-encoding': 'zstd' }).end(body);
const coded = () => ({ ...peer.headers, 'content-encoding': 'zstd' });
const bundled = (...items: readonly (readonly [object, string])[]) =>
  items.map(([header, content]) => `${JSON.stringify(header)}\n${content}`).join('');
const leaves = Array.from({ length: 16 }, (_, i) => ({ prefix: i.toString(16), digest: NOWHERE, count: 9 }));
/** A digest tree without end, each node of which differs. */
const everywhere: Lies['digests'] = (response, request) => {
  const prefixes = new URL(request.url!, 'http://x').searchParams.get('prefix')!.split(',');
  const nodes = prefixes.flatMap(prefix => leaves.map(leaf => ({ ...leaf, prefix: prefix + leaf.prefix })));
  peer.json(response, { nodes });
};
const BAD_PATHS = [
  '../evil',
  '/tmp/dfsync-evil',
  '.dfsync/evil',
  'directory/../../evil',
  'a//b',
  'nul\0',
  '',
  '.',
  'x'.repeat(256),
  'directory/.dfsync/evil',
  '\udc2e\udc2e/evil',
  '\udc80\ud800',
];

const CASES: Record<string, Case> = {
  'paths that no tree may have': {
    lies: () => ({}),
    announces: [...BAD_PATHS.map(path => announced(path)), announced('directory/after', { kind: 'directory' })],
    lists: /dfsync2 announced it: a path has no component "\.\."/,
    meanwhile: async () => {
      await network.until('what stands behind them to arrive', () =>
        network.get('n1').tree('acme').has('directory/after'),
      );
    },
  },
  'paths of a megabyte': {
    lies: p => ({
      changes: r => p.json(r, p.changes([announced('y'.repeat(1 << 20)), announced('../'.repeat(1 << 18))], 1)),
    }),
    lists: /refused 2\d\d .*a name has at most 255 bytes/,
    meanwhile: async () => {
      const status = JSON.stringify(await network.get('n1').status());
      assert.ok(status.length < 100_000, `a status of ${status.length} characters`);
    },
  },
  'a file below a symlink': {
    lies: p => ({
      bundle: r => p.json(r, bundled([{ path: 'way-out/evil', size: 4 }, 'evil'])),
    }),
    announces: [announced('way-out/evil')],
    lists: /a parent is a file or symlink here/,
  },
  'entries from the year 9999': {
    lies: () => ({}),
    announces: [announced('directory/file.txt', { version: { 2: YEAR_9999 } })],
    lists: /peer 2 has it with a date \d+ min ahead of this clock/,
  },
  'heartbeats from the year 9999, of instances that do not exist': {
    lies: p => ({
      changes: r =>
        setTimeout(() => {
          const beats = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [String(i + 1), YEAR_9999]));
          p.json(
            r,
            p.changes([announced('directory/beaten', { kind: 'directory' })], 1, { heard: { 'acme.example': beats } }),
          );
        }, 200),
    }),
    meanwhile: async () => {
      const n1 = network.get('n1');
      await n1.until('its feed to be taken', () => n1.tree('acme').has('directory/beaten'));
      const { heard } = await n1.domain('acme');
      // Counted: how tens of thousands of wrong ones differ from none is nothing to print.
      const wrong = Object.entries(heard).filter(([origin, at]) => Number(origin) > 3 || at > Date.now() + 3_600_000);
      assert.equal(wrong.length, 0);
    },
  },
  'an endless feed': {
    lies: p => ({ changes: r => endlessly(r, p.headers, ' '.repeat(65_536)) }),
    says: /peer 2 at .*more than \d+ bytes/,
  },
  'a feed that unfolds to millions of objects': {
    lies: () => ({ changes: r => zstd(r, bomb(90, '{"changes":[', '[],', '0]}')) }),
    says: /peer 2 at /,
  },
  'a list of domains that unfolds to millions of objects': {
    lies: () => ({ domains: r => zstd(r, bomb(90, '{"domains":[', '[],', '0]}')) }),
    says: /peer 2 at /,
  },
  'a greeting that unfolds to millions of objects': {
    // It is asked for again only after a failure.
    lies: () => ({ self: r => zstd(r, bomb(90, '[', '[],', '0]')), changes: r => r.destroy() }),
    says: /peer 2 at /,
  },
  'digests that unfold to millions of objects': {
    lies: () => ({ digests: r => zstd(r, bomb(90, '{"nodes":[', '[],', '0]}')) }),
    says: /peer 2 at /,
  },
  'entries that unfold to gigabytes': {
    lies: () => {
      const line = `${JSON.stringify(announced(`directory/${'x'.repeat(200)}`))}\n`;
      return { digests: everywhere, entries: r => endlessly(r, coded(), bomb(8, '', line, '')) };
    },
    says: /peer 2 at .*more than/,
  },
  'entries without end': {
    lies: p => {
      const line = `${JSON.stringify(announced('directory/x', { version: { 2: 1 } }))}\n`;
      return { digests: everywhere, entries: r => endlessly(r, p.headers, line.repeat(500)) };
    },
    says: /peer 2 at .*more than/,
  },
  'a digest tree that differs everywhere, and no entries': {
    lies: () => ({ digests: everywhere }),
    meanwhile: async p => {
      const n1 = network.get('n1');
      await n1.until('it to have been compared', () => (p.asked.get('entries') ?? 0) > 0);
      const { mismatched } = (await n1.status()).peers
        .find(each => each.roleid === 2)!
        .domains.find(each => each.domain === 'acme.example')!;
      assert.ok(mismatched > 0);
    },
  },
  'a feed that always begins anew': {
    lies: p => ({ changes: r => p.json(r, p.changes([], 0, { reset: true })) }),
    meanwhile: hardlyAsked,
  },
  'a feed that goes on without changes': {
    lies: p => {
      let sequence = 0;
      return { changes: r => p.json(r, p.changes([], ++sequence)) };
    },
    meanwhile: hardlyAsked,
  },
  'a feed that always asks to compare': {
    lies: p => ({ changes: r => p.json(r, p.changes([], 0, { compare: ['acme.example'] })) }),
    meanwhile: hardlyAsked,
  },
  'another life at each question': {
    lies: p => {
      let life = 0;
      return { domains: r => p.json(r, { ...p.domains(), epoch: `life ${++life}` }) };
    },
    meanwhile: hardlyAsked,
  },
  'a bundle of files that nobody asked for': {
    lies: p => ({ bundle: r => p.json(r, bundled([{ path: '../evil', size: 4 }, 'evil'])) }),
    announces: [announced('directory/asked-1')],
    meanwhile: fetchedInVain('directory/asked-1', 'bundle'),
  },
  'a bundle of wrong lengths': {
    lies: p => ({ bundle: r => p.json(r, bundled([{ path: 'directory/asked-2', size: 1e15 }, 'evil'])) }),
    announces: [announced('directory/asked-2')],
    meanwhile: fetchedInVain('directory/asked-2', 'bundle'),
  },
  'a bundle without end': {
    lies: p => ({
      bundle: r => endlessly(r, p.headers, bundled([{ path: 'directory/other', size: 4 }, 'evil']).repeat(1000)),
    }),
    announces: [announced('directory/asked-3')],
    meanwhile: fetchedInVain('directory/asked-3', 'bundle'),
  },
  'a bundle that unfolds to gigabytes': {
    lies: () => ({ bundle: r => endlessly(r, coded(), bomb(64, '', ' ', '')) }),
    announces: [announced('directory/asked-4')],
    meanwhile: fetchedInVain('directory/asked-4', 'bundle'),
  },
  'a large file of another length': {
    lies: p => ({
      file: r => {
        const tag = { etag: `"1700000000000-${LARGE}"`, 'content-length': String(LARGE) };
        r.writeHead(200, { ...p.headers, ...tag }).write(Buffer.alloc(1 << 20), () => r.destroy());
      },
    }),
    announces: [announced('directory/large', { size: LARGE })],
    meanwhile: fetchedInVain('directory/large', 'file'),
  },
  'a file larger than any disk, without end': {
    lies: p => ({
      file: r => {
        const tag = { etag: `"1700000000000-${2 ** 52}"`, 'content-length': String(2 ** 52) };
        endlessly(r, { ...p.headers, ...tag }, Buffer.alloc(1 << 20));
      },
    }),
    announces: [announced('directory/huge', { size: 2 ** 52 })],
    lists: /4503599627370496 bytes.*free/,
  },
  'a date that no disk has, a size of none': {
    lies: p => ({ bundle: r => p.json(r, bundled([{ path: 'directory/dated', size: 4 }, 'evil'])) }),
    announces: [announced('directory/dated', { mtime: Number.MAX_SAFE_INTEGER })],
    meanwhile: async p => {
      await network.until('it to be asked for', () => p.asked.has('bundle'));
    },
  },
};

/** A slow answer costs nothing; a peer that answers at once and says nothing must not be asked as fast as it answers. */
async function hardlyAsked(p: HostilePeer): Promise<void> {
  const n1 = network.get('n1');
  await n1.until('it to have been asked', () => (p.asked.get('changes') ?? 0) + (p.asked.get('domains') ?? 0) > 3);
  const questions = () => [...p.asked.values()].reduce((sum, count) => sum + count, 0);
  const since = Date.now();
  const before = questions();
  network.get('n3').write('acme/meanwhile.txt', `${since}`);
  await n1.until('the honest peer to be heard', () => n1.read('acme/meanwhile.txt') === `${since}`);
  await n1.until('two seconds to pass', () => Date.now() - since > 2_000);
  const rate = ((questions() - before) * 1000) / (Date.now() - since);
  // Two instances ask, each of them every 20 ms at most.
  assert.ok(rate < 120, `${rate} questions a second`);
}

/** It was asked for, more than once, and is not there. */
function fetchedInVain(path: string, asked: 'bundle' | 'file') {
  return async (p: HostilePeer) => {
    const n1 = network.get('n1');
    await n1.until('it to be asked for, and again', () => (p.asked.get(asked) ?? 0) >= 2);
    assert.ok(!n1.tree('acme').has(path));
    await n1.until('it to be listed with its reason, source and next try', async () => {
      const item = (await n1.domain('acme')).items.find(each => each.path === path);
      return (
        item?.class === 'transfer' && /peer 2 at /.test(item.message) && item.nextTry && item.sources[0] === 'dfsync2'
      );
    });
  };
}

/** Highest resident memory since the mark was reset, bytes. */
function peakMemory(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

describe('a peer that sends', () => {
  for (const [name, { lies, announces, says, lists, meanwhile }] of Object.entries(CASES))
    test(`${name}: is named and left alone, and everybody else goes on`, async t => {
      const [n1, n3] = [network.get('n1'), network.get('n3')];
      const outside = readdirSync(network.directory).sort();
      writeFileSync(`/proc/${n1.pid}/clear_refs`, '5');
      peer.lie(lies(peer), announces);
      const reason = async () => {
        const { state, reason = '' } = (await n1.status()).peers.find(each => each.roleid === 2)!;
        return state === 'live' ? '' : reason;
      };
      const began = Date.now();
      const items = async () => {
        const listed = (await n1.domain('acme')).items.filter(({ since }) => since >= began);
        return listed.map(({ path, message, ...item }) => `${item.class} ${path.length} ${message}`).join('\n');
      };
      if (says) await n1.until(`a reason that says ${says}`, async () => says.test(await reason()));
      if (lists) await n1.until(`an item that says ${lists}`, async () => lists.test(await items()));
      await meanwhile?.(peer);
      n3.write('acme/proof.txt', `while ${name}`);
      await n1.until('the honest peer to be heard', () => n1.read('acme/proof.txt') === `while ${name}`);
      const peak = peakMemory(n1.pid);
      t.diagnostic(`peak ${peak >> 20} MiB`);
      assert.ok(peak < MOST_MEMORY, `${peak >> 20} MiB`);
      assert.deepEqual(readdirSync(network.directory).sort(), outside);
      assert.deepEqual(readdirSync(`${network.directory}/outside`), ['file']);
      assert.ok(!existsSync('/tmp/dfsync-evil'));
      assert.equal(n1.read('acme/directory/file.txt'), 'precious');
      assert.equal(await n1.isReady(), true);
      peer.lie({});
      await n1.until('it to be heard again', async () => (await n1.status()).peers.find(each => each.roleid === 2)!.up);
      await n1.until(
        'what it had announced to be no failure any more',
        async () => !/^(transfer|unwritable) /m.test(await items()),
      );
    });

  test('a redirect to elsewhere: nobody goes there, and no token is told', async () => {
    const n1 = network.get('n1');
    await using elsewhere = await httpStub(network.get('n2').place.opsPort, (_, response) => response.end('{}'));
    for (const status of [301, 302, 307, 308]) {
      const location = `http://127.0.0.1:${network.get('n2').place.opsPort}/v1/self`;
      peer.lie({ domains: r => void r.writeHead(status, { ...peer.headers, location }).end() });
      await n1.until(`a reason that says ${status}`, async () =>
        new RegExp(`${status}`).test((await n1.status()).peers.find(each => each.roleid === 2)!.reason ?? ''),
      );
    }
    assert.equal(elsewhere.asked(), 0);
    peer.lie({});
  });
});
