import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  compareMarks,
  dominates,
  MAX_MARKS,
  mergeVersions,
  newest,
  sameVersion,
  type Version,
  withMark,
  withoutHistory,
} from '../../src/core/version.ts';
import { longVersions, versions } from '../support/entries.ts';

const any = fc.oneof(versions, longVersions);
const same = (a: Version, b: Version) =>
  assert.ok(sameVersion(a, b), `${JSON.stringify(a)} is not ${JSON.stringify(b)}`);
const marksOf = (version: Version) =>
  Object.entries(version).map(([writer, stamp]) => ({ writer: Number(writer), stamp }));

describe('merging versions', () => {
  it('is commutative, associative and idempotent, at the limit of marks too', () => {
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        same(mergeVersions(a, b), mergeVersions(b, a));
        same(mergeVersions(mergeVersions(a, b), c), mergeVersions(a, mergeVersions(b, c)));
        same(mergeVersions(a, a), a);
      }),
    );
  });

  it('dominates both wherever no mark is dropped, and keeps the newest mark always', () => {
    fc.assert(
      fc.property(versions, versions, (a, b) => {
        const merged = mergeVersions(a, b);
        assert.ok(dominates(merged, a) && dominates(merged, b));
      }),
    );
    fc.assert(
      fc.property(any, any, (a, b) => {
        const highest = compareMarks(newest(a), newest(b)) > 0 ? newest(a) : newest(b);
        assert.deepEqual(newest(mergeVersions(a, b)), highest);
      }),
    );
  });

  it('keeps the highest marks when there are too many', () => {
    fc.assert(
      fc.property(longVersions, longVersions, (a, b) => {
        const all: Record<number, number> = { ...a };
        for (const { writer, stamp } of marksOf(b)) all[writer] = Math.max(all[writer] ?? 0, stamp);
        const highest = marksOf(all)
          .sort((x, y) => compareMarks(y, x))
          .slice(0, MAX_MARKS);
        const byWriter = (x: { writer: number }, y: { writer: number }) => x.writer - y.writer;
        assert.deepEqual(marksOf(mergeVersions(a, b)).sort(byWriter), highest.sort(byWriter));
      }),
    );
  });
});

describe('a version', () => {
  it('with a newer mark dominates what it was', () => {
    fc.assert(
      fc.property(versions, fc.integer({ min: 0, max: 3 }), (version, writer) => {
        const next = withMark(version, writer, newest(version).stamp + 1);
        assert.ok(dominates(next, version) && !dominates(version, next));
        assert.deepEqual(newest(next), { writer, stamp: newest(version).stamp + 1 });
      }),
    );
  });

  it('orders marks by stamp, then writer', () => {
    assert.deepEqual(newest({ 1: 5, 2: 5, 3: 4 }), { writer: 2, stamp: 5 });
    assert.deepEqual(newest({ 9: 1, 1: 2 }), { writer: 1, stamp: 2 });
    assert.deepEqual(newest({}), { writer: 0, stamp: 0 });
  });

  const histories: [name: string, version: Version, without: boolean][] = [
    ['only writer 0', { 0: 7 }, true],
    ['a writer', { 1: 7 }, false],
    ['both', { 0: 9, 1: 7 }, false],
  ];
  for (const [name, version, without] of histories)
    it(`${name}: ${without ? 'no' : 'a'} history`, () => assert.equal(withoutHistory(version), without));
});
