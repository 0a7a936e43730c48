/** What the benchmark makes of its figures: middles, limits, tables, curves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chance } from './chance.ts';
import { type Chart, csvOf } from './curve.ts';
import { renderMarkdown } from './markdown.ts';
import { atRest, median, quantile } from './median.ts';
import { figure, type Row, verdictOf } from './row.ts';
import { decades, steps, svgOf } from './svg.ts';
import { digits, renderTable } from './table.ts';

describe('the middle', () => {
  const cases: [name: string, values: number[], middle: number][] = [
    ['of one', [7], 7],
    ['of three in disorder', [9, 1, 5], 5],
    ['of an even number', [1, 2, 4, 100], 3],
  ];
  for (const [name, values, middle] of cases) test(name, () => assert.equal(median(values), middle));

  test('of nothing is an error, not a figure', () => assert.throws(() => median([]), /nothing was measured/));
  test('is one quantile of many', () => {
    const values = Array.from({ length: 101 }, (_, i) => i);
    assert.deepEqual(
      [0, 0.5, 0.99, 1].map(share => quantile(values, share)),
      [0, 50, 99, 100],
    );
  });
  test('at rest leaves bursts of work out', () =>
    assert.equal(atRest([100, 101, 102, 900, 900, 900, 900, 900]), 100.5));
});

describe('a row', () => {
  const row = (value: number, more: Partial<Row> = {}): Row => ({
    name: 'n',
    title: 't',
    measured: { value, unit: 's' },
    ...more,
  });
  const against = { value: 2, unit: 's', what: 'rsync' } as const;
  const cases: [name: string, row: Row, verdict: string][] = [
    ['without a limit has no verdict', row(5), ''],
    ['at its limit is ok', row(5, { limit: { absolute: 5 } }), 'ok'],
    ['above it is missed', row(5.1, { limit: { absolute: 5 } }), 'missed'],
    ['is held against another figure', row(2.1, { limit: { ratio: 1 }, against }), 'missed'],
    [
      'within the larger of two limits is ok: the absolute one',
      row(2.9, { limit: { absolute: 3, ratio: 1 }, against }),
      'ok',
    ],
    [
      'within the larger of two limits is ok: the other one',
      row(1.9, { limit: { absolute: 1, ratio: 1 }, against }),
      'ok',
    ],
    ['with nothing to hold it against has no verdict', row(1, { limit: { ratio: 1 } }), ''],
    ['that failed has failed, however fast', row(0, { limit: { absolute: 5 }, failure: 'trees differ' }), 'FAILED'],
    ['that has no figure has failed', { name: 'n', title: 't' }, 'FAILED'],
  ];
  for (const [name, given, verdict] of cases) test(name, () => assert.equal(verdictOf(given), verdict));

  test('of several rounds shows the middle and the ends', () =>
    assert.deepEqual(figure([3, 1, 2], 's'), { value: 2, unit: 's', spread: [1, 3] }));
});

describe('the table', () => {
  const rows: Row[] = [
    {
      name: 'first-sync',
      title: 'first sync',
      measured: figure([20, 10, 30], 's'),
      against: { value: 10, unit: 's', what: 'rsync -a' },
      limit: { ratio: 1 },
      notes: ['a note'],
    },
    { name: 'quiet', title: 'quiet', failure: 'trees differ' },
  ];

  test('has a line for each row, its notes and failures below', () => {
    const text = renderTable(rows);
    assert.match(text, /^first sync +20 s \(10-30\) +10 s +rsync -a +2\.00 x +1\.0 x +missed$/m);
    assert.match(text, /^quiet +- .*FAILED$/m);
    assert.match(text, /^first sync: a note$/m);
    assert.match(text, /^FAILED quiet: trees differ$/m);
  });

  test('in Markdown has the same figures', () =>
    assert.equal(
      renderMarkdown(rows).split('\n')[2],
      '| first sync | 20 s (10-30) | rsync -a: 10 s | 2.00 | 1.0 x | missed |',
    ));

  const numbers: [value: number, shown: string][] = [
    [0, '0'],
    [0.01234, '0.0123'],
    [9.999, '10'],
    [99.5, '99.5'],
    [1234567.8, '1,234,568'],
  ];
  for (const [value, shown] of numbers) test(`shows ${value} as ${shown}`, () => assert.equal(digits(value), shown));
});

describe('a curve', () => {
  const chart: Chart = {
    name: 'scan',
    title: 'Scan & find',
    x: 'files',
    y: 'seconds',
    lines: [
      {
        label: 'dfsync',
        points: [
          { x: 1000, y: 0.1 },
          { x: 100_000, y: 10 },
        ],
      },
      {
        label: 'find, "fast"',
        points: [
          { x: 1000, y: 0.1 },
          { x: 100_000, y: 10 },
        ],
      },
    ],
  };

  test('on logarithmic axes is straight where it is a power', () => {
    const { ticks, place } = decades([3, 7000], 0, 400);
    assert.deepEqual(ticks, [1, 10, 100, 1000, 10_000]);
    assert.deepEqual(ticks.map(place).map(Math.round), [0, 100, 200, 300, 400]);
  });

  test('within one power of ten has ticks between', () =>
    assert.deepEqual(decades([120, 480], 0, 1).ticks, [100, 200, 500, 1000]));

  test('has a tick at every size that was measured', () => {
    const { ticks, place } = steps([2, 4, 8, 16, 4, 2], 0, 300);
    assert.deepEqual(ticks, [2, 4, 8, 16]);
    assert.deepEqual(ticks.map(place).map(Math.round), [0, 100, 200, 300]);
  });

  test('is drawn with titles, units, ticks and labels, none on another', () => {
    const svg = svgOf(chart);
    for (const text of ['Scan &amp; find', '>files<', '>seconds<', '>100,000<', '>dfsync 10<'])
      assert.ok(svg.includes(text), text);
    const labels = [...svg.matchAll(/y="([\d.]+)">(?:dfsync|find)/g)].map(match => Number(match[1]));
    assert.equal(labels.length, 2);
    assert.ok(Math.abs(labels[0]! - labels[1]!) >= 12, `labels at ${labels}`);
    assert.match(svg, /prefers-color-scheme: dark/);
  });

  test('leaves out what a logarithm cannot show', () =>
    assert.ok(
      !/NaN|Infinity/.test(
        svgOf({
          ...chart,
          lines: [
            {
              label: 'a',
              points: [
                { x: 1, y: 0 },
                { x: 1, y: 5 },
              ],
            },
          ],
        }),
      ),
    ));

  test('is a CSV file with every point', () => {
    const lines = csvOf([chart]).trimEnd().split('\n');
    assert.equal(lines.length, 5);
    assert.equal(lines[4], 'scan,"find, ""fast""",files,100000,seconds,10');
  });
});

test('chance from one seed is always the same', () => {
  const [a, b, other] = [chance(1), chance(1), chance(2)];
  const first = Array.from({ length: 5 }, a);
  assert.deepEqual(Array.from({ length: 5 }, b), first);
  assert.notDeepEqual(Array.from({ length: 5 }, other), first);
  assert.ok(first.every(value => value >= 0 && value < 1));
});
