/** Deletions that are held: what is on the disk, what is announced, and what ends a hold. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathOf, tombstone } from '../support/entries.ts';
import { Lookout, SELF, SETTLE_MS } from '../support/lookout.ts';

const MANY = 120;
const FEW = 30;
const MINUTE = 60_000;

/** `dir` has most of the files. */
function furnished({ disk }: Lookout): void {
  disk.mkdir('d/dir', 0o755);
  for (let i = 0; i < MANY; i++) disk.writeFile(`d/dir/f${i}`, Buffer.from(`${i}`), 0o644);
  disk.mkdir('d/other', 0o755);
  for (let i = 0; i < FEW; i++) disk.writeFile(`d/other/o${i}`, Buffer.from(`${i}`), 0o644);
}

/** A lookout whose `dir` is gone and held. */
async function holding(): Promise<Lookout> {
  const out = await Lookout.over(furnished);
  out.disk.rename('d/dir', 'away');
  out.hint('dir');
  await out.pass(5 * SETTLE_MS);
  assert.equal(out.looker.held.size, MANY + 1);
  assert.deepEqual(out.news(), []);
  return out;
}

const isHeld = (out: Lookout, path: string) => out.looker.isHeld(pathOf(path));

describe('most files of a domain gone at once', () => {
  it('are not announced, with their directory, and count as absent', async () => {
    const out = await holding();
    assert.match(out.held[0] ?? '', /120 of its 150 files/);
    assert.ok(isHeld(out, 'dir') && isHeld(out, 'dir/f7'));
    assert.ok(out.looker.isMissing(pathOf('dir/f7')));
    assert.equal(out.index.totals.files, MANY + FEW);
    await out.scan();
    await out.pass(100 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    await out.stop();
  });

  it('are held for a reason that is told from the first of them on', async () => {
    const out = await Lookout.over(furnished);
    const told: string[] = [];
    const yielded = out.view.yield.bind(out.view);
    out.view.yield = () => {
      if (out.looker.held.size > 0) told.push(out.looker.held.reason);
      return yielded();
    };
    out.disk.rename('d/dir', 'away');
    out.hint('dir');
    await out.pass(5 * SETTLE_MS);
    assert.ok(told.length > 0);
    for (const reason of told) assert.match(reason, /120 of its 150 files/);
    await out.stop();
  });

  it('under their new name too, before that was announced', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir', 'd/moved');
    out.hint('dir');
    out.hint('moved', false, true);
    await out.pass(100);
    out.disk.rename('d/moved', 'away');
    await out.pass(5 * SETTLE_MS);
    assert.ok(isHeld(out, 'dir/f7'));
    assert.deepEqual(out.news(), []);
    await out.stop();
  });

  it('one after the other over a minute are held from the one on that is too many', async () => {
    const out = await Lookout.over(furnished);
    for (let i = 0; i < MANY; i++) {
      out.disk.unlink(`d/dir/f${i}`);
      out.hint(`dir/f${i}`);
      await out.pass(400);
    }
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.news().length, 100);
    assert.equal(out.looker.held.size, MANY - 100);
    await out.stop();
  });

  it('are as many as were announced: what could not be looked at was not, however long', async () => {
    const out = await Lookout.over(furnished);
    out.disk.unlink('d/dir/f0');
    out.hint('dir/f0');
    await out.pass(100);
    out.disk.fail('d/dir', 'EACCES');
    await out.pass(10 * SETTLE_MS);
    out.disk.fail('d/dir');
    // With one more that was announced, too many.
    for (let i = 0; i < 100; i++) out.disk.unlink(`d/${i < 70 ? `dir/f${i + 1}` : `other/o${i - 70}`}`);
    for (let i = 0; i < 100; i++) out.hint(i < 70 ? `dir/f${i + 1}` : `other/o${i - 70}`);
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.held, []);
    assert.equal(out.news().length, 100);
    await out.scan();
    await out.pass(SETTLE_MS);
    assert.ok(isHeld(out, 'dir/f0'), 'it is the one that is too many');
    await out.stop();
  });

  it('while anything else goes on, deletions too, once a minute has passed', async () => {
    const out = await holding();
    out.write('other/new');
    out.hint('other/new', true);
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.news(), ['file other/new']);
    out.disk.unlink('d/other/o1');
    out.hint('other/o1');
    await out.pass(SETTLE_MS);
    assert.ok(isHeld(out, 'other/o1'), 'it belongs to the same slip, for all that is known');
    await out.pass(MINUTE);
    out.disk.unlink('d/other/o2');
    out.hint('other/o2');
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.news(), ['tombstone other/o2']);
    await out.stop();
  });

  it('are no deletion where their directory was renamed', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir', 'd/moved');
    out.hint('dir');
    out.hint('moved', false, true);
    await out.pass(10 * SETTLE_MS);
    assert.equal(out.looker.held.size, 0);
    assert.deepEqual(out.held, []);
    assert.equal(out.entry('moved/f3')?.from?.path, 'dir/f3');
    await out.stop();
  });

  it('are no deletion either where the new name is noticed only later', async () => {
    const out = await Lookout.over(furnished);
    out.disk.rename('d/dir', 'd/moved');
    out.hint('dir');
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.looker.held.size, MANY + 1);
    out.hint('moved', false, true);
    await out.pass(10 * SETTLE_MS);
    assert.equal(out.looker.held.size, 0);
    assert.equal(out.held.at(-1), undefined);
    assert.equal(out.entry('moved/f3')?.from?.path, 'dir/f3');
    assert.equal(out.entry('dir')?.kind, 'tombstone');
    await out.stop();
  });
});

