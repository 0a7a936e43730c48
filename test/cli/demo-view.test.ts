import assert from 'node:assert/strict';
import process from 'node:process';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type Look, NOTHING, pictureOf } from '../../src/cli/demo-picture.ts';
import { type View, viewLines } from '../../src/cli/demo-view.ts';
import { COLOURED, UNCOLOURED } from '../../src/cli/style.ts';
import { cellsOf } from '../../src/cli/terminal-text.ts';
import { answerOf, type Has, silence, withoutDomains } from './demo-looks.ts';

// Events are shown in local time.
process.env.TZ = 'UTC';

/** What is to be seen after rounds that are a second apart. */
const viewOf = (rounds: Look[][], more: Partial<View> = {}): View => {
  const { rows } = rounds.reduce((picture, looks, i) => pictureOf(picture, looks, i * 1000), NOTHING);
  return { rows, everybodyHasTheSame: false, events: [], hints: [], ...more };
};
const hints = [
  { label: 'volumes', text: '/tmp/demo: n1, n2' },
  { label: 'try', text: 'date > /tmp/demo/n1/common/hello.txt' },
  { label: 'Ctrl-C', text: 'ends it and removes all' },
];
const events = [
  { at: Date.UTC(2026, 2, 1, 12, 3, 4), text: 'n2 common: 2,000 files, 4.0 MB' },
  { at: Date.UTC(2026, 2, 1, 12, 3, 5), text: 'everybody has the same' },
];

const full: Has = { directory: 'common', state: 'in-sync', files: 2000, bytes: 4_000_000 };
const small: Has = { directory: 'acme' };
const both = (name: string) => answerOf(name, full, small);
const atRest = viewOf([[both('n1'), both('n2')]], { everybodyHasTheSame: true, hints, events });

const behind: Has = { ...full, state: 'syncing', lagSeconds: 2, mismatched: 2000 };
const pulling = (files: number) => [
  answerOf('n1', full),
  answerOf('n2', { ...behind, files, bytes: files * 2000, received: files * 2000 }),
];
const firstPull = viewOf([pulling(440), pulling(650), pulling(860)]);

const servers = (count: number, having: (i: number) => Has) =>
  viewOf([Array.from({ length: count }, (_, i) => answerOf(`n${i + 1}`, having(i + 1)))], { hints, events });

const reason = 'none of its files is found any more: bring them back, or take the domain from the site';
const odd = viewOf([
  [
    answerOf('averyverylongservername', { ...full, directory: '日本語の長いディレクトリ名' }),
    answerOf('n2', { ...full, directory: 'a\u001b[31m\n\u202eb' }),
  ],
]);

