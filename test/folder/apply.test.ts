import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import type { Action } from '../../src/core/plan.ts';
import { DiskError } from '../../src/folder/disk.ts';
import { directory, file, pathOf, symlink, tombstone } from '../support/entries.ts';
import { NOW, SELF, Workbench } from '../support/workbench.ts';

const OLD = { 1: 100 };
const NEW = { 1: 200 };

const was = file('p/x', OLD, { size: 3 });
const source = file('s', { 1: 90 }, { size: 5, mtime: 70 });
const moved = file('p/x', NEW, { size: 5, mtime: 70, from: { path: source.path, version: source.version } });

/** One of each action on `p/x`, planned upon a file there, or upon nothing. */
const actions: Record<string, (known: Entry | undefined) => Action | undefined> = {
  remove: known => known && { do: 'remove', entry: tombstone('p/x', NEW), was: known, conflict: false },
  chmod: known => known && { do: 'chmod', entry: file('p/x', NEW, { size: 3, mode: 0o600 }), was: known },
  fetch: known => ({
    do: 'fetch',
    entry: file('p/x', NEW, { size: 6, mtime: 77 }),
    was: known,
    below: [],
    conflict: false,
  }),
  symlink: known => ({ do: 'symlink', entry: symlink('p/x', NEW), was: known, below: [], conflict: false }),
  mkdir: known => ({ do: 'mkdir', entry: directory('p/x', NEW, 0o700), was: known, conflict: false }),
  rename: known => ({
    do: 'rename',
    entry: moved,
    was: known,
    source,
    tombstone: tombstone('s', NEW),
    conflict: false,
  }),
};

function furnished(known: Entry | undefined): Workbench {
  const bench = new Workbench();
  bench.have(directory('p', OLD), source, ...(known ? [known] : []));
  bench.stage(file('p/x', NEW, { size: 6, mtime: 77 }));
  return bench;
}

interface Situation {
  readonly name: string;
  /** Whether the index has a file there. */
  readonly known: boolean;
  readonly happen: (bench: Workbench, action: Action) => void;
  readonly result: 'done' | 'changed' | 'failed';
  /** Actions that end otherwise. */
  readonly except?: Record<string, 'done' | 'changed'>;
  readonly look?: string;
}

const situations: Situation[] = [
  { name: 'the disk is as planned', known: true, happen: () => {}, result: 'done' },
  { name: 'nothing is there, as planned', known: false, happen: () => {}, result: 'done' },
  {
    name: 'the file was edited',
    known: true,
    happen: bench => bench.place(file('p/x', {}, { size: 4 })),
    result: 'changed',
  },
  {
    name: 'the file’s mode was changed',
    known: true,
    happen: bench => bench.disk.chmod('d/p/x', 0o640),
    result: 'changed',
  },
  {
    name: 'the file is gone, and nobody has noticed',
    known: true,
    happen: bench => bench.disk.unlink('d/p/x'),
    result: 'changed',
  },
  {
    name: 'the file is gone, and that is not announced yet',
    known: true,
    happen: bench => {
      bench.disk.unlink('d/p/x');
      bench.missing.add(pathOf('p/x'));
    },
    result: 'done',
    except: { chmod: 'changed' },
  },
  {
    name: 'a directory took its place',
    known: true,
    happen: bench => {
      bench.disk.unlink('d/p/x');
      bench.disk.mkdir('d/p/x', 0o755);
    },
    result: 'changed',
  },
  {
    name: 'a special file took its place',
    known: true,
    happen: bench => {
      bench.disk.unlink('d/p/x');
      bench.disk.mknod('d/p/x');
    },
    result: 'failed',
  },
  { name: 'a special file has appeared', known: false, happen: bench => bench.disk.mknod('d/p/x'), result: 'failed' },
  {
    name: 'a file has appeared',
    known: false,
    happen: bench => bench.place(file('p/x', {}, { size: 4 })),
    result: 'changed',
  },
  {
    name: 'what is wanted has appeared',
    known: false,
    happen: (bench, { entry }) => bench.place(entry),
    result: 'done',
  },
  {
    name: 'the index has moved on',
    known: true,
    happen: bench => bench.index.set(file('p/x', { 1: 100, 2: 101 }, { size: 3 })),
    result: 'changed',
  },
  {
    name: 'the index has learned of it',
    known: false,
    happen: bench => bench.index.set(tombstone('p/x', { 2: 5 })),
    result: 'changed',
  },
  {
    name: 'the parent became a symlink',
    known: true,
    happen: bench => {
      bench.disk.rename('d/p', 'elsewhere');
      bench.disk.symlink('../elsewhere', 'd/p');
    },
    result: 'changed',
    look: 'p',
  },
  {
    name: 'the parent is gone',
    known: false,
    happen: bench => bench.disk.rmdir('d/p'),
    result: 'changed',
    look: 'p',
  },
];

