import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ancestorsOf, parentOf, type RelPath } from '../../src/core/path.ts';
import { type Scanner, walk } from '../../src/folder/scan.ts';
import { directory, file, pathOf, tombstone } from '../support/entries.ts';
import { Lookout, SELF, SETTLE_MS, START } from '../support/lookout.ts';

const OLD = START - 500_000;
const FILES = 12;

/** Files enough for the domain to be one that can be emptied. */
function furnished({ disk }: Lookout): void {
  disk.mkdir('d/dir', 0o755);
  for (let i = 0; i < FILES; i++) {
    disk.writeFile(`d/dir/f${i}`, Buffer.from(`${i}`), 0o644);
    disk.setDate(`d/dir/f${i}`, OLD + i);
  }
}

describe('a file that is written', () => {
  it('is announced at once when its writer has closed it', async () => {
    const out = await Lookout.over();
    out.write('f');
    out.hint('f', true);
    await out.clock.settle();
    assert.deepEqual(out.news(), ['file f']);
    assert.deepEqual(out.entry('f')?.version, { [SELF]: out.clock.now() });
    await out.stop();
  });

  it('otherwise when it has stood still for the settle time, and then once', async () => {
    const out = await Lookout.over();
    for (let i = 0; i < 5; i++) {
      out.write('f', 'x'.repeat(i));
      out.hint('f');
      await out.pass(SETTLE_MS / 2);
      assert.deepEqual(out.news(), []);
    }
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.news(), ['file f']);
    assert.equal(out.entry('f')?.size, 4);
    await out.pass(10 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    await out.stop();
  });

  it('all the time is listed as busy, and announced in the end', async () => {
    const out = await Lookout.over();
    for (let i = 0; i < 30; i++) {
      out.write('log', 'x'.repeat(i));
      out.hint('log');
      await out.pass(SETTLE_MS / 2);
    }
    assert.deepEqual(
      out.problems.list().map(problem => [problem.path, problem.class]),
      [['log', 'busy']],
    );
    assert.deepEqual(out.news(), []);
    await out.pass(2 * SETTLE_MS);
    assert.deepEqual(out.news(), ['file log']);
    assert.deepEqual(out.problems.list(), []);
    await out.stop();
  });

  it('with another owner or date of change alone is no change', async () => {
    const out = await Lookout.over(({ disk }) => disk.writeFile('d/f', Buffer.from('f'), 0o644));
    const before = out.index.digest;
    out.disk.chown('d/f', 5, 5);
    out.hint('f', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    assert.equal(out.index.digest, before);
    await out.stop();
  });

  it('that is ignored is left alone', async () => {
    const out = await Lookout.over();
    out.ignored = ['f'];
    out.write('f');
    out.hint('f', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    await out.stop();
  });
});

describe('what is missing', () => {
  it('is announced when no more goes missing for 250 ms, dated when it was first seen missing', async () => {
    const out = await Lookout.over(furnished);
    for (let i = 0; i < 3; i++) {
      out.disk.unlink(`d/dir/f${i}`);
      out.hint(`dir/f${i}`);
      await out.pass(200);
      assert.deepEqual(out.news(), []);
    }
    const seen = out.clock.now();
    await out.pass(100);
    assert.deepEqual(out.news(), ['tombstone dir/f0', 'tombstone dir/f1', 'tombstone dir/f2']);
    assert.equal(out.entry('dir/f2')?.mtime, seen - 200);
    assert.equal(out.entry('dir/f0')?.version[SELF], seen - 600);
    await out.stop();
  });

  it('is announced after 10 s although more goes missing', async () => {
    const out = await Lookout.over(({ disk }) => {
      for (let i = 0; i < 100; i++) disk.writeFile(`d/f${i}`, Buffer.alloc(0), 0o644);
    });
    let announced = 0;
    for (let i = 0; i < 55 && announced === 0; i++) {
      out.disk.unlink(`d/f${i}`);
      out.hint(`f${i}`);
      await out.pass(200);
      announced = out.news().length;
      assert.ok(announced === 0 || i >= 49, `announced after ${i}`);
    }
    assert.ok(announced > 0);
    await out.stop();
  });

  it('counts as absent until it is announced, and no longer', async () => {
    const out = await Lookout.over(furnished);
    out.disk.unlink('d/dir/f0');
    out.hint('dir/f0');
    await out.clock.settle();
    assert.ok(out.looker.isMissing(pathOf('dir/f0')));
    await out.pass(300);
    assert.ok(!out.looker.isMissing(pathOf('dir/f0')));
    await out.stop();
  });

  it('and comes back, as when an editor saves by rename, is a change and never absence', async () => {
    const out = await Lookout.over(furnished);
    out.disk.unlink('d/dir/f0');
    out.hint('dir/f0');
    await out.pass(100);
    out.write('dir/f0', 'new');
    out.hint('dir/f0', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), ['file dir/f0']);
    await out.stop();
  });

  it('and comes back unchanged is nothing', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir/f0', 'away');
    out.hint('dir/f0');
    await out.pass(100);
    out.disk.rename('away', 'd/dir/f0');
    out.hint('dir/f0');
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    await out.stop();
  });

  it('although it was never announced leaves nothing', async () => {
    const out = await Lookout.over();
    for (let i = 0; i < 20; i++) {
      out.write(`.save${i}`);
      out.hint(`.save${i}`);
      await out.pass(50);
      out.disk.unlink(`d/.save${i}`);
      out.hint(`.save${i}`);
      await out.pass(50);
    }
    await out.pass(20 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    assert.equal(out.index.totals.entries, 0);
    await out.stop();
  });

  it('with its directory takes all below with it', async () => {
    const out = await Lookout.over(({ disk }) => {
      for (let i = 0; i < 5; i++) disk.writeFile(`d/top${i}`, Buffer.alloc(0), 0o644);
      disk.mkdir('d/a', 0o755);
      disk.mkdir('d/a/b', 0o755);
      disk.writeFile('d/a/b/c', Buffer.alloc(0), 0o644);
    });
    out.disk.rename('d/a', 'away');
    out.hint('a');
    await out.pass(300);
    assert.deepEqual(out.news().sort(), ['tombstone a', 'tombstone a/b', 'tombstone a/b/c']);
    await out.stop();
  });

  it('below what cannot be read any more is not missing', async () => {
    const out = await Lookout.over(furnished);
    out.disk.fail('d/dir', 'EACCES');
    for (let i = 0; i < 3; i++) out.hint(`dir/f${i}`);
    await out.scan();
    await out.pass(20 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    assert.ok(out.problems.list().some(problem => problem.class === 'unreadable' && problem.path === 'dir'));
    out.disk.fail('d/dir');
    await out.scan();
    assert.deepEqual(out.problems.list(), []);
    await out.stop();
  });

  it('below what cannot be read any more before it was announced is not missing until it is seen gone again', async () => {
    const out = await Lookout.over(furnished);
    out.disk.unlink('d/dir/f0');
    out.hint('dir/f0');
    await out.pass(100);
    out.disk.fail('d/dir', 'EACCES');
    await out.pass(10 * SETTLE_MS);
    assert.equal(out.looker.unannounced, 0, 'nothing is about to be announced');
    assert.ok(!out.looker.isMissing(pathOf('dir/f0')));
    assert.equal(out.problems.get(pathOf('dir/f0'))?.class, 'unreadable');
    await out.scan();
    await out.pass(10 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    out.disk.fail('d/dir');
    await out.scan();
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.news(), ['tombstone dir/f0']);
    assert.deepEqual(out.problems.list(), []);
    await out.stop();
  });

  it('and could not be looked at for a while before it was announced is gone since nobody knows when', async () => {
    const out = await Lookout.over(furnished);
    out.disk.unlink('d/dir/f0');
    out.hint('dir/f0');
    await out.pass(100);
    out.disk.fail('d/dir', 'EIO');
    await out.pass(10 * SETTLE_MS);
    out.disk.fail('d/dir');
    await out.scan();
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.news(), ['tombstone dir/f0']);
    assert.deepEqual(out.entry('dir/f0')?.version, { 0: OLD + 1 }, 'what a peer has made of it since wins');
    await out.scan();
    out.disk.unlink('d/dir/f1');
    out.hint('dir/f1');
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.entry('dir/f1')?.version, { 0: OLD + 1, [SELF]: out.clock.now() - SETTLE_MS });
    await out.stop();
  });

  it('below what became a file while a scan was on its way there is missing, and nothing else is unknown', async () => {
    const out = await Lookout.over(lookout => {
      furnished(lookout);
      lookout.write('bystander');
    });
    let batches = 0;
    await out.scan(async function* () {
      for (const batch of walk(out.disk, 'd')) {
        if (batches++ === 0) {
          for (const name of out.disk.list('d/dir')) out.disk.unlink(`d/dir/${name}`);
          out.disk.rmdir('d/dir');
          out.write('dir');
        }
        yield batch;
      }
    });
    await out.pass(20 * SETTLE_MS);
    assert.deepEqual(out.problems.list(), []);
    assert.ok(out.news().includes('tombstone dir/f0'));
    out.disk.unlink('d/dir');
    out.disk.mkdir('d/dir', 0o755);
    out.write('dir/new');
    out.hint('dir', false, true);
    await out.pass(20 * SETTLE_MS);
    assert.deepEqual(Object.keys(out.entry('dir/new')!.version), [String(SELF)], 'it was seen as it was made');
    await out.stop();
  });

  it('behind a symlink that took its directory’s place is missing', async () => {
    const out = await Lookout.over(lookout => {
      furnished(lookout);
      lookout.disk.mkdir('d/sub', 0o755);
      lookout.write('sub/x');
    });
    out.disk.rename('d/sub', 'away');
    out.disk.symlink('../away', 'd/sub');
    out.hint('sub');
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.entry('sub')?.kind, 'symlink');
    assert.equal(out.entry('sub/x')?.kind, 'tombstone');
    await out.stop();
  });
});

