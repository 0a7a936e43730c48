/**
 * The histories that broke earlier wordings of the rules, played on whole engines. Each name says what went wrong then; the body
 * says what has to come out.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAIR } from './links.ts';
import { Stage, type StageOptions } from './stage.ts';
import { EPOCH_MS } from './world.ts';

const LONG_AGO = EPOCH_MS - 90 * 86_400_000;

/** Two instances that are equal and run, with these files of an old date. */
async function equal(files: Readonly<Record<string, string>>, options?: StageOptions): Promise<Stage> {
  const stage = new Stage(options);
  for (const path of Object.keys(files)) {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (parent !== '' && stage.read(1, parent) === undefined) stage.mkdir(1, parent);
    stage.write(1, path, files[path]!, LONG_AGO);
  }
  await stage.heal();
  for (const [path, content] of Object.entries(files)) stage.expect(path, content);
  return stage;
}

describe('only what is not equal is a change', () => {
  it('H1: an edit is not undone by a chown made elsewhere while cut off', async () => {
    const stage = await equal({ f: 'v1' });
    stage.cut();
    stage.write(1, 'f', 'edited');
    await stage.pass(20_000);
    stage.disk(2).chown(stage.place('f'), 7, 7);
    await stage.pass(20_000);
    await stage.heal();
    stage.expect('f', 'edited');
  });

  it('H1b: a directory that became a file is not undone by a deletion below it', async () => {
    const stage = await equal({ 'b/x': 'x', 'b/y': 'y' });
    stage.cut();
    for (const name of ['x', 'y']) stage.unlink(2, `b/${name}`);
    stage.rmdir(2, 'b');
    stage.write(2, 'b', 'a file now');
    await stage.pass(20_000);
    stage.unlink(1, 'b/x');
    stage.rescan(1);
    await stage.pass(20_000);
    await stage.heal();
    stage.expect('b', 'a file now');
  });

  it('H1c: a volume and its cache restored with new inodes outrank no edit', async () => {
    const stage = await equal({ f: 'v1', g: 'other' });
    await stage.stop(1);
    const [tree, cache] = ['common', '.dfsync/cache'].map(path => stage.disk(1).snapshot(path));
    stage.write(2, 'f', 'edited');
    await stage.pass(20_000);
    stage.disk(1).restore(tree!);
    stage.disk(1).restore(cache!);
    await stage.heal();
    stage.expect('f', 'edited');
    assert.deepEqual(stage.entry(1, 'g')?.version, { 0: LONG_AGO });
  });
});

