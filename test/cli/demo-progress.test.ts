import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Progress, progressOf, rateOf, type Sample, withSample, workOf } from '../../src/cli/demo-progress.ts';

/** Samples half a second apart. */
const paced = (...work: number[]): Sample[] => work.map((done, i) => ({ at: i * 500, work: done, received: done }));

describe('the progress of a domain', () => {
  const cases: [name: string, samples: Sample[], total: number | undefined, progress: Progress][] = [
    ['is unknown before the first answer', [], 100, {}],
    ['is unknown without a total', paced(0, 10, 20), undefined, {}],
    ['is unknown where there is nothing at all', paced(0, 0), 0, {}],
    ['has no time left to tell from one answer', paced(10), 100, { share: 0.1 }],
    ['nor from half a second', paced(10, 20), 100, { share: 0.2 }],
    ['nor where nothing comes', paced(10, 10, 10, 10), 100, { share: 0.1 }],
    ['nor from less than a hundredth', paced(0, 1, 2, 3), 1000, { share: 0.003 }],
    ['is told from the pace', paced(0, 10, 20, 30), 100, { share: 0.3, remainingMs: 3500 }],
    ['counts no time before the first byte', paced(0, 0, 0, 10, 20, 30), 100, { share: 0.3, remainingMs: 3500 }],
    ['ends', paced(0, 50, 100), 100, { share: 1, remainingMs: 0 }],
    ['is never more than all', paced(0, 60, 120), 100, { share: 1, remainingMs: 0 }],
    ['has no time left to tell where it went backwards', paced(50, 40, 30), 100, { share: 0.3 }],
  ];
  for (const [name, samples, total, progress] of cases)
    it(name, () => assert.deepEqual(progressOf(samples, total), progress));

  it('is told from the last ten seconds', () => {
    let samples: Sample[] = [];
    // Slow for ten seconds, and ten times as fast since.
    for (let i = 0; i <= 40; i++)
      samples = withSample(samples, { at: i * 500, work: i <= 20 ? i : 20 + (i - 20) * 10, received: 0 });
    assert.deepEqual(progressOf(samples, 440), { share: 0.5, remainingMs: 11_000 });
  });

  it('counts files besides bytes, so that many small ones weigh', () => {
    assert.ok(workOf({ files: 1000, bytes: 1000 }) > 10 * workOf({ files: 1, bytes: 1000 }));
    assert.ok(workOf({ files: 1, bytes: 2e9 }) > workOf({ files: 1, bytes: 1e9 }));
  });
});

describe('the rate of a domain', () => {
  const rates: [name: string, samples: Sample[], rate: number][] = [
    ['is nothing before the first answer', [], 0],
    ['is nothing from one answer', paced(10), 0],
    ['is bytes in a second', paced(0, 10), 20],
    ['is that of the last three seconds', paced(0, 600, 600, 600, 600, 600, 600, 600), 0],
  ];
  for (const [name, samples, rate] of rates) it(name, () => assert.equal(rateOf(samples), rate));

  it('begins anew with the counter', () => {
    const samples = withSample(paced(100, 200), { at: 1000, work: 0, received: 0 });
    assert.equal(rateOf(samples), 0);
    assert.equal(rateOf(withSample(samples, { at: 1500, work: 0, received: 10 })), 20);
  });
});