describe('a rename', () => {
  it('is asserted with the version that the old path had', async () => {
    const out = await Lookout.over(furnished);
    const old = out.entry('dir/f1')!;
    out.disk.rename('d/dir/f1', 'd/new');
    out.hint('dir/f1');
    out.hint('new', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news().sort(), ['file new', 'tombstone dir/f1']);
    assert.deepEqual(out.entry('new')?.from, { path: old.path, version: old.version });
    await out.stop();
  });

  it('is told whichever name is seen first', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir/f1', 'd/new');
    out.hint('new', true);
    out.hint('dir/f1');
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.entry('new')?.from?.path, 'dir/f1');
    await out.stop();
  });

  it('of a directory is one of each of its files', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir', 'd/moved');
    out.hint('dir');
    out.hint('moved', false, true);
    await out.pass(10 * SETTLE_MS);
    for (let i = 0; i < FILES; i++) {
      assert.equal(out.entry(`moved/f${i}`)?.from?.path, `dir/f${i}`);
      assert.equal(out.entry(`dir/f${i}`)?.kind, 'tombstone');
    }
    assert.equal(out.looker.halted, undefined);
    await out.stop();
  });

  it('of a tree is told directory by directory, each old one after what was in it', async () => {
    const out = await Lookout.over(out => {
      for (const path of ['dir', 'dir/a', 'dir/b']) out.disk.mkdir(`d/${path}`, 0o755);
      for (const path of ['stays', 'dir/f', 'dir/a/f', 'dir/b/f']) out.write(path);
    });
    out.disk.rename('d/dir', 'd/new');
    out.hint('dir');
    out.hint('new', false, true);
    await out.pass(10 * SETTLE_MS);
    assert.equal(out.announced.length, 1);
    assert.deepEqual(out.news(), [
      'directory new',
      'directory new/a',
      'file new/a/f',
      'tombstone dir/a/f',
      'tombstone dir/a',
      'directory new/b',
      'file new/b/f',
      'tombstone dir/b/f',
      'tombstone dir/b',
      'file new/f',
      'tombstone dir/f',
      'tombstone dir',
    ]);
    await out.stop();
  });

  it('of a directory whose old name is in use again leaves that one', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir', 'd/moved');
    out.disk.mkdir('d/dir', 0o755);
    for (const path of ['moved', 'dir']) out.hint(path, false, true);
    out.hint('dir/f0');
    await out.pass(10 * SETTLE_MS);
    assert.equal(out.entry('dir')?.kind, 'directory');
    assert.equal(out.entry('moved')?.kind, 'directory');
    await out.stop();
  });

  it('of a directory is told before what is new in it', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir', 'd/moved');
    out.hint('dir');
    out.hint('moved', false, true);
    await out.pass(100);
    out.write('moved/new');
    out.hint('moved/new', true);
    await out.pass(10 * SETTLE_MS);
    const news = out.news();
    assert.deepEqual(news.slice(0, 2), ['directory moved', 'file moved/new']);
    assert.equal(out.entry('moved/f1')?.from?.path, 'dir/f1');
    assert.equal(out.entry('dir')?.kind, 'tombstone');
    await out.stop();
  });

  it('is found by a scan too', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir/f1', 'd/a-new');
    await out.pass(2 * SETTLE_MS);
    await out.scan();
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.entry('a-new')?.from?.path, 'dir/f1');
    await out.stop();
  });

  it('is none of a file that was edited on the way, nor of a new one with the same inode number', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir/f1', 'd/edited');
    out.write('edited', 'another content');
    out.disk.unlink('d/dir/f2');
    out.write('dir/recycled', '2');
    out.disk.setDate('d/dir/recycled', OLD + 2);
    for (const path of ['dir/f1', 'dir/f2', 'edited', 'dir/recycled']) out.hint(path, true);
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.entry('edited')?.from, undefined);
    assert.equal(out.entry('dir/recycled')?.from, undefined);
    await out.stop();
  });

  it('is none, and a new file, where the old name cannot be looked at any more', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir/f0', 'd/renamed');
    out.hint('dir/f0');
    out.hint('renamed', true);
    await out.pass(100);
    out.disk.fail('d/dir', 'EACCES');
    await out.pass(10 * SETTLE_MS);
    assert.deepEqual(out.news(), ['file renamed']);
    assert.equal(out.entry('renamed')?.from, undefined);
    assert.equal(out.looker.unannounced, 0);
    out.disk.fail('d/dir');
    await out.scan();
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.news(), ['tombstone dir/f0']);
    await out.stop();
  });

  it('is none of a second name while the first stands', async () => {
    const out = await Lookout.over(furnished);
    out.disk.link('d/dir/f1', 'd/second');
    out.hint('second');
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), ['file second']);
    assert.equal(out.entry('second')?.from, undefined);
    await out.stop();
  });
});

