import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Entry, isEqual, isLive } from '../../src/core/entry.ts';
import type { RelPath } from '../../src/core/path.ts';
import type { Action } from '../../src/core/plan.ts';
import { dominates, sameVersion } from '../../src/core/version.ts';
import type { Who } from '../sim/memory-disk.ts';
import { type MemoryOptions, WITHOUT_MODES } from '../sim/memory-volume.ts';
import { directory, pathOf, symlink, tombstone } from '../support/entries.ts';
import { type Life, SETTLE_MS, START, Volume } from '../support/life.ts';
import { actionsFor, carryOut, known, NEW, stage, VIA, wishedFile } from '../support/wishes.ts';

/** What a peer wants to be true, and with what content. */
interface Wish {
  readonly name: string;
  /** What peers wanted before. */
  readonly earlier?: Entry;
  readonly wanted: (life: Life) => Entry[];
  /** Whose process carries it out. */
  readonly who?: Who;
}

/** A directory that its owner may not write to: it is opened for each step in it. */
const SHUT = { earlier: directory('dir', { 3: NEW[3] - 1 }, 0o555), who: 'owner' } as const;

const wishes: Wish[] = [
  { name: 'a new file', wanted: () => [wishedFile('new')] },
  { name: 'a newer content', wanted: () => [wishedFile('f')] },
  { name: 'a mode', wanted: life => [{ ...life.entry('f')!, mode: 0o600, version: NEW }] },
  { name: 'a deletion', wanted: () => [tombstone('f', NEW, START)] },
  { name: 'a new directory with a file', wanted: () => [directory('x', NEW), wishedFile('x/y')] },
  { name: 'a symlink for a file', wanted: () => [symlink('f', NEW)] },
  { name: 'a directory for a file', wanted: () => [directory('f', NEW)] },
  { name: 'a file for a directory', wanted: () => [wishedFile('dir')] },
  {
    name: 'a deleted tree',
    wanted: () => ['dir', 'dir/a', 'dir/sub', 'dir/sub/b'].map(path => tombstone(path, NEW, START)),
  },
  {
    name: 'a rename',
    wanted: life => {
      const old = life.entry('f')!;
      return [
        { ...old, path: pathOf('moved'), version: NEW, from: { path: old.path, version: old.version } },
        tombstone('f', NEW, START),
      ];
    },
  },
  {
    name: 'a rename over a file',
    wanted: life => {
      const old = life.entry('f')!;
      return [
        { ...old, path: pathOf('g'), version: NEW, from: { path: old.path, version: old.version } },
        tombstone('f', NEW, START),
      ];
    },
  },
  {
    name: 'a rename, over a file, of what came from a peer',
    earlier: wishedFile('f'),
    wanted: life => {
      const old = life.entry('f')!;
      const version = { 3: NEW[3] + 1 };
      return [
        { ...old, path: pathOf('g'), version, from: { path: old.path, version: old.version } },
        tombstone('f', version, START),
      ];
    },
  },
  { name: 'a renamed directory', wanted: life => treeMoved(life, 'dir', 'other') },
  { ...SHUT, name: 'a new file in a directory that is shut', wanted: () => [wishedFile('dir/new')] },
  { ...SHUT, name: 'a newer content in a directory that is shut', wanted: () => [wishedFile('dir/a')] },
  { ...SHUT, name: 'a deletion in a directory that is shut', wanted: () => [tombstone('dir/a', NEW, START)] },
  {
    ...SHUT,
    name: 'a directory for a file in a directory that is shut',
    wanted: () => [directory('dir/a', NEW), wishedFile('dir/a/b')],
  },
  { ...SHUT, name: 'a renamed directory in one that is shut', wanted: life => treeMoved(life, 'dir/sub', 'dir/other') },
];

/** What an origin announces of a directory that it has renamed. */
function treeMoved(life: Life, from: string, to: string): Entry[] {
  const moved = [...life.replica.entries()].filter(({ path }) => path === from || path.startsWith(`${from}/`));
  return moved.flatMap(old => [
    {
      ...old,
      path: pathOf(to + old.path.slice(from.length)),
      version: NEW,
      ...(old.kind === 'file' && { from: { path: old.path, version: old.version } }),
    },
    tombstone(old.path, NEW, START),
  ]);
}

