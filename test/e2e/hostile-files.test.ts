/** What file systems do to a domain: others flow on, what cannot be had is listed with class, age and next try, and heals by itself. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { ItemProblem } from '../../src/ops/status.ts';
import type { Instance } from './instance.ts';
import { TestNetwork } from './network.ts';
import { Hopeless } from './until.ts';

const MIB = 1 << 20;
/** Of files that travel in a bundle, and alone. */
const SIZES = [
  ['small', 1_000],
  ['large', MIB],
] as const;
/** The volume of the second instance: a few files fill it. */
const VOLUME_MIB = 16;

const canMount = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']).status === 0;

async function item(instance: Instance, path: string): Promise<ItemProblem | undefined> {
  return (await instance.domain('acme')).items.find(each => each.path === path);
}

describe('a volume that is small', {
  skip: canMount ? false : 'needs root and unshare -m for a mount of its own',
}, () => {
  let network: TestNetwork;
  let n1: Instance;
  let n2: Instance;
  /** Its volume as its own process sees it: mounted for nobody else. */
  const inside = (path: string) => `/proc/${n2.pid}/root${n2.path(path)}`;

  before(async () => {
    network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
    [n1, n2] = [network.get('n1'), network.get('n2')];
    const mount = `mount -t tmpfs -o size=${VOLUME_MIB}m tmpfs '${n2.place.root}' && exec "$@"`;
    await Promise.all([n1.start(), n2.start(['unshare', '-m', 'sh', '-c', mount, 'sh'])]);
  });
  after(() => network.close());

  test('a file larger than it is listed and not begun; others arrive; when it goes, so does the item', async () => {
    n1.write('acme/large', Buffer.alloc(2 * VOLUME_MIB * MIB));
    await n2.until('it to be listed', async () => {
      const found = await item(n2, 'large');
      return (
        found?.class === 'unwritable' &&
        /bytes more.*free some space/.test(found.message) &&
        found.nextTry &&
        found.since
      );
    });
    n1.write('acme/small', 'small');
    await n2.until('a small one to arrive', () => existsSync(inside('acme/small')));
    assert.ok(
      (await n2.metrics()).some(({ name, labels }) => name === 'dfsync_item_errors' && labels.class === 'unwritable'),
    );
    rmSync(n1.path('acme/large'));
    await n2.until('the item to go', async () => (await item(n2, 'large')) === undefined);
  });

  test('filled by somebody else: it is halted with the reason, serves on, and goes on when it is free again', async () => {
    writeFileSync(inside('filler'), Buffer.alloc((VOLUME_MIB - 1) * MIB));
    try {
      writeFileSync(inside('filler2'), Buffer.alloc(2 * MIB));
    } catch {
      // Full to the last byte.
    }
    n1.write('acme/late', 'late');
    assert.match(await n2.halted('acme'), /free.*free some space/);
    writeFileSync(n1.path('acme/small'), 'changed');
    assert.equal(readFileSync(inside('acme/small'), 'utf8'), 'small');
    for (const name of ['filler', 'filler2']) rmSync(inside(name), { force: true });
    await n2.until('what was put off to arrive', () => readFileSync(inside('acme/late'), 'utf8') === 'late');
    await n2.until('the change too', () => readFileSync(inside('acme/small'), 'utf8') === 'changed');
    await n2.until('it to be in sync', async () => (await n2.domain('acme')).state === 'in-sync');
  });

  test('another file system mounted over it: nothing is deleted anywhere, and it goes on when that is gone', async () => {
    const within = (...command: string[]) => execFileSync('nsenter', ['-t', String(n2.pid), '-m', ...command]);
    for (let i = 0; i < 12; i++) n1.write(`acme/many/${i}`, `${i}`);
    await n2.until('all to be there', () => existsSync(inside('acme/many/11')));
    within('mount', '-t', 'tmpfs', 'tmpfs', n2.path('acme'));
    await n2.halted('acme');
    n1.write('acme/meanwhile', 'x');
    assert.ok(existsSync(n1.path('acme/many/11')));
    within('umount', n2.path('acme'));
    await n2.until('what was put off to arrive', () => existsSync(inside('acme/meanwhile')));
    assert.ok(existsSync(n1.path('acme/many/11')) && existsSync(inside('acme/many/11')));
  });

  test('read-only for a while: it is said, and heals', async () => {
    const within = (...command: string[]) => execFileSync('nsenter', ['-t', String(n2.pid), '-m', ...command]);
    within('mount', '-o', 'remount,ro', n2.place.root);
    n1.write('acme/unwritten', 'x');
    await n2.until('it to be said', async () => {
      const { items, reason = '' } = await n2.domain('acme');
      return /read-only|EROFS/i.test(`${reason} ${items.map(each => each.message).join()}`);
    });
    within('mount', '-o', 'remount,rw', n2.place.root);
    await n2.until('it to arrive', () => existsSync(inside('acme/unwritten')));
    await n2.until('the item to go', async () => (await item(n2, 'unwritten')) === undefined);
  });
});