describe('what is held and cannot be looked at', () => {
  it('is not found under another name, which is new, and stays held', async () => {
    const out = await holding();
    out.disk.fail('d/dir', 'EACCES');
    out.disk.rename('away/f7', 'd/found');
    out.hint('found', true);
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.news(), ['file found']);
    assert.ok(isHeld(out, 'dir/f7'));
    out.disk.fail('d/dir');
    await out.scan();
    await out.pass(10 * SETTLE_MS);
    assert.ok(isHeld(out, 'dir/f7'), 'until an operator decides');
    assert.deepEqual(out.news(), []);
    await out.stop();
  });

  it('is not released before it can', async () => {
    const out = await holding();
    out.disk.fail('d/dir', 'EACCES');
    out.looker.decide('release');
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.news(), []);
    assert.equal(out.looker.held.size, MANY + 1);
    out.disk.fail('d/dir');
    out.looker.decide('release');
    await out.pass(SETTLE_MS);
    assert.equal(out.news().length, MANY + 1);
    await out.stop();
  });
});

describe('what is held and found under another name', () => {
  it('is announced with it', async () => {
    const out = await holding();
    out.disk.rename('away/f1', 'd/other/new');
    out.hint('other/new', true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(new Set(out.news()), new Set(['file other/new', 'tombstone dir/f1']));
    assert.equal(out.index.get(pathOf('other/new'))?.from?.path, 'dir/f1');
    assert.equal(out.looker.held.size, MANY);
    await out.stop();
  });

  it('stays held where that has gone again before it was announced', async () => {
    const out = await holding();
    out.disk.rename('away/f1', 'd/other/new');
    const lstat = out.disk.lstat.bind(out.disk);
    let looks = 0;
    out.disk.lstat = path => {
      if (path === 'd/other/new' && ++looks === 2) out.disk.rename('d/other/new', 'away/f1');
      return lstat(path);
    };
    out.hint('other/new', true);
    await out.pass(5 * SETTLE_MS);
    assert.ok(looks >= 2);
    assert.deepEqual(out.news(), []);
    assert.ok(isHeld(out, 'dir/f1'));
    await out.stop();
  });
});

describe('a hold ends', () => {
  it('for what comes back, and is written down as over when all of it has', async () => {
    const out = await holding();
    out.disk.mkdir('d/dir', 0o755);
    out.disk.rename('away/f1', 'd/dir/f1');
    out.hint('dir', false, true);
    await out.pass(5 * SETTLE_MS);
    assert.ok(!isHeld(out, 'dir/f1') && !isHeld(out, 'dir') && isHeld(out, 'dir/f2'));
    for (let i = 0; i < MANY; i++) if (i !== 1) out.disk.rename(`away/f${i}`, `d/dir/f${i}`);
    await out.scan();
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.looker.held.size, 0);
    assert.equal(out.held.at(-1), undefined);
    assert.equal(out.looker.holdingSince, undefined);
    assert.deepEqual(out.news(), []);
    await out.stop();
  });

  it('for what is written anew: that is a change', async () => {
    const out = await holding();
    out.disk.mkdir('d/dir', 0o755);
    out.write('dir/f1', 'other content');
    out.hint('dir', false, true);
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), ['file dir/f1']);
    assert.ok(!isHeld(out, 'dir/f1'));
    await out.stop();
  });

  it('for what was applied', async () => {
    const out = await holding();
    out.looker.applied(pathOf('dir/f1'));
    assert.ok(!isHeld(out, 'dir/f1'));
    await out.stop();
  });

  it('by a release: announced, dated when they were first seen missing', async () => {
    const out = await holding();
    const missing = out.looker.held.first(1)[0]![1].since;
    await out.pass(10 * MINUTE);
    assert.equal(out.looker.decide('release'), MANY + 1);
    await out.pass(SETTLE_MS);
    assert.equal(out.news().length, MANY + 1);
    assert.equal(out.entry('dir')?.kind, 'tombstone');
    assert.deepEqual(out.entry('dir/f1')?.version[SELF], missing);
    assert.equal(out.entry('dir/f1')?.mtime, missing);
    assert.equal(out.looker.held.size, 0);
    await out.stop();
  });

  it('by a release just after what was known, where that is newer', async () => {
    const out = await holding();
    const later = out.clock.now() + MINUTE;
    out.index.set({ ...out.entry('dir/f1')!, version: { 3: later } });
    out.looker.decide('release');
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.entry('dir/f1')?.version, { 3: later, [SELF]: later + 1 });
    await out.stop();
  });

  it('by a release not for what stands there after all', async () => {
    const out = await holding();
    out.disk.rename('away', 'd/dir');
    out.looker.decide('release');
    await out.pass(5 * SETTLE_MS);
    assert.deepEqual(out.news(), []);
    assert.equal(out.index.totals.files, MANY + FEW);
    await out.stop();
  });

  it('by an undo: forgotten, so that peers bring it again', async () => {
    const out = await holding();
    out.looker.decide('undo');
    await out.pass(SETTLE_MS);
    assert.deepEqual(out.news(), []);
    assert.equal(out.entry('dir/f1'), undefined);
    assert.equal(out.entry('dir'), undefined);
    assert.equal(out.index.totals.files, FEW);
    await out.stop();
  });

  it('by no decision while the volume is not the right one', async () => {
    const out = await holding();
    out.objection = 'the marker is gone';
    out.looker.decide('release');
    await out.pass(MINUTE);
    assert.deepEqual(out.news(), []);
    out.objection = undefined;
    await out.pass(MINUTE);
    assert.equal(out.news().length, MANY + 1);
    await out.stop();
  });
});

