/** Dates, modes and owners: what a file system or its owner does not let dfsync keep is listed, and never becomes a change. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Instance } from './instance.ts';
import { TestNetwork } from './network.ts';

const isRoot = process.getuid?.() === 0;
const IMAGE_BYTES = 64 << 20;
const APPLICATION = { uid: 1234, gid: 2345 };

/** Makes a file system in a file. */
const fileSystems = [
  { name: 'ext2 with small inodes (whole seconds, until 2038)', make: 'mkfs.ext2 -q -I 128', options: 'loop' },
  { name: 'FAT (two seconds, one mode for all)', make: 'mkfs.vfat', options: 'loop' },
] as const;

async function classes(instance: Instance): Promise<string[]> {
  return (await instance.domain('acme')).items.map(item => `${item.class} ${item.path}`).sort();
}

for (const { name, make, options } of fileSystems)
  describe(`a volume of ${name}`, () => {
    let directory: string;
    let image: string;
    let why: string | undefined;
    let network: TestNetwork | undefined;
    before(async () => {
      directory = mkdtempSync(join(tmpdir(), 'dfsync-image-'));
      image = join(directory, 'image');
      const script = 'truncate -s "$3" "$1" && $2 "$1" && mkdir "$1.d" && mount -o "$4" "$1" "$1.d"';
      const made = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', image, make, String(IMAGE_BYTES), options]);
      if (made.status !== 0) why = `${make} and a loop mount do not work here: ${made.stderr}`;
    });
    after(async () => {
      await network?.close();
      rmSync(directory, { recursive: true, force: true });
    });

    test('keeps other dates or modes: they are listed, and nobody gets them back, over scans and restarts', async t => {
      if (why !== undefined) return t.skip(why);
      network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
      const [n1, n2] = [network.get('n1'), network.get('n2')];
      const inside = (path: string) => `/proc/${n2.pid}/root${n2.path(path)}`;
      const mount = [
        'unshare',
        '-m',
        'sh',
        '-c',
        `mount -o ${options} '${image}' '${n2.place.root}' && exec "$@"`,
        'sh',
      ];
      n1.write('acme/odd', 'odd', { date: new Date('2024-01-01T00:00:01.123Z'), mode: 0o640 });
      n1.write('acme/late', 'late', { date: new Date('2045-01-01T00:00:00Z'), mode: 0o755 });
      n1.write('acme/even', 'even', { date: new Date('2024-01-01T00:00:02Z'), mode: 0o755 });
      const before = n1.tree('acme');
      await Promise.all([n1.start(), n2.start(mount)]);
      await n2.until('all to be there', () =>
        ['odd', 'late', 'even'].every(each => existsSync(inside(`acme/${each}`))),
      );
      await n2.until('what is kept otherwise to be listed', async () => (await classes(n2)).includes('attributes odd'));
      assert.notEqual(statSync(inside('acme/odd')).mtimeMs, before.get('odd')!.mtime);
      await n2.stop();
      await n2.start(mount);
      // Something new proves that both have compared all.
      n1.write('acme/after', 'after', { date: new Date('2024-01-01T00:00:04Z') });
      await n2.until('something new to arrive', () => existsSync(inside('acme/after')));
      await n2.until('it to be in sync', async () => (await n2.domain('acme')).state === 'in-sync');
      await n1.until('so the other', async () => (await n1.domain('acme')).state === 'in-sync');
      assert.equal(await n1.contentReceived(), 0);
      for (const [path, node] of before) assert.deepEqual(n1.tree('acme').get(path), node, path);
      // An edit there is a change like any other.
      writeFileSync(inside('acme/odd'), 'odd, and edited here');
      await n1.until('an edit to arrive', () => n1.read('acme/odd') === 'odd, and edited here');
    });
  });

