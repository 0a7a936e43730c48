import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../src/core/clock.ts';
import { fromBytes, toBytes } from '../../src/core/path.ts';
import { InotifyParser } from '../../src/folder/inotify-events.ts';
import { type Watcher, type WatchOptions, watch } from '../../src/folder/watch.ts';
import type { Hint, Trouble } from '../../src/folder/watch-source.ts';
import { until } from '../e2e/until.ts';

const CLOCK: Clock = {
  now: Date.now,
  sleep: (ms, signal) => pause(ms, undefined, { ...(signal && { signal }) }).catch(() => {}),
  yield: () => nextTurn(),
};
const HAS_INOTIFYWAIT = spawnSync('inotifywait', ['--help']).error === undefined;
const SOURCES = ['inotifywait', 'chokidar', 'polling'] as const;

let root: string;
let outside: string;
let hints: Hint[];
let troubles: Trouble[];
let watcher: Watcher | undefined;

beforeEach(() => {
  const base = fs.mkdtempSync(join(tmpdir(), 'dfsync-watch (a+b) '));
  root = join(base, 'sync');
  outside = join(base, 'outside');
  fs.mkdirSync(join(root, '.dfsync/staging'), { recursive: true });
  fs.mkdirSync(join(root, 'acme/old'), { recursive: true });
  fs.mkdirSync(outside);
  fs.writeFileSync(join(root, 'acme/known'), 'old');
  // Read since it was written: chokidar takes a change of its mode for another reading.
  fs.utimesSync(join(root, 'acme/known'), Date.now() / 1000 + 5, Date.now() / 1000 - 5);
  hints = [];
  troubles = [];
});
afterEach(async () => {
  await watcher?.close();
  watcher = undefined;
  fs.rmSync(join(root, '..'), { recursive: true, force: true });
});

async function begin(source: WatchOptions['source'], more: Partial<WatchOptions> = {}): Promise<Watcher> {
  watcher = await watch(root, {
    source,
    clock: CLOCK,
    pollEvery: 50,
    onHint: batch => hints.push(...batch),
    onTrouble: trouble => troubles.push(trouble),
    ...more,
  });
  return watcher;
}

const at = (path: string) => join(root, path);
const ODD_NAME = fromBytes(Buffer.from([0x61, 0xff, 0x62]));
const ODD_FILE = () => toBytes(at(`acme/${ODD_NAME}`));
const hinted = (path: string, like: Partial<Hint> = {}) =>
  until(`a hint for ${JSON.stringify(path)}`, () =>
    hints.find(
      hint => hint.path === path && Object.entries(like).every(([key, value]) => hint[key as keyof Hint] === value),
    ),
  );
/** Everything that was caused before has been delivered once this returns: events keep their order. */
async function settled(): Promise<void> {
  fs.writeFileSync(at('acme/settled'), '');
  await hinted('acme/settled');
  fs.rmSync(at('acme/settled'));
}

/** Writes into a directory until a hint says so: the watch on a new one may come a moment after the hint that it is there. */
async function writtenInto(directory: string): Promise<void> {
  await until(`a file in ${directory} is hinted`, () => {
    fs.writeFileSync(at(`${directory}/file`), String(Math.random()));
    return hints.some(hint => hint.path === `${directory}/file`);
  });
}

/** All processes that name the root in their command line, but for this one. */
function helpers(): { pid: number; command: string }[] {
  return fs
    .readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(pid => ({ pid: Number(pid), command: commandOf(pid) }))
    .filter(({ command }) => command.includes(root));
}
const inotifywait = () => helpers().find(({ command }) => command.startsWith('inotifywait'));

function commandOf(pid: string): string {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // has ended meanwhile
  }
}

/** What a consumer of hints knows that looks at each hinted path, and below it where told so. */
function lookedAt(): Set<string> {
  const known = new Set<string>();
  for (const { path, deep } of hints) {
    if (!fs.existsSync(at(path))) continue;
    known.add(path);
    if (deep) for (const below of fs.readdirSync(at(path), { recursive: true })) known.add(join(path, String(below)));
  }
  return known;
}