describe('a volume that is full to the last byte', {
  skip: canMount ? false : 'needs root and unshare -m for a mount of its own',
}, () => {
  test('what arrives is listed, what changes there is announced, and all heals when there is room', async () => {
    const options = { minFree: 0 };
    const network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] }, options });
    try {
      const [n1, n2] = [network.get('n1'), network.get('n2')];
      const inside = (path: string) => `/proc/${n2.pid}/root${n2.path(path)}`;
      const mount = `mount -t tmpfs -o size=${VOLUME_MIB}m tmpfs '${n2.place.root}' && exec "$@"`;
      await Promise.all([n1.start(), n2.start(['unshare', '-m', 'sh', '-c', mount, 'sh'])]);
      for (const name of ['old', 'edited']) n1.write(`acme/${name}`, name);
      await n2.until('the first files', () => existsSync(inside('acme/old')) && existsSync(inside('acme/edited')));
      // Ends with ENOSPC, which is what it is for.
      spawnSync('dd', ['if=/dev/zero', `of=${inside('filler')}`, 'bs=4096'], { stdio: 'ignore' });
      n1.write('acme/small', Buffer.alloc(100_000, 's'));
      n1.write('acme/large', Buffer.alloc(MIB, 'l'));
      n1.write('acme/edited', 'edited again');
      for (const path of ['small', 'large', 'edited'])
        await n2.until(`${path} to be listed`, async () => {
          const found = await item(n2, path);
          return found?.class === 'unwritable' && found.nextTry !== undefined && found.sources[0] === 'dfsync1';
        });
      assert.equal(readFileSync(inside('acme/edited'), 'utf8'), 'edited');
      renameSync(inside('acme/old'), inside('acme/renamed'));
      await n1.until(
        'the rename to arrive',
        () => existsSync(n1.path('acme/renamed')) && !existsSync(n1.path('acme/old')),
      );
      rmSync(inside('filler'));
      await n2.until('all to arrive', () => readFileSync(inside('acme/edited'), 'utf8') === 'edited again');
      await n2.until(
        'the others too',
        () => statSync(inside('acme/small')).size === 100_000 && statSync(inside('acme/large')).size === MIB,
      );
      await n2.until('nothing to be listed', async () => (await n2.domain('acme')).items.length === 0);
      assert.equal(await n2.isReady(), true);
      assert.equal(n1.read('acme/renamed'), 'old');
    } finally {
      await network.close();
    }
  });
});

