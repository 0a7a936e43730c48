/** The image, built for real and run: `npm run test:image`. No part of `npm test`: it needs root, and programs that few machines have. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../e2e/ports.ts';
import { assertSameTree, readTree } from '../e2e/tree.ts';
import { until } from '../e2e/until.ts';
import { Container, type ImageConfig } from './container.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
/** What is made once for all runs, and of no use in the repository. */
const CACHE = process.env.DFSYNC_TOOLS ?? join(homedir(), '.cache/dfsync-tools');
const IMAGE = 'localhost/dfsync:test';
/** Nobody of the image's passwd: as OpenShift starts containers. */
const [UID, GID] = [123_456, 65_532];

const missing = process.platform !== 'linux' ? 'Linux' : lacking();

/** What this machine has not, as an operator would install it. */
function lacking(): string | undefined {
  if (process.getuid?.() !== 0) return 'root (namespaces, mounts): sudo npm run test:image';
  const absent = ['buildah', 'debootstrap', 'unshare', 'chroot'].filter(name => {
    const places = ['/usr/sbin', '/sbin', ...(process.env.PATH ?? '').split(':')];
    return !places.some(place => existsSync(join(place, name)));
  });
  return absent.length > 0 ? `${absent.join(', ')}: apt-get install buildah debootstrap util-linux` : undefined;
}

if (missing !== undefined) process.stderr.write(`\n*** THE IMAGE IS NOT TESTED: this machine lacks ${missing}\n\n`);

