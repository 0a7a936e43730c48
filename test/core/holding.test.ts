import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HOLD_LIMITS, holdReason, type Vanished } from '../../src/core/holding.ts';

const NOTHING: Vanished = { files: 0, missing: 0, held: 0, heldLately: 0, announcedLately: 0, unseen: false };
const isHeld = (gone: Partial<Vanished>) => holdReason({ ...NOTHING, ...gone }) !== undefined;

describe('deletions at once', () => {
  const cases: [name: string, gone: Partial<Vanished>, reason: RegExp | undefined][] = [
    ['none', { files: 1000 }, undefined],
    ['a hundred, of a hundred and fifty', { files: 150, missing: 100 }, undefined],
    ['one more than a hundred, more than half', { files: 200, missing: 101 }, /101 of its 200 files/],
    ['exactly half', { files: 400, missing: 200 }, undefined],
    ['many, but less than half', { files: 1000, missing: 499 }, undefined],
    ['all of ten', { files: 10, missing: 10 }, /none of its 10 files/],
    ['all of nine, before our eyes', { files: 9, missing: 9 }, undefined],
    ['all of nine that nobody saw go', { files: 9, missing: 9, unseen: true }, /none of its 9 files/],
    ['some that nobody saw go', { files: 9, missing: 8, unseen: true }, undefined],
    ['all that is left, the rest just before', { files: 8, missing: 8, announcedLately: 4 }, /none of its 12/],
    ['a few now, most just before', { files: 100, missing: 2, announcedLately: 200 }, /202 of its 300/],
    ['a few now, most held just before', { files: 300, missing: 2, held: 200, heldLately: 200 }, /202 of its 300/],
    ['a few now, most held long ago', { files: 300, missing: 2, held: 200 }, undefined],
    ['what was left of a domain whose files are held', { files: 300, missing: 100, held: 200 }, /none of its 300/],
    ['most of what is not held', { files: 1000, missing: 250, held: 600 }, /250 of its 400/],
  ];
  for (const [name, gone, reason] of cases)
    it(`${name}: ${reason ? 'held' : 'announced'}`, () => {
      const answer = holdReason({ ...NOTHING, ...gone });
      if (reason) assert.match(answer ?? 'announced', reason);
      else assert.equal(answer, undefined);
    });
});

describe('holding', () => {
  const files = fc.integer({ min: 1, max: 1000 });
  const part = (of: number) => fc.integer({ min: 0, max: of });

  it('more missing is not held less', () => {
    const cases = files.chain(all => fc.tuple(fc.constant(all), part(all), part(all), fc.boolean()));
    fc.assert(
      fc.property(cases, ([all, a, b, unseen]) => {
        const few = isHeld({ files: all, missing: Math.min(a, b), unseen });
        return !few || isHeld({ files: all, missing: Math.max(a, b), unseen });
      }),
    );
  });

  it('a hundred deletions that leave something go out', () => {
    const cases = files.chain(all => fc.tuple(fc.constant(all), part(Math.min(all - 1, HOLD_LIMITS.files))));
    fc.assert(fc.property(cases, ([all, missing]) => !isHeld({ files: all, missing, unseen: true })));
  });

  it('nothing is left of ten files or more only where somebody releases them', () => {
    const cases = fc.integer({ min: HOLD_LIMITS.all, max: 1000 }).chain(all => fc.tuple(fc.constant(all), part(all)));
    fc.assert(fc.property(cases, ([all, held]) => held === all || isHeld({ files: all, held, missing: all - held })));
  });

  it('what would be held in one piece is held in two, with the second at the latest', () => {
    const cases = files.chain(all =>
      part(all).chain(missing => fc.tuple(fc.constant(all), fc.constant(missing), part(missing))),
    );
    fc.assert(
      fc.property(cases, ([all, missing, first]) => {
        if (!isHeld({ files: all, missing }) || isHeld({ files: all, missing: first }) || first === missing)
          return true;
        return isHeld({ files: all - first, missing: missing - first, announcedLately: first });
      }),
    );
  });
});