describe('a volume on which no file more can be made', {
  skip: canMount ? false : 'needs root and unshare -m for a mount of its own',
}, () => {
  test('a file that a peer has made a directory of is deleted nowhere, and becomes one when there is room', async () => {
    const network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
    try {
      const [n1, n2] = [network.get('n1'), network.get('n2')];
      const inside = (path: string) => `/proc/${n2.pid}/root${n2.path(path)}`;
      const mount = `mount -t tmpfs -o nr_inodes=200 tmpfs '${n2.place.root}' && exec "$@"`;
      await Promise.all([n1.start(), n2.start(['unshare', '-m', 'sh', '-c', mount, 'sh'])]);
      const names = ['gone', 'edited', 'replaced'];
      for (const name of names) n1.write(`acme/${name}`, name);
      await n2.until('all to be there', () => names.every(name => existsSync(inside(`acme/${name}`))));
      // So that its trash has a directory for today.
      rmSync(n1.path('acme/gone'));
      await n2.until('one to be in the trash', () => !existsSync(inside('acme/gone')));
      mkdirSync(inside('filler'));
      assert.throws(() => {
        for (let i = 0; i < 200; i++) writeFileSync(inside(`filler/${i}`), '');
      }, /ENOSPC/);
      rmSync(n1.path('acme/replaced'));
      mkdirSync(n1.path('acme/replaced'));
      await n2.until('it to have been tried for longer than what is missing is not announced', async () => {
        const { since, message, nextTry = 0 } = (await item(n2, 'replaced'))!;
        return nextTry - since > 1_000 && /no inodes are left/.test(message);
      });
      // In place, without an inode; what was to be announced before arrives before it.
      writeFileSync(inside('acme/edited'), 'edited');
      await n1.until('that edit to arrive', () => n1.read('acme/edited') === 'edited');
      assert.ok(statSync(n1.path('acme/replaced')).isDirectory());
      rmSync(inside('filler'), { recursive: true });
      await n2.until('it to be a directory', () => statSync(inside('acme/replaced')).isDirectory());
      await n2.until('nothing to be listed', async () => (await n2.domain('acme')).items.length === 0);
      assert.ok(statSync(n1.path('acme/replaced')).isDirectory());
    } finally {
      await network.close();
    }
  });
});

describe('a volume that gets full in the middle', {
  skip: canMount ? false : 'needs root and unshare -m for a mount of its own',
}, () => {
  let network: TestNetwork;
  let n1: Instance;
  let s1: Instance;
  const inside = (path: string) => `/proc/${s1.pid}/root${s1.path(path)}`;
  /** Ends with ENOSPC, which is what it is for. */
  const fill = () => spawnSync('dd', ['if=/dev/zero', `of=${inside('filler')}`, 'bs=4096'], { stdio: 'ignore' });

  before(async () => {
    const shape = { sites: { north: ['n1'], south: ['s1'] }, domains: { acme: ['north', 'south'] } };
    network = await TestNetwork.create({ ...shape, options: { minFree: 0 } });
    [n1, s1] = [network.get('n1'), network.get('s1')];
    n1.write('acme/seed', 'seed', { date: new Date('2024-01-01') });
    // A file that it has already: what a first scan met is not in the journal, so that the cache has to be written; there is no room.
    const script = `mount -t tmpfs -o size=${VOLUME_MIB}m tmpfs "$1" && mkdir "$1/acme" && cp -p "$2" "$1/acme" &&
      mkdir -p "$1/.dfsync/cache" && mount -t tmpfs -o size=256k tmpfs "$1/.dfsync/cache" && mkdir "$1/.dfsync/cache/acme" &&
      { dd if=/dev/zero of="$1/.dfsync/cache/acme/filler" bs=4096 2>/dev/null; shift 2; exec "$@"; }`;
    await n1.start();
    await s1.start(['unshare', '-m', 'sh', '-c', script, 'sh', s1.place.root, n1.path('acme/seed')]);
  });
  after(() => network.close());

  test('of the writing of the cache: probe, status and metric say it while it lasts', async () => {
    await s1.until('the cache not to be written', async () =>
      /ENOSPC/.test((await s1.domain('acme')).cacheTrouble ?? ''),
    );
    assert.ok((await s1.metrics()).some(({ name, value }) => name === 'dfsync_cache_unwritten' && value === 1));
    const probe = await fetch(`http://127.0.0.1:${s1.place.opsPort}/readyz?verbose`);
    assert.match(await probe.text(), /^\[!\] cache of acme\.example: .*ENOSPC; next: free some space/m);
    assert.equal(probe.status, 200);
    rmSync(inside('.dfsync/cache/acme/filler'));
    await s1.until('it to be written', async () => (await s1.domain('acme')).cacheTrouble === undefined);
    await s1.until('the metric to say so', async () =>
      (await s1.metrics()).every(({ name, value }) => name !== 'dfsync_cache_unwritten' || value === 0),
    );
  });

  test('of a transfer: it is listed with its next try, others wait for no one, and it goes on when there is room', async () => {
    const wire = network.relay('n1');
    wire.holdAfter(2 * MIB);
    n1.write('acme/large', Buffer.alloc(6 * MIB, 'l'));
    await network.until('some of it to have passed', () => wire.isHeld);
    fill();
    wire.release();
    await s1.until('it to be listed', async () => {
      const found = await item(s1, 'large');
      return (
        found?.class === 'unwritable' && found.nextTry !== undefined && /ENOSPC|free some space/.test(found.message)
      );
    });
    assert.ok(!existsSync(inside('acme/large')));
    assert.ok(
      (await s1.metrics()).some(({ name, labels }) => name === 'dfsync_item_errors' && labels.class === 'unwritable'),
    );
    assert.equal(readFileSync(inside('acme/seed'), 'utf8'), 'seed');
    rmSync(inside('filler'));
    await s1.until('it to arrive', () => readFileSync(inside('acme/large')).equals(Buffer.alloc(6 * MIB, 'l')));
    await s1.until('nothing to be listed', async () => (await s1.domain('acme')).items.length === 0);
  });
});

