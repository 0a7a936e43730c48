import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Entry, isLive, type Seen } from '../../src/core/entry.ts';
import { consequence, type Look, meant, observe } from '../../src/core/observe.ts';
import { merge, resolve } from '../../src/core/resolve.ts';
import { dominates, newest, type Version } from '../../src/core/version.ts';
import { directory, entriesAt, file, pathOf, symlink, tombstone } from '../support/entries.ts';

const SELF = 7;
const P = pathOf('p');

const seenFile = (mtime: number, size = 1, mode = 0o644): Seen => ({ kind: 'file', size, mtime, mode });
const seenDirectory = (mode = 0o755): Seen => ({ kind: 'directory', size: 0, mtime: 0, mode });
const seenSymlink = (target = 'target'): Seen => ({ kind: 'symlink', size: 0, mtime: 0, mode: 0, target });
const running = (now: number): Look => ({ self: SELF, now, first: false });
const firstLook = (now: number): Look => ({ self: SELF, now, first: true });

interface Case {
  readonly name: string;
  readonly known?: Entry;
  readonly seen?: Seen;
  readonly look: Look;
  /** undefined: no change. */
  readonly version?: Version;
}

const cases: Case[] = [
  {
    name: 'an edit while running is now',
    known: file('p', { 1: 100 }),
    seen: seenFile(999, 2),
    look: running(1000),
    version: { 1: 100, 7: 1000 },
  },
  {
    name: 'an edit of a path from a faster clock comes after it',
    known: file('p', { 1: 5000 }),
    seen: seenFile(999, 2),
    look: running(1000),
    version: { 1: 5000, 7: 5001 },
  },
  {
    name: 'an old file restored with its old date is a change like any other',
    known: file('p', { 1: 100 }, { mtime: 100 }),
    seen: seenFile(3),
    look: running(1000),
    version: { 1: 100, 7: 1000 },
  },
  {
    name: 'a chmod while running',
    known: file('p', { 7: 100 }),
    seen: seenFile(50, 1, 0o600),
    look: running(1000),
    version: { 7: 1000 },
  },
  { name: 'a deletion while running', known: file('p', { 1: 100 }), look: running(1000), version: { 1: 100, 7: 1000 } },
  {
    name: 'a file where a directory was',
    known: directory('p', { 1: 100 }),
    seen: seenFile(3),
    look: running(1000),
    version: { 1: 100, 7: 1000 },
  },
  { name: 'a path met while running', seen: seenFile(3), look: running(1000), version: { 7: 1000 } },
  { name: 'a directory met while running', seen: seenDirectory(), look: running(1000), version: { 7: 1000 } },
  {
    name: 'a deleted path that comes back while running',
    known: tombstone('p', { 1: 100 }),
    seen: seenFile(3),
    look: running(1000),
    version: { 1: 100, 7: 1000 },
  },
  {
    name: 'a file found changed at first look has its date',
    known: file('p', { 1: 100 }),
    seen: seenFile(600, 2),
    look: firstLook(1000),
    version: { 1: 100, 0: 600 },
  },
  {
    name: 'at first look a date in the future is now',
    known: file('p', { 1: 100 }),
    seen: seenFile(9999, 2),
    look: firstLook(1000),
    version: { 1: 100, 0: 1000 },
  },
  {
    name: 'at first look an old date comes just after what was known',
    known: file('p', { 1: 100 }),
    seen: seenFile(3, 2),
    look: firstLook(1000),
    version: { 1: 100, 0: 101 },
  },
  {
    name: 'a deletion found at first look comes just after what was known',
    known: file('p', { 1: 100 }),
    look: firstLook(1000),
    version: { 1: 100, 0: 101 },
  },
  {
    name: 'a directory found changed at first look',
    known: directory('p', { 1: 100 }),
    seen: seenDirectory(0o700),
    look: firstLook(1000),
    version: { 1: 100, 0: 101 },
  },
  {
    name: 'a symlink found changed at first look',
    known: symlink('p', { 1: 100 }),
    seen: seenSymlink('other'),
    look: firstLook(1000),
    version: { 1: 100, 0: 101 },
  },
  {
    name: 'a deleted path found again at first look',
    known: tombstone('p', { 1: 100 }),
    seen: seenFile(600),
    look: firstLook(1000),
    version: { 1: 100, 0: 600 },
  },
  { name: 'a file met at first look has its date', seen: seenFile(600), look: firstLook(1000), version: { 0: 600 } },
  { name: 'a file of the future met at first look', seen: seenFile(9999), look: firstLook(1000), version: { 0: 1000 } },
  { name: 'a file from before 1970 met at first look', seen: seenFile(-5), look: firstLook(1000), version: { 0: 0 } },
  {
    name: 'a directory met at first look says nothing of when',
    seen: seenDirectory(),
    look: firstLook(1000),
    version: { 0: 0 },
  },
  {
    name: 'a symlink met at first look says nothing of when',
    seen: seenSymlink(),
    look: firstLook(1000),
    version: { 0: 0 },
  },
  { name: 'what stands as known', known: file('p', { 1: 100 }), seen: seenFile(50), look: running(1000) },
  {
    name: 'what stands as known, at first look',
    known: directory('p', { 1: 100 }),
    seen: seenDirectory(),
    look: firstLook(1000),
  },
  { name: 'a deleted path that stays away', known: tombstone('p', { 1: 100 }), look: running(1000) },
  { name: 'a path that came and went', look: running(1000) },
];

