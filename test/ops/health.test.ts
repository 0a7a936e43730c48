import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BEAT_LIMIT_MS,
  type Health,
  healthText,
  livez,
  readyz,
  STALL_LIMIT_MS,
  startupz,
  WORK_LIMIT_MS,
} from '../../src/ops/health.ts';
import type { Status } from '../../src/ops/status.ts';
import { sampleDomain, samplePeer, sampleStatus } from './status-sample.ts';

const WELL = { beatAgeMs: 0, stalledMs: 0 };
const NOW = 1_700_000_600_000;
const scanning = (movedAgo: number) => {
  const { lastScan: _, ...domain } = sampleDomain({
    state: 'scanning',
    scanning: { startedAt: NOW - 500_000, paths: 120_000, movedAt: NOW - movedAgo },
  });
  return domain;
};
const never = (state: 'connecting' | 'backoff' | 'standby') => {
  const { lastSuccess: _, ...peer } = samplePeer({ state, up: false });
  return peer;
};
const unscanned = (state: 'starting' | 'scanning' | 'halted' | 'unserved') => {
  const { lastScan: _, ...domain } = sampleDomain({ state });
  return domain;
};
const halted = (domain: string) => sampleDomain({ domain, state: 'halted', reason: 'its root is missing' });

const cases: { name: string; status: Status; startup: boolean; ready: boolean; says?: RegExp; lives?: false }[] = [
  { name: 'running', status: sampleStatus(), startup: true, ready: true },
  {
    name: 'starting',
    status: sampleStatus({ instance: { state: 'starting' } }),
    startup: false,
    ready: false,
    says: /is starting; next: /,
  },
  {
    name: 'waiting for the volume',
    status: sampleStatus({ instance: { state: 'waiting-for-lock', reason: 'held by pid 17 on n1' } }),
    startup: false,
    ready: false,
    says: /^\[-\] instance: held by pid 17 on n1; next: /m,
  },
  ...(['disabled', 'unlisted', 'alone'] as const).map(state => ({
    name: state,
    status: sampleStatus({ instance: { state }, domains: [unscanned('starting')] }),
    startup: true,
    ready: true,
  })),
  {
    name: 'first scan not begun',
    status: sampleStatus({ domains: [sampleDomain(), unscanned('scanning')] }),
    startup: false,
    ready: false,
    says: /scan of acme.example: the first scan has not begun, or is being written down; next: /,
  },
  {
    name: 'a long first scan',
    status: sampleStatus({ domains: [scanning(2_000)] }),
    startup: true,
    ready: false,
    says: /scan of acme.example: the first scan has not ended: under way, 120000 paths seen in 500 s; next: wait/,
  },
  {
    name: 'a stuck first scan',
    status: sampleStatus({ domains: [scanning(WORK_LIMIT_MS + 1_000)] }),
    startup: false,
    ready: false,
    lives: false,
    says: /the first scan has not ended: stuck for 301 s \(limit 300 s\), 120000 paths .*; next: the disk hangs/,
  },
  {
    name: 'a stuck later scan',
    status: sampleStatus({
      domains: [sampleDomain({ scanning: { startedAt: 0, paths: 1, movedAt: NOW - WORK_LIMIT_MS - 1 } })],
    }),
    startup: true,
    ready: true,
    lives: false,
  },
  {
    name: 'a thread that does not answer',
    status: sampleStatus({ instance: { threadOwesSince: NOW - WORK_LIMIT_MS - 1 } }),
    startup: true,
    ready: true,
    lives: false,
  },
  {
    name: 'a thread that takes its time',
    status: sampleStatus({ instance: { threadOwesSince: NOW - WORK_LIMIT_MS } }),
    startup: true,
    ready: true,
  },
  {
    name: 'no peer compared with yet',
    status: sampleStatus({ peers: [never('backoff'), never('connecting')] }),
    startup: true,
    ready: false,
    says: /^\[-\] first comparison: no peer was compared with yet; asking dfsync2; next: wait/m,
  },
  {
    name: 'no peer can be reached',
    status: sampleStatus({ peers: [never('backoff'), never('standby')] }),
    startup: true,
    ready: true,
  },
  {
    name: 'one peer compared with, others not yet',
    status: sampleStatus({ peers: [never('connecting'), samplePeer({ up: false, state: 'backoff' })] }),
    startup: true,
    ready: true,
  },
  { name: 'no peers', status: sampleStatus({ peers: [] }), startup: true, ready: true },
  {
    name: 'another volume',
    status: sampleStatus({
      domains: [sampleDomain(), { ...halted('other'), haltedBy: 'volume' as const }],
    }),
    startup: true,
    ready: true,
    says: /^\[!\] volume: its root is missing; next: mount/m,
  },
  {
    name: 'a later scan under way',
    status: sampleStatus({ domains: [sampleDomain({ state: 'scanning' })] }),
    startup: true,
    ready: true,
  },
  {
    name: 'not served at present',
    status: sampleStatus({ domains: [sampleDomain(), unscanned('unserved')] }),
    startup: true,
    ready: true,
  },
  { name: 'no domains', status: sampleStatus({ domains: [] }), startup: true, ready: true },
  {
    name: 'one domain halted',
    status: sampleStatus({ domains: [sampleDomain(), halted('other')] }),
    startup: true,
    ready: true,
    says: /^\[!\] domain other: halted: its root is missing; next: /m,
  },
  {
    name: 'deletions held',
    status: sampleStatus({
      domains: [sampleDomain({ held: { deletions: 180, reason: 'most are gone', since: 5, paths: [] } })],
    }),
    startup: true,
    ready: true,
    says: /^\[!\] deletions of acme\.example: 180 are held: most are gone; next: dfsync release --domain acme\.example/m,
  },
  {
    name: 'a stale replica',
    status: sampleStatus({
      domains: [sampleDomain({ stale: { peers: ['n2', 'n3'], since: Date.UTC(2026, 1, 3), unknown: 7 } })],
    }),
    startup: true,
    ready: true,
    says: /^\[!\] replica of acme\.example: n2, n3 pull nothing from it: it last heard of them on 2026-02-03.*has 7 paths.*; next: dfsync accept-remote --domain acme\.example .*dfsync accept-local/m,
  },
  {
    name: 'the cache cannot be written',
    status: sampleStatus({ domains: [sampleDomain({ cacheTrouble: 'write shard-00.json.new: ENOSPC' })] }),
    startup: true,
    ready: true,
    says: /^\[!\] cache of acme\.example: it cannot be written: write shard-00\.json\.new: ENOSPC; next: free some space/m,
  },
  {
    name: 'paths that are not in order, and some that nobody has to do anything about',
    status: sampleStatus({
      domains: [
        sampleDomain({
          items: ['unreadable', 'special', 'transfer', 'unreadable'].map((name, i) => ({
            path: `${i}`,
            class: name,
            message: 'why',
            since: 0,
            sources: [],
          })),
        }),
      ],
    }),
    startup: true,
    ready: true,
    says: /^\[!\] paths of acme\.example: not in order: 2 unreadable, 1 transfer; next: dfsync mismatches --domain acme\.example/m,
  },
  {
    name: 'paused',
    status: sampleStatus({ domains: [sampleDomain({ state: 'paused', reason: 'paused by an operator' })] }),
    startup: true,
    ready: true,
    says: /^\[!\] domain acme\.example: paused .*; next: dfsync resume --domain acme\.example$/m,
  },
  {
    name: 'halted before its first scan',
    status: sampleStatus({ domains: [sampleDomain(), unscanned('halted')] }),
    startup: true,
    ready: true,
  },
  {
    name: 'all domains halted',
    status: sampleStatus({ domains: [halted('a'), halted('b'), unscanned('unserved')] }),
    startup: true,
    ready: false,
    says: /^\[-\] domain a: .*\n\[-\] domain b: /m,
  },
  {
    name: 'stopping',
    status: sampleStatus({ instance: { state: 'stopping' } }),
    startup: true,
    ready: false,
    says: /is stopping/,
  },
  {
    name: 'all peers down',
    status: sampleStatus({ peers: [samplePeer({ up: false, state: 'backoff', reason: 'refused' })] }),
    startup: true,
    ready: true,
  },
  {
    name: 'a refused description',
    status: sampleStatus({ instance: { config: { loadedAt: 0, problems: ['sites[0]: no name', 'x'], warnings: [] } } }),
    startup: true,
    ready: true,
    says: /^\[!\] config: .*sites\[0\]: no name \(and 1 more\); next: /m,
  },
  {
    name: 'a watcher that lost its way',
    status: sampleStatus({ instance: { watch: { kind: 'off', degraded: 'fs.inotify.max_user_watches is reached' } } }),
    startup: true,
    ready: true,
    says: /^\[!\] watch: fs\.inotify/m,
  },
  {
    name: 'a certificate that ends soon',
    status: sampleStatus({
      instance: {
        certificates: [
          { use: 'peers', file: '/tls/n1.crt', names: ['DNS:n1'], expiresAt: 0, trouble: 'it ends on Monday' },
        ],
      },
    }),
    startup: true,
    ready: true,
    says: /^\[!\] certificate of peers: \/tls\/n1\.crt: it ends on Monday; next: put a new one/m,
  },
];