for (const situation of situations)
  describe(`when ${situation.name}`, () => {
    for (const [kind, make] of Object.entries(actions)) {
      const action = make(situation.known ? was : undefined);
      if (!action) continue;
      const expected = situation.except?.[kind] ?? situation.result;
      it(`${kind}: ${expected}`, () => {
        const bench = furnished(situation.known ? was : undefined);
        situation.happen(bench, action);
        const before = bench.tree();
        const applied = bench.apply(action);
        assert.equal(applied.result, expected, JSON.stringify(applied));
        if (applied.result === 'changed') assert.deepEqual(applied.look, [situation.look ?? 'p/x']);
        if (applied.result !== 'done') assert.deepEqual([bench.tree(), bench.thrown()], [before, []]);
        else assertDone(bench, action);
      });
    }
  });

/** The disk shows what was wanted, and the index says so. */
function assertDone(bench: Workbench, { entry }: Action): void {
  assert.deepEqual(bench.index.get(entry.path), entry);
  const stat = bench.disk.lstat(`d/${entry.path}`);
  assert.equal(stat?.kind, entry.kind === 'tombstone' ? undefined : entry.kind);
  if (!stat || entry.kind === 'symlink') return;
  assert.equal(stat.mode, entry.mode);
  if (entry.kind === 'file') assert.deepEqual([stat.size, stat.mtime], [entry.size, entry.mtime]);
}

describe('what is replaced or deleted', () => {
  for (const [kind, make] of Object.entries(actions)) {
    const action = make(was)!;
    it(`goes to the trash: ${kind}`, () => {
      const bench = furnished(was);
      assert.equal(bench.apply(action).result, 'done');
      assert.deepEqual(bench.thrown(), kind === 'chmod' ? [] : ['p/', 'p/x~100.1']);
    });

    it(`goes to the trash where there are no hard links too: ${kind}`, () => {
      const bench = new Workbench({ withoutLinks: true });
      bench.have(directory('p', OLD), source, was);
      bench.stage(file('p/x', NEW, { size: 6, mtime: 77 }));
      assert.equal(bench.apply(action).result, 'done');
      assert.deepEqual(bench.thrown(), kind === 'chmod' ? [] : ['p/', 'p/x~100.1']);
    });
  }

  it('as the loser of a conflict is marked', () => {
    const bench = furnished(was);
    bench.apply({ ...actions.fetch!(was)!, conflict: true } as Action);
    assert.deepEqual(bench.thrown(), ['p/', 'p/x~100.1.conflict']);
  });

  it('lies in no trash where it stays, however often that is tried', t => {
    const bench = furnished(was);
    t.mock.method(bench.disk, 'rename', () => {
      throw new DiskError('EPERM', 'rename', 'd/p/x');
    });
    for (let tries = 0; tries < 3; tries++) assert.equal(bench.apply(actions.fetch!(was)!).result, 'failed');
    assert.deepEqual(bench.thrown(), ['p/']);
    assert.equal(bench.trash.thrown, 0);
    assert.equal(bench.disk.lstat('d/p/x')?.size, was.size);
  });

  it('is there in its new name or its old one at every moment', () => {
    const action = actions.fetch!(was)!;
    for (let mutations = 0; ; mutations++) {
      const bench = furnished(was);
      const process = bench.disk.mount();
      process.failAfter(mutations);
      bench.seen = process;
      try {
        bench.apply(action);
      } catch {}
      assert.equal(bench.disk.lstat('d/p/x')?.kind, 'file', `died after ${mutations}`);
      if (!process.dead) break;
    }
  });
});