describe('a crash is no change', () => {
  for (const lost of [undefined, 'journal', 'cache'] as const) {
    const name = lost === undefined ? 'whose index lost nothing' : `that lost its ${lost}`;

    it(`H2: what was pulled before a crash does not beat the edit after it, on an instance ${name}`, async () => {
      const stage = await equal({ f: 'v1' });
      stage.write(2, 'f', 'version two');
      await stage.until('n1 has version two', () => stage.read(1, 'f') === 'version two');
      stage.kill(1, lost);
      stage.write(2, 'f', 'the third version');
      await stage.pass(20_000);
      await stage.heal();
      stage.expect('f', 'the third version');
    });

    it(`H2: an own announced edit does not beat the edit after it, on an instance ${name}`, async () => {
      const stage = await equal({ f: 'v1' });
      stage.write(1, 'f', 'version two');
      await stage.until('n2 has version two', () => stage.read(2, 'f') === 'version two');
      stage.kill(1, lost);
      stage.write(2, 'f', 'the third version');
      await stage.pass(20_000);
      await stage.heal();
      stage.expect('f', 'the third version');
    });

    it(`H2: a pulled deletion does not delete what was made after it, on an instance ${name}`, async () => {
      const stage = await equal({ f: 'v1' });
      stage.unlink(2, 'f');
      await stage.until('n1 has deleted it', () => stage.read(1, 'f') === undefined);
      stage.kill(1, lost);
      stage.write(2, 'f', 'made again');
      await stage.pass(20_000);
      await stage.heal();
      stage.expect('f', 'made again');
    });
  }

  for (const torn of [false, true])
    it(`H2b: a crash at any step of a replacement${torn ? ', in the middle of a write' : ''}, deletes nothing`, async () => {
      const large = 'x'.repeat(300_000);
      for (let step = 0; step < 30; step++) {
        const stage = await equal({ f: 'v1', 'd/g': 'g', h: 'h' });
        stage.disk(1).rename(stage.place('d/g'), stage.place('d/renamed'));
        stage.node(2).engine!.disk.failAfter(step, torn);
        stage.write(1, 'f', 'version two');
        stage.unlink(1, 'h');
        stage.mkdir(1, 'h');
        stage.write(1, 'h/large', large);
        await stage.pass(20_000);
        await stage.heal();
        stage.expect('f', 'version two');
        stage.expect('d/renamed', 'g');
        stage.expect('d/g', undefined);
        stage.expect('h/large', large);
      }
    });

  it('H2b: a crash between the old file to the trash and the new one into place, where links are refused, is no deletion', async () => {
    let absent = 0;
    for (let step = 0; step < 20; step++) {
      const stage = await equal({ f: 'v1' }, { volume: { withoutLinks: true } });
      stage.node(2).engine!.disk.failAfter(step);
      stage.write(1, 'f', 'version two');
      const died = await stage.world.until(stage.world.clock.now() + 20_000, () => !stage.node(2).engine);
      if (died && stage.read(2, 'f') === undefined) absent++;
      await stage.heal();
      stage.expect('f', 'version two');
      assert.equal(stage.entry(1, 'f')!.version[2], undefined);
    }
    assert.ok(absent > 0, 'no crash came while the path was absent');
  });

  it('an intent that was carried out counts, although the file was changed again before the next start', async () => {
    const stage = await equal({ f: 'v1', 'd/x': 'x' });
    stage.write(1, 'f', 'version two');
    stage.disk(1).chmod(stage.place('d'), 0o750);
    await stage.until('n2 has both', () => stage.read(2, 'f') === 'version two' && stage.entry(2, 'd')?.mode === 0o750);
    stage.kill(2);
    stage.disk(2).chmod(stage.place('d'), 0o700);
    stage.write(2, 'f', 'with an old date', LONG_AGO);
    await stage.heal();
    stage.expect('f', 'with an old date');
    stage.expectMode('d', 0o700);
  });

  it('what was installed just before a crash, and deleted after it, stays deleted', async () => {
    let deleted = 0;
    for (let step = 0; step < 20; step++) {
      const stage = await equal({ f: 'v1' });
      stage.node(2).engine!.disk.failAfter(step);
      stage.write(1, 'x', 'new');
      await stage.world.until(stage.world.clock.now() + 10_000, () => stage.node(2).engine === undefined);
      if (stage.node(2).engine !== undefined || stage.read(2, 'x') === undefined) continue;
      deleted++;
      // By the clock of its disk that is later than the last line of the journal.
      await stage.pass(1);
      stage.unlink(2, 'x');
      await stage.heal();
      stage.expect('x', undefined);
    }
    assert.ok(deleted > 0);
  });

  it('a line of the journal cut off by a crash does not swallow the next one', async () => {
    const stage = await equal({ f: 'v1' });
    stage.node(2).engine!.disk.failAfter(0, true);
    stage.write(2, 'g', 'new');
    await stage.until('n2 has died', () => stage.node(2).engine === undefined);
    await stage.heal();
    stage.expect('g', 'new');
    stage.kill(2);
    stage.disk(2).chmod(stage.place('g'), 0o600);
    await stage.heal();
    assert.equal(stage.disk(1).lstat(stage.place('g'))?.mode, 0o600);
  });

  it('what is found deleted at a start loses to an edit made elsewhere meanwhile', async () => {
    const stage = await equal({ f: 'v1' });
    stage.kill(1);
    stage.unlink(1, 'f');
    await stage.pass(20_000);
    stage.write(2, 'f', 'edited');
    await stage.pass(20_000);
    await stage.heal();
    stage.expect('f', 'edited');
  });

  it('H2c: an index that went back gives no version a second time', async () => {
    const stage = await equal({ f: 'v1' }, { skews: { 2: 240_000 } });
    stage.write(2, 'f', 'of the fast clock');
    await stage.heal();
    const cache = stage.disk(1).snapshot('.dfsync/cache');
    stage.write(1, 'f', 'announced');
    await stage.until('n2 has it', () => stage.read(2, 'f') === 'announced');
    stage.kill(1);
    stage.disk(1).restore(cache);
    stage.write(1, 'f', 'of an old date', LONG_AGO);
    stage.cut();
    stage.start(1);
    await stage.until('n1 has looked', () => stage.entry(1, 'f')?.mtime === LONG_AGO);
    assert.notDeepEqual(stage.entry(1, 'f')!.version, stage.entry(2, 'f')!.version);
    await stage.heal();
    assert.equal(stage.read(1, 'f'), stage.read(2, 'f'));
    const contents = new Set([stage.read(1, 'f'), ...stage.trash(1), ...stage.trash(2)]);
    assert.deepEqual([...contents].sort(), ['announced', 'of an old date', 'of the fast clock', 'v1']);
  });
});