for (const source of SOURCES)
  describe(`contract: ${source}`, { skip: source === 'inotifywait' && !HAS_INOTIFYWAIT && 'not installed' }, () => {
    const tellsClose = source === 'inotifywait';

    test('says what it is, and nothing when nothing happens', async () => {
      const { kind, degraded, losses } = await begin(source);
      assert.deepEqual({ kind, degraded, losses }, { kind: source, degraded: undefined, losses: 0 });
      await settled();
      assert.deepEqual([...new Set(hints.map(hint => hint.path))], ['acme/settled']);
      assert.deepEqual(troubles, []);
    });

    type Change = [name: string, act: () => void, path: string, like?: Partial<Hint>];
    // Polling compares sizes and dates, of names that it can read.
    const unseenByPolling: Change[] = [
      ['a file gets another mode', () => fs.chmodSync(at('acme/known'), 0o600), 'acme/known', { closed: false }],
      ['a directory gets another mode', () => fs.chmodSync(at('acme/old'), 0o700), 'acme/old', { closed: false }],
      tellsClose
        ? ['a name that is no UTF-8', () => fs.writeFileSync(ODD_FILE(), 'x'), `acme/${ODD_NAME}`, { closed: true }]
        : ['a name that is no UTF-8', () => fs.writeFileSync(ODD_FILE(), 'x'), 'acme', { deep: true }],
    ];
    const changes: Change[] = [
      ...(source === 'polling' ? [] : unseenByPolling),
      ['a file is made', () => fs.writeFileSync(at('acme/new'), 'x'), 'acme/new', { closed: tellsClose, deep: false }],
      ['a file is rewritten', () => fs.writeFileSync(at('acme/known'), 'other'), 'acme/known', { closed: tellsClose }],
      [
        'a file is appended to',
        () => fs.appendFileSync(at('acme/known'), 'more'),
        'acme/known',
        { closed: tellsClose },
      ],
      ['a file gets an old date', () => fs.utimesSync(at('acme/known'), 1e9, 1e9), 'acme/known'],
      ['a file is removed', () => fs.rmSync(at('acme/known')), 'acme/known', { closed: false, deep: false }],
      [
        'a file is renamed: its old name',
        () => fs.renameSync(at('acme/known'), at('acme/moved')),
        'acme/known',
        { closed: false },
      ],
      [
        'a file is renamed: its new name',
        () => fs.renameSync(at('acme/known'), at('acme/moved')),
        'acme/moved',
        { closed: tellsClose },
      ],
      ['a symlink is made', () => fs.symlinkSync('nowhere', at('acme/link')), 'acme/link', { deep: false }],
      ['a directory is made', () => fs.mkdirSync(at('acme/dir')), 'acme/dir', { closed: false, deep: true }],
      ['a directory is removed', () => fs.rmdirSync(at('acme/old')), 'acme/old', { closed: false, deep: false }],
      ['a directory is renamed', () => fs.renameSync(at('acme/old'), at('acme/young')), 'acme/young', { deep: true }],
      ['a domain is made', () => fs.mkdirSync(at('local')), 'local', { deep: true }],
      ['a backup name', () => fs.writeFileSync(at('acme/draft~'), 'x'), 'acme/draft~'],
      ['a name with blanks and newlines', () => fs.writeFileSync(at('acme/a b\nc\n'), 'x'), 'acme/a b\nc\n'],
      ['a name in another script', () => fs.writeFileSync(at('acme/Ünï-☃-😀'), 'x'), 'acme/Ünï-☃-😀'],
    ];
    for (const [name, act, path, like] of changes)
      test(name, async () => {
        await begin(source);
        // Polling compares dates: the change must have another one than what it saw.
        if (source === 'polling')
          await until('the clock goes on', () => Date.now() > fs.statSync(at('acme/known')).mtimeMs + 5);
        act();
        await hinted(path, like);
      });

    test('files in a new directory are noticed', async () => {
      await begin(source);
      fs.mkdirSync(at('acme/dir'));
      await hinted('acme/dir', { deep: true });
      await writtenInto('acme/dir');
    });

    test('a tree made at once is found by who looks below deep hints', async () => {
      await begin(source);
      const files = Array.from({ length: 40 }, (_, n) => `acme/t${n}/a/b/c/file`);
      for (const file of files) {
        fs.mkdirSync(at(join(file, '..')), { recursive: true });
        fs.writeFileSync(at(file), 'x');
      }
      await until('every file is found', () => {
        const known = lookedAt();
        return files.every(file => known.has(file));
      });
    });

    test('a directory moved in is found with its content', async () => {
      fs.mkdirSync(join(outside, 'a/b'), { recursive: true });
      fs.writeFileSync(join(outside, 'a/b/file'), 'x');
      await begin(source);
      fs.renameSync(join(outside, 'a'), at('acme/a'));
      await hinted('acme/a', { deep: true });
      await until('its file is found', () => lookedAt().has('acme/a/b/file'));
    });

    test('below a directory that was renamed, files have their new path', async () => {
      fs.mkdirSync(at('acme/old/a/b'), { recursive: true });
      await begin(source);
      fs.renameSync(at('acme/old'), at('acme/young'));
      await hinted('acme/young', { deep: true });
      await writtenInto('acme/young/a/b');
    });

    test('a directory that went to the trash and was made again is watched', async () => {
      fs.mkdirSync(at('acme/old/a'));
      await begin(source);
      fs.renameSync(at('acme/old'), at('.dfsync/staging/old'));
      await hinted('acme/old', { deep: false });
      hints = [];
      fs.mkdirSync(at('acme/old/a'), { recursive: true });
      await hinted('acme/old', { deep: true });
      await writtenInto('acme/old/a');
    });

    test('a root that is a symlink is watched', async () => {
      const real = root;
      fs.symlinkSync(root, join(outside, 'link'));
      root = join(outside, 'link');
      await begin(source);
      root = real;
      await settled();
    });

    test('private directories are silent, but for the probe', async () => {
      fs.mkdirSync(at('acme/.dfsync/staging'), { recursive: true });
      const it = await begin(source);
      fs.mkdirSync(at('local'));
      await hinted('local', { deep: true });
      for (const path of [
        '.dfsync/staging',
        '.dfsync/trash/a',
        'acme/.dfsync/staging',
        'acme/.dfsync/trash',
        'local/.dfsync/trash',
      ]) {
        fs.mkdirSync(at(path), { recursive: true });
        fs.writeFileSync(at(`${path}/part`), 'x');
      }
      fs.writeFileSync(at('.dfsync/lock.json'), '{}');
      assert.equal(await it.prove(), true);
      await settled();
      assert.deepEqual(
        hints.filter(hint => hint.path.includes('.dfsync')),
        [],
      );
    });

    test('symlinks are not followed', async () => {
      fs.symlinkSync(outside, at('acme/link'));
      await begin(source);
      fs.writeFileSync(join(outside, 'file'), 'x');
      await settled();
      assert.deepEqual(
        hints.filter(hint => hint.path !== 'acme/settled'),
        [],
      );
    });

    test('it proves itself', async () => {
      const it = await begin(source);
      assert.equal(await it.prove(), true);
      assert.equal(await it.prove(), true);
      assert.equal(it.degraded, undefined);
      assert.deepEqual(hints, []);
    });

    test('it says when it proved itself, what came of it, and what it takes of the kernel', async () => {
      const it = await begin(source);
      assert.equal(it.provedAt, undefined);
      const before = Date.now();
      assert.equal(await it.prove(), true);
      assert.ok(it.provedAt! >= before);
      await settled();
      assert.ok(it.events > 0);
      if (source === 'polling') assert.equal(it.use, undefined);
      else {
        await until('its watches are counted', () => (it.use?.watches ?? 0) >= 3);
        assert.ok(it.use!.limit! > 0);
        const { watches } = it.use!;
        fs.mkdirSync(at('one directory more'));
        await until('its watch is counted', async () => (await it.prove()) && it.use!.watches! > watches!);
      }
    });

    test('it proves itself from time to time', async () => {
      const date = () => fs.statSync(at('.dfsync/probe')).mtimeMs;
      await begin(source, { proveEvery: 1 });
      for (let n = 0; n < 3; n++) {
        const old = date();
        await until('the probe is touched', () => date() > old);
      }
      assert.deepEqual(troubles, []);
    });

    test('the removal of the root is noticed', async () => {
      const it = await begin(source);
      fs.rmSync(root, { recursive: true });
      await until('it is degraded', () => it.degraded);
      assert.match(it.degraded!, /sync is not watched: the directory was removed/);
      assert.ok(troubles.some(trouble => trouble.lostEvents && trouble.message === it.degraded));
    });

    test('a missing root is no reason to die', async () => {
      fs.rmSync(root, { recursive: true });
      const it = await begin(source);
      assert.ok(it.degraded);
    });

    test('close ends everything', async () => {
      const it = await begin(source);
      await it.close();
      fs.writeFileSync(at('acme/after'), 'x');
      assert.deepEqual(helpers(), []);
      assert.deepEqual(hints, []);
      await it.close();
    });
  });

