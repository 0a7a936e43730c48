import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { acquireLock, type Holder, LockError } from '../../src/folder/lock.ts';
import { until } from '../e2e/until.ts';

const ME = { roleid: 7, name: 'dfsync7' };
const OTHER = { roleid: 8, name: 'dfsync8' };

let root: string;
let stop: AbortController;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dfsync-lock-'));
  mkdirSync(join(root, '.dfsync'));
  stop = new AbortController();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The processes that have the lock file open. */
function lockers(): number[] {
  const file = join(root, '.dfsync/lock');
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => opened(pid).includes(file))
    .map(Number);
}

function opened(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map(fd => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return []; // has ended meanwhile
  }
}

test('says who holds the volume while it does', async () => {
  const lock = await acquireLock(root, ME, stop.signal);
  const note = join(root, '.dfsync/lock.json');
  const holder = JSON.parse(readFileSync(note, 'utf8'));
  assert.deepEqual({ ...holder, host: '', since: '' }, { ...ME, pid: process.pid, host: '', since: '' });
  assert.equal(lockers().length, 1);
  await lock.release();
  assert.equal(existsSync(note), false);
  assert.deepEqual(lockers(), []);
  assert.equal(lock.lost.aborted, false);
  await lock.release();
});

test('a second one waits, is told by whom once, and follows', async () => {
  const first = await acquireLock(root, ME, stop.signal);
  const told: (Holder | undefined)[] = [];
  let ours = false;
  const second = acquireLock(root, OTHER, stop.signal, holder => told.push(holder)).then(lock => {
    ours = true;
    return lock;
  });
  await until('the second is told', () => told.length > 0);
  assert.equal(told[0]?.roleid, 7);
  assert.equal(ours, false);
  await first.release();
  const lock = await second;
  assert.equal(JSON.parse(readFileSync(join(root, '.dfsync/lock.json'), 'utf8')).roleid, 8);
  assert.equal(told.filter(holder => holder?.roleid === 7).length, 1);
  await lock.release();
});

test('kill -9 of the holder frees the volume', async () => {
  const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise(resolve => holder.stdout.once('data', resolve));
  let waits = 0;
  const mine = acquireLock(root, ME, stop.signal, () => waits++);
  await until('the holder is noticed', () => waits);
  holder.kill('SIGKILL');
  await (await mine).release();
});

const HOLDER = `
  import { acquireLock } from '${new URL('../../src/folder/lock.ts', import.meta.url)}';
  await acquireLock(process.argv[1], { roleid: 8, name: 'dfsync8' }, new AbortController().signal);
  console.log('held');
  setInterval(() => {}, 1000);`;

test('the lock is lost when its child is killed', async () => {
  const lock = await acquireLock(root, ME, stop.signal);
  const [child] = lockers();
  process.kill(child!, 'SIGKILL');
  await until('the loss is noticed', () => lock.lost.aborted);
  assert.match(String(lock.lost.reason), /lock of the volume is lost/);
  await lock.release();
});

test('waiting ends with the signal and leaves no process', async () => {
  const first = await acquireLock(root, ME, stop.signal);
  const [holder] = lockers();
  let waits = 0;
  const second = acquireLock(root, OTHER, stop.signal, () => waits++);
  await until('it waits', () => waits && lockers().length === 2);
  stop.abort(new Error('enough'));
  await assert.rejects(second, /enough/);
  await until('only the holder is left', () => lockers().length === 1);
  assert.deepEqual(lockers(), [holder]);
  await first.release();
});

test('an aborted signal takes no lock', async () => {
  stop.abort(new Error('enough'));
  await assert.rejects(acquireLock(root, ME, stop.signal), /enough/);
  assert.deepEqual(lockers(), []);
});

test('without the program flock the error names the package', async () => {
  const { PATH } = process.env;
  process.env.PATH = root;
  try {
    await assert.rejects(acquireLock(root, ME, stop.signal), (error: unknown) => {
      assert.ok(error instanceof LockError);
      assert.match(error.message, /util-linux/);
      return true;
    });
  } finally {
    process.env.PATH = PATH;
  }
});

test('a file that cannot be locked is named', async () => {
  rmSync(join(root, '.dfsync'), { recursive: true });
  await assert.rejects(acquireLock(root, ME, stop.signal), /cannot lock .*\.dfsync\/lock: .*No such file/);
});