describe('removing a directory', () => {
  const removal = (path: string, known: Entry): Action => ({
    do: 'remove',
    entry: tombstone(path, NEW),
    was: known,
    conflict: false,
  });
  const filled = (...names: string[]) => {
    const bench = new Workbench();
    bench.have(directory('p', OLD));
    for (const name of names) bench.disk.writeFile(`d/p/${name}`, Buffer.alloc(1), 0o644);
    return bench;
  };

  it('removes an empty one', () => {
    const bench = filled();
    assert.equal(bench.apply(removal('p', directory('p', OLD))).result, 'done');
    assert.deepEqual(bench.tree(), {});
  });

  it('does not remove one that has filled meanwhile: what is there is looked at', () => {
    const bench = filled('new');
    assert.deepEqual(bench.apply(removal('p', directory('p', OLD))), {
      result: 'changed',
      look: ['p/new'],
      deep: true,
    });
    assert.ok(bench.disk.lstat('d/p/new'));
  });

  it('does not touch, nor revive, one in which a file has stayed whose own step did not succeed', () => {
    const bench = filled();
    bench.have(file('p/f', OLD));
    assert.deepEqual(bench.apply(removal('p', directory('p', OLD))), { result: 'changed', look: ['p'], deep: false });
    assert.deepEqual(bench.index.get(pathOf('p')), directory('p', OLD));
  });

  it('is not known as deleted before that file is, where both are missing', () => {
    const bench = filled();
    bench.have(file('p/f', OLD));
    bench.disk.unlink('d/p/f');
    bench.disk.rmdir('d/p');
    for (const path of ['p', 'p/f']) bench.missing.add(pathOf(path));
    assert.deepEqual(bench.apply(removal('p', directory('p', OLD))), { result: 'changed', look: ['p'], deep: false });
    bench.index.set(tombstone('p/f', OLD, NOW));
    assert.equal(bench.apply(removal('p', directory('p', OLD))).result, 'done');
  });

  for (const [what, prepare] of Object.entries({
    ignored: (bench: Workbench) => {
      bench.disk.writeFile('d/p/ignored', Buffer.alloc(1), 0o644);
      bench.ignored = ['p/ignored'];
    },
    special: (bench: Workbench) => bench.disk.mknod('d/p/pipe'),
    private: (bench: Workbench) => bench.disk.mkdir('d/p/.dfsync', 0o700),
  }))
    it(`revives one in which only something ${what} is left`, () => {
      const bench = filled();
      prepare(bench);
      const applied = bench.apply(removal('p', directory('p', OLD)));
      assert.ok(applied.result === 'done');
      assert.deepEqual(bench.index.get(pathOf('p')), directory('p', { 1: 200, [SELF]: 201 }));
      assert.equal(bench.disk.lstat('d/p')?.kind, 'directory');
    });
});

describe('a file or symlink over a directory', () => {
  const known = directory('p', OLD);
  const below = [file('p/f', OLD), directory('p/e', OLD), file('p/e/g', OLD)];
  const cleared = below.map(({ path }) => tombstone(path, { 1: 100, [SELF]: 101 }, NOW));
  const fetch: Action = { do: 'fetch', entry: file('p', NEW), was: known, below: cleared, conflict: false };

  const filled = () => {
    const bench = new Workbench();
    bench.have(known, ...below);
    bench.stage(fetch.entry);
    return bench;
  };

  it('throws the whole of it away, what is ignored too', () => {
    for (const action of [fetch, { ...fetch, do: 'symlink', entry: symlink('p', NEW) } as Action]) {
      const bench = filled();
      bench.disk.writeFile('d/p/ignored', Buffer.alloc(1), 0o644);
      bench.ignored = ['p/ignored'];
      assert.equal(bench.apply(action).result, 'done');
      assert.equal(bench.disk.lstat('d/p')?.kind, action.entry.kind);
      for (const tomb of cleared) assert.deepEqual(bench.index.get(tomb.path), tomb);
      assert.deepEqual(bench.thrown(), ['p~100.1/', 'p~100.1/e/', 'p~100.1/e/g', 'p~100.1/f', 'p~100.1/ignored']);
    }
  });

  const obstacles: [name: string, happen: (bench: Workbench) => void, look: string][] = [
    ['something below was edited', bench => bench.disk.writeFile('d/p/e/g', Buffer.from('edited'), 0o644), 'p/e/g'],
    ['something below is new', bench => bench.disk.writeFile('d/p/e/new', Buffer.alloc(1), 0o644), 'p/e/new'],
    ['something below is gone', bench => bench.disk.unlink('d/p/f'), 'p/f'],
  ];
  for (const [name, happen, look] of obstacles)
    it(`does nothing where ${name}`, () => {
      const bench = filled();
      happen(bench);
      const before = bench.tree();
      const applied = bench.apply(fetch);
      assert.ok(applied.result === 'changed' && applied.look.includes(pathOf(look)), JSON.stringify(applied));
      assert.deepEqual([bench.tree(), bench.thrown()], [before, []]);
    });
});

