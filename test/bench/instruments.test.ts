/** What the benchmark measures with: the machine, processes, wires, files. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { differences, readTree } from '../e2e/tree.ts';
import { Hopeless } from '../e2e/until.ts';
import { CacheWrites } from './cache-writes.ts';
import { fileOf, growLargeFile, growSmallFiles } from './grow-tree.ts';
import { fileSystemOf, lackOf } from './machine.ts';
import { momentOf } from './moment.ts';
import { cpuSeconds, kilobytes, memoryOf, treeOf } from './process-tree.ts';
import { alternate } from './rounds.ts';
import { assertSame, readAll } from './same-tree.ts';
import { Wire } from './wire.ts';

const BENCH = fileURLToPath(new URL('bench.ts', import.meta.url));

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dfsync-bench-test-'));
});
after(() => rmSync(directory, { recursive: true }));

describe('the command line', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [BENCH, ...args], { encoding: 'utf8' });

  test('names its rows', () => {
    const { status, stdout } = run('--list');
    assert.equal(status, 0);
    for (const name of ['first-sync', 'rewrites', 'one-change']) assert.ok(stdout.includes(name), name);
  });

  const refused: [name: string, args: string[], says: RegExp][] = [
    ['a row that there is not', ['--only', 'speed'], /there is no speed/],
    ['a number that is none', ['--rounds', 'many'], /above 0/],
    ['an option that there is not', ['--fast'], /unknown option/],
  ];
  for (const [name, args, says] of refused)
    test(`refuses ${name} with exit code 2, and measures nothing`, () => {
      const { status, stdout, stderr } = run(...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, says);
      assert.equal(stdout, '');
    });

  test('names the package of a program that is missing', () => {
    const { status, stderr } = spawnSync(process.execPath, [BENCH, '--only', 'first-sync', '--scale', '0.01'], {
      encoding: 'utf8',
      env: { ...process.env, PATH: directory },
    });
    assert.equal(status, 2, stderr);
    assert.match(stderr, /rsync is not installed: apt-get install rsync/);
    assert.match(stderr, /inotifywait is not installed: apt-get install inotify-tools/);
  });
});

describe('the machine', () => {
  const MOUNTS = [
    '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '23 22 0:5 / /tmp rw shared:1 - tmpfs tmpfs rw',
    '24 22 0:6 / /t rw - xfs /dev/sdb rw',
  ].join('\n');

  test('tells the file system of the closest mount', () => {
    assert.equal(fileSystemOf('/', MOUNTS), 'ext4');
    assert.equal(fileSystemOf('/usr', MOUNTS), 'ext4');
    assert.equal(fileSystemOf(tmpdir(), `${MOUNTS}\n25 1 0:7 / ${tmpdir()} rw - zfs z rw`), 'zfs');
  });

  test('says what room is lacking', () => {
    assert.equal(lackOf({ bytes: 1, files: 1 }, directory), undefined);
    assert.match(lackOf({ bytes: 1e18, files: 1 }, directory)!, /1000000000\.0 GB are needed/);
  });
});

describe('a tree of processes', () => {
  test('counts descendants, their memory and their time', async () => {
    const child = spawn('sh', ['-c', 'sleep 60 & wait'], { stdio: 'ignore' });
    try {
      await momentOf('the shell to have a child', () => treeOf(child.pid!).length === 2, { deadlineMs: 20_000 });
      const [shell, all] = [memoryOf(child.pid!), memoryOf(process.pid)];
      assert.ok(shell.pss > 0 && shell.rss >= shell.pss && shell.highest > 0, JSON.stringify(shell));
      assert.ok(all.rss > shell.rss);
      assert.ok(treeOf(process.pid).includes(child.pid!));
      assert.ok(cpuSeconds(process.pid) > 0);
    } finally {
      for (const pid of treeOf(child.pid!).reverse()) process.kill(pid, 'SIGKILL');
      await once(child, 'close');
    }
    assert.deepEqual(memoryOf(child.pid!), { pss: 0, rss: 0, highest: 0 });
  });

  test('is read from lines such as the kernel writes', () =>
    assert.equal(kilobytes('Rss:            1024 kB\nPss:             512 kB\nPss_Anon:        100 kB\n', 'Pss'), 512));
});

test('a wire counts what passes, both ways', async () => {
  const server = createServer(socket => socket.on('data', chunk => socket.end(`${chunk}${chunk}`))).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const wire = await Wire.to((server.address() as AddressInfo).port);
  const client = connect(wire.port, '127.0.0.1').setEncoding('utf8');
  let answer = '';
  client.on('data', chunk => {
    answer += chunk;
  });
  client.write('seven b');
  await once(client, 'close');
  assert.equal(answer, 'seven bseven b');
  assert.equal(wire.bytes, 21);
  wire.close();
  server.close();
});

test('what is written to a cache counts once: growth, new files, replaced ones', () => {
  const cache = join(directory, 'cache');
  mkdirSync(cache);
  const path = (name: string) => join(cache, name);
  writeFileSync(path('journal'), 'x'.repeat(100));
  writeFileSync(path('shard'), 'x'.repeat(1000));
  const writes = new CacheWrites(cache);
  appendFileSync(path('journal'), 'x'.repeat(7));
  writes.look();
  writeFileSync(path('shard.new'), 'x'.repeat(500));
  writes.look();
  appendFileSync(path('shard.new'), 'x'.repeat(501));
  renameSync(path('shard.new'), path('shard'));
  rmSync(path('journal'));
  assert.equal(writes.stop(), 7 + 1001);
});

describe('trees', () => {
  test('of the same numbers are equal, dates too', async () => {
    const grove = { files: 30, directories: 4, bytes: 100 };
    const [a, b] = [join(directory, 'a'), join(directory, 'b')];
    for (const root of [a, b]) await growSmallFiles(root, grove);
    assert.deepEqual(differences(readTree(a, { content: true }), readTree(b, { content: true })), []);
    const files = readdirSync(a, { recursive: true, withFileTypes: true }).filter(each => each.isFile());
    assert.equal(files.length, 30);
    assert.equal(statSync(join(a, fileOf(grove, 29))).isFile(), true);
  });

  const changes: [name: string, change: (root: string) => void][] = [
    ['a file more', root => writeFileSync(join(root, 'd00000/more'), '')],
    ['a file less', root => rmSync(join(root, 'd00003/f0000029.txt'))],
    ['another size', root => appendFileSync(join(root, 'd00001/f0000010.txt'), 'x')],
    ['another date', root => utimesSync(join(root, 'd00001/f0000010.txt'), 1, 1)],
    [
      'another target',
      root => {
        rmSync(join(root, 'link'));
        symlinkSync('there', join(root, 'link'));
      },
    ],
    ['another mode', root => chmodSync(join(root, 'd00002'), 0o700)],
  ];
  for (const [name, change] of changes)
    test(`differ by ${name}`, async () => {
      const grove = { files: 30, directories: 4, bytes: 100 };
      const [a, b] = [join(directory, `${name} a`), join(directory, `${name} b`)];
      for (const root of [a, b]) {
        await growSmallFiles(root, grove);
        symlinkSync('here', join(root, 'link'));
      }
      assertSame(a, b, { content: true });
      change(b);
      assert.throws(() => assertSame(a, b));
      assert.throws(() => assertSame(b, a));
    });

  test('are equal whose dates differ by less than a millisecond', async () => {
    const [a, b] = [join(directory, 'dates a'), join(directory, 'dates b')];
    for (const root of [a, b]) await growSmallFiles(root, { files: 1, directories: 1, bytes: 10 });
    for (const [root, second] of [
      [a, 1_700_000_000.0019],
      [b, 1_700_000_000.0011],
    ] as const)
      utimesSync(join(root, 'd00000/f0000000.txt'), second, second);
    assertSame(a, b);
  });

  test('that differ by content alone are equal until it is asked for', async () => {
    const grove = { files: 3, directories: 1, bytes: 100 };
    const [a, b] = [join(directory, 'content a'), join(directory, 'content b')];
    for (const root of [a, b]) await growSmallFiles(root, grove);
    const path = join(b, fileOf(grove, 1));
    const { size, mtimeMs } = statSync(path);
    writeFileSync(path, 'x'.repeat(size));
    utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
    assertSame(a, b);
    assert.throws(() => assertSame(a, b, { content: true }), /other content/);
    assert.equal(readAll(a), 3);
  });

  test('of one large file have its size, with blocks behind it', () => {
    growLargeFile(join(directory, 'large'), 3_000_001);
    const { size, blocks } = statSync(join(directory, 'large/large.bin'));
    assert.equal(size, 3_000_001);
    assert.ok(blocks * 512 >= size, 'it is sparse');
  });
});

test('rounds change who goes first, and keep the figures apart', async () => {
  const order: string[] = [];
  const measure = (name: string, value: number) => async (round: number) => {
    order.push(`${name}${round}`);
    return value + round;
  };
  const pair = await alternate(3, measure('o', 10), measure('t', 20), () => {});
  assert.deepEqual(order, ['o0', 't0', 't1', 'o1', 'o2', 't2']);
  assert.deepEqual(pair, { ours: [10, 11, 12], theirs: [20, 21, 22] });
});

describe('a moment', () => {
  test('comes when the condition holds, whatever it threw before', async () => {
    let looks = 0;
    const condition = () => {
      if (++looks === 1) throw new Error('not yet');
      return looks === 3 || 1;
    };
    await momentOf('it', condition);
    assert.equal(looks, 3);
  });

  test('that cannot come ends the wait, with the evidence', async () => {
    const hopeless = () => {
      throw new Hopeless('it is dead');
    };
    await assert.rejects(momentOf('it', hopeless, { evidence: () => 'its log' }), /it: it is dead\nits log/);
  });

  test('that does not come is an error', async () => {
    await assert.rejects(
      momentOf('it', () => false, { deadlineMs: 1 }),
      /waited in vain for it/,
    );
  });
});
