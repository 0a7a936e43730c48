import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Hearing,
  isExpired,
  isForgettable,
  isOutOfTouch,
  leaps,
  missedOrigin,
  oftenWithin,
} from '../../src/core/retention.ts';
import { file, tombstone } from '../support/entries.ts';

const DAY = 86_400_000;
const YEAR = 365 * DAY;
const NOW = 10 * YEAR;

/** Days before now, as a time. */
const ago = (days: number) => NOW - days * DAY;

/** What an instance has heard, each given as days before now. It was made and started long ago, unless said otherwise. */
function hearing(
  roleid: number,
  heardAgo: Readonly<Record<number, number>>,
  { created = 2000, before = 2000, since = 2000, forgotten = 0 } = {},
): Hearing {
  const heard = new Map(Object.entries(heardAgo).map(([origin, days]) => [Number(origin), ago(days)]));
  return { roleid, heard, created: ago(created), before: ago(before), since: ago(since), forgotten: ago(forgotten) };
}

describe('a tombstone', () => {
  const now = YEAR + 1000;

  it('expires past the retention, and nothing else does', () => {
    assert.ok(!isExpired(tombstone('a', {}, 1000), now, YEAR));
    assert.ok(isExpired(tombstone('a', {}, 999), now, YEAR));
    assert.ok(!isExpired(file('a', {}, { mtime: 1 }), now, YEAR));
  });

  it('is forgotten by nobody before it is expired for clocks that are twenty minutes behind', () => {
    for (const retention of [YEAR, 400 * 60_000])
      assert.ok(!isForgettable(tombstone('a', {}, 0), retention + 20 * 60_000, retention));
    assert.ok(isForgettable(tombstone('a', {}, 0), YEAR + 31 * 60_000, YEAR));
  });

  it('is forgotten soon after it expired, also where the retention is short', () => {
    assert.ok(isForgettable(tombstone('a', {}, 0), 11_001, 10_000));
  });
});

describe('what is to happen often within the retention', () => {
  it('is not hurried by a year', () => assert.equal(oftenWithin(YEAR, 3_600_000), 3_600_000));
  it('is hurried by seconds', () => assert.equal(oftenWithin(10_000, 60_000), 100));
});

/** Whether 1 may pull from 2, and whether 2 takes itself for out of touch with 1, in a network of 1 to 4. */
const cases: [name: string, own: Hearing, peer: Hearing, missed: number | undefined, outOfTouch: boolean][] = [
  ['peers that hear of each other', hearing(1, { 1: 0, 2: 0 }), hearing(2, { 1: 0, 2: 0 }), undefined, false],
  ['a peer that was cut off for long', hearing(1, { 1: 0, 2: 300 }), hearing(2, { 1: 300, 2: 0 }), 1, true],
  [
    'a peer that was off for long',
    hearing(1, { 1: 0, 2: 300 }),
    hearing(2, { 1: 300, 2: 0 }, { before: 300, since: 0 }),
    1,
    true,
  ],
  [
    'a peer seen by one that was off for long: nothing came of that meanwhile',
    hearing(1, { 1: 0, 2: 300 }, { before: 300, since: 0 }),
    hearing(2, { 1: 300, 2: 0 }),
    undefined,
    false,
  ],
  [
    'a peer that was cut off for long, while neither side has forgotten any deletion since',
    hearing(1, { 1: 0, 2: 300 }, { forgotten: 301 }),
    hearing(2, { 1: 300, 2: 0 }, { forgotten: 900 }),
    undefined,
    false,
  ],
  [
    'a peer that was cut off for long, seen by one that has forgotten more than that has',
    hearing(1, { 1: 0, 2: 400 }, { forgotten: 370 }),
    hearing(2, { 1: 400, 2: 0 }, { forgotten: 900 }),
    1,
    true,
  ],
  [
    'a peer that has forgotten what we may have missed, and missed nothing that we have forgotten',
    hearing(1, { 1: 0, 2: 400 }, { forgotten: 900 }),
    hearing(2, { 1: 400, 2: 0 }, { forgotten: 370 }),
    undefined,
    false,
  ],
  [
    'a peer that is stale, seen by one that has just joined and not heard of anybody',
    hearing(1, { 1: 0 }, { created: 0, before: 99_999, since: 0 }),
    hearing(2, { 2: 0, 3: 400 }),
    3,
    true,
  ],
  ['a peer that was away for a while', hearing(1, { 1: 0, 2: 200 }), hearing(2, { 1: 200, 2: 0 }), undefined, false],
  [
    'a peer that knows as little of a third one',
    hearing(1, { 1: 0, 2: 0, 3: 300 }),
    hearing(2, { 1: 0, 2: 0, 3: 300 }),
    undefined,
    false,
  ],
  [
    'a peer that knows as little as we did before we started anew',
    hearing(1, { 1: 0, 2: 0, 3: 0 }, { before: 99_999, since: 0.5 }),
    hearing(2, { 1: 1, 2: 0, 3: 300 }),
    3,
    true,
  ],
  [
    'a peer that knows less of a third one, although it hears of us',
    hearing(1, { 1: 0, 2: 0, 3: 0 }),
    hearing(2, { 1: 0, 2: 0, 3: 300 }),
    3,
    false,
  ],
  ['a peer on a new volume', hearing(1, { 1: 0 }), hearing(2, { 2: 0 }, { created: 0 }), undefined, false],
  ['a peer on an old volume whose cache is lost', hearing(1, { 1: 0, 2: 1 }), hearing(2, { 2: 0 }), 1, true],
  [
    'a peer that has not heard of who joined just now',
    hearing(1, { 1: 0, 2: 0, 4: 0 }),
    hearing(2, { 1: 0, 2: 0 }),
    undefined,
    false,
  ],
  [
    'a peer that was away since before somebody joined',
    hearing(1, { 1: 0, 2: 300, 3: 300, 4: 0 }, { before: 300, since: 0 }),
    hearing(2, { 1: 300, 2: 0, 3: 300 }),
    4,
    true,
  ],
  [
    'an old peer, seen by one that has just joined',
    hearing(1, { 1: 0 }, { created: 0, before: 99_999, since: 0 }),
    hearing(2, { 2: 0 }),
    undefined,
    false,
  ],
  [
    'a peer that missed one who is none any more',
    hearing(1, { 1: 0, 9: 5 }),
    hearing(2, { 1: 0, 9: 300 }),
    undefined,
    false,
  ],
];