describe('where deletions are held', () => {
  const tree = [directory('q', OLD, 0o750), directory('q/r', OLD), file('q/r/x', OLD)];
  /** All of the tree lives by the index, and nothing of it is there. */
  const holding = () => {
    const bench = new Workbench();
    for (const entry of tree) {
      bench.index.set(entry);
      bench.held.add(entry.path);
    }
    return bench;
  };
  const newer = file('q/r/x', NEW, { size: 4, mtime: 77 });

  it('a newer file is installed, and its directories stand again as they were known', () => {
    const bench = holding();
    bench.stage(newer);
    const applied = bench.apply({ do: 'fetch', entry: newer, was: tree[2], below: [], conflict: false });
    assert.ok(applied.result === 'done', JSON.stringify(applied));
    assert.deepEqual(
      applied.truths.map(({ entry }) => entry),
      [tree[0], tree[1], newer],
    );
    assert.equal(bench.disk.lstat('d/q')?.mode, 0o750);
    assert.equal(bench.disk.lstat('d/q/r/x')?.size, 4);
  });

  it('a deletion elsewhere is recorded, and no directory is made for it', () => {
    const bench = holding();
    for (const was of tree.toReversed())
      assert.equal(bench.apply({ do: 'remove', entry: tombstone(was.path, NEW), was, conflict: false }).result, 'done');
    assert.deepEqual(bench.tree(), {});
    assert.equal(bench.index.get(pathOf('q/r/x'))?.kind, 'tombstone');
  });

  it('a file takes the place of a held directory, and what was below has its tombstones', () => {
    const bench = holding();
    const entry = file('q', NEW);
    const below = tree.slice(1).map(({ path }) => tombstone(path, { 1: 100, [SELF]: 101 }, NOW));
    bench.stage(entry);
    assert.equal(bench.apply({ do: 'fetch', entry, was: tree[0], below, conflict: false }).result, 'done');
    assert.equal(bench.disk.lstat('d/q')?.kind, 'file');
    for (const each of below) assert.deepEqual(bench.index.get(each.path), each);
  });

  it('a file takes the place of a directory that stands, with held ones below', () => {
    const bench = holding();
    bench.disk.mkdir('d/q', 0o750);
    bench.held.delete(pathOf('q'));
    const entry = file('q', NEW);
    const below = tree.slice(1).map(({ path }) => tombstone(path, { 1: 100, [SELF]: 101 }, NOW));
    bench.stage(entry);
    assert.equal(bench.apply({ do: 'fetch', entry, was: tree[0], below, conflict: false }).result, 'done');
    assert.equal(bench.disk.lstat('d/q')?.kind, 'file');
    for (const each of below) assert.deepEqual(bench.index.get(each.path), each);
  });

  it('nothing is made where a directory above is gone that is not held', () => {
    const bench = holding();
    bench.held.delete(pathOf('q'));
    bench.stage(newer);
    const applied = bench.apply({ do: 'fetch', entry: newer, was: tree[2], below: [], conflict: false });
    assert.ok(applied.result === 'changed' && applied.look.includes(pathOf('q')));
    assert.deepEqual(bench.tree(), {});
  });
});

describe('recording', () => {
  it('grows a version whatever the disk shows', () => {
    const bench = furnished(was);
    const entry = { ...was, version: { 1: 100, 2: 150 } };
    assert.equal(bench.apply({ do: 'record', entry, was }).result, 'done');
    assert.deepEqual(bench.index.get(was.path), entry);
  });

  it('keeps what the file system keeps', () => {
    const bench = furnished(was);
    bench.index.set(was, undefined, { mtime: 48, mode: 0o755 });
    bench.apply({ do: 'record', entry: { ...was, version: NEW }, was });
    assert.deepEqual(bench.index.kept(was.path), { mtime: 48, mode: 0o755 });
  });

  it('does not record the deletion of what has appeared', () => {
    const bench = furnished(undefined);
    bench.place(was);
    const record: Action = { do: 'record', entry: tombstone('p/x', NEW), was: undefined };
    assert.deepEqual(bench.apply(record), { result: 'changed', look: ['p/x'], deep: false });
  });

  it('records the deletion of what is nowhere, parents or not', () => {
    const bench = new Workbench();
    assert.equal(bench.apply({ do: 'record', entry: tombstone('no/where', NEW), was: undefined }).result, 'done');
  });
});