describe('a lost cache outranks nothing', () => {
  it('H3: a directory and a symlink deleted meanwhile stay deleted, however new their dates', async () => {
    const stage = await equal({ 'd/x': 'x' });
    stage.disk(1).symlink('to', stage.place('link'));
    await stage.heal();
    stage.kill(2, 'cache');
    stage.unlink(1, 'd/x');
    stage.rmdir(1, 'd');
    stage.unlink(1, 'link');
    await stage.pass(20_000);
    stage.write(2, 'd/temporary', 'gives d a newer date');
    stage.unlink(2, 'd/temporary');
    await stage.heal();
    stage.expect('d', undefined);
    stage.expect('link', undefined);
  });

  it('H3: a chmod of a directory made meanwhile stays', async () => {
    const stage = await equal({ 'd/x': 'x' });
    stage.kill(2, 'cache');
    stage.disk(1).chmod(stage.place('d'), 0o700);
    await stage.pass(20_000);
    stage.write(2, 'd/temporary', 'gives d a newer date');
    stage.unlink(2, 'd/temporary');
    await stage.heal();
    stage.expectMode('d', 0o700);
  });

  for (const change of ['deleted', 'edited'] as const)
    it(`H4: what a fast clock wrote can be ${change} by a slow one that had lost its cache`, async () => {
      const stage = await equal({ f: 'v1' }, { skews: { 2: 240_000 } });
      stage.write(2, 'f', 'of the fast clock');
      await stage.heal();
      stage.kill(1, 'cache');
      await stage.heal();
      if (change === 'deleted') stage.unlink(1, 'f');
      else stage.write(1, 'f', 'edited by the slow one');
      await stage.pass(20_000);
      await stage.heal();
      stage.expect('f', change === 'deleted' ? undefined : 'edited by the slow one');
    });
});