const same = (a: Entry | undefined, b: Entry | undefined) =>
  a && b ? isEqual(a, b) && sameVersion(a.version, b.version) : a === b;

/** Every entry, as something that can be compared. */
function picture(life: Life): Record<string, string> {
  const rows = [...life.replica.entries()].map(({ path, kind, size, mtime, mode, target, version }) => [
    path,
    JSON.stringify([kind, size, mtime, kind === 'tombstone' ? 0 : mode, target, version]),
  ]);
  return Object.fromEntries(rows.sort());
}

/** What volumes are of, and what these keep of a file's date and mode. */
const DISKS: readonly { name: string; options: Partial<MemoryOptions>; keeps(entry: Entry): [number, number] }[] = [
  { name: '', options: {}, keeps: ({ mtime, mode }) => [mtime, mode] },
  {
    name: ' where the file system keeps two seconds, one mode and no links',
    options: { granuleMs: 2_000, withoutModes: true, withoutLinks: true },
    keeps: ({ mtime }) => [Math.floor(mtime / 2_000) * 2_000, WITHOUT_MODES],
  },
];

/** The index is what stands on the disk. */
function assertTrue(life: Life, volume: Volume, { keeps } = DISKS[0]!): void {
  for (const entry of life.replica.entries()) {
    const stat = volume.disk.lstat(`d/${entry.path}`);
    assert.equal(stat?.kind, isLive(entry) ? entry.kind : undefined, entry.path);
    if (entry.kind === 'file')
      assert.deepEqual([stat!.size, stat!.mtime, stat!.mode], [entry.size, ...keeps(entry)], entry.path);
  }
}

type Entries = ReadonlyMap<RelPath, Entry>;

/** A process about to carry out a wish: what it knows, and what it will know. */
async function wished({ earlier, wanted, who }: Wish, options: Partial<MemoryOptions> = {}) {
  const volume = await known(options, who);
  const life = await volume.start();
  if (earlier) await carryOut(volume, life, [earlier]);
  const entries = wanted(life);
  const before: Entries = new Map([...life.replica.entries()].map(entry => [entry.path, entry]));
  const actions = actionsFor(life, entries);
  await stage(life, actions);
  const after: Entries = new Map(actions.flatMap(truthsOf).map(entry => [entry.path, entry]));
  return { volume, life, entries, actions, before, after };
}

/** Each path is as it was, or as it was to be. */
function assertOldOrNew(life: Life, before: Entries, after: Entries, when: string): void {
  for (const entry of life.replica.entries()) {
    const old = before.get(entry.path);
    const fine = same(entry, old) || same(entry, after.get(entry.path));
    assert.ok(fine, `${when}: ${JSON.stringify(entry)} is neither ${JSON.stringify(old)} nor new`);
  }
}