describe('a volume', () => {
  it('that is not the right one deletes nothing', async () => {
    const out = await Lookout.over(furnished);
    out.disk.unlink('d/dir/f0');
    out.objection = 'the marker is gone';
    out.hint('dir/f0');
    const report = await out.scan();
    await out.pass(20 * SETTLE_MS);
    assert.equal(report.objection, 'the marker is gone');
    assert.deepEqual(out.news(), []);
    out.objection = undefined;
    await out.scan();
    await out.pass(200 * SETTLE_MS);
    assert.deepEqual(out.news(), ['tombstone dir/f0']);
    await out.stop();
  });

  it('with its directory gone deletes nothing', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d', 'elsewhere');
    for (let i = 0; i < 3; i++) out.hint(`dir/f${i}`);
    const report = await out.scan();
    await out.pass(200 * SETTLE_MS);
    assert.match(report.objection ?? '', /ENOENT/);
    assert.deepEqual(out.news(), []);
    await out.stop();
  });
});

describe('the first look', () => {
  const first = async (prepare: (out: Lookout) => void): Promise<Lookout> => {
    const out = new Lookout();
    prepare(out);
    await out.pass(10 * SETTLE_MS);
    await out.scan();
    return out;
  };

  it('gives files their date and says nothing of when the rest was made', async () => {
    const out = await first(lookout => {
      furnished(lookout);
      lookout.disk.symlink('f0', 'd/dir/link');
    });
    assert.deepEqual(out.entry('dir/f3')?.version, { 0: OLD + 3 });
    assert.deepEqual(out.entry('dir')?.version, { 0: 0 });
    assert.deepEqual(out.entry('dir/link')?.version, { 0: 0 });
    assert.ok(out.looker.ready);
  });

  it('finds what was deleted while nobody looked, just after what was known', async () => {
    const out = new Lookout();
    furnished(out);
    out.index.set({ ...out.index.get(pathOf('x'))!, ...tombstone('x'), kind: 'file', version: { 3: 500 } });
    await out.pass(10 * SETTLE_MS);
    await out.scan();
    out.run();
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.entry('x')?.kind, 'tombstone');
    assert.deepEqual(out.entry('x')?.version, { 3: 500, 0: 501 });
    await out.stop();
  });

  it('is what an event before the end of the first scan leads to', async () => {
    const out = new Lookout();
    furnished(out);
    out.run();
    out.hint('dir/f1', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.entry('dir/f1')?.version, { 0: OLD + 1 });
    assert.ok(!out.looker.ready);
    await out.stop();
  });

  it('at what could not be read comes when it can', async () => {
    const out = await first(lookout => {
      furnished(lookout);
      lookout.disk.fail('d/dir', 'EACCES');
    });
    assert.equal(out.entry('dir/f1'), undefined);
    out.disk.fail('d/dir');
    await out.scan();
    assert.deepEqual(out.entry('dir/f1')?.version, { 0: OLD + 1 });
    await out.scan();
    out.write('dir/f1', 'edited');
    out.run();
    out.hint('dir/f1', true);
    await out.clock.settle();
    assert.deepEqual(out.entry('dir/f1')?.version, { 0: OLD + 1, [SELF]: out.clock.now() });
    await out.stop();
  });

  it('at what could not be read comes when it can, although a scan met it meanwhile', async () => {
    const out = await first(lookout => {
      furnished(lookout);
      lookout.disk.fail('d/dir/f1', 'EIO');
    });
    out.disk.fail('d/dir/f1');
    await out.scan(async function* () {
      yield* walk(out.disk, 'd');
      out.disk.fail('d/dir/f1', 'EIO');
    });
    assert.equal(out.entry('dir/f1'), undefined);
    out.disk.fail('d/dir/f1');
    await out.scan();
    assert.deepEqual(out.entry('dir/f1')?.version, { 0: OLD + 1 }, 'what a peer has made of it since wins');
    await out.stop();
  });
});