/** Preloaded, it kills a process at a step of its own. */
const KILL_AT = new URL('../faults/kill-at.ts', import.meta.url).href;
/** A user who owns nothing. */
const USER = 54_321;
const AS_USER = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
const canBeUser = spawnSync(AS_USER[0]!, [...AS_USER.slice(1), process.execPath, '--version']).status === 0;

describe('a file that the instance may not read', {
  skip: canBeUser ? false : 'needs root, setpriv, and a Node that an ordinary user may run',
}, () => {
  let network: TestNetwork;
  let n1: Instance;
  let n2: Instance;
  before(async () => {
    network = await TestNetwork.create({ sites: { north: ['n1', 'n2', 'n3'] }, domains: { acme: ['north'] } });
    [n1, n2] = [network.get('n1'), network.get('n2')];
    for (const [path, size] of SIZES) n1.write(`acme/known ${path}`, Buffer.alloc(size, 'k'));
    execFileSync('chown', ['-R', `${USER}:${USER}`, network.directory]);
    await Promise.all([n1.start(AS_USER), n2.start(AS_USER)]);
    await network.converge('acme', [n1, n2]);
  });
  after(() => network.close());

  /** Of one instance: what it lists, counts and says of a path. */
  async function lists(instance: Instance, path: string, problem: string, message: RegExp): Promise<ItemProblem> {
    const found = await instance.until(`${path} to be listed as ${problem}`, async () => {
      const found = await item(instance, path);
      return found?.class === problem ? found : undefined;
    });
    assert.match(found.message, message);
    await instance.until('a metric to count it', async () =>
      (await instance.metrics()).some(
        ({ name, labels, value }) => name === 'dfsync_item_errors' && labels.class === problem && value > 0,
      ),
    );
    const probe = await fetch(`http://127.0.0.1:${instance.place.opsPort}/readyz?verbose`);
    assert.match(
      await probe.text(),
      new RegExp(`paths of acme\\.example: not in order: .*\\d ${problem}; next: dfsync mismatches`),
    );
    assert.equal(probe.status, 200);
    return found;
  }

  for (const [cause, take, give] of [
    ['its mode', (path: string) => chmodSync(path, 0), (path: string) => chmodSync(path, 0o644)],
    ['its owner', (path: string) => chownSync(path, 0, 0), (path: string) => chownSync(path, USER, USER)],
  ] as const)
    test(`for ${cause}: others arrive, both sides say why, and it comes when that has changed`, async () => {
      for (const [name, size] of SIZES) {
        const path = `acme/${name}, ${cause}`;
        // It gets its name when it cannot be read any more: otherwise it could be away by then.
        n1.write(`aside/${name}`, Buffer.alloc(size, 'c'), { mode: 0o600 });
        take(n1.path(`aside/${name}`));
        renameSync(n1.path(`aside/${name}`), n1.path(path));
      }
      n1.write(`acme/open, ${cause}`, 'open');
      await n2.until('the others to arrive', () => existsSync(n2.path(`acme/open, ${cause}`)));
      for (const [name] of SIZES) {
        const path = `${name}, ${cause}`;
        await lists(n1, path, 'unreadable', /cannot be read \(EACCES\).*give the user of this instance permission/);
        const there = await lists(n2, path, 'transfer', /peer 1.*cannot read/);
        assert.ok(there.nextTry !== undefined && there.since <= there.nextTry);
        assert.deepEqual(there.sources, ['dfsync1']);
      }
      const { since } = (await item(n1, `small, ${cause}`))!;
      await n1.operate('rescan');
      assert.equal((await item(n1, `small, ${cause}`))?.since, since, 'it is as old as it was');
      for (const [name] of SIZES) give(n1.path(`acme/${name}, ${cause}`));
      for (const [name, size] of SIZES)
        await network.until(`${name} to arrive`, () => statSync(n2.path(`acme/${name}, ${cause}`)).size === size);
      for (const instance of [n1, n2])
        await instance.until('nothing to be listed', async () => (await instance.domain('acme')).items.length === 0);
    });

  test('of two servers: it comes from the other one', async () => {
    for (const [name] of SIZES) chownSync(n1.path(`acme/known ${name}`), 0, 0);
    for (const [name] of SIZES) chmodSync(n1.path(`acme/known ${name}`), 0o600);
    await n2.until('the mode to arrive', () => (statSync(n2.path('acme/known large')).mode & 0o777) === 0o600);
    const n3 = network.get('n3');
    await n3.start(AS_USER);
    for (const [name, size] of SIZES)
      await n3.until(`${name} to arrive`, () => statSync(n3.path(`acme/known ${name}`)).size === size);
    await n3.until('nothing to be listed there', async () => (await n3.domain('acme')).items.length === 0);
  });
});

