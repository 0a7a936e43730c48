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
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
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

/** A file system in a file: what makes it in $image, and what mounts it at $at, in a mount namespace that ends with its process. */
interface Way {
  readonly make: string;
  readonly mount: string;
}

const ofKernel = (make: string): Way => ({ make: `${make} "$image"`, mount: 'mount -o loop "$image" "$at"' });

/**
 * exFAT by FUSE, for kernels that have no FAT: whole seconds, and a mode that chmod seems to change. It is not fusefat that does this:
 * there O_TRUNC truncates nothing, and names get lost.
 *
 * A daemon would keep the namespace alive: it is to end with the process that the shell becomes. It writes what is left to the image
 * then, and holds a lock on that until it is done: whoever mounts it next waits.
 */
const BY_FUSE: Way = {
  make: 'mkfs.exfat "$image"',
  mount: `{
    exec 9<"$image" && flock 9 && device=$(losetup --find --show "$image") || exit
    setpriv --pdeathsig TERM mount.exfat-fuse -d "$device" "$at" >"$image.log" 2>&1 &
    while ! mountpoint -q "$at" && kill -0 $!; do sleep 0.05; done
    losetup --detach "$device"
    exec 9<&-
    mountpoint -q "$at" || { tail -n 3 "$image.log" >&2; exit 1; }
  }`,
};

/** The first way that works here is taken. */
const fileSystems: readonly { name: string; ways: readonly Way[] }[] = [
  { name: 'ext2 with small inodes (whole seconds, until 2038)', ways: [ofKernel('mkfs.ext2 -q -I 128')] },
  { name: 'FAT (seconds, or two; one mode for all)', ways: [ofKernel('mkfs.vfat'), BY_FUSE] },
];

async function classes(instance: Instance): Promise<string[]> {
  return (await instance.domain('acme')).items.map(item => `${item.class} ${item.path}`).sort();
}

for (const { name, ways } of fileSystems)
  describe(`a volume of ${name}`, () => {
    let directory: string;
    let image: string;
    let way: Way | undefined;
    let why = '';
    let network: TestNetwork | undefined;
    const mounting = ({ mount }: Way, at: string) => `image='${image}'; at='${at}'; ${mount}`;
    before(() => {
      directory = mkdtempSync(join(tmpdir(), 'dfsync-image-'));
      image = join(directory, 'image');
      const at = join(directory, 'mounted');
      mkdirSync(at);
      way = ways.find(each => {
        writeFileSync(image, '');
        truncateSync(image, IMAGE_BYTES);
        const script = `image='${image}'; { ${each.make}; } >/dev/null && ${mounting(each, at)}`;
        const { status, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' });
        if (status !== 0) why += `${each.make} and a mount do not work here: ${stderr}`;
        return status === 0;
      });
    });
    after(async () => {
      await network?.close();
      // Whoever has it mounted is gone after that.
      spawnSync('flock', [image, 'true']);
      rmSync(directory, { recursive: true, force: true });
    });

    test('keeps other dates or modes: they are listed, and nobody gets them back, over scans and restarts', async t => {
      if (!way) return t.skip(why);
      network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
      const [n1, n2] = [network.get('n1'), network.get('n2')];
      const inside = (path: string) => `/proc/${n2.pid}/root${n2.path(path)}`;
      const mount = ['unshare', '-m', 'sh', '-c', `${mounting(way, n2.place.root)} && exec "$@"`, 'sh'];
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
      assert.ok((await classes(n2)).includes('attributes odd'), 'it is listed still');
      assert.equal(await n1.contentReceived(), 0);
      for (const [path, node] of before) assert.deepEqual(n1.tree('acme').get(path), node, path);
      // An edit there is a change like any other, of the content and its date; the mode is nobody's change.
      writeFileSync(inside('acme/odd'), 'odd, and edited here');
      await n1.until('an edit to arrive', () => n1.read('acme/odd') === 'odd, and edited here');
      assert.equal(n1.tree('acme').get('odd')!.mode, 0o640);
      // So is a rename, of a name alone.
      renameSync(inside('acme/late'), inside('acme/renamed'));
      await n1.until(
        'a rename to arrive',
        () => existsSync(n1.path('acme/renamed')) && !existsSync(n1.path('acme/late')),
      );
      assert.deepEqual(n1.tree('acme').get('renamed'), before.get('late'));
      n1.write('acme/odd', 'odd, and edited again', { date: new Date('2024-01-01T00:00:03.123Z') });
      await n2.until('another one to arrive there', () => readFileSync(inside('acme/odd'), 'utf8').endsWith('again'));
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
