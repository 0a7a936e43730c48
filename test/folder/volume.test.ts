import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Disk, DiskError } from '../../src/folder/disk.ts';
import { realDisk } from '../../src/folder/real-disk.ts';
import { makePrivate, openVolume, VolumeError, type VolumeOptions } from '../../src/folder/volume.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';

const FIRST: VolumeOptions = { roleid: 7, freshId: 'id-1', now: 1_700_000_000_000 };
const AGAIN: VolumeOptions = { roleid: 7, freshId: 'id-2', now: 1_800_000_000_000 };

let root: string;
let marker: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dfsync-volume-'));
  marker = join(root, '.dfsync/volume.json');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const open = (options: VolumeOptions) => openVolume(realDisk(root), root, options);
const modeOf = (path: string) => statSync(join(root, path)).mode & 0o777;

/** A disk on which one operation fails. */
function failing(operation: keyof Disk, code: string): Disk {
  return new Proxy(realDisk(root), {
    get(disk, name) {
      if (name === operation)
        return (path: string) => {
          throw new DiskError(code, operation, path);
        };
      const value = disk[name as keyof Disk];
      return (value as () => unknown).bind(disk);
    },
  });
}

describe('opening', () => {
  test('a new volume gets its marker and private directories', async () => {
    const volume = await open(FIRST);
    assert.deepEqual(volume.marker, { id: 'id-1', roleid: 7, created: FIRST.now });
    assert.deepEqual(JSON.parse(readFileSync(marker, 'utf8')), volume.marker);
    assert.deepEqual(readdirSync(join(root, '.dfsync')).sort(), ['cache', 'staging', 'trash', 'volume.json']);
    for (const path of ['.dfsync', '.dfsync/staging', '.dfsync/trash', '.dfsync/cache'])
      assert.equal(modeOf(path), 0o700);
  });

  test('a known volume keeps its marker', async () => {
    const first = await open(FIRST);
    const again = await open(AGAIN);
    assert.deepEqual(again.marker, first.marker);
  });

  test('a root that the group may write to has private directories for the group', async () => {
    chmodSync(root, 0o775);
    await open(FIRST);
    assert.equal(modeOf('.dfsync/staging'), 0o770);
    assert.equal(modeOf('.dfsync/volume.json'), 0o660);
  });

  test('another roleid is refused and changes nothing', async () => {
    await open(FIRST);
    await assert.rejects(open({ ...AGAIN, roleid: 8 }), refused(/belongs to roleid 7, not 8: .*--new-identity/));
    assert.equal(JSON.parse(readFileSync(marker, 'utf8')).roleid, 7);
  });

  test('a new identity takes the volume over; its age stays', async () => {
    await open(FIRST);
    const volume = await open({ ...AGAIN, roleid: 8, newIdentity: true });
    assert.deepEqual(volume.marker, { id: 'id-2', roleid: 8, created: FIRST.now });
    assert.deepEqual((await open({ ...FIRST, roleid: 8 })).marker, volume.marker);
  });

  test('a required volume is never made', async () => {
    await assert.rejects(
      open({ ...FIRST, requireVolume: true }),
      refused(/has no marker .*not mounted.*--require-volume/),
    );
    assert.deepEqual(readdirSync(root), []);
    await open(FIRST);
    assert.equal((await open({ ...AGAIN, requireVolume: true })).marker.id, 'id-1');
  });

  for (const [name, text] of [
    ['no JSON', '{'],
    ['empty', ''],
    ['of another shape', '{"id":5}'],
  ] as const)
    test(`a damaged marker (${name}) is refused`, async () => {
      await open(FIRST);
      writeFileSync(marker, text);
      await assert.rejects(open(AGAIN), refused(/volume\.json is damaged: .*--new-identity/));
      assert.equal(readFileSync(marker, 'utf8'), text);
      assert.equal((await open({ ...AGAIN, newIdentity: true })).marker.id, 'id-2');
    });

  test('a missing root is named', () => {
    assert.throws(
      () => makePrivate(realDisk(`${root}/none`), `${root}/none`, {}),
      refused(/\/none is missing or no directory: mount/),
    );
  });

  test('a root that is a file is named', () => {
    writeFileSync(`${root}/file`, '');
    assert.throws(
      () => makePrivate(realDisk(`${root}/file`), `${root}/file`, {}),
      refused(/\/file is missing or no directory/),
    );
  });

  test('a private directory that is a symlink is refused', async () => {
    execFileSync('ln', ['-s', tmpdir(), join(root, '.dfsync')]);
    await assert.rejects(open(FIRST), refused(/\.dfsync of the volume is no directory/));
  });

  for (const [operation, code, says] of [
    ['list', 'EACCES', /list \.: EACCES: not permitted; .*fsGroup/],
    ['mkdir', 'EACCES', /mkdir \.dfsync: EACCES: not permitted/],
    ['mkdir', 'EROFS', /mkdir \.dfsync: EROFS: read-only; mount/],
    ['writeFile', 'ENOSPC', /ENOSPC: full; free space/],
  ] as const)
    test(`${operation} that fails with ${code} is explained`, async () => {
      await assert.rejects(openVolume(failing(operation, code), root, FIRST), refused(says));
    });
});