describe('a mode that shuts', {
  skip: canBeUser ? false : 'needs root, setpriv, and a Node that an ordinary user may run',
}, () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
    execFileSync('chown', ['-R', `${USER}:${USER}`, network.directory]);
    await Promise.all([network.get('n1').start(), network.get('n2').start(AS_USER)]);
    await network.converge('acme');
  });
  after(() => network.close());

  test('a file to everybody: it arrives at an instance that may not read it either', async () => {
    const [n1, n2] = [network.get('n1'), network.get('n2')];
    for (const [name, size] of SIZES) {
      n1.write(`aside/${name}`, Buffer.alloc(size, 'c'), { mode: 0 });
      renameSync(n1.path(`aside/${name}`), n1.path(`acme/${name}`));
    }
    for (const [name, size] of SIZES)
      await network.until(`${name} to arrive`, () => {
        const stat = statSync(n2.path(`acme/${name}`));
        return stat.size === size && (stat.mode & 0o777) === 0;
      });
    await n2.until('nothing to be listed', async () => (await n2.domain('acme')).items.length === 0);
  });

  test('a directory to its owner: it is shut still after a kill -9 in the middle of a step', async () => {
    const [n1, n2] = [network.get('n1'), network.get('n2')];
    const mode = (instance: Instance) => statSync(instance.path('acme/shut')).mode & 0o777;
    n1.write('acme/shut/file', 'old');
    await network.converge('acme');
    chmodSync(n1.path('acme/shut'), 0o555);
    await n2.until('it to be shut', () => mode(n2) === 0o555);
    await n2.stop();
    n1.write('acme/shut/file', 'the new one');
    // A start tries a rename into each of the two domains. The one of the file is refused, so it opens the directory: it dies before the
    // next one.
    const dying = { KILL_VOLUME: n2.place.root, KILL_AT: 'rename staging>tree#4', NODE_OPTIONS: `--import=${KILL_AT}` };
    n2.launch([...AS_USER, 'env', ...Object.entries(dying).map(([name, value]) => `${name}=${value}`)]);
    await network.until('it to be dead', () => n2.wasKilled);
    assert.deepEqual([mode(n2), n2.read('acme/shut/file')], [0o755, 'old']);
    await n2.start(AS_USER);
    await network.barrier('acme', 'n1');
    assert.deepEqual([mode(n1), mode(n2), n2.read('acme/shut/file')], [0o555, 0o555, 'the new one']);
  });
});

