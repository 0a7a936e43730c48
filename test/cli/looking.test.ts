/** What the commands that look into an instance make of its answers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mismatchesText } from '../../src/cli/mismatches.ts';
import { encodePath, pathOf } from '../../src/cli/path-argument.ts';
import { peersText } from '../../src/cli/peers.ts';
import { statusText } from '../../src/cli/status.ts';
import { formatSpan, paintOf, tableOf } from '../../src/cli/table.ts';
import { awaitedOf } from '../../src/cli/wait.ts';
import { whyText } from '../../src/cli/why.ts';
import { WHY } from '../ops/inspection-sample.ts';
import { sampleDomain, samplePeer, sampleStatus } from '../ops/status-sample.ts';

const plain = (_: string, text: string) => text;
const now = 1_700_000_090_000;
const well = samplePeer({
  untaken: 0,
  traffic: { sent: { bytes: 5000, perSecond: 180 }, received: { bytes: 9e9, perSecond: 2_500_000 } },
  domains: [{ domain: 'acme.example', lagSeconds: 0, mismatched: 0, wanted: 0, state: 'serving' }],
});

/** A peer that does not pull from this instance. */
function awayOf({ untaken: _, ...peer }: typeof well) {
  return peer;
}

describe('the status of an instance', () => {
  it('is a few lines and a table', () => {
    assert.deepEqual(statusText(sampleStatus({ peers: [well] }), plain), [
      'dfsync1 (roleid 1) on n1 of north, dfsync 0.1.0: running',
      '1 of 1 peers are up; changes are noticed by inotifywait',
      '',
      'domain        state    files    size  wanted  errors  held  lag  reason',
      'acme.example  in-sync      3  4.1 kB       0       0     0  0 s',
    ]);
  });

  it('says what an operator has to know besides', () => {
    const text = statusText(
      sampleStatus({
        instance: {
          state: 'waiting-for-lock',
          reason: 'held by n9',
          config: { loadedAt: 1, problems: ['sites: none'], warnings: [] },
          watch: { kind: 'inotifywait', degraded: 'out of watches' },
          certificates: [{ use: 'peers', file: 'f', names: [], expiresAt: 1, trouble: 'ends tomorrow' }],
        },
        domains: [],
        unmapped: ['lost', 'a\nb'],
      }),
      plain,
    ).join('\n');
    for (const said of [/waiting-for-lock, held by n9/, /not in force: sites: none/, /out of watches/, /ends tomorrow/])
      assert.match(text, said);
    assert.match(text, /no domain is served\n\nnot synchronised, no domain maps them: lost, "a\\nb"$/);
  });
});

it('peers are a table with a row for each domain, and one for a peer without', () => {
  const away = samplePeer({ peer: 'dfsync3', state: 'backoff', up: false, reason: 'refused', domains: [] });
  const lines = peersText([well, away], plain);
  assert.equal(lines.length, 3);
  assert.match(
    lines[1]!,
    /^dfsync2 +north +127\.0\.0\.1:7422 +live +acme\.example +0 s +0 +0 +0 +2\.5 MB\/s +180 B\/s +-0\.3 s$/,
  );
  assert.match(lines[2]!, /^dfsync3 +north +127\.0\.0\.1:7422 +backoff +\? .*refused$/);
  assert.match(peersText([], plain)[0]!, /no peers/);
});

it('mismatches are told with their age, whoever is concerned, and why; no name can recolour the terminal', () => {
  const since = 1_700_000_000_000;
  const lines = mismatchesText(
    {
      ...{ domain: 'acme.example', directory: 'acme', state: 'syncing', total: 9 },
      mismatches: [
        { path: 'a\u001b[31m', class: 'older', since, peers: ['dfsync2', 'dfsync3'] },
        { path: 'b', class: 'error', since, problem: 'busy', message: 'it changes', peers: [] },
      ],
    },
    now,
    plain,
  );
  assert.deepEqual(lines, [
    'acme.example: syncing, 9 paths differ',
    'class  since  peers             path',
    'older  1 min  dfsync2, dfsync3  "a\\u001b[31m"',
    'busy   1 min                    b: it changes',
    'and 7 more',
    '',
  ]);
});

it('why begins with what it means, and has a row for every instance', () => {
  const lines = whyText(WHY, plain);
  assert.deepEqual(lines.slice(0, 5), [
    'a/b.txt of acme.example',
    '  what dfsync2 has wins',
    '  it wins over that of dfsync1 by: newer mark',
    '  on this disk: file, 3 bytes, 2023-11-14T22:13:20.000Z, 0644',
    '',
  ]);
  assert.match(lines[6]!, /^dfsync1 \(this one\) +north +file +3 B +2023.* +0644 +dfsync1 +2023.* +loses: newer mark$/);
  assert.match(lines[7]!, /^dfsync3 +south +no answer within 5 s$/);
});

