import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Metrics } from '../../src/ops/metrics.ts';
import type { ItemProblem, Status } from '../../src/ops/status.ts';
import { sampleDomain, samplePeer, sampleStatus } from './status-sample.ts';

const item = (path: string, name: string): ItemProblem => ({ path, class: name, message: 'm', since: 0, sources: [] });

/** The value of one series, or undefined where there is none. */
function value(text: string, series: string): number | undefined {
  const line = text.split('\n').find(each => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test('every series of a status', async () => {
  const items = [item('a', 'clock'), item('b', 'gone'), item('c', 'gone')];
  const held = { deletions: 180, reason: 'most are gone', since: 5, paths: [] };
  const stale = { peers: ['dfsync2'], unknown: 7 };
  const text = await new Metrics(() =>
    sampleStatus({
      domains: [sampleDomain({ items, wanted: 9, held, stale, trashBytes: 4711, cacheTrouble: 'full' })],
    }),
  ).render();
  const expected: [string, number][] = [
    ['dfsync_sync_lag_seconds{peer="dfsync2",domain="acme.example"}', 1.5],
    ['dfsync_mismatched_entries{peer="dfsync2",domain="acme.example"}', 4],
    ['dfsync_peer_up{peer="dfsync2"}', 1],
    ['dfsync_peer_clock_skew_seconds{peer="dfsync2"}', -0.25],
    ['dfsync_files{domain="acme.example"}', 3],
    ['dfsync_bytes{domain="acme.example"}', 4096],
    ['dfsync_tombstones{domain="acme.example"}', 2],
    ['dfsync_wanted_entries{domain="acme.example"}', 9],
    ['dfsync_held_deletions{domain="acme.example"}', 180],
    ['dfsync_stale_replica{domain="acme.example"}', 1],
    ['dfsync_peer_stale_replica{peer="dfsync2",domain="acme.example"}', 0],
    ['dfsync_cache_unwritten{domain="acme.example"}', 1],
    ['dfsync_trash_bytes{domain="acme.example"}', 4711],
    ['dfsync_conflicts_total{domain="acme.example"}', 1],
    ['dfsync_item_errors{domain="acme.example",class="clock"}', 1],
    ['dfsync_item_errors{domain="acme.example",class="gone"}', 2],
    ['dfsync_domain_state{domain="acme.example",state="in-sync"}', 1],
    ['dfsync_domain_state{domain="acme.example",state="halted"}', 0],
    ['dfsync_instance_state{state="running"}', 1],
    ['dfsync_instance_state{state="stopping"}', 0],
    ['dfsync_heard_timestamp_seconds{origin="2",domain="acme.example"}', 1_700_000_001.5],
    ['dfsync_config_last_reload_success_timestamp_seconds', 1_700_000_000.5],
    [`dfsync_build_info{version="0.1.0",node_version="${process.versions.node}"}`, 1],
    ['dfsync_config_reloads_total{result="success"}', 0],
    ['dfsync_config_reloads_total{result="failure"}', 0],
    ['dfsync_watch_lost_events_total', 2],
    ['dfsync_watch_events_total', 70],
    ['dfsync_watch_mode{mode="inotifywait"}', 1],
    ['dfsync_watch_mode{mode="polling"}', 0],
    ['dfsync_watch_degraded', 0],
    ['dfsync_watch_probe_timestamp_seconds', 1_700_000_001],
    ['dfsync_watches', 12],
    ['dfsync_watches_limit', 8192],
    ['dfsync_volume_size_bytes', 1000],
    ['dfsync_volume_free_bytes', 400],
    ['dfsync_unmapped', 0],
    ['dfsync_config_last_reload_successful', 1],
    ['dfsync_entries{domain="acme.example"}', 6],
    ['dfsync_scan_last_timestamp_seconds{domain="acme.example"}', 1_700_000_000.4],
    ['dfsync_halted_domains{reason="space"}', 0],
    ['dfsync_peer_in_sync{peer="dfsync2",domain="acme.example"}', 0],
    ['dfsync_mismatch_since_timestamp_seconds{peer="dfsync2",domain="acme.example"}', 1_700_000_001],
    ['dfsync_pending_entries{peer="dfsync2",domain="acme.example"}', 3],
    ['dfsync_pending_bytes{peer="dfsync2",domain="acme.example"}', 600],
    ['dfsync_oldest_pending_timestamp_seconds{peer="dfsync2",domain="acme.example"}', 1_700_000_001.25],
    ['dfsync_peers{state="live"}', 1],
    ['dfsync_peers{state="backoff"}', 0],
    ['dfsync_peer_round_trip_seconds{peer="dfsync2"}', 0.002],
    ['dfsync_peer_last_contact_timestamp_seconds{peer="dfsync2"}', 1_700_000_002],
    ['dfsync_peer_last_success_timestamp_seconds{peer="dfsync2"}', 1_700_000_001.5],
    ['dfsync_peer_failures_total{peer="dfsync2",reason="backoff"}', 2],
    ['dfsync_digest_comparisons_total{peer="dfsync2",result="different"}', 1],
  ];
  for (const [series, number] of expected) assert.equal(value(text, series), number, series);
  assert.match(text, /^process_resident_memory_bytes /m);
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
});

test('the delay of the event loop is that since the scrape before, also where this was a moment ago', async () => {
  const metrics = new Metrics(() => sampleStatus());
  // What comes before is the start.
  await setImmediate();
  await metrics.render();
  for (const until = performance.now() + 40; performance.now() < until; );
  for (let round = 0; round < 3; round++) await setImmediate();
  const longest = value(await metrics.render(), 'nodejs_eventloop_lag_max_seconds');
  assert.ok(longest !== undefined && longest >= 0.035, `the block of 40 ms was told as ${longest} s`);
  for (const what of ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99']) {
    const delay = value(await metrics.render(), `nodejs_eventloop_lag_${what}_seconds`);
    assert.ok(delay !== undefined && delay < 1e9, `${what}: ${delay}`);
  }
});

test('counters count', async () => {
  const metrics = new Metrics(() => sampleStatus());
  const transfer = { peer: 'dfsync2', domain: 'acme.example', direction: 'received', kind: 'content' } as const;
  metrics.addTransfer({ ...transfer, bytes: 100 });
  metrics.addTransfer({ ...transfer, bytes: 23 });
  metrics.addTransfer({ ...transfer, domain: '', kind: 'index', bytes: 5 });
  metrics.configReloaded('failure');
  for (const _ of [1, 2]) {
    const text = await metrics.render();
    const bytes = (domain: string, direction: string, kind: string) =>
      value(
        text,
        `dfsync_transfer_bytes_total{peer="dfsync2",domain="${domain}",direction="${direction}",kind="${kind}"}`,
      );
    assert.equal(bytes('acme.example', 'received', 'content'), 123);
    assert.equal(bytes('acme.example', 'sent', 'content'), 0, 'known series begin at 0');
    assert.equal(bytes('', 'received', 'index'), 5);
    assert.equal(value(text, 'dfsync_config_reloads_total{result="failure"}'), 1);
    assert.equal(value(text, 'dfsync_conflicts_total{domain="acme.example"}'), 1, 'a second scrape adds nothing');
  }
});

test('what leaves the network leaves the metrics, and starts anew when it returns', async () => {
  const full = sampleStatus({ peers: [samplePeer({ peer: 'leaver' })] });
  let status: Status = full;
  const metrics = new Metrics(() => status);
  metrics.addTransfer({ peer: 'leaver', domain: 'acme.example', direction: 'sent', kind: 'index', bytes: 7 });
  assert.match(await metrics.render(), /leaver.* 7\n/);
  status = { ...full, peers: [], domains: [] };
  assert.doesNotMatch(await metrics.render(), /leaver|acme/);
  status = full;
  assert.doesNotMatch(await metrics.render(), /leaver.* 7\n/);
});

test('a peer whose clock is not known yet has no skew', async () => {
  const { skewMs: _, ...peer } = samplePeer({ up: false });
  const text = await new Metrics(() => sampleStatus({ peers: [peer] })).render();
  assert.equal(value(text, 'dfsync_peer_up{peer="dfsync2"}'), 0);
  assert.doesNotMatch(text, /^dfsync_peer_clock_skew_seconds\{/m);
});

test('what is reported is counted, and its delays are in seconds', async () => {
  const metrics = new Metrics(() => sampleStatus());
  metrics.pulled(
    'acme.example',
    {
      fetched: 2,
      retried: 1,
      failed: 3,
      operations: { create: 2, rename: 5 },
      saved: { renamed: 500 },
      arrivals: [
        { origin: 2, ms: 300, sinceWrittenMs: 800 },
        { origin: 99, ms: 20_000, sinceWrittenMs: 20_000 },
      ],
    },
    origin => (origin === 2 ? 'south' : undefined),
  );
  metrics.reported('acme.example', { did: 'change', operations: { delete: 4 } });
  metrics.reported('acme.example', { did: 'drift', operation: 'update' });
  metrics.reported('acme.example', { did: 'scan', trigger: 'start', result: 'ok', ms: 2_000 });
  metrics.reported('acme.example', { did: 'scan', trigger: 'retry', result: 'failed', ms: 70_000 });
  metrics.reported('acme.example', { did: 'flush', result: 'failed' });
  metrics.requested('peers', '/v1/changes', 200);
  const text = await metrics.render();
  const of = (labels: string) => `{domain="acme.example"${labels}}`;
  const expected: [string, number][] = [
    [`dfsync_received_files_total${of('')}`, 2],
    [`dfsync_transfer_retries_total${of('')}`, 1],
    [`dfsync_failed_changes_total${of('')}`, 3],
    [`dfsync_applied_changes_total${of(',op="rename"')}`, 5],
    [`dfsync_applied_changes_total${of(',op="mkdir"')}`, 0],
    [`dfsync_saved_bytes_total${of(',reason="renamed"')}`, 500],
    [`dfsync_saved_bytes_total${of(',reason="copied"')}`, 0],
    [`dfsync_local_changes_total${of(',op="delete"')}`, 4],
    [`dfsync_scan_drift_entries_total${of(',op="update"')}`, 1],
    [`dfsync_scans_total${of(',trigger="start",result="ok"')}`, 1],
    [`dfsync_scans_total${of(',trigger="interval",result="ok"')}`, 0],
    ['dfsync_scan_duration_seconds_count', 1],
    ['dfsync_scan_duration_seconds_sum', 2],
    [`dfsync_cache_flushes_total${of(',result="failed"')}`, 1],
    ['dfsync_http_requests_total{listener="peers",route="/v1/changes",code="200"}', 1],
    ['dfsync_propagation_seconds_bucket{le="0.25",site="south"}', 0],
    ['dfsync_propagation_seconds_bucket{le="0.5",site="south"}', 1],
    ['dfsync_propagation_seconds_count{site="south"}', 1],
    ['dfsync_write_to_visible_seconds_bucket{le="1",domain="acme.example"}', 1],
    ['dfsync_write_to_visible_seconds_count{domain="acme.example"}', 2],
  ];
  for (const [series, number] of expected) assert.equal(value(text, series), number, series);
});

/** A status of so many peers that share all of so many domains. */
function largeStatus(peers: number, domains: number): Status {
  const names = Array.from({ length: domains }, (_, i) => `customer-${i}.example.com`);
  const between = samplePeer().domains[0]!;
  return sampleStatus({
    domains: names.map(domain =>
      sampleDomain({
        domain,
        heard: Object.fromEntries(Array.from({ length: peers }, (_, i) => [i + 1, 1_700_000_001_500])),
      }),
    ),
    peers: Array.from({ length: peers }, (_, i) =>
      samplePeer({ peer: `dfsync${i}`, domains: names.map(domain => ({ ...between, domain })) }),
    ),
  });
}

test('a scrape of 50 peers and 20 domains stays below two megabytes', async () => {
  const metrics = new Metrics(() => largeStatus(50, 20));
  for (let i = 0; i < 20; i++) metrics.pulled(`customer-${i}.example.com`, arrived, () => 'south');
  const bytes = Buffer.byteLength(await metrics.render());
  assert.ok(bytes > 500_000 && bytes < 2_000_000, `${bytes} bytes`);
});

const arrived = {
  fetched: 1,
  retried: 0,
  failed: 0,
  operations: { create: 1 },
  saved: {},
  arrivals: [{ origin: 1, ms: 10, sinceWrittenMs: 10 }],
};

test('above 2,000 pairs of peer and domain only lag and mismatch tell the domain', async () => {
  const text = await new Metrics(() => largeStatus(101, 20)).render();
  assert.equal(value(text, 'dfsync_sync_lag_seconds{peer="dfsync7",domain="customer-3.example.com"}'), 1.5);
  assert.equal(value(text, 'dfsync_mismatched_entries{peer="dfsync7",domain="customer-3.example.com"}'), 4);
  assert.equal(value(text, 'dfsync_pending_entries{peer="dfsync7"}'), 60, 'the sum of 20 domains');
  assert.equal(value(text, 'dfsync_peer_in_sync{peer="dfsync7"}'), 0);
  assert.equal(value(text, 'dfsync_oldest_pending_timestamp_seconds{peer="dfsync7"}'), 1_700_000_001.25);
  assert.equal(value(text, 'dfsync_transfer_bytes_total{peer="dfsync7",direction="sent",kind="index"}'), 0);
  const pairs = text.match(/^\w+(?=\{peer="[^"]*",domain=)/gm);
  assert.deepEqual([...new Set(pairs)].sort(), ['dfsync_mismatched_entries', 'dfsync_sync_lag_seconds']);
});

test('a domain that leaves takes its delays with it', async () => {
  let status = sampleStatus();
  const metrics = new Metrics(() => status);
  metrics.pulled('acme.example', arrived, () => 'south');
  assert.match(await metrics.render(), /visible_seconds_count\{domain="acme/);
  status = { ...status, domains: [] };
  assert.doesNotMatch(await metrics.render(), /visible_seconds_count\{domain="acme/);
});

const promtool = spawnSync('promtool', ['--version']).error === undefined;

test('promtool finds nothing to complain about', {
  skip: !promtool && 'promtool (Prometheus) is not installed',
}, async () => {
  for (const status of [sampleStatus(), sampleStatus({ peers: [], domains: [] })]) {
    const metrics = new Metrics(() => status);
    metrics.pulled('acme.example', arrived, () => 'south');
    metrics.requested('operators', '/metrics', 200);
    const input = await metrics.render();
    const check = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    assert.equal(check.status, 0, check.stdout + check.stderr);
  }
});

test('the README has a row for each of our metrics, with its labels, and for no other', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const rows = new Map<string, string>();
  for (const [, name, labels] of readme.matchAll(/^\| `(dfsync_\w+)` \|([^|]*)\|/gm)) rows.set(name!, labels!.trim());
  const text = await new Metrics(() => sampleStatus()).render();
  const ours = [...text.matchAll(/^# TYPE (dfsync_\w+)/gm)].map(([, name]) => name!);
  assert.deepEqual([...rows.keys()].sort(), ours.sort());
  for (const [, name, labels] of text.matchAll(/^(dfsync_\w+)\{([^}]*)\}/gm)) {
    const family = name!.replace(/_(bucket|sum|count)$/, '');
    const given = [...labels!.matchAll(/(\w+)="/g)].map(([, label]) => label!).filter(label => label !== 'le');
    assert.equal(given.join(', '), rows.get(family) ?? rows.get(name!), name!);
  }
});