describe('a tree', () => {
  let network: TestNetwork;
  let n1: Instance;
  let n2: Instance;
  before(async () => {
    network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
    [n1, n2] = [network.get('n1'), network.get('n2')];
    await network.start();
  });
  after(() => network.close());

  test('a directory becomes a file, and a directory again; names change their case alone', async () => {
    n1.write('acme/swap/inner', 'a');
    n1.write('acme/Case', 'case');
    await network.barrier('acme', 'n1');
    rmSync(n1.path('acme/swap'), { recursive: true });
    n1.write('acme/swap', 'a file');
    renameSync(n1.path('acme/Case'), n1.path('acme/cASE'));
    await network.until('the file', () => statSync(n2.path('acme/swap')).isFile() && !existsSync(n2.path('acme/Case')));
    rmSync(n1.path('acme/swap'));
    n1.write('acme/swap/inner', 'b');
    await network.until('the directory', () => n2.read('acme/swap/inner') === 'b');
    assert.deepEqual(
      [...(await network.barrier('acme', 'n1')).keys()].filter(key => /case/i.test(key)),
      ['cASE'],
    );
  });

  test('hard links become copies; a sparse file keeps its size and its holes', async () => {
    n1.write('acme/linked/one', 'linked');
    linkSync(n1.path('acme/linked/one'), n1.path('acme/linked/two'));
    n1.write('acme/sparse', 'head');
    truncateSync(n1.path('acme/sparse'), 64 * MIB);
    await network.converge('acme');
    assert.equal(n2.read('acme/linked/two'), 'linked');
    const { size, blocks } = statSync(n2.path('acme/sparse'));
    assert.equal(size, 64 * MIB);
    assert.ok(blocks * 512 < MIB, `${blocks * 512} bytes are taken`);
  });

  test('a path that is too long stays where it is, is listed, and stops nothing', async () => {
    // The system takes none of more than 4,095 bytes in one piece.
    const script =
      'set -e; cd "$1"; for i in $(seq 19); do mkdir "$2"; cd "$2"; done; echo deep >deep; echo long >"$3"';
    mkdirSync(n1.path('acme/long'));
    execFileSync('sh', ['-c', script, 'sh', n1.path('acme/long'), 'x'.repeat(198), 'l'.repeat(80)]);
    const found = await n1.until('it to be listed', async () =>
      (await n1.domain('acme')).items.find(each => each.class === 'too-long'),
    );
    assert.equal(found.path.length, 4 + 19 * 199 + 1 + 80);
    const deep = `acme/long/${`${'x'.repeat(198)}/`.repeat(19)}deep`;
    await network.until('its neighbour to arrive', () => n2.read(deep) === 'deep\n');
    assert.deepEqual((await n2.domain('acme')).items, []);
    await n1.stop();
    await n1.start();
    assert.doesNotMatch(n1.log, /damaged/);
    rmSync(n1.path('acme/long'), { recursive: true });
    await network.until('all to go', () => !existsSync(n2.path('acme/long')));
  });

  test('pipes, sockets and devices stay where they are, and stop nothing', async t => {
    if (!canMount) return t.skip('needs root for a device');
    mkdirSync(n1.path('acme/special'));
    execFileSync('mkfifo', [n1.path('acme/special/pipe')]);
    execFileSync('mknod', [n1.path('acme/special/device'), 'c', '1', '3']);
    const server = createServer().listen(n1.path('acme/special/socket'));
    await once(server, 'listening');
    n1.write('acme/special/file', 'after them');
    await network.until('the file to arrive', () => existsSync(n2.path('acme/special/file')));
    assert.deepEqual([...n2.tree('acme/special').keys()], ['file']);
    assert.deepEqual([...n1.tree('acme/special').keys()].sort(), ['device', 'file', 'pipe', 'socket']);
    for (const path of ['pipe', 'device', 'socket'])
      await n1.until(`${path} to be listed`, async () => (await item(n1, `special/${path}`))?.class === 'special');
    rmSync(n1.path('acme/special/pipe'));
    await n1.until('it to be listed no more', async () => (await item(n1, 'special/pipe')) === undefined);
    server.close();
  });
});