describe('owners', { skip: isRoot ? false : 'needs root to give files away' }, () => {
  let network: TestNetwork;
  let n1: Instance;
  let n2: Instance;
  before(async () => {
    network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
    [n1, n2] = [network.get('n1'), network.get('n2')];
  });
  after(() => network.close());

  const ownerOf = (path: string) => {
    const { uid, gid } = lstatSync(n2.path(path));
    return { uid, gid };
  };

  test('as root: what is new gets those of its directory, what is replaced keeps its own', async () => {
    n1.write('acme/replaced', 'first');
    n1.write('acme/large replaced', Buffer.alloc(300_000, 'a'));
    await network.start();
    await network.converge('acme');
    chownSync(n2.path('acme'), APPLICATION.uid, APPLICATION.gid);
    for (const path of ['replaced', 'large replaced']) chownSync(n2.path(`acme/${path}`), 11, 22);
    for (let i = 0; i < 20; i++) n1.write(`acme/directory/${i}`, `${i}`);
    n1.write('acme/new', 'new');
    n1.write('acme/large', Buffer.alloc(300_000, 'b'));
    execFileSync('ln', ['-s', 'new', n1.path('acme/link')]);
    n1.write('acme/replaced', 'second, and longer');
    n1.write('acme/large replaced', Buffer.alloc(310_000, 'c'));
    await network.barrier('acme', 'n1');
    for (const path of ['new', 'large', 'link', 'directory', 'directory/0', 'directory/19'])
      assert.deepEqual(ownerOf(`acme/${path}`), APPLICATION, path);
    for (const path of ['replaced', 'large replaced'])
      assert.deepEqual(ownerOf(`acme/${path}`), { uid: 11, gid: 22 }, path);
  });

  test('as an ordinary user: a mode of a file that is another’s is refused, listed, and never taken for a change', async t => {
    const user = 54_321;
    const before = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
    if (spawnSync(before[0]!, [...before.slice(1), process.execPath, '--version']).status !== 0)
      return t.skip('needs setpriv, and a Node that an ordinary user may run');
    await n2.stop();
    execFileSync('chown', ['-R', `${user}:${user}`, n2.place.root]);
    chmodSync(network.directory, 0o755);
    const secrets = [n2.place.tokenFile, n2.place.adminTokenFile];
    for (const file of secrets) chownSync(file, user, user);
    chownSync(n2.path('acme/replaced'), 0, 0);
    await n2.start(before);
    chmodSync(n1.path('acme/replaced'), 0o600);
    chmodSync(n1.path('acme/new'), 0o600);
    await n2.until('it to be listed', async () => (await classes(n2)).includes('attributes replaced'));
    await network.until('the other mode to arrive', () => (statSync(n2.path('acme/new')).mode & 0o777) === 0o600);
    await n2.stop();
    await n2.start(before);
    mkdirSync(n1.path('acme/.after'));
    await network.until('something new to arrive', () => existsSync(n2.path('acme/.after')));
    await n1.until('it to be in sync', async () => (await n1.domain('acme')).state === 'in-sync');
    assert.equal(statSync(n1.path('acme/replaced')).mode & 0o777, 0o600);
    assert.notEqual(statSync(n2.path('acme/replaced')).mode & 0o777, 0o600);
    assert.deepEqual(ownerOf('acme/replaced'), { uid: 0, gid: 0 });
  });

  test('as an ordinary user in the group of the application: what is new, and what is replaced, has that group', async t => {
    const before = ['setpriv', '--reuid=54321', '--regid=54321', `--groups=${APPLICATION.gid}`];
    if (spawnSync(before[0]!, [...before.slice(1), process.execPath, '--version']).status !== 0)
      return t.skip('needs setpriv, and a Node that an ordinary user may run');
    await n2.stop();
    const shared = n2.path('acme/shared');
    for (const path of ['acme/shared/theirs', 'acme/shared/theirs, large'])
      n2.write(path, 'of the application', { mode: 0o664, date: new Date('2024-01-01') });
    execFileSync('chown', ['-R', `${APPLICATION.uid}:${APPLICATION.gid}`, shared]);
    chmodSync(shared, 0o2775);
    await n2.start(before);
    await n1.until('them to be known', () => existsSync(n1.path('acme/shared/theirs, large')));
    n1.write('acme/shared/theirs', 'replaced');
    n1.write('acme/shared/theirs, large', Buffer.alloc(300_000));
    n1.write('acme/shared/new', 'new', { mode: 0o664 });
    n1.write('acme/shared/directory/new', 'new', { mode: 0o664 });
    chmodSync(n1.path('acme/shared/directory'), 0o775);
    for (const path of ['theirs', 'theirs, large', 'new', 'directory', 'directory/new']) {
      const at = `acme/shared/${path}`;
      await n2.until(`${path} to arrive`, () => lstatSync(n2.path(at)).uid === 54_321);
      assert.equal(ownerOf(at).gid, APPLICATION.gid, path);
    }
    await n2.until('the mode to arrive', () => (statSync(n2.path('acme/shared/directory')).mode & 0o7777) === 0o2775);
  });
});