test('a volume in memory is opened the same way', async () => {
  const disk = new MemoryDisk({ now: () => 1 });
  const volume = await openVolume(disk, '/sync', FIRST);
  disk.mkdir('acme', 0o755);
  assert.equal(volume.check(), undefined);
  assert.equal(volume.privateArea('acme'), '.dfsync');
  assert.deepEqual(disk.list('acme'), []);
  disk.unlink('.dfsync/volume.json');
  assert.match(volume.check() ?? '', /has lost its marker/);
});

describe('the guard', () => {
  test('agrees while nothing has happened', async () => {
    const volume = await open(FIRST);
    assert.equal(volume.check(), undefined);
  });

  for (const [name, act, says] of [
    ['an emptied volume', () => rmSync(join(root, '.dfsync'), { recursive: true }), /has lost its marker.*unmounted/],
    ['a damaged marker', () => writeFileSync(marker, 'x'), /has lost its marker/],
    [
      'a swapped volume',
      () => writeFileSync(marker, JSON.stringify({ id: 'x', roleid: 7, created: 1 })),
      /marker of another volume/,
    ],
    ['a missing root', () => rmSync(root, { recursive: true }), /is missing or on another device/],
  ] as const)
    test(`objects to ${name}`, async () => {
      const volume = await open(FIRST);
      act();
      assert.match(volume.check() ?? '', says);
    });

  test('objects to a domain whose root is missing or no directory', async () => {
    const volume = await open(FIRST);
    assert.match(volume.domainObjection('acme') ?? '', /acme is missing or no directory/);
    writeFileSync(join(root, 'acme'), '');
    assert.match(volume.domainObjection('acme') ?? '', /acme is missing or no directory/);
    rmSync(join(root, 'acme'));
    mkdirSync(join(root, 'acme'));
    assert.equal(volume.domainObjection('acme'), undefined);
  });
});

describe('the private area of a domain', () => {
  test("is the root's where the domain is on the same mount", async () => {
    const volume = await open(FIRST);
    mkdirSync(join(root, 'acme'));
    assert.equal(volume.privateArea('acme'), '.dfsync');
    assert.deepEqual(readdirSync(join(root, 'acme')), []);
    assert.deepEqual(readdirSync(join(root, '.dfsync/staging')), []);
  });

  test("is the root's although the domain had one of its own", async () => {
    const volume = await open(FIRST);
    mkdirSync(join(root, 'acme/.dfsync/trash'), { recursive: true });
    assert.equal(volume.privateArea('acme'), '.dfsync');
    assert.ok(existsSync(join(root, 'acme/.dfsync/trash')));
    assert.deepEqual(readdirSync(join(root, '.dfsync/staging')), []);
  });

  test('of a domain that is missing: an error that names it', async () => {
    const volume = await open(FIRST);
    assert.throws(() => volume.privateArea('acme'), refused(/\/acme: rename acme\/\.dfsync: ENOENT/));
  });
});