describe('the live view', () => {
  const cases: [name: string, view: View, columns: number, rows: number, lines: string[]][] = [
    [
      'at rest',
      atRest,
      120,
      30,
      [
        'dfsync demo  everybody has the same',
        '',
        'server  domain  state     files     size   lag  mismatch       rate',
        'n1      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n1      acme    in-sync       3   4.1 kB   0 s         0      0 B/s',
        'n2      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n2      acme    in-sync       3   4.1 kB   0 s         0      0 B/s',
        '',
        'volumes  /tmp/demo: n1, n2',
        'try      date > /tmp/demo/n1/common/hello.txt',
        'Ctrl-C   ends it and removes all',
        '',
        '12:03:04  n2 common: 2,000 files, 4.0 MB',
        '12:03:05  everybody has the same',
      ],
    ],
    [
      'at rest',
      atRest,
      80,
      30,
      [
        'dfsync demo  everybody has the same',
        '',
        'server  domain  state     files     size   lag  mismatch       rate',
        'n1      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n1      acme    in-sync       3   4.1 kB   0 s         0      0 B/s',
        'n2      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n2      acme    in-sync       3   4.1 kB   0 s         0      0 B/s',
        '',
        'volumes  /tmp/demo: n1, n2',
        'try      date > /tmp/demo/n1/common/hello.txt',
        'Ctrl-C   ends it and removes all',
        '',
        '12:03:04  n2 common: 2,000 files, 4.0 MB',
        '12:03:05  everybody has the same',
      ],
    ],
    [
      'at rest',
      atRest,
      60,
      30,
      [
        'dfsync demo  everybody has the same',
        '',
        'server  domain  state     files   lag  mismatch       rate',
        'n1      common  in-sync   2,000   0 s         0      0 B/s',
        'n1      acme    in-sync       3   0 s         0      0 B/s',
        'n2      common  in-sync   2,000   0 s         0      0 B/s',
        'n2      acme    in-sync       3   0 s         0      0 B/s',
        '',
        'volumes  /tmp/demo: n1, n2',
        'try      date > /tmp/demo/n1/common/hello.txt',
        'Ctrl-C   ends it and removes all',
        '',
        '12:03:04  n2 common: 2,000 files, 4.0 MB',
        '12:03:05  everybody has the same',
      ],
    ],
    [
      'at rest',
      atRest,
      40,
      12,
      [
        'dfsync demo  everybody has the same',
        'server  domain  state      lag  mismatch',
        'n1      common  in-sync    0 s         0',
        'n1      acme    in-sync    0 s         0',
        'n2      common  in-sync    0 s         0',
        'n2      acme    in-sync    0 s         0',
        '',
        'volumes  /tmp/demo: n1, n2',
        'try      date >',
        '         /tmp/demo/n1/common/hello.txt',
        'Ctrl-C   ends it and removes all',
      ],
    ],
    [
      'a first pull at 43 %',
      firstPull,
      120,
      24,
      [
        'dfsync demo  1 of 2 in sync',
        '',
        'server  domain  state     files     size   lag  mismatch       rate  progress                         time left',
        'n1      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n2      common  syncing     860   1.7 MB   2 s     2,000   420 kB/s  ██████████░░░░░░░░░░░░░░  43 %         6 s',
      ],
    ],
    [
      'a first pull at 43 %',
      firstPull,
      80,
      24,
      [
        'dfsync demo  1 of 2 in sync',
        '',
        'server  domain  state     files   lag  mismatch  progress              time left',
        'n1      common  in-sync   2,000   0 s         0',
        'n2      common  syncing     860   2 s     2,000  █████░░░░░░░░  43 %         6 s',
      ],
    ],
    [
      'a first pull at 43 %',
      firstPull,
      60,
      24,
      [
        'dfsync demo  1 of 2 in sync',
        '',
        'server  domain  state     mismatch  progress       time left',
        'n1      common  in-sync          0',
        'n2      common  syncing      2,000  ██░░░░  43 %         6 s',
      ],
    ],
    [
      'a first pull at 43 %',
      firstPull,
      45,
      24,
      [
        'dfsync demo  1 of 2 in sync',
        '',
        'server  domain  state      done   time left',
        'n1      common  in-sync',
        'n2      common  syncing    43 %         6 s',
      ],
    ],
    [
      'a first pull at 43 %',
      firstPull,
      40,
      24,
      [
        'dfsync demo  1 of 2 in sync',
        '',
        'server  domain  state     progress',
        'n1      common  in-sync',
        'n2      common  syncing   ███░░░░░  43 %',
      ],
    ],
    [
      'a first pull at 0 %',
      viewOf([pulling(0)]),
      80,
      24,
      [
        'dfsync demo  1 of 2 in sync',
        '',
        'server  domain  state     files   lag  mismatch  progress              time left',
        'n1      common  in-sync   2,000   0 s         0',
        'n2      common  syncing       0   2 s     2,000  ░░░░░░░░░░░░░   0 %  estimating',
      ],
    ],
    [
      'a first pull of nobody knows how much',
      viewOf([[...pulling(0), silence('s1')]]),
      80,
      24,
      [
        'dfsync demo  1 of 3 in sync',
        '',
        'server  domain  state     files   lag  mismatch  progress              time left',
        'n1      common  in-sync   2,000   0 s         0',
        'n2      common  syncing       0   2 s     2,000                       estimating',
        's1              starting',
      ],
    ],
    [
      'before the first answer',
      viewOf([[silence('n1'), silence('n2')]], { hints }),
      80,
      24,
      [
        'dfsync demo  starting',
        '',
        'server  domain  state     files     size   lag  mismatch       rate',
        'n1              starting',
        'n2              starting',
        '',
        'volumes  /tmp/demo: n1, n2',
        'try      date > /tmp/demo/n1/common/hello.txt',
        'Ctrl-C   ends it and removes all',
      ],
    ],
    [
      'an instance that does not answer any more',
      viewOf([
        [both('n1'), both('n2')],
        [both('n1'), silence('n2')],
      ]),
      80,
      24,
      [
        'dfsync demo  1 server does not answer, 2 of 4 in sync',
        '',
        'server  domain  state      files     size   lag  mismatch       rate',
        'n1      common  in-sync    2,000   4.0 MB   0 s         0      0 B/s',
        'n1      acme    in-sync        3   4.1 kB   0 s         0      0 B/s',
        'n2      common  no answer  2,000   4.0 MB   0 s         0      0 B/s',
        'n2      acme    no answer      3   4.1 kB   0 s         0      0 B/s',
      ],
    ],
    [
      'an instance that waits for its volume',
      viewOf([[both('n1'), withoutDomains('n2', 'waiting-for-lock', 'process 7 holds it')]]),
      80,
      24,
      [
        'dfsync demo  2 of 3 in sync',
        '',
        'server  domain  state             files     size   lag  mismatch       rate',
        'n1      common  in-sync           2,000   4.0 MB   0 s         0      0 B/s',
        'n1      acme    in-sync               3   4.1 kB   0 s         0      0 B/s',
        'n2              waiting-for-lock',
        'n2 waiting-for-lock: process 7 holds it',
      ],
    ],
    [
      'a halted domain, with its reason',
      viewOf([[answerOf('n1', full), answerOf('n2', { ...full, state: 'halted', reason })]], { hints, events }),
      60,
      24,
      [
        'dfsync demo  1 halted, 1 of 2 in sync',
        '',
        'server  domain  state     files   lag  mismatch       rate',
        'n1      common  in-sync   2,000   0 s         0      0 B/s',
        'n2      common  halted    2,000   0 s         0      0 B/s',
        'n2 common halted: none of its files is found any more: bring',
        'them back, or take the domain from the site',
        '',
        'volumes  /tmp/demo: n1, n2',
        'try      date > /tmp/demo/n1/common/hello.txt',
        'Ctrl-C   ends it and removes all',
        '',
        '12:03:04  n2 common: 2,000 files, 4.0 MB',
        '12:03:05  everybody has the same',
      ],
    ],
    [
      'a mismatch and a long lag',
      viewOf([[answerOf('n1', full), answerOf('n2', { ...behind, mismatched: 12, lagSeconds: 3700 })]]),
      80,
      24,
      [
        'dfsync demo  1 of 2 in sync',
        '',
        'server  domain  state     files     size        lag  mismatch       rate',
        'n1      common  in-sync   2,000   4.0 MB        0 s         0      0 B/s',
        'n2      common  syncing   2,000   4.0 MB  1 h 1 min        12      0 B/s',
      ],
    ],
    [
      'more rows than room, the one that differs among them',
      servers(20, i => (i === 17 ? behind : full)),
      80,
      12,
      [
        'dfsync demo  19 of 20 in sync',
        'server  domain  state     files     size   lag  mismatch       rate',
        'n1      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n2      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n3      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n4      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n5      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n6      common  in-sync   2,000   4.0 MB   0 s         0      0 B/s',
        'n17     common  syncing   2,000   4.0 MB   2 s     2,000      0 B/s',
        '… and 13 more, all in sync',
        'Ctrl-C   ends it and removes all',
      ],
    ],
    [
      'more rows than room, most of them not in sync',
      servers(9, i => (i < 8 ? { ...full, state: 'scanning' } : full)),
      80,
      9,
      [
        'dfsync demo  2 of 9 in sync',
        'server  domain  state     files     size   lag  mismatch       rate',
        'n1      common  scanning  2,000   4.0 MB   0 s         0      0 B/s',
        'n2      common  scanning  2,000   4.0 MB   0 s         0      0 B/s',
        'n3      common  scanning  2,000   4.0 MB   0 s         0      0 B/s',
        'n4      common  scanning  2,000   4.0 MB   0 s         0      0 B/s',
        '… and 5 more, 3 of them not in sync',
        'Ctrl-C   ends it and removes all',
      ],
    ],
    [
      'hardly any room',
      servers(20, () => full),
      40,
      5,
      [
        'dfsync demo  20 of 20 in sync',
        'server  domain  state      lag  mismatch',
        '… and 20 more, all in sync',
        'Ctrl-C   ends it and removes all',
      ],
    ],
    [
      'names that are long, wide or hostile',
      odd,
      100,
      24,
      [
        'dfsync demo  2 of 2 in sync',
        '',
        'server                   domain                      state     files   lag  mismatch       rate',
        'averyverylongservername  日本語の長いディレクトリ名  in-sync   2,000   0 s         0      0 B/s',
        'n2                       a\\u001b[31m\\u000a\\u202eb    in-sync   2,000   0 s         0      0 B/s',
      ],
    ],
    [
      'names that are long, wide or hostile',
      odd,
      40,
      24,
      [
        'dfsync demo  2 of 2 in sync',
        '',
        'server          domain          state',
        'averyverylong…  日本語の長い…   in-sync',
        'n2              a\\u001b[31m\\u…  in-sync',
      ],
    ],
  ];
  for (const [name, view, columns, rows, lines] of cases) {
    it(`${name}, ${columns} by ${rows}`, () => assert.deepEqual(viewLines(view, { columns, rows }, UNCOLOURED), lines));
    it(`${name}, ${columns} by ${rows}: the same words in colour`, () =>
      assert.deepEqual(
        viewLines(view, { columns, rows }, COLOURED).map(line => stripVTControlCharacters(line).trimEnd()),
        lines,
      ));
  }

  it('is never as high as the screen, nor wider, whatever is to be said', () => {
    for (const view of [atRest, firstPull, odd, servers(20, () => ({ ...full, state: 'halted', reason }))])
      for (let columns = 20; columns < 130; columns += 7)
        for (let rows = 2; rows < 40; rows++) {
          const lines = viewLines(view, { columns, rows }, UNCOLOURED);
          assert.ok(lines.length < rows, `${lines.length} lines in ${columns} by ${rows}`);
          for (const line of lines) assert.ok(cellsOf(line) <= columns, `${columns}: ${line}`);
        }
  });

  it('gives each state its colour, and none without', () => {
    const coloured = viewLines(
      servers(1, () => ({ ...full, state: 'halted', reason })),
      { columns: 80, rows: 24 },
      COLOURED,
    );
    assert.ok(
      coloured.some(line => line.includes('\u001b[1m\u001b[31mhalted')),
      coloured.join('\n'),
    );
    assert.ok(viewLines(atRest, { columns: 80, rows: 24 }, COLOURED).some(line => line.includes('\u001b[32min-sync')));
    assert.ok(!viewLines(atRest, { columns: 80, rows: 24 }, UNCOLOURED).join('').includes('\u001b'));
  });
});
