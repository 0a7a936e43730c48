/** The alerts: each fires for what it is for, names what it is about, and not for less. promtool plays the time. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');
const FILE = join(ROOT, 'helm/dfsync/files/alerts.yaml');
const HAS_PROMTOOL = spawnSync('promtool', ['--version']).error === undefined;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}
const RULES: readonly Rule[] = parse(readFileSync(FILE, 'utf8')).groups[0].rules;

/** Series as promtool writes them, one sample a minute, and whether the alert fires after an hour. */
interface Case {
  readonly alert: string;
  readonly name: string;
  readonly series: Readonly<Record<string, string>>;
  readonly fires: boolean;
}

const PAIR = 'instance="n1",peer="dfsync2",domain="acme"';
const yes = (alert: string, name: string, series: Case['series']): Case => ({ alert, name, series, fires: true });
const no = (alert: string, name: string, series: Case['series']): Case => ({ alert, name, series, fires: false });

const CASES: readonly Case[] = [
  yes('DfsyncDown', 'down', { 'up{job="monitoring/dfsync",instance="n1"}': '1x10 0x50' }),
  no('DfsyncDown', 'a restart', { 'up{job="monitoring/dfsync",instance="n1"}': '1x56 0x3' }),
  no('DfsyncDown', 'something else down', { 'up{job="node"}': '0x60' }),
  yes('DfsyncNotRunning', 'no volume', { 'dfsync_instance_state{state="waiting-for-lock"}': '1x60' }),
  no('DfsyncNotRunning', 'disabled on purpose', { 'dfsync_instance_state{state="disabled"}': '1x60' }),
  yes('DfsyncPeerDown', 'down', { 'dfsync_peer_up{instance="n1",peer="dfsync2"}': '1x10 0x50' }),
  no('DfsyncPeerDown', 'back by now', { 'dfsync_peer_up{instance="n1",peer="dfsync2"}': '0x50 1x9' }),
  yes('DfsyncLag', 'behind', { [`dfsync_sync_lag_seconds{${PAIR}}`]: '0+60x60' }),
  no('DfsyncLag', 'a moment behind again and again', { [`dfsync_sync_lag_seconds{${PAIR}}`]: '400 0 400 0x3 290x60' }),
  yes('DfsyncOutOfSync', 'since the beginning', { [`dfsync_mismatch_since_timestamp_seconds{${PAIR}}`]: '0x60' }),
  no('DfsyncOutOfSync', 'now and then', { [`dfsync_mismatch_since_timestamp_seconds{${PAIR}}`]: '0x25 1800x35' }),
  yes('DfsyncDeletionsHeld', 'held', { 'dfsync_held_deletions{instance="n1",domain="acme"}': '0x57 240x3' }),
  no('DfsyncDeletionsHeld', 'released', { 'dfsync_held_deletions{instance="n1",domain="acme"}': '240x58 0x2' }),
  yes('DfsyncStaleReplica', 'stale', { 'dfsync_stale_replica{instance="n1",domain="acme"}': '1x60' }),
  no('DfsyncStaleReplica', 'decided', { 'dfsync_stale_replica{instance="n1",domain="acme"}': '1x50 0x9' }),
  yes('DfsyncDomainHalted', 'full', { 'dfsync_halted_domains{instance="n1",reason="space"}': '2x60' }),
  no('DfsyncDomainHalted', 'none', { 'dfsync_halted_domains{instance="n1",reason="space"}': '0x60' }),
  yes('DfsyncDiskAlmostFull', 'four percent free', {
    'dfsync_volume_free_bytes{instance="n1"}': '4x60',
    'dfsync_volume_size_bytes{instance="n1"}': '100x60',
  }),
  no('DfsyncDiskAlmostFull', 'six percent free', {
    'dfsync_volume_free_bytes{instance="n1"}': '6x60',
    'dfsync_volume_size_bytes{instance="n1"}': '100x60',
  }),
  yes('DfsyncItemErrors', 'a file that cannot be written', {
    'dfsync_item_errors{instance="n1",domain="acme",class="unwritable"}': '1x60',
  }),
  no('DfsyncItemErrors', 'what the file system cannot hold', {
    'dfsync_item_errors{instance="n1",domain="acme",class="attributes"}': '9x60',
  }),
  yes('DfsyncWatchDegraded', 'degraded', { 'dfsync_watch_degraded{instance="n1"}': '1x60' }),
  no('DfsyncWatchDegraded', 'well', { 'dfsync_watch_degraded{instance="n1"}': '0x60' }),
  yes('DfsyncWatchesNearLimit', 'nine of ten', {
    'dfsync_watches{instance="n1"}': '9x60',
    'dfsync_watches_limit{instance="n1"}': '10x60',
  }),
  no('DfsyncWatchesNearLimit', 'seven of ten', {
    'dfsync_watches{instance="n1"}': '7x60',
    'dfsync_watches_limit{instance="n1"}': '10x60',
  }),
  yes('DfsyncDrift', 'of two kinds', {
    'dfsync_scan_drift_entries_total{instance="n1",domain="acme",op="create"}': '0x30 80x30',
    'dfsync_scan_drift_entries_total{instance="n1",domain="acme",op="delete"}': '0x30 80x30',
  }),
  no('DfsyncDrift', 'a few', {
    'dfsync_scan_drift_entries_total{instance="n1",domain="acme",op="create"}': '0x30 50x30',
  }),
  yes('DfsyncClockSkew', 'behind', { 'dfsync_peer_clock_skew_seconds{instance="n1",peer="dfsync2"}': '-40x60' }),
  no('DfsyncClockSkew', 'a little ahead', { 'dfsync_peer_clock_skew_seconds{instance="n1",peer="dfsync2"}': '20x60' }),
  yes('DfsyncCertificateExpiring', 'in a week', {
    'dfsync_certificate_expiry_timestamp_seconds{instance="n1",use="peers"}': '604800x60',
  }),
  no('DfsyncCertificateExpiring', 'in a month', {
    'dfsync_certificate_expiry_timestamp_seconds{instance="n1",use="peers"}': '2592000x60',
  }),
  yes('DfsyncConfigRefused', 'refused', { 'dfsync_config_last_reload_successful{instance="n1"}': '0x60' }),
  no('DfsyncConfigRefused', 'in force', { 'dfsync_config_last_reload_successful{instance="n1"}': '1x60' }),
];

