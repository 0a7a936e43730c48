import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DomainName } from '../../src/core/path.ts';
import { DiskError } from '../../src/folder/disk.ts';
import type { ScanReport } from '../../src/folder/full-scan.ts';
import type { ReplicaReport } from '../../src/folder/replica-report.ts';
import { ScanLoop } from '../../src/folder/scan-loop.ts';
import { Lookout, START } from '../support/lookout.ts';
import { walking } from '../support/walking.ts';

const DOMAIN = 'd.example' as DomainName;
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** The scans of a domain, on virtual time: what a test has them do, and when they began. */
class Scans {
  readonly out = new Lookout();
  /** Seconds after the start. */
  readonly begun: number[] = [];
  readonly reports: ReplicaReport[] = [];
  readonly ended: ScanReport[] = [];
  readonly events: string[] = [];
  /** When the domain became ready, in seconds after the start. */
  readonly ready: number[] = [];
  /** What a scan throws. */
  failure: Error | undefined;
  /** How long a scan takes, milliseconds. */
  takes = 0;
  running = true;
  readonly loop: ScanLoop;
  readonly #stop = new AbortController();

  constructor() {
    const clock = this.out.clock.view();
    const scans = this;
    const walk = walking(this.out.disk);
    this.loop = new ScanLoop(this.out.looker, {
      domain: DOMAIN,
      clock,
      // The interval is not varied: neither shorter nor longer.
      random: () => 0.5,
      scanIntervalMs: HOUR,
      async *scanner(request, signal) {
        scans.begun.push(scans.now);
        await clock.sleep(scans.takes, signal);
        if (scans.failure) throw scans.failure;
        yield* walk(request, signal);
      },
      onFirstScan: () => void this.ready.push(this.now),
      onScan: (_, report) => this.ended.push(report),
      onEvent: event => this.events.push(event),
      onReport: report => this.reports.push(report),
    });
  }

  get now(): number {
    return (this.out.clock.now() - START) / SECOND;
  }

  /** What was reported since the last call, as `trigger result ms`. */
  told(): string[] {
    return this.reports.splice(0).map(report => {
      assert.equal(report.did, 'scan');
      return report.did === 'scan' ? `${report.trigger} ${report.result} ${report.ms}` : '';
    });
  }

  run(): void {
    void this.loop.run(this.#stop.signal).then(() => {
      this.running = false;
    });
  }

  /** Resolves when whatever can end without time passing has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.out.stop();
  }
}

/** Scans that have begun, after what `prepare` arranged. */
async function scanning(prepare: (scans: Scans) => void = () => {}): Promise<Scans> {
  const scans = new Scans();
  prepare(scans);
  scans.run();
  await scans.out.pass(0);
  return scans;
}

const failing = (scans: Scans) => {
  scans.failure = new DiskError('EIO', 'read', 'd');
};

describe('a domain is scanned', () => {
  it('at the start and then at intervals', async () => {
    const scans = await scanning();
    await scans.out.pass(2 * HOUR);
    assert.deepEqual(scans.begun, [0, 3600, 7200]);
    assert.deepEqual(scans.told(), ['start ok 0', 'interval ok 0', 'interval ok 0']);
    assert.deepEqual([scans.ready, scans.events], [[0], []]);
    await scans.stop();
  });

  it('when it is asked for: now, or once the scan under way has ended', async () => {
    const scans = await scanning();
    await scans.out.pass(5 * SECOND);
    scans.takes = 20 * SECOND;
    scans.loop.ask();
    await scans.out.pass(5 * SECOND);
    scans.loop.ask();
    await scans.out.pass(100 * SECOND);
    assert.deepEqual(scans.begun, [0, 5, 25]);
    assert.deepEqual(scans.told(), ['start ok 0', 'lost-events ok 20000', 'lost-events ok 20000']);
    await scans.stop();
  });

  it('ten seconds after a scan that did not count, and then at intervals', async () => {
    const scans = await scanning(({ out }) => {
      out.objection = 'not this volume';
    });
    await scans.out.pass(15 * SECOND);
    scans.out.objection = undefined;
    await scans.out.pass(HOUR + 10 * SECOND);
    assert.deepEqual(scans.begun, [0, 10, 20, 3620]);
    assert.deepEqual(scans.told(), ['start objected 0', 'retry objected 0', 'retry ok 0', 'interval ok 0']);
    assert.deepEqual(scans.events, ['scan does not count']);
    await scans.stop();
  });

  it('ten seconds after a scan that failed, and then at intervals', async () => {
    const scans = await scanning();
    failing(scans);
    await scans.out.pass(HOUR + 15 * SECOND);
    scans.failure = undefined;
    await scans.out.pass(HOUR + 5 * SECOND);
    assert.deepEqual(scans.begun, [0, 3600, 3610, 3620, 7220]);
    assert.deepEqual(scans.told(), [
      'start ok 0',
      'interval failed 0',
      'retry failed 0',
      'retry ok 0',
      'interval ok 0',
    ]);
    // Said once, not every ten seconds.
    assert.deepEqual(scans.events, ['scan failed']);
    await scans.stop();
  });

  it('ten seconds after a first scan that failed: the domain is ready then', async () => {
    const scans = await scanning(failing);
    assert.deepEqual([scans.events, scans.ready, scans.ended.length], [['scan failed'], [], 0]);
    scans.failure = undefined;
    await scans.out.pass(10 * SECOND);
    assert.deepEqual([scans.begun, scans.ready, scans.ended.length], [[0, 10], [10], 1]);
    await scans.stop();
  });

  it('at once after one that failed, when it is asked for', async () => {
    const scans = await scanning(failing);
    await scans.out.pass(3 * SECOND);
    scans.failure = undefined;
    scans.loop.ask();
    await scans.out.pass(20 * SECOND);
    assert.deepEqual(scans.begun, [0, 3]);
    assert.deepEqual(scans.told(), ['start failed 0', 'lost-events ok 0']);
    await scans.stop();
  });
});

it('how long a scan took that failed is without the wait for the next one', async () => {
  const scans = await scanning(scans => {
    failing(scans);
    scans.takes = 2 * SECOND;
  });
  await scans.out.pass(2 * SECOND);
  assert.deepEqual(scans.told(), ['start failed 2000']);
  await scans.stop();
});

describe('the signal ends it at once', () => {
  const long = (scans: Scans) => {
    scans.takes = HOUR;
  };
  for (const [when, reports, ...arrangements] of [
    ['between two scans', ['start ok 0']],
    ['in the wait after a scan that failed', ['start failed 0'], failing],
    ['in a scan', [], long],
    ['in a scan that fails', [], long, failing],
  ] as const)
    it(when, async () => {
      const scans = await scanning(scans => {
        for (const arrange of arrangements) arrange(scans);
      });
      await scans.out.pass(5 * SECOND);
      const events = [...scans.events];
      await scans.stop();
      assert.deepEqual([scans.running, scans.now, scans.begun], [false, 5, [0]]);
      // What it cut off is no failure.
      assert.deepEqual([scans.told(), scans.events], [reports, events]);
    });
});