describe('trees', () => {
  it('H7: a directory that comes back for what was made in it keeps its mode', async () => {
    const stage = await equal({ 'b/old': 'old' });
    stage.disk(1).chmod(stage.place('b'), 0o700);
    await stage.heal();
    stage.cut();
    stage.write(1, 'b/x', 'made while b was removed');
    await stage.pass(5_000);
    stage.unlink(2, 'b/old');
    stage.rmdir(2, 'b');
    await stage.pass(20_000);
    await stage.heal();
    stage.expect('b/x', 'made while b was removed');
    stage.expectMode('b', 0o700);
  });

  it('a directory that comes back where a file was deleted has the mode of a directory', async () => {
    const stage = await equal({ 'b/x': 'x' });
    stage.cut();
    stage.unlink(1, 'b/x');
    stage.rmdir(1, 'b');
    stage.write(1, 'b', 'a file');
    await stage.pass(20_000);
    stage.unlink(1, 'b');
    await stage.pass(20_000);
    stage.write(2, 'b/y', 'y');
    await stage.heal();
    stage.expect('b/y', 'y');
    stage.expectMode('b', 0o755);
  });

  it('what is changed below a directory, while a file that takes its place is fetched, goes under no older version', async () => {
    for (let offset = 0; offset < 3000; offset += 100) {
      const stage = await equal({ 'd/x': 'x' });
      stage.cut();
      stage.write(2, 'd/y', 'n1 never had it');
      await stage.pass(5_000);
      stage.unlink(1, 'd/x');
      stage.rmdir(1, 'd');
      stage.write(1, 'd', 'a file now');
      await stage.pass(5_000);
      stage.world.links.heal();
      stage.world.links.weather = { ...FAIR, latencyMs: 1_500 };
      await stage.until('n2 knows of the file', () => stage.wants(2, 'd'));
      await stage.pass(offset);
      if (stage.read(2, 'd') === 'directory') stage.write(2, 'd/y', 'edited');
      await stage.heal();
      assert.equal(stage.read(1, 'd/y'), stage.read(2, 'd/y'));
    }
  });

  it('H8: of an archive with one date and size, a file removed and another one made are not taken for a rename', async () => {
    const stage = await equal({ 'p/0': 'A', 'p/1': 'B' });
    stage.cut();
    stage.unlink(1, 'p/0');
    stage.write(1, 'p/2', 'C', LONG_AGO);
    await stage.pass(20_000);
    await stage.heal();
    stage.expect('p/0', undefined);
    stage.expect('p/2', 'C');
  });

  it('a parent is asked of whoever is there, when the first to tell of a path is gone', async () => {
    const stage = await equal({ f: 'v1' }, { sites: [2, 1] });
    const { links } = stage.world;
    links.cut(2, 3);
    links.cut(1, 3);
    stage.mkdir(1, 'a');
    stage.mkdir(1, 'a/c');
    await stage.until('n2 has it', () => stage.read(2, 'a/c') === 'directory');
    stage.write(3, 'a', 'a file');
    await stage.pass(5_000);
    links.mend(1, 3);
    await stage.until('n3 has heard of what the file is in the way of', () => stage.wants(3, 'a/c'));
    stage.kill(1);
    stage.unlink(3, 'a');
    await stage.pass(5_000);
    links.mend(2, 3);
    await stage.until('n3 has it from n2', () => stage.read(3, 'a/c') === 'directory');
    await stage.heal();
    stage.expect('a/c', 'directory');
  });

  it('a want that its source has forgotten blocks nothing for ever', async () => {
    const stage = await equal({ 'a/a': 'v1' });
    stage.cut();
    stage.write(2, 'a/a', 'edited');
    await stage.pass(5_000);
    stage.kill(1, 'cache');
    stage.unlink(1, 'a/a');
    stage.rmdir(1, 'a');
    stage.write(1, 'a', 'a file now');
    stage.world.links.heal();
    stage.start(1);
    await stage.until('n2 has taken the file', () => stage.read(2, 'a') === 'a file now');
    stage.kill(2, 'cache');
    await stage.heal();
    stage.expect('a', 'a file now');
  });
});