/** Plays a case with promtool; answers the alerts of that name that fire then, as it prints them. */
function play({ alert, series }: Case): string {
  const directory = mkdtempSync(join(tmpdir(), 'dfsync-alerts-'));
  const suite = {
    rule_files: [FILE],
    tests: [
      {
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        // That it does not fire is what is expected: what fires is told as the difference.
        alert_rule_test: [{ eval_time: '60m', alertname: alert, exp_alerts: [] }],
      },
    ],
  };
  try {
    writeFileSync(join(directory, 'test.yaml'), JSON.stringify(suite));
    const { stdout, stderr } = spawnSync('promtool', ['test', 'rules', join(directory, 'test.yaml')], {
      encoding: 'utf8',
    });
    const said = stdout + stderr;
    assert.match(said, /SUCCESS|FAILED/, said);
    return said.includes('SUCCESS') ? '' : /got:\s*(\[[\s\S]*)/.exec(said)![1]!;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('an alert', { skip: !HAS_PROMTOOL && 'promtool (Prometheus) is not installed' }, () => {
  for (const each of CASES)
    test(`${each.alert} ${each.fires ? 'fires' : 'is silent'}: ${each.name}`, () => {
      const fired = play(each);
      assert.equal(fired !== '', each.fires, fired);
      assert.doesNotMatch(fired, /no value|error calling|<error/, 'its texts name what there is');
    });

  test('of each kind has a case in which it fires and one in which it does not', () => {
    for (const { alert } of RULES)
      assert.deepEqual([...new Set(CASES.filter(each => each.alert === alert).map(each => each.fires))], [true, false]);
  });
});

test('every alert says what it is, how bad it is, and leads to a section of the README', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const { repository } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const { alert, labels, annotations } of RULES) {
    assert.match(labels.severity, /^(warning|critical)$/);
    assert.ok(annotations.summary && annotations.description, alert);
    assert.equal(annotations.runbook_url, `${repository}/blob/main/README.md#${alert.toLowerCase()}`);
    assert.match(readme, new RegExp(`^#### ${alert}$`, 'm'), `the README has no section ${alert}`);
  }
  const told = [...readme.matchAll(/^#### (Dfsync\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(
    told,
    RULES.map(({ alert }) => alert),
    'and every such section is of an alert',
  );
});

test('alerts and dashboard ask for nothing but metrics that there are', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const known = new Set([...readme.matchAll(/^\| `(dfsync_\w+)` \|/gm)].map(([, name]) => name));
  for (const file of ['alerts.yaml', 'dashboard.json']) {
    const asked = readFileSync(join(ROOT, 'helm/dfsync/files', file), 'utf8').match(/\bdfsync_\w+/g) ?? [];
    assert.ok(asked.length > 15, file);
    for (const name of asked)
      assert.ok(known.has(name) || known.has(name.replace(/_(bucket|count|sum)$/, '')), `${file}: ${name}`);
  }
});