describe('inotifywait', { skip: !HAS_INOTIFYWAIT && 'not installed' }, () => {
  test('is what "auto" takes', async () => {
    assert.equal((await begin('auto')).kind, 'inotifywait');
  });

  test('hints of one moment come together, one for each path', async () => {
    const batches: (readonly Hint[])[] = [];
    await begin('inotifywait', { onHint: batch => batches.push(batch) });
    fs.writeFileSync(at('acme/one'), 'x');
    await until('the file is complete', () => batches.flat().some(hint => hint.closed));
    for (const batch of batches) assert.equal(new Set(batch.map(hint => hint.path)).size, batch.length);
  });

  test('events that do not come are noticed, and that they come again', async () => {
    const it = await begin('inotifywait', { proveWithin: 300 });
    const { pid } = inotifywait()!;
    process.kill(pid, 'SIGSTOP');
    assert.equal(await it.prove(), false);
    assert.match(it.degraded!, /events are missing: .*\.dfsync\/probe/);
    assert.equal(it.losses, 1);
    assert.equal(troubles[0]?.lostEvents, true);
    process.kill(pid, 'SIGCONT');
    await until('it proves itself', () => it.prove());
    assert.equal(it.degraded, undefined);
  });

  test('a queue that ran over asks for a full scan', async () => {
    const it = await begin('inotifywait');
    const { pid } = inotifywait()!;
    const limit = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
    process.kill(pid, 'SIGSTOP');
    for (let events = 0; events < limit + 100; events += 3) {
      fs.writeFileSync(at('acme/flood'), '');
      fs.rmSync(at('acme/flood'));
    }
    process.kill(pid, 'SIGCONT');
    await hinted('', { deep: true });
    assert.equal(it.losses, 1);
    assert.match(troubles[0]!.message, /fs\.inotify\.max_queued_events/);
  });

  test('its death is noticed; it is started again and everything looked at', async () => {
    const it = await begin('inotifywait');
    process.kill(inotifywait()!.pid, 'SIGKILL');
    await until('it is degraded', () => it.degraded);
    assert.deepEqual(
      troubles.map(trouble => trouble.lostEvents),
      [true],
    );
    await hinted('', { deep: true });
    assert.equal(it.degraded, undefined);
    await settled();
  });

  test('a root that comes back is watched again', async () => {
    const it = await begin('inotifywait');
    fs.renameSync(root, `${root}.away`);
    fs.renameSync(`${root}.away`, root);
    fs.rmSync(root, { recursive: true });
    await until('it is degraded', () => it.degraded);
    fs.mkdirSync(at('acme'), { recursive: true });
    await hinted('', { deep: true });
    await settled();
  });

  test('kill -9 of the parent ends it', async () => {
    const module = new URL('../../src/folder/watch.ts', import.meta.url);
    const script = `
      import { watch } from '${module}';
      const clock = { now: Date.now, sleep: () => new Promise(() => {}), yield: async () => {} };
      await watch(process.argv[1], { source: 'inotifywait', clock, onHint() {}, onTrouble() {} });
      console.log('watching');`;
    const args = ['--input-type=module', '-e', script, root];
    const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise(resolve => parent.stdout.once('data', resolve));
    assert.ok(inotifywait());
    parent.kill('SIGKILL');
    await until('no helper is left', () => helpers().length === 0);
  });

  test('records are cut wherever chunks end', () => {
    const bytes = Buffer.from('CREATE,ISDIR\0/r/a\nb\0Q_OVERFLOW\0\0DELETE\0/r/c\0');
    for (let size = 1; size <= bytes.length; size++) {
      const parser = new InotifyParser();
      const events = [];
      for (let i = 0; i < bytes.length; i += size) events.push(...parser.push(bytes.subarray(i, i + size)));
      assert.deepEqual(
        events.map(event => [[...event.what].join(), String(event.path)]),
        [
          ['CREATE,ISDIR', '/r/a\nb'],
          ['Q_OVERFLOW', ''],
          ['DELETE', '/r/c'],
        ],
      );
    }
  });
});