describe('a new directory', () => {
  it('is looked into, however little its watch told', async () => {
    const out = await Lookout.over();
    for (const path of ['d/a', 'd/a/b', 'd/a/b/c']) out.disk.mkdir(path, 0o755);
    out.write('a/b/c/f');
    out.hint('a', false, true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news().sort(), ['directory a', 'directory a/b', 'directory a/b/c', 'file a/b/c/f']);
    await out.stop();
  });

  it('is looked into again, for what came before its watch did', async () => {
    const out = await Lookout.over();
    out.disk.mkdir('d/a', 0o755);
    out.hint('a', false, true);
    await out.pass(100);
    out.write('a/late');
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), ['directory a', 'file a/late']);
    await out.stop();
  });
});

describe('while something is applied', () => {
  it('what was noticed of a path before is void', async () => {
    const out = await Lookout.over(furnished);
    out.disk.unlink('d/dir/f0');
    out.hint('dir/f0');
    await out.pass(100);
    out.write('dir/f0', 'pulled');
    const { size, mtime, mode } = { ...out.disk.lstat('d/dir/f0')! };
    out.index.set({ path: pathOf('dir/f0'), kind: 'file', size, mtime, mode, version: { 3: 5 } });
    out.looker.applied(pathOf('dir/f0'));
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    assert.deepEqual(out.entry('dir/f0')?.version, { 3: 5 });
    await out.stop();
  });

  it('a new tree is listed twice, each directory of it, and found whole', async () => {
    const out = await Lookout.over();
    const listed = new Map<string, number>();
    const { list } = out.disk;
    out.disk.list = path => {
      listed.set(path, (listed.get(path) ?? 0) + 1);
      return list.call(out.disk, path);
    };
    for (const path of ['d/t', 'd/t/a', 'd/t/a/b']) out.disk.mkdir(path, 0o755);
    out.disk.writeFile('d/t/a/b/f', Buffer.from('x'), 0o644);
    out.hint('t', false, true);
    await out.pass(20 * SETTLE_MS);
    assert.deepEqual(out.news().sort(), ['directory t', 'directory t/a', 'directory t/a/b', 'file t/a/b/f']);
    assert.deepEqual(Object.fromEntries(listed), { 'd/t': 2, 'd/t/a': 2, 'd/t/a/b': 2 });
    await out.stop();
  });

  it('a scan that listed before hides nothing that a look has noticed since', async () => {
    const out = await Lookout.over(furnished);
    const scanned = out.looker.scan(async function* () {
      const listed = [...walk(out.disk, 'd')];
      out.disk.unlink('d/dir/f0');
      out.hint('dir/f0');
      out.write('dir/f1', 'another content');
      out.hint('dir/f1');
      await out.clock.view().sleep(10);
      yield* listed;
    }, new AbortController().signal);
    await out.pass(5 * SETTLE_MS);
    await scanned;
    assert.deepEqual(new Set(out.news()), new Set(['tombstone dir/f0', 'file dir/f1']));
    await out.stop();
  });

  it('a scan that listed before does not delete what came since', async () => {
    const out = await Lookout.over(furnished);
    const batches = async function* () {
      const { walk } = await import('../../src/folder/scan.ts');
      const listed = [...walk(out.disk, 'd')];
      out.write('new', 'pulled');
      const { size, mtime, mode } = out.disk.lstat('d/new')!;
      out.index.set({ path: pathOf('new'), kind: 'file', size, mtime, mode, version: { 3: 5 } });
      yield* listed;
    };
    const scanned = out.looker.scan(batches, new AbortController().signal);
    await out.pass(5 * SETTLE_MS);
    await scanned;
    assert.deepEqual(out.news(), []);
    assert.deepEqual(out.entry('new')?.version, { 3: 5 });
    await out.stop();
  });
});