describe('a file system that keeps other attributes', () => {
  const poor = () => {
    const bench = new Workbench({ withoutModes: true, granuleMs: 2_000 });
    bench.have(directory('p', OLD, 0o755));
    return bench;
  };
  const entry = file('p/x', NEW, { size: 3, mtime: 12_345, mode: 0o640 });

  it('is told what was wanted, and what it made of it stands beside', () => {
    const bench = poor();
    bench.stage(entry);
    assert.equal(bench.apply({ do: 'fetch', entry, was: undefined, below: [], conflict: false }).result, 'done');
    assert.deepEqual(bench.index.get(entry.path), entry);
    assert.deepEqual(bench.index.kept(entry.path), { mtime: 12_000, mode: 0o755 });
  });

  it('does not stop a mode, a rename or a later version', () => {
    const bench = poor();
    bench.stage(entry);
    bench.apply({ do: 'fetch', entry, was: undefined, below: [], conflict: false });
    const chmod = { ...entry, mode: 0o600, version: { 1: 300 } };
    assert.equal(bench.apply({ do: 'chmod', entry: chmod, was: entry }).result, 'done');
    assert.deepEqual(bench.index.kept(entry.path), { mtime: 12_000, mode: 0o755 });
    const renamed = { ...chmod, path: pathOf('p/y'), mode: 0o644, version: { 1: 400 } };
    const rename: Action = {
      do: 'rename',
      entry: renamed,
      was: undefined,
      source: chmod,
      tombstone: tombstone('p/x', { 1: 400 }),
      conflict: false,
    };
    assert.equal(bench.apply(rename).result, 'done');
    assert.deepEqual(bench.index.kept(renamed.path), { mtime: 12_000, mode: 0o755 });
  });

  it('keeps them beside a directory that is revived', () => {
    const bench = poor();
    const asked = directory('q', OLD, 0o700);
    assert.equal(bench.apply({ do: 'mkdir', entry: asked, was: undefined, conflict: false }).result, 'done');
    bench.disk.mknod('d/q/pipe');
    bench.apply({ do: 'remove', entry: tombstone('q', NEW), was: asked, conflict: false });
    assert.equal(bench.index.get(asked.path)?.kind, 'directory');
    assert.equal(bench.index.kept(asked.path)?.mode, 0o755);
  });

  it('and then is changed by somebody is a change', () => {
    const bench = poor();
    bench.stage(entry);
    bench.apply({ do: 'fetch', entry, was: undefined, below: [], conflict: false });
    bench.disk.setDate('d/p/x', 20_000);
    const next = file('p/x', { 1: 300 }, { size: 6 });
    bench.stage(next);
    assert.equal(bench.apply({ do: 'fetch', entry: next, was: entry, below: [], conflict: false }).result, 'changed');
  });
});

