import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Throughput } from '../../src/peer/throughput.ts';

const NONE = { bytes: 0, perSecond: 0 };

describe('what travels to and from a peer', () => {
  test('nothing, of whom nothing is known', () => {
    assert.deepEqual(new Throughput().of(2, 1000), { sent: NONE, received: NONE });
  });

  test('is told apart by peer and direction', () => {
    const throughput = new Throughput();
    throughput.add({ peer: 2, direction: 'sent', bytes: 500 }, 10_000);
    throughput.add({ peer: 3, direction: 'received', bytes: 50 }, 10_999);
    assert.deepEqual(throughput.of(2, 10_999), { sent: { bytes: 500, perSecond: 100 }, received: NONE });
    assert.deepEqual(throughput.of(3, 10_999), { sent: NONE, received: { bytes: 50, perSecond: 10 } });
  });

  test('is a mean over five seconds, and 0 once these are quiet', () => {
    const throughput = new Throughput();
    const rates: number[] = [];
    for (let second = 1; second <= 13; second++) {
      // A thousand bytes in each of seven seconds, in two pieces; then nothing.
      for (const at of [0, 900])
        if (second <= 7) throughput.add({ peer: 2, direction: 'received', bytes: 500 }, second * 1000 + at);
      rates.push(throughput.of(2, second * 1000 + 999).received.perSecond);
    }
    assert.deepEqual(rates, [200, 400, 600, 800, 1000, 1000, 1000, 800, 600, 400, 200, 0, 0]);
    assert.equal(throughput.of(2, 20_000).received.bytes, 7000);
  });
});
