/** A real Prometheus beside a network of four: the right alerts fire, the others do not, and the dashboard has something to show. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Instance } from './instance.ts';
import { TestNetwork, TWO_BY_TWO } from './network.ts';
import { HAS_PROMETHEUS, Prometheus } from './prometheus.ts';

const FILES = join(import.meta.dirname, '../../helm/dfsync/files');
const MANY = 200;
/** The volume of one of them: a file fills it. */
const VOLUME_MIB = 32;
const MIB = 1 << 20;
/** Scrapes, of one a second, that an alert takes at most which has begun: `for: 10m`, hurried. */
const PATIENCE = 12;

const canMount = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']).status === 0;
const skip = !HAS_PROMETHEUS
  ? 'prometheus is not installed'
  : !canMount && 'needs root and unshare -m for a mount of its own';

/** The alerts as they are, but a minute is a second. */
function hurried(): string {
  const text = readFileSync(join(FILES, 'alerts.yaml'), 'utf8');
  return text
    .split('\n')
    .map(line => (/^ *(expr|for):/.test(line) ? line.replace(/\* 60\b/g, '* 1').replace(/\b(\d+)m\b/g, '$1s') : line))
    .join('\n');
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** Every query of the dashboard, with its variables as they are at first. */
function queries(): { readonly title: string; readonly expr: string }[] {
  const { panels } = JSON.parse(readFileSync(join(FILES, 'dashboard.json'), 'utf8')) as { panels: Panel[] };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      expr: expr.replace(/\$(instance|domain)/g, '.*').replaceAll('$__rate_interval', '10s'),
    })),
  );
}

describe('four instances and a Prometheus', { skip }, () => {
  let network: TestNetwork;
  let prometheus: Prometheus;
  let s2: Instance;
  /** Its volume as its own process sees it: mounted for nobody else. */
  const inside = (path: string) => `/proc/${s2.pid}/root${s2.path(path)}`;
  const get = (name: string) => network.get(name);
  const scrapes = async () => (await prometheus.query('count_over_time(up{instance="n1"}[1h])'))[0]?.value ?? 0;
  /** Waits until exactly these alerts fire. */
  const alerts = (expected: readonly string[]) =>
    network.until(`alerts: ${expected.join(', ') || 'none'}`, async () => {
      assert.deepEqual(await prometheus.firing(), [...expected].sort());
      return true;
    });
  /** … and still do when every other one that could be on its way has had its time. */
  const lasting = async (expected: readonly string[]) => {
    await alerts(expected);
    const then = (await scrapes()) + PATIENCE;
    await network.until('some more scrapes', async () => (await scrapes()) >= then);
    assert.deepEqual(await prometheus.firing(), [...expected].sort());
  };

  before(async () => {
    network = await TestNetwork.create(TWO_BY_TWO);
    s2 = get('s2');
    for (let i = 0; i < MANY; i++) get('n2').write(`acme/big/${i}`, `content ${i}`);
    const mount = `mount -t tmpfs -o size=${VOLUME_MIB}m tmpfs '${s2.place.root}' && exec "$@"`;
    const others = network.instances.filter(instance => instance !== s2);
    await Promise.all([...others.map(each => each.start()), s2.start(['unshare', '-m', 'sh', '-c', mount, 'sh'])]);
    await network.until('all files to be everywhere', () => existsSync(inside(`acme/big/${MANY - 1}`)));
    prometheus = await Prometheus.start(join(network.directory, 'prometheus'), network.instances, hurried());
    await network.until('all to be scraped, and equal', async () => {
      const equal = await prometheus.query('sum(dfsync_peer_in_sync) == count(dfsync_peer_in_sync)');
      const up = await prometheus.query('sum(up)');
      return equal.length === 1 && up[0]?.value === 4;
    });
  });
  after(async () => {
    await prometheus?.close();
    await network?.close();
  });

  test('nothing fires while all is well', () => lasting([]));

  test('how long a change takes through two gateways is known', async () => {
    get('n2').write('acme/seen', 'by all');
    const seen = () =>
      prometheus.query('dfsync_write_to_visible_seconds_count{instance="s2",domain="acme.example"} > 0');
    await network.until('it to be counted on the far side', async () => (await seen()).length === 1);
    const [far] = await prometheus.query('dfsync_propagation_seconds_count{instance="s2",site="north"}');
    assert.ok(far!.value >= 1);
  });

  test('a partition: who cannot pull, and who is behind, on both sides of it alone', async () => {
    network.cut();
    await lasting(['DfsyncPeerDown n1', 'DfsyncPeerDown s1', 'DfsyncLag n1', 'DfsyncLag s1']);
    network.heal();
    await alerts([]);
  });

  test('a mass deletion: held where it was made', async () => {
    rmSync(get('n2').path('acme/big'), { recursive: true });
    await alerts(['DfsyncDeletionsHeld n2']);
    const [held] = await prometheus.query('dfsync_held_deletions > 0');
    assert.equal(held!.value, MANY + 1);
  });

  test('a full disk besides: the domains there are halted for it', async () => {
    try {
      for (let i = 0; i < VOLUME_MIB; i++) writeFileSync(inside(`filler${i}`), Buffer.alloc(MIB));
    } catch {
      // Full to the last byte.
    }
    await lasting(['DfsyncDeletionsHeld n2', 'DfsyncDiskAlmostFull s2', 'DfsyncDomainHalted s2']);
    const halted = await prometheus.query('dfsync_halted_domains > 0');
    assert.deepEqual(
      halted.map(({ labels, value }) => [labels.instance, labels.reason, value]),
      [['s2', 'space', 2]],
    );
  });

  test('every query of the dashboard finds something then', async () => {
    get('n1').write('acme/more', 'than the full one can take');
    const differs = () => prometheus.query('dfsync_mismatch_since_timestamp_seconds{instance="s2"}');
    await network.until('the full one to differ', async () => (await differs()).length > 0);
    const found = queries();
    assert.ok(found.length > 30);
    for (const { title, expr } of found) {
      const answer = await prometheus.query(expr);
      // No path is out of order here.
      if (!/^sum by \(instance, class\) \(dfsync_item_errors/.test(expr))
        assert.ok(answer.length > 0, `${title}: ${expr}`);
    }
  });
});