describe('a directory with all that is below it', () => {
  const members = [directory('t', OLD), file('t/f', OLD), directory('t/s', OLD), symlink('t/s/l', OLD)];
  const [tree, ...below] = members.map(known => ({
    entry: { ...known, path: pathOf(known.path.replace('t', 'p/u')), version: NEW },
    was: undefined,
    source: known,
    tombstone: tombstone(known.path, NEW),
  }));
  const move: Action = { do: 'move', ...tree!, below };
  const bench = () => {
    const bench = new Workbench();
    bench.have(directory('p', OLD), ...members);
    return bench;
  };

  it('moves in one step', () => {
    const whole = bench();
    const inode = whole.disk.lstat('d/t/s/l')?.inode;
    assert.equal(whole.apply(move).result, 'done');
    assert.equal(whole.disk.lstat('d/t'), undefined);
    assert.equal(whole.disk.lstat('d/p/u/s/l')?.inode, inode);
    assert.equal(whole.index.identity(pathOf('p/u/s/l'))?.inode, inode);
    for (const { entry, tombstone } of [move, ...below]) {
      assert.deepEqual(whole.index.get(entry.path), entry);
      assert.equal(whole.index.get(tombstone.path)?.kind, 'tombstone');
    }
  });

  const obstacles: Record<string, (bench: Workbench) => void> = {
    'a file that nobody knows': ({ disk }) => disk.writeFile('d/t/s/new', Buffer.of(1), 0o644),
    'an ignored file': bench => {
      bench.ignored = ['t/s/ignored'];
      bench.disk.writeFile('d/t/s/ignored', Buffer.of(1), 0o644);
    },
    'a special file': ({ disk }) => disk.mknod('d/t/pipe'),
    'a file with another date': ({ disk }) => disk.setDate('d/t/f', 99),
    'a directory with another mode': ({ disk }) => disk.chmod('d/t/s', 0o700),
    'a symlink to somewhere else': ({ disk }) => {
      disk.unlink('d/t/s/l');
      disk.symlink('elsewhere', 'd/t/s/l');
    },
    'a file that is gone': ({ disk }) => disk.unlink('d/t/f'),
    'a newer entry of a file': ({ index }) => index.set(file('t/f', { ...OLD, 2: 300 })),
    'a newer entry of a new name': ({ index }) => index.set(tombstone('p/u/f', { 2: 300 })),
    'something at its new name': ({ disk }) => disk.mkdir('d/p/u', 0o755),
  };
  for (const [name, happen] of Object.entries(obstacles))
    it(`stays where it is because of ${name}`, () => {
      const hindered = bench();
      happen(hindered);
      assert.equal(hindered.apply(move).result, 'changed');
      assert.equal(hindered.disk.lstat('d/t')?.kind, 'directory');
      assert.equal(hindered.disk.lstat('d/p/u/s'), undefined);
    });
});

describe('a directory that may not be written', () => {
  for (const [kind, make] of Object.entries(actions))
    for (const known of [was, undefined]) {
      const action = make(known);
      if (!action) continue;
      it(`is opened for just so long: ${kind} ${known ? 'over a file' : 'of something new'}`, () => {
        const bench = new Workbench();
        bench.have(directory('p', OLD, 0o555), source, ...(known ? [known] : []));
        bench.stage(file('p/x', NEW, { size: 6, mtime: 77 }));
        bench.seen = bench.disk.mount('owner');
        assert.equal(bench.apply(action).result, 'done');
        assertDone(bench, action);
        assert.equal(bench.disk.lstat('d/p')?.mode, 0o555);
      });
    }
});

describe('owner and group', () => {
  const fetch = (known: Entry | undefined): Action => actions.fetch!(known)!;
  it('of a replaced file stay, a new one has its directory’s', () => {
    for (const known of [was, undefined]) {
      const bench = furnished(known);
      bench.disk.chown('d/p', 11, 12);
      if (known) bench.disk.chown('d/p/x', 21, 22);
      bench.apply(fetch(known));
      const { uid, gid } = bench.disk.lstat('d/p/x')!;
      assert.deepEqual([uid, gid], known ? [21, 22] : [11, 12]);
    }
  });

  for (const kind of ['mkdir', 'symlink'] as const)
    it(`of what ${kind} makes are its directory’s, in whatever place`, () => {
      for (const known of [was, undefined]) {
        const bench = furnished(known);
        bench.disk.chown('d/p', 11, 12);
        if (known) bench.disk.chown('d/p/x', 21, 22);
        assert.equal(bench.apply(actions[kind]!(known)!).result, 'done');
        const { uid, gid } = bench.disk.lstat('d/p/x')!;
        assert.deepEqual([uid, gid], [11, 12]);
      }
    });
});

describe('a content that did not arrive as announced', () => {
  for (const [name, size] of [
    ['too short', 5],
    ['too long', 7],
    ['missing', undefined],
  ] as const)
    it(`is not put into place: ${name}`, () => {
      const bench = furnished(was);
      const action = actions.fetch!(was)!;
      bench.staging.discard(action.entry);
      if (size !== undefined) bench.stage(action.entry, Buffer.alloc(size));
      const before = bench.tree();
      assert.equal(bench.apply(action).result, 'failed');
      assert.deepEqual([bench.tree(), bench.thrown()], [before, []]);
    });
});
