import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
    ['dfsync_watch_lost_events_total', 0],
  ];
  for (const [series, number] of expected) assert.equal(value(text, series), number, series);
  assert.match(text, /^process_resident_memory_bytes /m);
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
});

test('the delay of the event loop is that since the scrape before, also where this was a moment ago', async () => {
  const metrics = new Metrics(() => sampleStatus());
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
  metrics.watchLost();
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
    assert.equal(value(text, 'dfsync_watch_lost_events_total'), 1);
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

const promtool = spawnSync('promtool', ['--version']).error === undefined;

test('promtool finds nothing to complain about', {
  skip: !promtool && 'promtool (Prometheus) is not installed',
}, async () => {
  for (const status of [sampleStatus(), sampleStatus({ peers: [], domains: [] })]) {
    const input = await new Metrics(() => status).render();
    const check = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    assert.equal(check.status, 0, check.stdout + check.stderr);
  }
});