describe('a look at the disk', () => {
  for (const { name, known, seen, look, version } of cases)
    it(`${name}: ${version ? JSON.stringify(version) : 'no change'}`, () => {
      const entry = observe(P, known, seen, look);
      assert.deepEqual(entry?.version, version);
      if (entry) assert.equal(entry.kind, seen?.kind ?? 'tombstone');
    });

  it('dates a deletion when it was first seen missing, and keeps the mode', () => {
    assert.deepEqual(observe(P, directory('p', { 1: 1 }, 0o700), undefined, running(1000)), {
      ...tombstone('p', { 1: 1, 7: 1000 }, 1000),
      mode: 0o700,
    });
  });

  it('keeps what the file was renamed from', () => {
    const from = { path: pathOf('old'), version: { 1: 1 } };
    assert.deepEqual(observe(P, undefined, seenFile(3), running(1000), from)?.from, from);
  });
});

describe('laws of looking', () => {
  const known = fc.option(entriesAt('p'), { nil: undefined });
  const seen = fc.option(
    entriesAt('p')
      .filter(isLive)
      .map(
        ({ kind, size, mtime, mode, target }) =>
          ({ kind, size, mtime, mode, ...(target !== undefined && { target }) }) as Seen,
      ),
    { nil: undefined },
  );
  const looks = fc.record({ self: fc.constant(SELF), now: fc.integer({ min: 0, max: 9 }), first: fc.boolean() });

  it('looking twice changes nothing', () => {
    fc.assert(
      fc.property(known, seen, looks, looks, (before, disk, once, again) => {
        const entry = observe(P, before, disk, once) ?? before;
        assert.equal(observe(P, entry, disk, again), undefined);
      }),
    );
  });

  it('a change knows and beats what it changed, whatever the clock says', () => {
    fc.assert(
      fc.property(entriesAt('p'), seen, looks, (before, disk, look) => {
        const entry = observe(P, before, disk, look);
        if (!entry) return;
        assert.ok(dominates(entry.version, before.version));
        assert.ok(newest(entry.version).stamp > newest(before.version).stamp);
        assert.equal(resolve(before, entry).do, 'take');
      }),
    );
  });

  it('two servers that never met order their files by date alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }), (a, b) => {
        const mine = observe(P, undefined, seenFile(a), firstLook(20))!;
        const theirs = observe(P, undefined, seenFile(b), { ...firstLook(20), self: 8 })!;
        assert.equal(merge(mine, theirs).mtime, Math.max(a, b));
      }),
    );
  });

  it('a consequence beats what it follows from, however far ahead that is', () => {
    assert.deepEqual(consequence({ 1: 100, 7: 3 }, SELF), { 1: 100, 7: 101 });
    assert.deepEqual(consequence({ 0: 0 }, SELF), { 0: 0, 7: 1 });
  });
});

