import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { merge } from '../../src/core/resolve.ts';
import { type Want, Wants } from '../../src/sync/wants.ts';
import { directory, entriesAt, file, pathOf, tombstone } from '../support/entries.ts';

const NORTH = { roleid: 1, site: 'north' };
const SECOND = { roleid: 2, site: 'north' };
const SOUTH = { roleid: 5, site: 'south' };
const F = pathOf('f');

const pathsOf = (wants: Iterable<Want>) => [...wants].map(({ path }) => path).sort();
const ready = (wants: Wants, now: number, limit = 100) => pathsOf(wants.ready(now, limit));

const bytesOf = (wants: readonly Want[]) => wants.reduce((sum, { entry }) => sum + entry.size, 0);

function wanting(...entries: Parameters<Wants['add']>[0][]): Wants {
  const wants = new Wants();
  for (const [i, entry] of entries.entries()) wants.add(entry, NORTH, i + 1, 0);
  return wants;
}

describe('announcing', () => {
  it('makes one want a path', () => {
    const wants = wanting(file('f'), file('g'));
    wants.add(file('f'), SECOND, 7, 5);
    assert.equal(wants.size, 2);
    assert.deepEqual(
      [...wants.get(F)!.sources],
      [
        [1, 1],
        [2, 7],
      ],
    );
    assert.equal(wants.get(F)!.via, 'north');
  });

  it('something newer supersedes, with its source alone and at once', () => {
    const wants = wanting(file('f', { 1: 1 }));
    wants.postpone(F, 0, true);
    wants.add(file('f', { 2: 2 }, { size: 9 }), SOUTH, 3, 4);
    const want = wants.get(F)!;
    assert.deepEqual([want.entry.size, [...want.sources], want.nextTry, want.stuck], [9, [[5, 3]], 4, false]);
    assert.deepEqual(want.entry.version, { 1: 1, 2: 2 });
  });

  it('something older adds its history, and is no source', () => {
    const wants = wanting(file('f', { 1: 5 }));
    wants.add(file('f', { 2: 2 }, { size: 9 }), SOUTH, 3, 4);
    assert.deepEqual([...wants.get(F)!.sources.keys()], [1]);
    assert.deepEqual(wants.get(F)!.entry.version, { 1: 5, 2: 2 });
  });

  it('in any order ends in the same entry', () => {
    fc.assert(
      fc.property(fc.array(entriesAt('f'), { minLength: 1, maxLength: 5 }), announced => {
        const wants = new Wants();
        for (const [i, entry] of announced.entries()) wants.add(entry, { roleid: i, site: 'north' }, i, 0);
        const { kind, size, mtime, mode, target, version } = wants.get(F)!.entry;
        const expected = announced.reduce(merge);
        assert.deepEqual(
          [kind, size, mtime, kind === 'tombstone' ? 0 : mode, target, version],
          [
            expected.kind,
            expected.size,
            expected.mtime,
            kind === 'tombstone' ? 0 : expected.mode,
            expected.target,
            expected.version,
          ],
        );
        assert.ok(wants.get(F)!.sources.size > 0);
      }),
    );
  });

  it('a deletion ends a transfer, a newer content lets it end', () => {
    for (const [entry, aborted] of [
      [file('f', { 2: 2 }, { size: 9 }), false],
      [tombstone('f', { 2: 2 }), true],
    ] as const) {
      const wants = wanting(file('f', { 1: 1 }));
      const transfer = new AbortController();
      wants.get(F)!.transfer = transfer;
      wants.add(entry, SOUTH, 2, 0);
      assert.equal(transfer.signal.aborted, aborted);
    }
  });

  it('wakes who pulls', () => {
    const wants = new Wants();
    let woken = 0;
    wants.onWake(() => woken++);
    wants.add(file('f'), NORTH, 1, 0);
    assert.equal(woken, 1);
  });
});

describe('a want', () => {
  it('is fulfilled by its entry or a newer one, not by an older one', () => {
    const wants = wanting(file('f', { 1: 5 }));
    wants.done(F, file('f', { 1: 4 }, { size: 9 }));
    assert.equal(wants.size, 1);
    wants.done(F, file('f', { 1: 5 }));
    assert.equal(wants.size, 0);
    wants.done(F, file('f', { 1: 5 }));
  });

  it('superseded meanwhile is not fulfilled', () => {
    const wants = wanting(file('f', { 1: 5 }));
    wants.add(file('f', { 1: 6 }, { size: 9 }), NORTH, 2, 0);
    wants.done(F, file('f', { 1: 5 }));
    assert.equal(wants.get(F)?.entry.size, 9);
  });

  it('goes with its last source', () => {
    const wants = wanting(file('f'));
    wants.add(file('f'), SECOND, 2, 0);
    wants.strike(F, 9);
    wants.strike(F, 1);
    assert.deepEqual([...wants.get(F)!.sources.keys()], [2]);
    wants.strikeAll(2);
    assert.equal(wants.size, 0);
  });

  it('that fails is tried after twice the wait each time, and at least every minute', () => {
    const wants = wanting(file('f'));
    const waits = Array.from({ length: 20 }, () => {
      wants.postpone(F, 1_000);
      return wants.get(F)!.nextTry - 1_000;
    });
    assert.deepEqual(waits.slice(0, 4), [250, 500, 1_000, 2_000]);
    assert.equal(waits.at(-1), 60_000);
    for (const [i, wait] of waits.entries()) if (i > 0) assert.ok(wait >= waits[i - 1]!);
  });
});