describe('a restart', () => {
  it('over an unchanged disk changes no version, with the cache flushed or only the journal', async () => {
    const volume = await known();
    const first = await volume.start();
    volume.write('edited', 'x');
    first.replica.hint(pathOf('edited'), true);
    volume.disk.unlink('d/g');
    first.replica.hint(pathOf('g'));
    await volume.pass(5 * SETTLE_MS);
    await carryOut(volume, first, [wishedFile('new'), tombstone('f', NEW, START)]);
    const before = picture(first);
    const { digest } = first.replica;
    first.kill();
    const second = await volume.start();
    assert.deepEqual([picture(second), second.replica.digest], [before, digest]);
    assert.deepEqual(second.changes, []);
    await second.end();
    const third = await volume.start();
    assert.deepEqual([picture(third), third.replica.digest], [before, digest]);
    assert.deepEqual(third.changes, []);
    await third.end();
  });

  it('lists again what the file system keeps otherwise, until that is gone', async () => {
    const volume = new Volume(undefined, { withoutModes: true });
    const life = await volume.start();
    await carryOut(volume, life, [wishedFile('f', 0o600)]);
    const classes = ({ replica }: Life) => replica.problems.list().map(({ path, class: is }) => `${is} ${path}`);
    assert.deepEqual(classes(life), ['attributes f']);
    await life.end();
    const next = await volume.start();
    assert.deepEqual(classes(next), ['attributes f']);
    assert.equal(next.entry('f')?.mode, 0o600);
    next.disk.unlink('d/f');
    next.replica.hint(pathOf('f'));
    await volume.pass(10 * SETTLE_MS);
    assert.deepEqual(classes(next), []);
    await next.end();
  });

  it('sees what was done meanwhile as first looks do', async () => {
    const volume = await known();
    await (await volume.start()).end();
    volume.write('f', 'edited while down');
    volume.disk.setDate('d/f', START - 5_000_000);
    volume.disk.unlink('d/g');
    await volume.pass(10 * SETTLE_MS);
    const before = (await volume.start(7, false)).entry('f')!;
    const life = await volume.start();
    assert.deepEqual(life.entry('f')?.version, { 0: before.version[0]! + 1 });
    assert.equal(life.entry('g')?.kind, 'tombstone');
    assert.deepEqual(Object.keys(life.entry('g')!.version), ['0']);
    await life.end();
  });

  it('without its cache meets everything anew, by date alone', async () => {
    const volume = await known();
    volume.disk.restore({ path: '.dfsync', tree: undefined });
    const life = await volume.start();
    assert.deepEqual(life.entry('f')?.version, { 0: START });
    assert.deepEqual(life.entry('dir')?.version, { 0: 0 });
    await life.end();
  });
});

describe('what is applied', () => {
  for (const { name, wanted } of wishes)
    it(`is true on the disk and in the index, and told with the site it came from: ${name}`, async () => {
      const volume = await known();
      const life = await volume.start();
      const entries = wanted(life);
      assert.ok((await carryOut(volume, life, entries)).every(result => result === 'done'));
      await volume.pass(20 * SETTLE_MS);
      for (const entry of entries)
        assert.ok(same(life.entry(entry.path)!, { ...entry, version: life.entry(entry.path)!.version }), entry.path);
      assertTrue(life, volume);
      const wantedPaths = new Set<RelPath>(entries.map(({ path }) => path));
      for (const { path, via } of life.changes) assert.equal(via, wantedPaths.has(path) ? VIA : undefined, path);
      await life.end();
    });

  for (const [kind, wish] of DISKS.flatMap(disk => wishes.map(wish => [disk, wish] as const)))
    it(`survives a crash at any moment${kind.name}: ${wish.name}`, async () => {
      for (const torn of [false, true])
        for (let mutations = 0; ; mutations++) {
          const { volume, life, actions, before, after } = await wished(wish, kind.options);
          life.disk.failAfter(mutations, torn);
          void life.replica.apply(actions, () => VIA).catch(() => {});
          await volume.clock.settle();
          const died = life.disk.dead;
          life.kill();
          const next = await volume.start();
          await volume.pass(20 * SETTLE_MS);
          assertTrue(next, volume, kind);
          assertOldOrNew(next, before, after, `died after ${mutations}`);
          for (const path of before.keys())
            assert.ok(next.entry(path), `died after ${mutations}: ${path} is forgotten`);
          await next.end();
          if (died) continue;
          assert.ok(mutations > 0, 'nothing was done');
          break;
        }
    });

  const failures = [
    { code: 'EIO', until: 'a while' },
    { code: 'ENOSPC', until: 'a while' },
    { code: 'EIO', until: 'a kill' },
  ] as const;
  for (const [{ code, until }, wish] of failures.flatMap(failure => wishes.map(wish => [failure, wish] as const)))
    it(`is no change of now where the disk fails at any moment, until ${until}: ${wish.name}, ${code}`, async () => {
      for (let operations = 0; ; operations++) {
        const { volume, life: first, entries, actions, before, after } = await wished(wish);
        let life = first;
        let left = operations;
        // A full disk still reads.
        life.disk.refuse(mutation => (mutation === (code === 'ENOSPC') && left-- <= 0 ? code : undefined));
        void life.replica.apply(actions, () => VIA);
        await volume.clock.settle();
        const failed = left < 0;
        for (const path of after.keys()) life.replica.hint(path);
        await volume.pass(5 * SETTLE_MS);
        if (until === 'a kill') {
          life.kill();
          life = await volume.start();
        } else life.disk.refuse(() => undefined);
        life.replica.rescan();
        await volume.pass(20 * SETTLE_MS);
        assertOldOrNew(life, before, after, `failed after ${operations}`);
        assertTrue(life, volume);
        for (let tries = 0; actionsFor(life, entries).length > 0; tries++) {
          assert.ok(tries < 3, `failed after ${operations}: ${JSON.stringify(actionsFor(life, entries))}`);
          await carryOut(volume, life, entries);
          await volume.pass(5 * SETTLE_MS);
        }
        for (const { path } of entries) assert.ok(same(life.entry(path), after.get(path)), path);
        assertTrue(life, volume);
        await life.end();
        if (failed) continue;
        assert.ok(operations > 0, 'nothing was done');
        break;
      }
    });

  it('is not finished on a volume that is another one by then', async () => {
    const volume = await known();
    const life = await volume.start();
    // Of a directory for a file: the file is in the trash, and the directory cannot be made.
    life.disk.refuse(mutation => (mutation && !volume.disk.lstat('d/f') ? 'ENOSPC' : undefined));
    const [result] = await carryOut(volume, life, [directory('f', NEW)]);
    assert.deepEqual([result, volume.disk.lstat('d/f')], ['failed', undefined]);
    life.objection = 'the marker is another one';
    life.disk.refuse(() => undefined);
    await volume.pass(20 * SETTLE_MS);
    assert.equal(volume.disk.lstat('d/f'), undefined);
    life.objection = undefined;
    await volume.pass(5 * SETTLE_MS);
    assert.equal(volume.disk.lstat('d/f')?.kind, 'directory');
    assert.equal(life.entry('f')?.kind, 'directory');
    await life.end();
  });
});