describe('a path that is as its entry says', () => {
  it('is nothing, and known by the file that stands there now', async () => {
    const out = await Lookout.over(furnished);
    const { mtime } = out.entry('dir/f1')!;
    out.write('copy', '1');
    out.disk.setDate('d/copy', mtime);
    out.disk.rename('d/copy', 'd/dir/f1');
    out.hint('dir/f1', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    out.disk.rename('d/dir/f1', 'd/new');
    for (const path of ['dir/f1', 'new']) out.hint(path, true);
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.entry('new')?.from?.path, 'dir/f1');
    await out.stop();
  });

  it('is nothing where the file system keeps another date or mode than asked for', async () => {
    const out = await Lookout.over(furnished);
    const entry = out.entry('dir/f1')!;
    const asked = { ...entry, mtime: entry.mtime + 1, mode: 0o600 };
    out.index.set(asked, undefined, { mtime: entry.mtime, mode: entry.mode });
    out.hint('dir/f1', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    assert.deepEqual(out.entry('dir/f1'), asked);
    await out.stop();
  });

  const keptOtherwise = async () => {
    const out = await Lookout.over(furnished);
    const shown = out.entry('dir/f1')!;
    const asked = { ...shown, mtime: shown.mtime + 1, mode: 0o600 };
    out.index.set(asked, out.index.identity(asked.path), { mtime: shown.mtime, mode: shown.mode });
    return { out, shown, asked };
  };

  it('and edited keeps the mode that was asked for, where the file system keeps another', async () => {
    const { out, shown } = await keptOtherwise();
    out.write('dir/f1', 'edited', shown.mode);
    out.hint('dir/f1', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), ['file dir/f1']);
    const { mode, mtime } = out.entry('dir/f1')!;
    assert.deepEqual({ mode, mtime }, { mode: 0o600, mtime: out.disk.lstat('d/dir/f1')!.mtime });
    assert.deepEqual(out.index.kept(pathOf('dir/f1')), { mode: shown.mode, mtime });
    out.hint('dir/f1', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    await out.stop();
  });

  it('and given a mode has that, and the date that was asked for', async () => {
    const { out, shown, asked } = await keptOtherwise();
    out.disk.chmod('d/dir/f1', 0o640);
    out.hint('dir/f1', true);
    await out.pass(5 * SETTLE_MS);
    const { mode, mtime } = out.entry('dir/f1')!;
    assert.deepEqual({ mode, mtime }, { mode: 0o640, mtime: asked.mtime });
    assert.deepEqual(out.index.kept(asked.path), { mode: 0o640, mtime: shown.mtime });
    await out.stop();
  });

  it('and renamed is the same file under another name, with the attributes that were asked for', async () => {
    const { out, shown, asked } = await keptOtherwise();
    out.disk.rename('d/dir/f1', 'd/new');
    for (const path of ['dir/f1', 'new']) out.hint(path, true);
    await out.pass(5 * SETTLE_MS);
    const { mode, mtime, from } = out.entry('new')!;
    assert.deepEqual({ mode, mtime, from: from?.path }, { mode: 0o600, mtime: asked.mtime, from: 'dir/f1' });
    assert.deepEqual(out.index.kept(pathOf('new')), { mode: shown.mode, mtime: shown.mtime });
    await out.stop();
  });

  it('is looked at again with what is in it, where all of that may be new', async () => {
    const out = await Lookout.over(furnished);
    out.write('dir/f1', 'edited');
    out.hint('dir', false, true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), ['file dir/f1']);
    await out.stop();
  });
});

