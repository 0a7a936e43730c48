import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Entry, isEqual } from '../../src/core/entry.ts';
import { compareEntries, decidingRule, inConflict, merge, resolve } from '../../src/core/resolve.ts';
import { compareMarks, dominates, newest, sameVersion, type Version } from '../../src/core/version.ts';
import { directory, entriesAt, file, longVersions, symlink, tombstone, versions } from '../support/entries.ts';

const entries = fc.oneof(entriesAt('p'), entriesAt('p', longVersions));

function same(a: Entry, b: Entry): void {
  assert.ok(isEqual(a, b) && sameVersion(a.version, b.version), `${JSON.stringify(a)} is not ${JSON.stringify(b)}`);
}

describe('the order of entries', () => {
  it('is total and antisymmetric: nothing but equal entries tie', () => {
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        assert.equal(compareEntries(a, b) > 0, compareEntries(b, a) < 0);
        const alike = isEqual(a, b) && compareMarks(newest(a.version), newest(b.version)) === 0;
        assert.equal(compareEntries(a, b) === 0, alike);
      }),
    );
  });

  it('names the rule that decides, from both sides, and none between what is equal', () => {
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        assert.equal(decidingRule(a, b), decidingRule(b, a));
        assert.equal(decidingRule(a, b) === undefined, compareEntries(a, b) === 0);
      }),
    );
    assert.equal(decidingRule(file('p', { 1: 9 }), tombstone('p', { 2: 8 })), 'newer mark');
    assert.equal(decidingRule(file('p', { 0: 5 }, { mtime: 7 }), file('p', { 0: 5 }, { mtime: 5 })), 'later date');
    assert.equal(decidingRule(directory('p', { 0: 0 }), symlink('p', { 0: 0 })), 'kind');
  });

  it('is transitive', () => {
    fc.assert(
      fc.property(entries, entries, entries, (...three) => {
        const [a, b, c] = three.sort(compareEntries) as [Entry, Entry, Entry];
        assert.ok(compareEntries(a, b) <= 0 && compareEntries(b, c) <= 0 && compareEntries(a, c) <= 0);
      }),
    );
  });

  it('never puts an entry before one whose newest mark it knows and has a newer one on', () => {
    fc.assert(
      fc.property(entriesAt('p', versions), entriesAt('p', versions), (a, b) => {
        if (dominates(a.version, b.version) && compareMarks(newest(a.version), newest(b.version)) !== 0)
          assert.ok(compareEntries(a, b) > 0);
      }),
    );
  });

  const winners: [name: string, winner: Entry, loser: Entry][] = [
    ['a later stamp wins, whatever the date', file('p', { 1: 9 }, { mtime: 1 }), file('p', { 1: 8 }, { mtime: 99 })],
    ['of equal stamps the higher writer wins', file('p', { 2: 9 }), file('p', { 1: 9 }, { mtime: 99 })],
    ['a deletion that is newer wins', tombstone('p', { 1: 9 }), file('p', { 2: 8 })],
    ['an edit that is newer than a deletion wins', file('p', { 2: 9 }), tombstone('p', { 1: 8 })],
    [
      'a history wins over none of an earlier stamp',
      file('p', { 1: 6 }, { mtime: 1 }),
      file('p', { 0: 5 }, { mtime: 5 }),
    ],
    ['without history the later date wins', file('p', { 0: 7 }, { mtime: 7 }), file('p', { 0: 5 }, { mtime: 5 })],
    [
      'of one mark the later date of a file wins',
      file('p', { 0: 5 }, { mtime: 7 }),
      file('p', { 0: 5 }, { mtime: 5, size: 9 }),
    ],
    ['of one mark a file wins over a directory', file('p', { 0: 0 }, { mtime: 0 }), directory('p', { 0: 0 })],
    ['of one mark a directory wins over a symlink', directory('p', { 0: 0 }), symlink('p', { 0: 0 })],
    ['of one mark what lives wins over a tombstone', directory('p', { 0: 0 }), tombstone('p', { 0: 0 }, 99)],
    ['of one mark and date the larger file wins', file('p', { 0: 5 }, { size: 2 }), file('p', { 0: 5 }, { size: 1 })],
    [
      'of one mark, date and size the mode decides',
      file('p', { 0: 5 }, { mode: 0o755 }),
      file('p', { 0: 5 }, { mode: 0o644 }),
    ],
    ['of one mark the target decides', symlink('p', { 0: 0 }, 'b'), symlink('p', { 0: 0 }, 'a')],
  ];
  for (const [name, winner, loser] of winners)
    it(name, () => {
      assert.ok(compareEntries(winner, loser) > 0);
      assert.equal(resolve(loser, winner).do, 'take');
      assert.notEqual(resolve(winner, loser).do, 'take');
    });
});