/** Entries that an action makes true. */
function truthsOf(action: Action): Entry[] {
  if (action.do === 'move') return [action, ...action.below].flatMap(({ entry, tombstone }) => [entry, tombstone]);
  return [
    action.entry,
    ...(action.do === 'rename' ? [action.tombstone] : []),
    ...('below' in action ? action.below : []),
  ];
}

describe('deletions that are held', () => {
  const FILES = 13;

  /** A process that has seen its domain emptied. */
  async function holding(): Promise<{ volume: Volume; life: Life }> {
    const volume = await known();
    const life = await volume.start();
    for (const name of volume.disk.list('d')) volume.disk.rename(`d/${name}`, `away-${name}`);
    life.replica.rescan();
    await volume.pass(5 * SETTLE_MS);
    assert.ok(life.replica.held.size > FILES);
    assert.ok(life.events.some(event => event.startsWith('deletions are held')));
    return { volume, life };
  }

  for (const end of ['end', 'kill'] as const)
    it(`are held after a restart too (${end}), although by then they are few`, async () => {
      const { volume, life } = await holding();
      await carryOut(
        volume,
        life,
        Array.from({ length: 200 }, (_, i) => wishedFile(`new${i}`)),
      );
      await life[end]();
      const next = await volume.start();
      assert.equal(next.replica.held.size, life.replica.held.size);
      assert.deepEqual(next.changes, []);
      assert.equal(next.entry('f')?.kind, 'file');
      next.replica.decideHeld('release');
      await volume.pass(SETTLE_MS);
      assert.equal(next.entry('f')?.kind, 'tombstone');
      await next.end();
      const last = await volume.start();
      assert.equal(last.replica.held.size, 0);
      await last.end();
    });

  it('are held after a kill too where nothing of the domain had been written down yet', async () => {
    const volume = new Volume();
    for (let i = 0; i < FILES; i++) volume.write(`f${i}`);
    await volume.pass(10 * SETTLE_MS);
    const life = await volume.start();
    for (let i = 0; i < FILES; i++) volume.disk.unlink(`d/f${i}`);
    life.replica.rescan();
    await volume.pass(SETTLE_MS);
    assert.equal(life.replica.held.size, FILES);
    life.kill();
    const next = await volume.start();
    assert.equal(next.replica.held.size, FILES);
    await next.end();
  });

  it('and undone are forgotten for good, so that peers bring them', async () => {
    const { volume, life } = await holding();
    life.replica.decideHeld('undo');
    await volume.pass(SETTLE_MS);
    assert.equal(life.replica.totals.entries, 0);
    assert.deepEqual(life.changes, []);
    life.kill();
    const next = await volume.start();
    assert.equal(next.replica.totals.entries, 0);
    assert.equal(next.replica.held.size, 0);
    await next.end();
  });
});