describe('what is ready', () => {
  it('is what may be tried now, as many as fit', () => {
    const wants = wanting(file('f'), file('g'), file('h'));
    wants.postpone(F, 100);
    assert.deepEqual(ready(wants, 100), ['g', 'h']);
    assert.deepEqual(ready(wants, 350), ['f', 'g', 'h']);
    assert.equal(wants.nextTry(), 0);
  });

  it('goes on until the next directory begins, up to twice as many', () => {
    const many = wanting(directory('d'), file('d/f'), file('d/g'), directory('e'), file('e/f'));
    assert.deepEqual(
      many.ready(0, 2).map(({ path }) => path),
      ['d', 'd/f', 'd/g'],
    );
    assert.equal(many.ready(0, 1).length, 2);
  });

  it('comes with its wanted parents, though they wait', () => {
    const wants = wanting(directory('d'), directory('d/e'), file('d/e/f'), directory('other'));
    for (const path of ['d', 'd/e', 'other']) wants.postpone(pathOf(path), 0);
    assert.deepEqual(ready(wants, 0), ['d', 'd/e', 'd/e/f']);
  });

  it('comes with the old path of a rename', () => {
    const wants = wanting(
      file('new', { 1: 2 }, { from: { path: pathOf('old'), version: { 1: 1 } } }),
      tombstone('old', { 1: 2 }),
    );
    wants.postpone(pathOf('old'), 0);
    assert.deepEqual(ready(wants, 0), ['new', 'old']);
  });

  it('is nothing that is under way', () => {
    const wants = wanting(file('f'));
    wants.begin(F);
    assert.deepEqual(ready(wants, 0), []);
    assert.equal(wants.nextTry(), undefined);
    wants.end(F);
    assert.deepEqual(ready(wants, 0), ['f']);
  });

  it('comes sooner when it is its turn, except what failed', () => {
    const wants = wanting(file('f'), file('g'), file('h'));
    wants.delay(F, 1000, 0);
    wants.postpone(pathOf('g'), 0, true);
    wants.postpone(pathOf('h'), 0);
    wants.hurry(10);
    assert.deepEqual(ready(wants, 10), ['f']);
  });
});

describe('how far a peer’s feed is applied', () => {
  it('is where nothing earlier of it is wanted', () => {
    const wants = new Wants();
    wants.add(file('f'), NORTH, 7, 0);
    wants.add(file('g'), NORTH, 9, 0);
    wants.add(file('h'), SOUTH, 3, 0);
    assert.equal(wants.doneUpTo(1, 20), 6);
    assert.equal(wants.countOf(1), 2);
    wants.done(F, file('f'));
    assert.equal(wants.doneUpTo(1, 20), 8);
    wants.strike(pathOf('g'), 1);
    assert.equal(wants.doneUpTo(1, 20), 20);
    assert.equal(wants.doneUpTo(2, 5), 5);
  });

  it('is not held up by what only a person can heal', () => {
    const wants = wanting(file('f'));
    wants.postpone(F, 0, true);
    assert.equal(wants.doneUpTo(1, 20), 20);
    assert.equal(wants.countOf(1), 0);
    wants.postpone(F, 0);
    assert.equal(wants.countOf(1), 1);
  });

  it('counts right whatever happens', () => {
    const steps = fc.array(
      fc.record({
        do: fc.constantFrom('add', 'strike', 'done', 'postpone', 'stuck', 'strikeAll'),
        path: fc.constantFrom('f', 'g'),
        roleid: fc.integer({ min: 1, max: 3 }),
        stamp: fc.integer({ min: 1, max: 4 }),
      }),
    );
    fc.assert(
      fc.property(steps, history => {
        const wants = new Wants();
        for (const [at, { do: step, path, roleid, stamp }] of history.entries()) {
          const entry = file(path, { 1: stamp }, { size: stamp });
          if (step === 'add') wants.add(entry, { roleid, site: 'north' }, stamp, at);
          else if (step === 'strike') wants.strike(entry.path, roleid);
          else if (step === 'done') wants.done(entry.path, entry);
          else if (step === 'strikeAll') wants.strikeAll(roleid);
          else wants.postpone(entry.path, 0, step === 'stuck');
          for (const peer of [1, 2, 3]) {
            const counted = [...wants.list()].filter(want => !want.stuck && want.sources.has(peer));
            const since = Math.min(...counted.map(want => want.since));
            const pending = counted.length > 0 ? { count: counted.length, bytes: bytesOf(counted), since } : undefined;
            assert.equal(wants.countOf(peer), counted.length);
            assert.deepEqual(wants.pendingFrom(peer), pending);
          }
          assert.equal(wants.bytes, bytesOf([...wants.list()]));
        }
      }),
    );
  });
});

describe('room', () => {
  it('is there until there are too many wants, and again when half of them are gone', async () => {
    const wants = new Wants();
    const go = new AbortController().signal;
    await wants.room(go);
    const paths = Array.from({ length: 100_000 }, (_, i) => pathOf(`f${i}`));
    for (const path of paths) wants.add(file(path), NORTH, 1, 0);
    let there = false;
    const room = wants.room(go).then(() => {
      there = true;
    });
    for (const path of paths.slice(0, 1_000)) wants.done(path, file(path));
    await Promise.resolve();
    assert.equal(there, false);
    for (const path of paths.slice(1_000, 50_001)) wants.done(path, file(path));
    await room;
  });

  it('is not waited for any longer than wanted', async () => {
    const wants = new Wants();
    for (let i = 0; i < 100_000; i++) wants.add(file(`f${i}`), NORTH, 1, 0);
    const stop = new AbortController();
    const room = wants.room(stop.signal);
    stop.abort();
    await room;
  });
});