describe('merging entries', () => {
  it('is commutative: both sides end with the same', () => {
    fc.assert(fc.property(entries, entries, (a, b) => same(merge(a, b), merge(b, a))));
  });

  it('is associative: the route does not matter', () => {
    fc.assert(fc.property(entries, entries, entries, (a, b, c) => same(merge(merge(a, b), c), merge(a, merge(b, c)))));
  });

  it('is idempotent: repetition does not matter', () => {
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        same(merge(a, a), a);
        same(merge(merge(a, b), b), merge(a, b));
        assert.equal(resolve(merge(a, b), b).do, 'nothing');
      }),
    );
  });

  it('ends in one of both contents, with a version that newest grew in', () => {
    fc.assert(
      fc.property(entries, entries, (a, b) => {
        const merged = merge(a, b);
        assert.ok(isEqual(merged, a) || isEqual(merged, b));
        assert.ok(compareMarks(newest(merged.version), newest(a.version)) >= 0);
      }),
    );
  });

  it('agrees with causality: whoever knows an edit never loses to it', () => {
    // Every edit has an id; whoever has all ids of another one and more must hold what wins, or the same.
    const steps = fc.array(
      fc.oneof(
        fc.record({ edit: fc.nat(3), content: fc.nat(5), first: fc.boolean() }),
        fc.record({ from: fc.nat(3), to: fc.nat(3) }),
      ),
      { maxLength: 25 },
    );
    fc.assert(
      fc.property(steps, history => {
        const nodes = Array.from({ length: 4 }, () => ({
          entry: file('p', { 0: 0 }, { mtime: 0 }),
          known: new Set<number>(),
        }));
        for (const [id, step] of history.entries()) {
          if ('edit' in step) {
            const node = nodes[step.edit]!;
            const stamp = newest(node.entry.version).stamp + 1;
            const version: Version = { ...node.entry.version, [step.first ? 0 : step.edit + 1]: stamp };
            node.entry = file('p', version, { mtime: step.content });
            node.known.add(id);
          } else {
            const [from, to] = [nodes[step.from]!, nodes[step.to]!];
            to.entry = merge(to.entry, from.entry);
            for (const known of from.known) to.known.add(known);
          }
          for (const a of nodes)
            for (const b of nodes)
              if ([...b.known].every(id => a.known.has(id)))
                assert.ok(isEqual(a.entry, b.entry) || compareEntries(a.entry, b.entry) > 0);
        }
      }),
    );
  });
});

describe('what is done about a peer’s entry', () => {
  const cases: [
    name: string,
    local: Entry | undefined,
    remote: Entry,
    verdict: 'nothing' | 'merge' | 'take',
    conflict?: boolean,
  ][] = [
    ['unknown here', undefined, file('p'), 'take', false],
    ['the same', file('p', { 1: 5 }), file('p', { 1: 5 }), 'nothing'],
    ['equal with another history', file('p', { 1: 5 }), file('p', { 2: 9 }), 'merge'],
    ['equal with an older history', file('p', { 1: 5, 2: 9 }), file('p', { 2: 9 }), 'nothing'],
    ['a successor', file('p', { 1: 5 }), file('p', { 1: 6 }, { size: 2 }), 'take', false],
    ['a predecessor', file('p', { 1: 6 }, { size: 2 }), file('p', { 1: 5 }), 'nothing'],
    ['concurrent and newer', file('p', { 1: 5 }), file('p', { 2: 6 }, { size: 2 }), 'take', true],
    ['concurrent and older', file('p', { 1: 7 }), file('p', { 2: 6 }, { size: 2 }), 'merge'],
    ['newer than what has no history', file('p', { 0: 5 }), file('p', { 2: 6 }, { size: 2 }), 'take', false],
    ['without history, newer', file('p', { 1: 5 }), file('p', { 0: 6 }, { size: 2 }), 'take', false],
  ];
  for (const [name, local, remote, expected, conflict] of cases)
    it(`${name}: ${expected}${conflict ? ', as a conflict' : ''}`, () => {
      const verdict = resolve(local, remote);
      assert.equal(verdict.do, expected);
      if (verdict.do === 'take') assert.equal(verdict.conflict, conflict);
    });

  it('is never a conflict where one side has no history, or knows the other', () => {
    fc.assert(
      fc.property(versions, versions, fc.nat(9), (a, b, stamp) => {
        assert.ok(!inConflict(a, { 0: stamp }) && !inConflict({ 0: stamp }, b));
        if (dominates(a, b)) assert.ok(!inConflict(a, b));
        assert.equal(inConflict(a, b), inConflict(b, a));
      }),
    );
  });
});