describe('what is missing', () => {
  for (const hinted of [false, true])
    it(`and was found under another name by a first look is of unknown age, also where a peer deletes it meanwhile${hinted ? ', and it is looked at again' : ''}`, async () => {
      const volume = await known();
      volume.disk.rename('d/f', 'd/renamed');
      await volume.pass(10 * SETTLE_MS);
      const life = await volume.start(7, false);
      life.onReady = () => {
        assert.equal(life.entry('renamed'), undefined);
        void life.replica
          .apply(actionsFor(life, [tombstone('f', NEW, START)]), () => VIA)
          .then(() => {
            if (hinted) life.replica.hint(pathOf('renamed'));
          });
      };
      await life.run();
      await volume.pass(10 * SETTLE_MS);
      assert.deepEqual(Object.keys(life.entry('renamed')!.version), ['0']);
      await life.end();
    });

  it('and was found under another name waits in peace while the volume is away', async () => {
    const volume = await known();
    volume.disk.rename('d/f', 'd/renamed');
    await volume.pass(10 * SETTLE_MS);
    const life = await volume.start(7, false);
    let isAway = false;
    let asked = 0;
    Object.defineProperty(life, 'objection', {
      get: () => {
        asked++;
        return isAway ? 'the marker is gone' : undefined;
      },
    });
    life.onReady = () => {
      isAway = true;
      void life.replica.apply(actionsFor(life, [tombstone('f', NEW, START)]), () => VIA);
    };
    await life.run();
    asked = 0;
    await volume.pass(60_000);
    assert.ok(asked < 100, `the volume was asked about ${asked} times in a minute`);
    isAway = false;
    await volume.pass(120_000);
    assert.deepEqual(Object.keys(life.entry('renamed')!.version), ['0']);
    await life.end();
  });

  it('is announced although another history of it comes meanwhile', async () => {
    const volume = await known();
    const life = await volume.start();
    volume.disk.unlink('d/f');
    life.replica.hint(pathOf('f'));
    await volume.pass(100);
    const { version, ...rest } = life.entry('f')!;
    await carryOut(volume, life, [{ ...rest, version: { ...version, 3: START - 1 } }]);
    await volume.pass(SETTLE_MS);
    assert.equal(life.entry('f')?.kind, 'tombstone');
    await life.end();
  });
});

describe('what a crash left half done', () => {
  it('and somebody changed since is theirs, and newer', async () => {
    const volume = await known();
    const life = await volume.start();
    const actions = actionsFor(life, [wishedFile('f')]);
    await stage(life, actions);
    life.disk.failAfter(1);
    void life.replica.apply(actions, () => VIA).catch(() => {});
    await volume.clock.settle();
    life.clock.kill();
    volume.write('f', 'edited by somebody');
    await volume.pass(10 * SETTLE_MS);
    const next = await volume.start();
    await volume.pass(10 * SETTLE_MS);
    assert.equal(volume.text('f'), 'edited by somebody');
    assertTrue(next, volume);
    await next.end();
  });
});