describe('with real mounts', { skip: mayMount() ? false : 'unshare is not permitted here' }, () => {
  test('a bind mount has a private area of its own', async () => {
    const script = `
      mount('--bind', elsewhere, root + '/acme');
      const areas = [volume.privateArea('acme'), volume.privateArea('acme'), volume.privateArea('local')];
      report([areas, fs.readdirSync(elsewhere + '/.dfsync').sort(), fs.readdirSync(root + '/.dfsync/staging')]);`;
    assert.deepEqual(inNamespace(script), [['acme/.dfsync', 'acme/.dfsync', '.dfsync'], ['staging', 'trash'], []]);
  });

  test('a domain that changes its device is objected to, one that comes back is not', async () => {
    const script = `
      const before = volume.domainObjection('acme');
      mount('-t', 'tmpfs', 'none', root + '/acme');
      const mounted = volume.domainObjection('acme');
      execFileSync('umount', [root + '/acme']);
      report([before, mounted, volume.domainObjection('acme'), volume.check()].map(String));`;
    const [before, mounted, after, check] = inNamespace(script) as string[];
    assert.deepEqual([before, after, check], ['undefined', 'undefined', 'undefined']);
    assert.match(mounted!, /acme is on another device than before/);
  });

  test('another file system over the root is objected to', async () => {
    const [objection] = inNamespace(`mount('-t', 'tmpfs', 'none', root); report([volume.check()]);`) as string[];
    assert.match(objection!, /is missing or on another device/);
  });

  test('a read-only volume is explained', async () => {
    const script = `
      mount('-t', 'tmpfs', '-o', 'ro', 'none', root);
      report([await openVolume(realDisk(root), root, options).catch(String)]);`;
    assert.match(
      (inNamespace(script) as string[])[0]!,
      /VolumeError: .*EROFS: read-only; mount the volume for writing/,
    );
  });

  test('one with room for bytes and for no file more says so, whoever writes to it', async () => {
    const script = `
      mount('-t', 'tmpfs', '-o', 'nr_inodes=10', 'none', root + '/acme');
      const disk = realDisk(root);
      const refusal = act => { try { act(); } catch (error) { return String(error); } };
      for (let i = 0; i < 9; i++) refusal(() => disk.create('acme/f' + i, Buffer.from('f'), 0o600, 1));
      const files = threadSmallFiles(root, Date.now);
      const draft = { place: 'acme/few', bytes: Buffer.from('few'), mode: 0o600, mtime: 1 };
      const said = [
        refusal(() => disk.create('acme/one', Buffer.from('one'), 0o600, 1)),
        refusal(() => disk.mkdir('acme/directory', 0o700)),
        refusal(() => disk.openAppend('acme/large')),
        ...(await files.write(Array(40).fill(draft))).slice(-1).map(String),
        await openVolume(realDisk(root + '/acme'), root + '/acme', options).catch(String),
      ];
      await files.close();
      report(said);`;
    const said = inNamespace(script) as string[];
    assert.equal(said.length, 5);
    for (const each of said) {
      assert.match(each, /ENOSPC: no inodes are left, though bytes are \(df -i\); remove files.*more inodes$/);
      assert.doesNotMatch(each, /free space/);
    }
  });

  test('one with no room for bytes does not speak of inodes', async () => {
    const script = `
      mount('-t', 'tmpfs', '-o', 'size=64k', 'none', root + '/acme');
      report([(() => { try { realDisk(root).create('acme/f', Buffer.alloc(100_000), 0o600, 1); } catch (error) { return String(error); } })()]);`;
    assert.deepEqual(inNamespace(script), ['DiskError: create acme/f: ENOSPC']);
  });
});

/** Runs a script in mount and user namespaces of its own, on a volume with two domains. */
function inNamespace(script: string): unknown {
  const source = (name: string) => new URL(`../../src/folder/${name}.ts`, import.meta.url);
  const whole = `
    import fs from 'node:fs';
    import { execFileSync } from 'node:child_process';
    import { realDisk } from '${source('real-disk')}';
    import { openVolume } from '${source('volume')}';
    import { threadSmallFiles } from '${source('small-files-worker')}';
    const [root, elsewhere] = process.argv.slice(2);
    const mount = (...args) => execFileSync('mount', args);
    const report = value => console.log(JSON.stringify(value));
    const options = { roleid: 7, freshId: 'id', now: 1 };
    for (const name of ['acme', 'local']) fs.mkdirSync(root + '/' + name);
    const volume = await openVolume(realDisk(root), root, options);
    ${script}`;
  const elsewhere = mkdtempSync(join(tmpdir(), 'dfsync-elsewhere-'));
  try {
    // Threads begin with the arguments of their process: the script is none of those.
    const file = join(elsewhere, 'script.mjs');
    writeFileSync(file, whole);
    const args = ['-U', '-r', '-m', process.execPath, file, root, elsewhere];
    return JSON.parse(execFileSync('unshare', args, { encoding: 'utf8' }));
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
}

function mayMount(): boolean {
  return spawnSync('unshare', ['-U', '-r', '-m', 'sh', '-c', 'mount -t tmpfs none /mnt']).status === 0;
}

function refused(says: RegExp): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof VolumeError, String(error));
    assert.match(error.message, says);
    return true;
  };
}