describe('waiting', () => {
  const status = sampleStatus({ peers: [well] });
  const cases: [name: string, status: typeof status, awaits: RegExp | undefined][] = [
    ['ends where all is well', status, undefined],
    ['ends where there is nobody to synchronise with', sampleStatus({ instance: { state: 'alone' } }), undefined],
    ['goes on while it starts', sampleStatus({ instance: { state: 'starting' } }), /the instance is starting/],
    [
      'goes on while a domain syncs',
      { ...status, domains: [sampleDomain({ state: 'syncing', wanted: 4 })] },
      /4 wanted/,
    ],
    ['goes on while something is not announced', { ...status, domains: [sampleDomain({ unannounced: 2 })] }, /2 paths/],
    [
      'goes on while deletions are held',
      { ...status, domains: [sampleDomain({ held: { deletions: 3, reason: '', since: 1, paths: [] } })] },
      /3 deletions are held/,
    ],
    [
      'goes on while a peer is away',
      { ...status, peers: [{ ...well, state: 'backoff', reason: 'gone' }] },
      /backoff: gone/,
    ],
    ['goes on until peers have all', { ...status, peers: [{ ...well, untaken: 5 }] }, /dfsync2 has not .* 5 changes/],
    [
      'does not mind a gateway that stands by',
      { ...status, peers: [{ ...well, state: 'standby', untaken: 5 }] },
      undefined,
    ],
    [
      'does not mind a gateway that pulls from another one here',
      { ...status, peers: [well, { ...awayOf(well), site: 'south' }] },
      undefined,
    ],
    ['goes on while a member has not asked yet', { ...status, peers: [awayOf(well)] }, /all changes to go/],
    ['goes on before any domain is served', { ...status, domains: [] }, /no domain is served yet/],
  ];
  for (const [name, given, awaits] of cases)
    it(name, () => {
      const awaited = awaitedOf(given, undefined);
      if (awaits) assert.match(awaited.join('\n'), awaits);
      else assert.deepEqual(awaited, []);
    });

  it('is for one domain, where one is named', () => {
    const other = sampleDomain({ domain: 'other', state: 'halted' });
    const both = { ...status, domains: [...status.domains, other] };
    assert.deepEqual(awaitedOf(both, 'acme.example'), []);
    assert.equal(awaitedOf(both, undefined).length, 1);
    assert.match(awaitedOf(both, 'none')[0]!, /no domain none/);
  });
});

describe('a path as an operator types it', () => {
  it('is taken as it is shown', () => {
    assert.equal(pathOf('acme/a b'), 'acme/a b');
    assert.equal(pathOf('"acme/a\\nb\\udc80"'), 'acme/a\nb\udc80');
    assert.equal(pathOf('"half'), '"half');
  });

  it('travels as its bytes', () => assert.equal(encodePath('a/b c/ä%\udcff?'), 'a/b%20c/%C3%A4%25%FF%3F'));
});

describe('a table', () => {
  it('is as wide as its text, in cells of a terminal', () => {
    const heads = [{ name: 'a' }, { name: 'n', side: 'right' }, { name: 'last' }] as const;
    const lines = tableOf(
      heads,
      [
        [{ text: '日本' }, { text: '1' }, { text: 'x' }],
        [{ text: 'b' }, { text: '22' }, { text: '' }],
      ],
      plain,
    );
    assert.deepEqual(lines, ['a      n  last', '日本   1  x', 'b     22']);
  });

  it('is coloured on a terminal that can, and where it is forced', () => {
    const terminal = { isTTY: true, hasColors: () => true } as unknown as NodeJS.WritableStream;
    const file = {} as NodeJS.WritableStream;
    assert.notEqual(paintOf(terminal, {})('bad', 'x'), 'x');
    assert.equal(paintOf(file, {})('bad', 'x'), 'x');
    assert.notEqual(paintOf(file, { FORCE_COLOR: '1' })('bad', 'x'), 'x');
  });

  it('says times as people do', () => {
    assert.deepEqual([999, 59_000, 61_000, 3_700_000, 100_000_000].map(formatSpan), [
      '1 s',
      '59 s',
      '1 min',
      '1 h 1 min',
      '1 d',
    ]);
  });
});