describe('a new file that was installed in the moment of a crash', () => {
  const STAGED = '.dfsync/staging/d';

  /** The process has died once `new` had its name, and before that was written down. */
  async function installed(): Promise<Volume> {
    for (let mutations = 1; ; mutations++) {
      const volume = await known();
      const life = await volume.start();
      const actions = actionsFor(life, [wishedFile('new')]);
      await stage(life, actions);
      life.disk.failAfter(mutations);
      void life.replica.apply(actions, () => VIA).catch(() => {});
      await volume.clock.settle();
      assert.ok(life.disk.dead, 'it was written down');
      life.kill();
      await volume.pass(SETTLE_MS);
      if (volume.disk.lstat('d/new')) return volume;
    }
  }

  it('and changed by somebody since is newer than what was installed', async () => {
    const volume = await installed();
    volume.write('new', 'edited by somebody who had seen it');
    const next = await volume.start();
    await volume.pass(10 * SETTLE_MS);
    const { version } = next.entry('new')!;
    assert.ok(dominates(version, NEW) && !sameVersion(version, NEW), JSON.stringify(version));
    assertTrue(next, volume);
    await next.end();
  });

  it('and deleted by somebody since stays deleted', async () => {
    const volume = await installed();
    volume.disk.unlink('d/new');
    const next = await volume.start();
    await volume.pass(10 * SETTLE_MS);
    assert.equal(next.entry('new')?.kind, 'tombstone');
    assert.ok(dominates(next.entry('new')!.version, NEW));
    await next.end();
  });

  it('or was not: where nobody has been there, a staged file that is gone says nothing', async () => {
    const volume = await known();
    const life = await volume.start();
    const actions = actionsFor(life, [wishedFile('new')]);
    await stage(life, actions);
    life.disk.failAfter(1);
    void life.replica.apply(actions, () => VIA).catch(() => {});
    await volume.clock.settle();
    life.kill();
    // As a loss of power leaves it, which brought the journal to the disk and not the names in staging.
    for (const shard of volume.disk.list(STAGED))
      for (const name of volume.disk.list(`${STAGED}/${shard}`)) volume.disk.unlink(`${STAGED}/${shard}/${name}`);
    const next = await volume.start();
    await volume.pass(10 * SETTLE_MS);
    assert.equal(next.entry('new'), undefined);
    await next.end();
  });
});

describe('a directory that moved as a whole', () => {
  const moved = async (prepare: (life: Life, volume: Volume) => void = () => {}) => {
    const volume = await known();
    const life = await volume.start();
    const actions = actionsFor(life, treeMoved(life, 'dir', 'other'));
    assert.deepEqual(
      actions.map(action => action.do),
      ['move'],
    );
    prepare(life, volume);
    const applied = life.replica.apply(actions, () => VIA);
    await volume.clock.settle();
    return { volume, life, applied: await applied };
  };

  it('is not looked at again for the event of its own move', async () => {
    const { volume, life } = await moved();
    await volume.pass(5 * SETTLE_MS);
    let looks = 0;
    const { lstat } = life.disk;
    life.disk.lstat = path => {
      if (path.startsWith('d/other/sub')) looks++;
      return lstat.call(life.disk, path);
    };
    life.replica.hint(pathOf('other'), false, true);
    await volume.pass(5 * SETTLE_MS);
    assert.equal(looks, 0);
    life.replica.hint(pathOf('other'), false, true);
    await volume.pass(5 * SETTLE_MS);
    assert.notEqual(looks, 0);
    await life.end();
  });

  it('takes along what was done in it a moment before, and told under the old name', async () => {
    const { volume, life } = await moved();
    volume.write('other/sub/b', 'edited just before');
    life.replica.hint(pathOf('dir/sub/b'), true);
    await volume.pass(5 * SETTLE_MS);
    assert.equal(life.entry('other/sub/b')?.size, 'edited just before'.length);
    await life.end();
  });

  it('stays where it is while somebody changes it', async () => {
    const { volume, life, applied } = await moved((_, volume) => volume.write('dir/sub/b', 'edited meanwhile'));
    assert.equal(applied[0]?.result, 'changed');
    await volume.pass(5 * SETTLE_MS);
    assert.equal(volume.text('dir/sub/b'), 'edited meanwhile');
    assertTrue(life, volume);
    life.kill();
    const next = await volume.start();
    assertTrue(next, volume);
    await next.end();
  });
});