describe('traces that lost files under other rules', () => {
  it('a chown or a backup elsewhere must not outrank an edit: the same content is no change', () => {
    assert.equal(observe(P, file('p', { 1: 100 }), seenFile(50), running(9000)), undefined);
  });

  it('an edit pulled before a crash, and not in the index after it, must not outrank a later edit', () => {
    const edited = file('p', { 1: 500 }, { mtime: 500, size: 2 });
    const restarted = observe(P, file('p', { 1: 400 }), seenFile(500, 2), firstLook(9000))!;
    const later = file('p', { 1: 500, 2: 600 }, { mtime: 600, size: 3 });
    assert.equal(merge(restarted, later).mtime, 600);
    assert.equal(merge(merge(restarted, edited), later).mtime, 600);
  });

  it('one writer never gives one stamp to two contents: after a crash the change is written by nobody', () => {
    const lost = observe(P, file('p', { 7: 500 }), seenFile(400, 2), running(100))!;
    assert.deepEqual(lost.version, { 7: 501 });
    const again = observe(P, file('p', { 7: 500 }), seenFile(300, 3), firstLook(110))!;
    assert.deepEqual(again.version, { 7: 500, 0: 501 });
    assert.equal(merge(lost, again).size, 2);
  });

  it('a directory after a lost cache must not outrank its deletion or chmod', () => {
    const met = observe(P, undefined, seenDirectory(), firstLook(9000))!;
    assert.equal(merge(met, tombstone('p', { 1: 5 })).kind, 'tombstone');
    assert.equal(merge(met, directory('p', { 1: 5 }, 0o700)).mode, 0o700);
    assert.equal(
      merge(observe(P, undefined, seenSymlink('old'), firstLook(9000))!, symlink('p', { 1: 5 }, 'new')).target,
      'new',
    );
  });

  it('a pre-seeded file with an event during the first scan must not outrank an edit', () => {
    const met = observe(P, undefined, seenFile(50), firstLook(9000))!;
    assert.equal(merge(met, file('p', { 1: 600 }, { mtime: 600 })).mtime, 600);
  });
});

describe('what was seen where the file system keeps other attributes than asked for', () => {
  const own = file('p', { 1: 100 }, { size: 1, mtime: 123, mode: 0o600 });
  const shown = { ...own, mtime: 100, mode: 0o755 };
  const means: [name: string, seen: Seen, known: Entry | undefined, means: Seen][] = [
    ['as it was kept is as it was asked for', seenFile(100, 1, 0o755), own, seenFile(123, 1, 0o600)],
    ['a content has its own date', seenFile(100, 2, 0o755), own, seenFile(100, 2, 0o600)],
    ['a date is a change', seenFile(102, 1, 0o755), own, seenFile(102, 1, 0o600)],
    ['a mode is a change', seenFile(100, 1, 0o700), own, seenFile(123, 1, 0o700)],
    ['another kind has all of its own', seenDirectory(0o755), own, seenDirectory(0o755)],
    ['a path without an entry has all of its own', seenFile(100, 1, 0o755), undefined, seenFile(100, 1, 0o755)],
  ];
  for (const [name, seen, known, expected] of means)
    it(name, () => assert.deepEqual(meant(seen, known, known && shown), expected));

  it('a directory has its mode', () => {
    const asked = directory('p', { 1: 100 }, 0o700);
    assert.deepEqual(meant(seenDirectory(0o755), asked, { ...asked, mode: 0o755 }), seenDirectory(0o700));
  });
});