describe('limits of inotify', { skip: mayLimit() ? false : 'unshare is not permitted here' }, () => {
  for (const source of ['inotifywait', 'chokidar'] as const)
    for (const [sysctl, file] of [
      ['fs.inotify.max_user_watches', 'max_inotify_watches'],
      ['fs.inotify.max_user_instances', 'max_inotify_instances'],
    ] as const)
      test(`${source}: ${sysctl} reached at start`, { skip: source === 'inotifywait' && !HAS_INOTIFYWAIT }, () => {
        const { degraded, troubles } = limited(
          `echo ${sysctl.endsWith('watches') ? 3 : 0} > /proc/sys/user/${file}`,
          source,
          '',
        );
        assert.match(degraded, new RegExp(`raise the sysctl ${sysctl}`));
        assert.equal(troubles[0]?.lostEvents, true);
      });

  for (const source of ['inotifywait', 'chokidar'] as const)
    test(`${source}: watches run out later`, { skip: source === 'inotifywait' && !HAS_INOTIFYWAIT }, () => {
      const { degraded, troubles } = limited(
        'echo 15 > /proc/sys/user/max_inotify_watches',
        source,
        `for (let n = 0; n < 30; n++) fs.mkdirSync(root + '/acme/d' + n);
         while (!watcher.degraded) await clock.sleep(10);`,
      );
      assert.match(degraded, /watched in part: .*raise the sysctl fs\.inotify\.max_user_watches and restart/);
      assert.equal(troubles.length, 1);
    });
});

