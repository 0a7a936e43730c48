import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Circumstances, lacksRoom, objection } from '../../src/core/safety.ts';

const fine: Circumstances = {
  volume: undefined,
  lockLost: false,
  freeRatio: 0.5,
  minFreeRatio: 0.05,
  totalBytes: 1000,
};

describe('pulling', () => {
  const cases: [name: string, now: Partial<Circumstances>, reason: RegExp | undefined][] = [
    ['all is well', {}, undefined],
    ['just at the floor', { freeRatio: 0.05 }, undefined],
    ['below the floor', { freeRatio: 0.049 }, /4\.9 %.*5\.0 %.*free some space/],
    ['another volume', { volume: 'the marker is gone' }, /^the marker is gone$/],
    ['the lock is lost', { lockLost: true }, /lock.*restart/],
    ['the volume counts first', { volume: 'the marker is gone', lockLost: true, freeRatio: 0 }, /marker/],
  ];
  for (const [name, now, reason] of cases)
    it(`${name}: ${reason ? 'stops' : 'goes on'}`, () => {
      const answer = objection({ ...fine, ...now });
      if (reason) assert.match(answer ?? '', reason);
      else assert.equal(answer, undefined);
    });
});

describe('room', () => {
  const cases: [name: string, bytes: number, now: Partial<Circumstances>, reason: RegExp | undefined][] = [
    ['for nothing', 0, { freeRatio: 0 }, undefined],
    ['just down to the floor', 450, {}, undefined],
    ['a byte below it', 451, {}, /451 bytes more, and 450 are free above the floor of 5\.0 %/],
    ['for anything on a volume that tells no size', 2 ** 53, { totalBytes: Number.POSITIVE_INFINITY }, undefined],
    ['below the floor already', 1, { freeRatio: 0.01 }, /1 bytes more, and 0 are free/],
    ['for what is larger than any disk', 2 ** 52, {}, /4503599627370496 bytes/],
  ];
  for (const [name, bytes, now, reason] of cases)
    it(`${name}: ${reason ? 'there is none' : 'there is some'}`, () => {
      const answer = lacksRoom(bytes, { ...fine, ...now });
      if (reason) assert.match(answer ?? '', reason);
      else assert.equal(answer, undefined);
    });
});
