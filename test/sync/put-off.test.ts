import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PutOff } from '../../src/sync/put-off.ts';

const INTERVAL_MS = 10_000;

/** How long it is put off without a break, asked every second: milliseconds; `place`: where what is under way is after so long. */
function putOffFor(place: (ms: number) => string): number {
  const putOff = new PutOff();
  for (let ms = 0; ms < 3_600_000; ms += 1_000) {
    if (!putOff.isGranted(place(ms), ms, INTERVAL_MS)) return ms;
    putOff.note(true, ms);
  }
  return Number.POSITIVE_INFINITY;
}

describe('a comparison is put off', () => {
  it('for three digest intervals where nothing gets on', () => {
    assert.equal(
      putOffFor(() => 'here'),
      3 * INTERVAL_MS,
    );
    assert.equal(
      putOffFor(ms => String(Math.min(ms, 50_000))),
      50_000 + 3 * INTERVAL_MS,
    );
  });

  it('for thirty where it does', () => {
    assert.equal(putOffFor(String), 30 * INTERVAL_MS);
    assert.equal(
      putOffFor(ms => String(Math.floor(ms / 20_000))),
      30 * INTERVAL_MS,
    );
  });

  it('anew after one was made', () => {
    const putOff = new PutOff();
    putOff.isGranted('here', 0, INTERVAL_MS);
    putOff.note(true, 0);
    assert.ok(!putOff.isGranted('here', 3 * INTERVAL_MS, INTERVAL_MS));
    putOff.note(false, 3 * INTERVAL_MS);
    assert.ok(putOff.isGranted('here', 3 * INTERVAL_MS, INTERVAL_MS));
    putOff.note(true, 3 * INTERVAL_MS);
    assert.ok(putOff.isGranted('here', 6 * INTERVAL_MS - 1, INTERVAL_MS));
    assert.ok(!putOff.isGranted('here', 6 * INTERVAL_MS, INTERVAL_MS));
  });
});