describe('a leap', () => {
  const own = new Map([
    [1, ago(300)],
    [2, ago(200)],
  ]);
  const cases: [name: string, heard: [number, number][], found: number[]][] = [
    ['comes from beyond most of the retention', [[1, ago(0)]], [1]],
    ['is none where it stays beyond', [[1, ago(299)]], []],
    ['is none from within', [[2, ago(0)]], []],
    ['is of everybody who was never heard of', [[3, ago(1)]], [3]],
  ];
  for (const [name, heard, found] of cases) it(name, () => assert.deepEqual(leaps(own, heard, NOW, YEAR), found));
});

describe('who was away for too long', () => {
  for (const [name, own, peer, missed, outOfTouch] of cases)
    it(name, () => {
      assert.equal(missedOrigin(peer, own, [1, 2, 3, 4], NOW, YEAR), missed);
      assert.equal(isOutOfTouch(peer, own, [1, 2, 3, 4], NOW, YEAR), outOfTouch);
    });

  const days = fc.nat(1000);
  const vectors = fc.dictionary(fc.constantFrom('1', '2', '3', '4'), days);
  const attendance = fc.record({ created: days, before: days, since: days, forgotten: days });
  const hearings = (roleid: number) =>
    fc.tuple(vectors, attendance).map(([heard, attended]) => hearing(roleid, heard, attended));

  it('is nobody who has heard all that we have', () => {
    fc.assert(
      fc.property(hearings(1), hearings(2), (own, peer) => {
        const all = new Map(peer.heard);
        for (const [origin, at] of own.heard) all.set(origin, Math.max(at, all.get(origin) ?? 0));
        assert.equal(missedOrigin({ ...peer, heard: all }, own, own.heard.keys(), NOW, YEAR), undefined);
      }),
    );
  });

  it('is nobody less for having heard more', () => {
    fc.assert(
      fc.property(hearings(1), hearings(2), fc.constantFrom(1, 2, 3, 4), days, (own, peer, origin, heardAgo) => {
        const more = new Map(peer.heard).set(origin, Math.max(ago(heardAgo), peer.heard.get(origin) ?? 0));
        const [before, after] = [peer, { ...peer, heard: more }].map(each =>
          missedOrigin(each, own, [1, 2, 3, 4], NOW, YEAR),
        );
        if (before === undefined && peer.heard.has(origin)) assert.equal(after, undefined);
      }),
    );
  });

  it('is everybody who lacks what may be forgotten here by now, of an origin that was there all the time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 293, max: 1000 }), fc.nat(280), hearings(2), (missedFor, knownAgo, peer) => {
        const own = hearing(1, { 1: 0, 3: knownAgo });
        const heard = new Map(peer.heard).set(3, ago(missedFor));
        assert.notEqual(missedOrigin({ ...peer, heard }, own, [1, 3], NOW, YEAR), undefined);
      }),
    );
  });

  it('is nobody while all is younger than most of the retention', () => {
    fc.assert(
      fc.property(hearings(1), hearings(2), (own, peer) => {
        const heard = new Map([1, 2, 3, 4].map(origin => [origin, Math.max(ago(290), peer.heard.get(origin) ?? 0)]));
        assert.equal(missedOrigin({ ...peer, heard }, own, [1, 2, 3, 4], NOW, YEAR), undefined);
        assert.equal(isOutOfTouch({ ...peer, heard }, own, [1, 2, 3, 4], NOW, YEAR), false);
      }),
    );
  });
});