describe('a path at which something is applied over time', () => {
  const installing = [pathOf('early'), pathOf('late')];

  it('is looked at when that is over, for whatever reason came before or meanwhile', async () => {
    const lookout = await Lookout.over();
    lookout.write('early');
    lookout.write('late');
    lookout.write('other');
    lookout.hint('early', true);
    lookout.looker.suspend(installing);
    for (const path of ['late', 'other']) lookout.hint(path, true);
    await lookout.pass(10 * SETTLE_MS);
    assert.deepEqual(lookout.news(), ['file other']);
    lookout.looker.resume(installing);
    await lookout.pass(SETTLE_MS);
    assert.deepEqual(lookout.news(), ['file early', 'file late']);
    await lookout.stop();
  });

  it('is not looked at without a reason', async () => {
    const lookout = await Lookout.over();
    lookout.looker.suspend(installing);
    lookout.write('late');
    lookout.looker.resume(installing);
    await lookout.pass(10 * SETTLE_MS);
    assert.deepEqual(lookout.news(), []);
    await lookout.stop();
  });
});

describe('a directory that became a file while nobody looked', () => {
  it('is found so by a first look, however often it is looked at before what was below it is announced', async () => {
    const lookout = new Lookout();
    for (const entry of [directory('dir', { 3: START }), file('dir/in', { 3: START })]) lookout.index.set(entry);
    lookout.disk.writeFile('d/keep', Buffer.from('keep'), 0o644);
    lookout.index.set(file('keep', { 3: START }));
    lookout.write('dir');
    await lookout.pass(10 * SETTLE_MS);
    await lookout.scan();
    lookout.run();
    lookout.hint('dir');
    await lookout.pass(10 * SETTLE_MS);
    const entry = lookout.entry('dir');
    assert.equal(entry?.kind, 'file');
    assert.ok(!(SELF in entry.version), 'a first look gives no stamp of its own');
    await lookout.stop();
  });
});