describe('a large file that changes while it is sent', () => {
  let network: TestNetwork;
  let n1: Instance;
  let s1: Instance;
  before(async () => {
    network = await TestNetwork.create({
      sites: { north: ['n1'], south: ['s1'] },
      domains: { acme: ['north', 'south'] },
    });
    [n1, s1] = [network.get('n1'), network.get('s1')];
    await network.start();
  });
  after(() => network.close());

  const MEBIBYTES = 8;
  const changes: Record<string, [change: (path: string) => void, last: Buffer]> = {
    'is written over, in place': [
      path => {
        const fd = openSync(path, 'r+');
        writeSync(fd, Buffer.alloc(MEBIBYTES * MIB, 'b'));
        closeSync(fd);
      },
      Buffer.alloc(MEBIBYTES * MIB, 'b'),
    ],
    'gets shorter': [path => writeFileSync(path, Buffer.alloc(MIB, 'b')), Buffer.alloc(MIB, 'b')],
    'gets longer': [
      path => writeFileSync(path, Buffer.alloc((MEBIBYTES + 4) * MIB, 'b')),
      Buffer.alloc((MEBIBYTES + 4) * MIB, 'b'),
    ],
    'is replaced by rename': [
      path => {
        writeFileSync(`${path}~`, Buffer.alloc(MEBIBYTES * MIB, 'b'));
        renameSync(`${path}~`, path);
      },
      Buffer.alloc(MEBIBYTES * MIB, 'b'),
    ],
  };
  for (const [name, [change, last]] of Object.entries(changes))
    test(`${name}: the peer has it as it was, or as it is, and never a mixture`, async () => {
      const path = `acme/${name}`;
      const wire = network.relay('n1');
      wire.holdAfter(2 * MIB);
      n1.write(path, Buffer.alloc(MEBIBYTES * MIB, 'a'));
      await network.until('some of it to have passed', () => wire.isHeld);
      change(n1.path(path));
      wire.release();
      await network.until('the last of it to arrive', () => {
        if (!existsSync(s1.path(path))) return false;
        const seen = readFileSync(s1.path(path));
        const isWhole = seen.equals(last) || seen.equals(Buffer.alloc(MEBIBYTES * MIB, 'a'));
        if (!isWhole) throw new Hopeless(`of nobody: ${seen.length} bytes, ${seen.indexOf('b')} of the first`);
        return seen.equals(last);
      });
      await network.converge('acme');
    });
});