describe('what is missing at a first look', () => {
  /** A lookout that knows `files` from a former life, none of which is there. */
  async function after(files: number, prepare: (out: Lookout) => void = () => {}): Promise<Lookout> {
    const out = new Lookout();
    for (let i = 0; i < files; i++) out.index.set({ ...tombstone(`f${i}`), kind: 'file', version: { 3: 500 } });
    prepare(out);
    await out.scan();
    out.run();
    await out.pass(5 * SETTLE_MS);
    return out;
  }

  for (const files of [1, 5, 12])
    it(`is held where nothing is left of ${files}: that may be a mount that is not there`, async () => {
      const out = await after(files);
      assert.equal(out.looker.held.size, files);
      assert.deepEqual(out.news(), []);
      await out.stop();
    });

  it('is held where deletions were held before, however few, and since then', async () => {
    const out = await after(3, lookout => {
      furnished(lookout);
      lookout.looker.holdOn(777);
    });
    assert.equal(out.looker.held.size, 3);
    assert.deepEqual(new Set(out.looker.held.first(3).map(([, { since }]) => since)), new Set([777]));
    assert.equal(out.looker.holdingSince, 777);
    await out.stop();
  });

  it('is held, and what stands in the place of a directory is of unknown age when it is released', async () => {
    const out = await after(0, ({ index, disk }) => {
      index.set({ ...tombstone('dir'), kind: 'directory', mode: 0o755, version: { 3: 500 } });
      for (let i = 0; i < 12; i++) index.set({ ...tombstone(`dir/f${i}`), kind: 'file', version: { 3: 500 } });
      disk.writeFile('d/dir', Buffer.from('a file'), 0o644);
    });
    assert.equal(out.looker.held.size, 13);
    // A peer's change was tried in vain, or somebody touched it.
    out.hint('dir');
    await out.pass(5 * SETTLE_MS);
    assert.equal(out.looker.held.size, 13);
    out.looker.decide('release');
    await out.pass(5 * SETTLE_MS);
    const { kind, version } = out.index.get(pathOf('dir'))!;
    assert.deepEqual([kind, Object.keys(version)], ['file', ['0', '3']]);
    assert.deepEqual(
      Object.keys(out.index.get(pathOf('dir/f0'))!.version),
      ['3', String(SELF)],
      'its release is of now',
    );
    await out.stop();
  });

  it('and nothing is, where deletions were held before: then none are any more', async () => {
    const out = await after(0, lookout => {
      furnished(lookout);
      lookout.looker.holdOn(777);
    });
    assert.equal(out.looker.holdingSince, undefined);
    await out.stop();
  });
});

describe('a handful of files', () => {
  it('deleted before our eyes is a wish', async () => {
    const out = await Lookout.over(lookout => {
      for (let i = 0; i < 3; i++) lookout.write(`f${i}`);
    });
    for (let i = 0; i < 3; i++) out.disk.unlink(`d/f${i}`);
    for (let i = 0; i < 3; i++) out.hint(`f${i}`);
    await out.pass(SETTLE_MS);
    assert.equal(out.news().length, 3);
    await out.stop();
  });

  it('gone while the volume was not the right one is held', async () => {
    const out = await Lookout.over(lookout => {
      for (let i = 0; i < 3; i++) lookout.write(`f${i}`);
    });
    out.objection = 'the directory is missing';
    for (let i = 0; i < 3; i++) out.disk.unlink(`d/f${i}`);
    for (let i = 0; i < 3; i++) out.hint(`f${i}`);
    await out.pass(5 * SETTLE_MS);
    assert.ok(out.looker.halted);
    out.objection = undefined;
    await out.pass(5 * MINUTE);
    assert.equal(out.looker.halted, undefined);
    assert.equal(out.looker.held.size, 3);
    assert.deepEqual(out.news(), []);
    await out.stop();
  });
});