for (const { name, status, startup, ready, says, lives = true } of cases) {
  test(`${name}: ${startup ? 'started' : 'not started'}, ${ready ? 'ready' : 'not ready'}`, () => {
    assert.equal(startupz(status, NOW).ok, startup);
    const health = readyz(status, NOW);
    assert.equal(health.ok, ready);
    if (says) assert.match(healthText('readyz', health, false), says);
    assert.equal(livez(status, WELL, NOW).ok, lives);
  });
}

test('alive while the engine makes progress and the event loop runs', () => {
  const running = sampleStatus();
  const starting = sampleStatus({ instance: { state: 'starting' } });
  assert.equal(livez(running, { beatAgeMs: BEAT_LIMIT_MS, stalledMs: STALL_LIMIT_MS }, NOW).ok, true);
  assert.equal(livez(running, { ...WELL, beatAgeMs: BEAT_LIMIT_MS + 1 }, NOW).ok, false);
  assert.equal(livez(running, { ...WELL, stalledMs: STALL_LIMIT_MS + 1 }, NOW).ok, false);
  assert.equal(livez(starting, { ...WELL, beatAgeMs: BEAT_LIMIT_MS + 1 }, NOW).ok, true, 'no engine yet, no beats');
});

test('every check that is not ok says why and what next', () => {
  const found: Health[] = [
    ...cases.flatMap(({ status }) => [startupz(status, NOW), readyz(status, NOW)]),
    livez(sampleStatus(), { beatAgeMs: 1e9, stalledMs: 1e9 }, NOW),
  ];
  for (const check of found.flatMap(health => health.checks)) {
    if (check.state !== 'ok') assert.ok(check.reason && check.next, check.name);
  }
});

test('the text lists all checks where asked for, and cannot be forged', () => {
  const health = readyz(sampleStatus({ domains: [sampleDomain(), halted('x\n[+] all: well')] }), NOW);
  assert.equal(healthText('readyz', health, true).trimEnd().split('\n').length, health.checks.length + 1);
  assert.equal(healthText('readyz', health, false).trimEnd().split('\n').length, 2);
  assert.equal(healthText('readyz', readyz(sampleStatus(), NOW), false), 'ok\n');
});