/** What a watcher says of itself in a user namespace with limits of its own. */
function limited(set: string, source: string, act: string): { degraded: string; troubles: Trouble[] } {
  const module = new URL('../../src/folder/watch.ts', import.meta.url);
  const script = `
    import fs from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    import { watch } from '${module}';
    const clock = { now: Date.now, sleep: (ms, signal) => setTimeout(ms, 0, { signal }).catch(() => {}), yield: async () => {} };
    const [root, source] = process.argv.slice(1);
    const troubles = [];
    const watcher = await watch(root, { source, clock, onHint() {}, onTrouble: trouble => troubles.push(trouble) });
    ${act}
    console.log(JSON.stringify({ degraded: watcher.degraded, troubles }));
    await watcher.close();`;
  const shell = `${set} && exec "$@"`;
  const command = [process.execPath, '--input-type=module', '-e', script, root, source];
  for (let n = 0; n < 5; n++) fs.mkdirSync(at(`acme/before${n}`));
  return JSON.parse(execFileSync('unshare', ['-U', '-r', 'sh', '-c', shell, 'sh', ...command], { encoding: 'utf8' }));
}

function mayLimit(): boolean {
  return spawnSync('unshare', ['-U', '-r', 'sh', '-c', 'echo 15 > /proc/sys/user/max_inotify_watches']).status === 0;
}

test('without inotifywait "auto" takes chokidar, and who insists is told the package', async () => {
  const { PATH } = process.env;
  process.env.PATH = outside;
  try {
    assert.equal((await begin('auto')).kind, 'chokidar');
    await assert.rejects(begin('inotifywait'), /inotifywait is not installed: .*inotify-tools/);
  } finally {
    process.env.PATH = PATH;
  }
});

test('"off" watches nothing and says so', async () => {
  const it = await begin('off');
  assert.equal(it.kind, 'off');
  assert.match(it.degraded!, /switched off/);
});

test('a volume that cannot be written to is watched without proofs, and that is said once', async () => {
  fs.rmSync(at('.dfsync'), { recursive: true });
  const it = await begin('auto');
  assert.equal(await it.prove(), false);
  assert.equal(await it.prove(), false);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0]!.message, /cannot tell whether events arrive: ENOENT/);
  assert.equal(troubles[0]!.lostEvents, false);
  await settled();
});

describe('directories that have no watch', { skip: !HAS_INOTIFYWAIT && 'inotifywait is not installed' }, () => {
  const inodesOf = (...paths: string[]) => paths.map(path => fs.lstatSync(path).ino);

  test('are seen, and watches are set up anew', async () => {
    const running = await begin('inotifywait');
    await running.cover(inodesOf(at('acme'), at('acme/old'), outside));
    await until('everything to be looked at again', () => hints.some(({ path }) => path === ''));
    assert.match(troubles[0]!.message, /1 directories came while watches were set up/);
    assert.equal(running.degraded, undefined);
    assert.equal(await running.prove(), true);
  });

  test('are none where all are watched', async () => {
    const running = await begin('inotifywait');
    await running.cover(inodesOf(at('acme'), at('acme/old')));
    assert.equal(await running.prove(), true);
    assert.deepEqual([troubles, hints.filter(({ path }) => path === '')], [[], []]);
  });
});
