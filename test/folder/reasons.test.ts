import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FirstLooks } from '../../src/folder/first-look.ts';
import { CLOSED, DEEP, FIRST, HINTED, isOf, RELISTED, Reasons, SCANNED } from '../../src/folder/reasons.ts';
import { pathOf } from '../support/entries.ts';

const PATH = pathOf('a');

/** Reasons where the first scan has ended. */
function reasonsAfterScan(): Reasons {
  const firsts = new FirstLooks();
  firsts.scanEnded([pathOf('unread')], true);
  return new Reasons(firsts);
}

describe('reasons to look at a path', () => {
  it('are one, which is taken once', () => {
    const reasons = reasonsAfterScan();
    for (const reason of [SCANNED, HINTED | CLOSED, HINTED | DEEP]) reasons.add(PATH, reason);
    assert.equal(reasons.size, 1);
    assert.equal(reasons.take(PATH), SCANNED | HINTED | CLOSED | DEEP);
    assert.deepEqual([reasons.size, reasons.take(PATH)], [0, 0]);
  });

  it('come in the order in which the paths became due', () => {
    const reasons = reasonsAfterScan();
    for (const path of ['c', 'a', 'b', 'c']) reasons.add(pathOf(path), HINTED);
    assert.deepEqual(reasons.first(2), ['c', 'a']);
    assert.deepEqual(reasons.first(9), ['c', 'a', 'b']);
  });

  it('say of a path that was never looked at that this is a first look, unless another look knows better', () => {
    const reasons = reasonsAfterScan();
    const isFirst = (path: string, first?: boolean) => {
      reasons.add(pathOf(path), HINTED, first);
      return isOf(FIRST, reasons.take(pathOf(path)));
    };
    assert.deepEqual(
      [isFirst('a'), isFirst('unread'), isFirst('unread/a'), isFirst('unread/a', false), isFirst('a', true)],
      [false, true, true, false, true],
    );
  });

  it('wait while something is applied there: those of before and those of meanwhile', () => {
    const reasons = reasonsAfterScan();
    reasons.add(PATH, SCANNED);
    reasons.suspend([PATH, pathOf('b')]);
    reasons.add(PATH, HINTED | CLOSED);
    assert.equal(reasons.size, 0);
    reasons.resume([PATH, pathOf('b')]);
    assert.deepEqual([reasons.size, reasons.take(PATH)], [1, SCANNED | HINTED | CLOSED]);
  });

  it('are kept where a second thing that is applied there has them wait too', () => {
    const reasons = reasonsAfterScan();
    reasons.suspend([PATH]);
    reasons.add(PATH, HINTED);
    reasons.suspend([PATH]);
    reasons.resume([PATH]);
    assert.equal(reasons.take(PATH), HINTED);
  });

  it('are to list a new directory once more, a second later', () => {
    const reasons = reasonsAfterScan();
    reasons.listed(PATH, 5_000);
    assert.equal(reasons.relistAt, 6_000);
    reasons.relist(5_999);
    assert.equal(reasons.size, 0);
    reasons.relist(6_000);
    assert.equal(reasons.take(PATH), RELISTED | DEEP);
    assert.equal(reasons.relistAt, Number.POSITIVE_INFINITY);
  });
});