describe('scans and events', () => {
  it('H6: a path that is missing, and not announced yet, takes the newer version of a peer', async () => {
    const others = Array.from({ length: 40 }, (_, i) => `other ${i}`);
    const stage = await equal({ f: 'v1', ...Object.fromEntries(others.map(path => [path, path])) });
    stage.unlink(1, 'f');
    await stage.pass(100);
    stage.write(2, 'f', 'edited');
    // What goes on missing delays the announcement of all that is.
    for (const path of others.slice(0, 25)) {
      stage.unlink(1, path);
      await stage.pass(200);
    }
    assert.equal(stage.read(1, 'f'), 'edited');
    await stage.heal();
    stage.expect('f', 'edited');
    stage.expect('other 0', undefined);
    assert.deepEqual([stage.hadTombstone(1, 'f'), stage.hadTombstone(2, 'f')], [false, false]);
  });

  it('R1: what a pull installs while a scan is under way is not missing', async () => {
    for (let offset = 0; offset < 600; offset += 40) {
      const stage = await equal({ 'd/x': 'x' });
      stage.rescan(2);
      await stage.pass(offset);
      stage.write(1, 'd/new', 'installed during the scan');
      await stage.pass(5_000);
      await stage.heal();
      stage.expect('d/new', 'installed during the scan');
      assert.deepEqual([stage.hadTombstone(1, 'd/new'), stage.hadTombstone(2, 'd/new')], [false, false]);
    }
  });

  it('R2: what is applied is no local change, whatever the date', async () => {
    const stage = await equal({ f: 'v1' });
    for (let i = 0; i < 40; i++) stage.write(1, `dated ${i}`, 'content', LONG_AGO + i * 1_000_003 + i);
    await stage.heal();
    await stage.pass(600_000);
    for (let i = 0; i < 40; i++) assert.deepEqual(Object.keys(stage.entry(2, `dated ${i}`)!.version), ['1']);
  });

  it('R4: an event before the first scan has ended does not make a pre-seeded file new', async () => {
    for (const offset of [1, 50, 150, 300]) {
      const stage = new Stage();
      stage.write(1, 'f', 'old', LONG_AGO);
      stage.disk(2).restore(stage.disk(1).snapshot('common'));
      stage.start(1);
      await stage.until('n1 knows f', () => stage.entry(1, 'f') !== undefined);
      stage.write(1, 'f', 'edited');
      await stage.pass(5_000);
      stage.start(2);
      await stage.pass(offset);
      stage.disk(2).chown(stage.place('f'), 7, 7);
      await stage.heal();
      stage.expect('f', 'edited');
    }
  });

  it('R5: temporary files that came and went leave no tombstone', async () => {
    const stage = await equal({ f: 'v1' });
    for (let i = 0; i < 30; i++) {
      stage.write(1, `.tmp${i}`, `version ${i + 2}`);
      stage.disk(1).rename(stage.place(`.tmp${i}`), stage.place('f'));
      await stage.pass(1_000);
    }
    await stage.heal();
    stage.expect('f', 'version 31');
    assert.deepEqual([stage.entries(1), stage.entries(2)], [1, 1]);
  });

  it('R6: a path that cannot be written blocks nothing behind it', async () => {
    const stage = await equal({ f: 'v1' });
    stage.disk(2).fail(stage.place('bad'), 'EIO');
    stage.write(1, 'bad', 'cannot be written');
    await stage.pass(1_000);
    stage.write(1, 'good', 'behind it');
    await stage.until('n2 has what is behind it', () => stage.read(2, 'good') === 'behind it');
    stage.disk(2).fail(stage.place('bad'));
    await stage.heal();
    stage.expect('bad', 'cannot be written');
  });

  it('H9: a small domain whose directory vanishes is not deleted elsewhere', async () => {
    const stage = await equal({ a: 'a', 'd/b': 'b' });
    stage.disk(1).rename('common', 'elsewhere');
    stage.rescan(1);
    await stage.pass(60_000);
    assert.deepEqual([stage.read(2, 'a'), stage.read(2, 'd/b')], ['a', 'b']);
    stage.disk(1).rename('elsewhere', 'common');
    await stage.heal();
    stage.expect('a', 'a');
    stage.expect('d/b', 'b');
  });
});