function run(file: string, ...args: string[]): string {
  return execFileSync(file, args, { cwd: CHECKOUT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

/** The base image's name stands in one place, the Dockerfile. */
const base = /^ARG NODE_IMAGE=(\S+)$/m.exec(readFileSync(join(CHECKOUT, 'Dockerfile'), 'utf8'))![1]!;

/** The base is that of the registry where somebody has pulled it before (`buildah pull`), else a stand-in. */
function haveBase(): void {
  if (run('buildah', 'images', '--quiet', '--filter', `reference=${base}`) !== '') return;
  const archive = join(CACHE, `${base.split('/').pop()!.replace(':', '-')}.tar`);
  const node = join(CHECKOUT, 'node_modules/node/bin/node');
  if (existsSync(archive)) run('buildah', 'pull', '--quiet', `oci-archive:${archive}`);
  else run(join(import.meta.dirname, 'stand-in.sh'), archive, node, base);
}

describe('the image', { ...(missing !== undefined && { skip: `lacks ${missing}` }) }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'dfsync-image-'));
  const started: Container[] = [];
  let working: string;
  let root: string;
  let config: ImageConfig;

  before(() => {
    haveBase();
    run(
      'buildah',
      'bud',
      '--isolation=chroot',
      '--network=host',
      '--format=docker',
      '--quiet',
      '--layers',
      '--tag',
      IMAGE,
      '.',
    );
    working = run('buildah', 'from', '--pull-never', IMAGE);
    root = run('buildah', 'mount', working);
    config = JSON.parse(run('buildah', 'inspect', '--type', 'image', IMAGE)).Docker.config as ImageConfig;
  });
  after(async () => {
    await Promise.all(started.map(container => container.kill()));
    if (working !== undefined) run('buildah', 'rm', working);
    rmSync(scratch, { recursive: true, force: true });
  });

  const inside = (...command: string[]) => run('buildah', 'run', '--isolation=chroot', working, '--', ...command);

  it('runs as a number that is not root, without a shell between signals and the process', () => {
    assert.match(config.User, /^[1-9][0-9]*:[1-9][0-9]*$/);
    assert.deepEqual(config.Entrypoint, ['/usr/bin/tini', '-s', '--', '/usr/local/bin/dfsync']);
    assert.deepEqual(config.Cmd, ['run']);
    assert.equal(inside('id', '-u'), config.User.split(':')[0]);
  });

  it('is asked whether it is alive by the program itself', () => {
    assert.deepEqual(config.Healthcheck?.Test, ['CMD', '/usr/local/bin/dfsync', 'healthcheck']);
  });

  it('says what it is', () => {
    const { version } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as { version: string };
    assert.equal(config.Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
    assert.equal(config.Labels['org.opencontainers.image.version'], version);
    assert.equal(inside('dfsync', '--version'), version);
    assert.equal(inside('node', '--version'), `v${/node:([0-9.]+)/.exec(base)![1]}`);
  });

  it('has what the program needs, its licence, and nothing of the development', () => {
    for (const program of ['inotifywait', 'flock', 'sync', 'tini']) inside('which', program);
    assert.ok(existsSync(join(root, 'licenses/LICENSE')));
    for (const absent of ['app/test', 'app/node_modules/typescript', 'app/node_modules/node', 'usr/local/bin/npm'])
      assert.ok(!existsSync(join(root, absent)), absent);
    const { dependencies } = JSON.parse(readFileSync(join(root, 'app/package.json'), 'utf8'));
    for (const name of Object.keys(dependencies)) assert.ok(existsSync(join(root, 'app/node_modules', name)), name);
  });

  it('synchronises two instances with a read-only root, as any user, and stops them on SIGTERM', async () => {
    const ports = { one: await freePort(), two: await freePort() };
    const ops = { one: await freePort(), two: await freePort() };
    const names = ['one', 'two'] as const;
    const etc = join(scratch, 'etc');
    mkdirSync(etc);
    writeFileSync(join(etc, 'network.json'), JSON.stringify({ sites: [{ name: 'here', servers: names.map(server) }] }));
    function server(name: (typeof names)[number], at: number) {
      const role = { name: `dfsync${at + 1}`, iface: 'lo', roleid: at + 1, roletype: 'dfsync', separate: true };
      return { name, address: `127.0.0.1:${ports[name]}`, roles: [role] };
    }
    const volume = (name: string) => join(scratch, name);
    for (const name of names) {
      mkdirSync(volume(name));
      chownSync(volume(name), UID, GID);
      const env = {
        DFSYNC_SERVER: name,
        DFSYNC_LISTEN: `127.0.0.1:${ports[name]}`,
        DFSYNC_OPS_LISTEN: `127.0.0.1:${ops[name]}`,
      };
      const mounts = { '/sync': volume(name), '/etc/dfsync': etc };
      started.push(new Container({ root, image: config, uid: UID, gid: GID, mounts, env, args: config.Cmd }));
    }
    const evidence = () => started.map(({ output }) => output.slice(-3000)).join('\n---\n');
    const isReady = async (name: (typeof names)[number]) =>
      (await fetch(`http://127.0.0.1:${ops[name]}/readyz`)).status === 200;
    for (const name of names) await until(`${name} is ready`, () => isReady(name), { evidence });
    for (const container of started) assert.deepEqual(container.first(), { name: 'tini', uid: UID, gid: GID });

    mkdirSync(join(volume('one'), 'common/deep'), { recursive: true });
    chownSync(join(volume('one'), 'common/deep'), UID, GID);
    writeFileSync(join(volume('one'), 'common/deep/file'), 'carried', { mode: 0o640 });
    chownSync(join(volume('one'), 'common/deep/file'), UID, GID);
    await until(
      'the file is at two',
      () => readFileSync(join(volume('two'), 'common/deep/file'), 'utf8') === 'carried',
      { evidence },
    );
    const [one, two] = names.map(name => readTree(join(volume(name), 'common'), { content: true }));
    assertSameTree(one!, two!, names);

    assert.match(inside('dfsync', 'healthcheck', '--url', `http://127.0.0.1:${ops.one}`), /ok/);
    assert.deepEqual(await Promise.all(started.map(container => container.stop())), [0, 0], evidence());
    for (const { output } of started) assert.match(output, /"msg":"stopped"|stopped/);
  });
});