describe('what is in a tree and cannot be in an index', () => {
  const DEEP = Array.from({ length: 19 }, (_, i) => `${i}`.padEnd(200, 'x')).join('/');
  /** Directories above a path are made, as far as they are missing. */
  const make = ({ disk }: Lookout, path: string) => {
    for (const above of [...ancestorsOf(path as RelPath)].reverse())
      if (!disk.lstat(`d/${above}`)) disk.mkdir(`d/${above}`, 0o755);
  };
  const listed = ({ problems }: Lookout) => problems.list().map(each => `${each.class} ${each.path.length}`);
  const cases: [name: string, path: string, problem: string, put: (out: Lookout, path: string) => void][] = [
    ['a pipe, a socket or a device', 'pipe', 'special 4', ({ disk }, path) => disk.mknod(`d/${path}`)],
    ['a path longer than any may be', `${DEEP}/${'f'.repeat(50)}`, 'too-long 3869', (out, path) => out.write(path)],
    ['a name longer than any may be', 'ä'.repeat(200), 'too-long 200', (out, path) => out.write(path)],
  ];
  for (const [name, path, problem, put] of cases) {
    it(`${name} is listed and not announced, whether a scan or an event finds it`, async () => {
      const out = await Lookout.over(furnished);
      const parent = parentOf(path as RelPath);
      if (parent !== undefined) make(out, `${parent}/x`);
      await out.scan();
      out.news();
      put(out, path);
      out.looker.hint(path as RelPath, true);
      await out.pass(5 * SETTLE_MS);
      const byEvent = listed(out);
      await out.scan();
      await out.pass(5 * SETTLE_MS);
      assert.deepEqual([byEvent.length, listed(out)], [1, [problem]]);
      assert.deepEqual(out.news(), []);
      assert.equal(out.index.get(path as RelPath), undefined);
      await out.stop();
    });

    it(`${name} is listed no more when it is gone, although no event says so`, async () => {
      const out = await Lookout.over(furnished);
      make(out, path);
      put(out, path);
      await out.scan();
      assert.deepEqual(listed(out), [problem]);
      out.disk.rename(`d/${path.split('/')[0]}`, 'away');
      await out.scan();
      await out.pass(5 * SETTLE_MS);
      assert.deepEqual(listed(out), []);
      await out.stop();
    });
  }

  it('a directory with too long a path is listed, and not what is in it', async () => {
    const out = await Lookout.over(furnished);
    const path = `${DEEP}/${'d'.repeat(50)}/f`;
    make(out, path);
    out.write(path);
    await out.scan();
    out.looker.hint(path as RelPath, true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(listed(out), ['too-long 3869']);
    await out.stop();
  });

  it('a file that a pipe takes the place of is deleted elsewhere, and the pipe listed', async () => {
    const out = await Lookout.over(furnished);
    out.disk.unlink('d/dir/f0');
    out.disk.mknod('d/dir/f0');
    out.hint('dir/f0');
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), ['tombstone dir/f0']);
    assert.deepEqual(listed(out), ['special 6']);
    await out.stop();
  });
});

it('a scan under way says how far it has come and when it got on last', async () => {
  const out = await Lookout.over(furnished);
  const gate = Promise.withResolvers<void>();
  const scanner: Scanner = async function* scan({ directory }) {
    for (const batch of walk(out.disk, directory)) {
      yield batch;
      await gate.promise;
    }
  };
  const progressOf = () => out.looker.progress;
  assert.equal(progressOf(), undefined);
  const startedAt = out.clock.now();
  const scan = out.looker.scan(scanner, new AbortController().signal);
  await out.pass(60_000);
  const progress = progressOf();
  assert.ok(progress && progress.paths > 0 && progress.startedAt === startedAt);
  assert.ok(progress.movedAt - startedAt < 1_000, 'it waits since then');
  gate.resolve();
  await out.clock.settle();
  await scan;
  assert.equal(progressOf(), undefined);
  await out.stop();
});