describe('a replica that must not', () => {
  it('does nothing without its intents on disk', async () => {
    const volume = await known();
    const life = await volume.start();
    volume.disk.fail('.dfsync/cache', 'ENOSPC');
    const actions = actionsFor(life, [tombstone('f', NEW, START)]);
    const [applied] = await life.replica.apply(actions, () => VIA);
    assert.ok(applied?.result === 'failed' && /journal/.test(applied.message));
    assert.ok(volume.disk.lstat('d/f'));
    volume.disk.fail('.dfsync/cache');
    await life.end();
  });

  it('says why nothing is pulled', async () => {
    const volume = await known();
    const life = await volume.start();
    assert.equal(life.replica.objection(), undefined);
    life.circumstances = { ...life.circumstances, freeRatio: 0.01, minFreeRatio: 0.05 };
    assert.match(life.replica.objection() ?? '', /free/);
    life.circumstances = { ...life.circumstances, freeRatio: 1, volume: 'the marker is gone' };
    assert.equal(life.replica.objection(), 'the marker is gone');
    await life.end();
  });

  it('does not open what a symlink leads out to', async () => {
    const volume = await known();
    const life = await volume.start();
    volume.disk.rename('d/dir', 'outside');
    volume.disk.symlink('../outside', 'd/dir');
    for (const path of ['dir/a', 'link']) assert.equal(life.replica.openRead(pathOf(path)), undefined);
    await life.end();
  });
});

describe('a path that is too long', () => {
  it('costs no other one its place in the cache', async () => {
    const volume = await known();
    let at = 'd';
    for (let i = 0; i < 20; i++) {
      at += `/${'x'.repeat(200)}`;
      volume.disk.mkdir(at, 0o755);
    }
    volume.disk.writeFile(`${at}/f`, Buffer.from('f'), 0o644);
    await (await volume.start()).end();
    const next = await volume.start();
    assert.deepEqual(
      next.events.filter(event => /damaged/.test(event)),
      [],
    );
    await next.end();
  });
});

describe('what somebody puts where a crash left an intent', () => {
  for (const [name, make, entry] of [
    ['a symlink', (volume: Volume) => volume.disk.symlink('there', 'd/f'), symlink('f', NEW, 'elsewhere')],
    ['a directory', (volume: Volume) => volume.disk.mkdir('d/f', 0o700), symlink('f', NEW, 'elsewhere')],
    ['a file, whatever its date', writeOld, directory('f', NEW)],
  ] as const)
    it(`came later, where all that was there before is known: ${name}`, async () => {
      const volume = new Volume();
      volume.write('g');
      await volume.pass(10 * SETTLE_MS);
      const life = await volume.start();
      const will = JSON.stringify({ will: entry, ...(entry.kind === 'symlink' && { staged: true }) });
      volume.disk.append('.dfsync/cache/d/journal.jsonl', Buffer.from(`${will}\n`));
      life.kill();
      await volume.pass(SETTLE_MS);
      make(volume);
      const next = await volume.start();
      assert.deepEqual(actionsFor(next, [entry]), [], 'the intended is known, and older');
      assert.ok(!isEqual(next.entry('f')!, entry));
      await next.end();
    });

  /** As `cp -p` does. */
  function writeOld(volume: Volume): void {
    volume.write('f');
    volume.disk.setDate('d/f', START - 86_400_000);
  }
});

describe('an intent that a crash left where what a first scan had met was lost', () => {
  const wishes: [name: string, wanted: (life: Life) => Entry, step: string][] = [
    ['a deletion', () => tombstone('f', NEW, START), 'remove'],
    ['a newer content', () => wishedFile('f'), 'fetch'],
    ['a symlink', () => symlink('g', NEW, 'f'), 'symlink'],
  ];
  for (const [name, wanted, step] of wishes)
    it(`makes no change of what stands there: ${name}`, async () => {
      const volume = new Volume();
      for (const path of ['f', 'g']) volume.write(path);
      await volume.pass(10 * SETTLE_MS);
      const life = await volume.start();
      const entry = { ...wanted(life), path: pathOf('f') };
      const will = { will: entry, ...(entry.kind !== 'tombstone' && { staged: true }) };
      volume.disk.append('.dfsync/cache/d/journal.jsonl', Buffer.from(`${JSON.stringify(will)}\n`));
      life.kill();
      volume.disk.unlink('.dfsync/cache/d/shard-.json');
      const next = await volume.start();
      assert.equal(next.entry('f')?.kind, 'file');
      assert.deepEqual(
        actionsFor(next, [entry]).map(action => action.do),
        [step],
      );
      await next.end();
    });
});
