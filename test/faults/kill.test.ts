/**
 * A process that dies at every step which changes its volume: received files, replaced and removed ones, trees, journal, cache, marker.
 *
 * The steps are those that one round without a death has taken. `npm test` dies at some of them, other ones each time; `npm run
 * test:faults` at one of each kind, another one each time, and once more while it recovers.
 * `FAULTS_AT='rename staging>tree#3'` is one of them again.
 */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { realDisk } from '../../src/folder/real-disk.ts';
import { inlineSmallFiles } from '../../src/folder/small-files.ts';
import { Staging } from '../../src/folder/staging.ts';
import { total } from '../e2e/exposition.ts';
import type { Instance } from '../e2e/instance.ts';
import { TestNetwork } from '../e2e/network.ts';
import { until } from '../e2e/until.ts';
import { Workload } from './workload.ts';

const ALL = process.env.FAULTS === 'all';
/** Steps of each start in `npm test`: half a minute. */
const SAMPLE = 3;
/** A start that recovers takes some ten steps before it is ready: each round dies at another one of these. */
const RECOVERY = 12;
/** Files that nobody touches. */
const STAYING = 100;
const DAY_MS = 24 * 3_600_000;
const PRELOAD = new URL('./kill-at.ts', import.meta.url).href;

/** How a round's process begins: knowing its volume, or as on a new server beside a tree. */
type Start = 'known' | 'new';

// Each start has a network of its own, which waits most of the time.
describe('an instance that dies', { concurrency: ALL }, () => {
  for (const start of ['known', 'new'] as const)
    describe(`kill -9 at every step of an instance whose volume is ${start}`, { concurrency: false }, () => {
      let network: TestNetwork;
      let writer: Instance;
      let victim: Instance;
      let round = 0;
      let reached = 0;
      let faults: string[] = [];
      let load: Workload;

      before(async () => {
        network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
        [writer, victim] = [network.get('n1'), network.get('n2')];
        // So that what a round removes is never most of the domain.
        for (let i = 0; i < STAYING; i++) writer.write(`acme/stays/${i}`, `stays ${i}`);
        load = new Workload(round, writer, victim, start === 'known');
        load.begin();
        await network.start();
        await network.converge('acme');
        await victim.stop();
        const trace = join(network.directory, 'trace');
        writeFileSync(trace, '');
        await play(start, { KILL_TRACE: trace });
        const steps = chosen(readFileSync(trace, 'utf8').trim().split('\n'));
        faults = process.env.FAULTS_AT?.split(',') ?? (ALL ? steps : sample(steps, Math.random()));
      });
      after(() => network.close());

      test('the tree is whole when it dies, and right when it is back', async t => {
        let broken = false;
        for (const at of faults)
          await t.test(at, async t => {
            if (broken) return t.skip('the network is not as the rounds before should have left it');
            broken = true;
            if (await play(start, { KILL_AT: at })) reached++;
            broken = false;
          });
      });

      test('most of the steps were reached', () => {
        assert.ok(reached >= faults.length / 2, `${reached} of ${faults.length}`);
      });

      /** One round; answers whether the process died in it. */
      async function play(start: Start, fault: Readonly<Record<string, string>>): Promise<boolean> {
        const known = load;
        known.change();
        if (start === 'new') rmSync(victim.path('.dfsync'), { recursive: true });
        const fetched = await writer.contentReceived();
        launch(fault);
        const died = await lives(known);
        assertWhole(known);
        if (died && ALL) await dieAgain();
        await victim.start();
        known.changeHere();
        load = new Workload(++round, writer, victim, start === 'known');
        load.begin();
        await network.until('the round to end', () => arrived(known, writer) && arrived(known, victim));
        await network.converge('acme');
        const bytes = (await writer.contentReceived()) - fetched;
        // What its users wrote may come twice: an answer is cut off by the end of the process, and a new instance does not know whose
        // file it is that its user edits before the first comparison. What was pulled is far more.
        assert.ok(bytes <= 2 * known.bytesHere, `what was pulled is announced as new: ${bytes}`);
        if (start === 'known')
          for (const each of [writer, victim]) assert.equal(total(await each.metrics(), 'dfsync_conflicts_total'), 0);
        known.end();
        await network.barrier('acme', 'n1');
        await victim.stop();
        assertTidy();
        return died;
      }

      function launch(fault: Readonly<Record<string, string>>): void {
        const before = Object.entries({
          ...fault,
          KILL_VOLUME: victim.place.root,
          NODE_OPTIONS: `--import=${PRELOAD}`,
        });
        victim.launch(['env', ...before.map(([name, value]) => `${name}=${value}`)]);
      }

      /** In the recovery, at whatever step it is. */
      async function dieAgain(): Promise<void> {
        launch({ KILL_AT: `any#${1 + (round % RECOVERY)}` });
        const ended = async () => !victim.isRunning || (await victim.isReady());
        await until('the victim to be ready, or dead again', ended, evidence());
        await victim.kill();
      }

      /** Until the process is dead, or has done all there is to do, its end included. */
      async function lives(load: Workload): Promise<boolean> {
        const isDead = () => !victim.isRunning;
        await until('the victim to be ready, or dead', async () => isDead() || (await victim.isReady()), evidence());
        if (!isDead()) load.changeHere();
        const isDone = () => arrived(load, writer) && arrived(load, victim);
        await until('the victim to be done, or dead', () => isDead() || isDone(), evidence());
        if (isDead()) return true;
        await victim.end();
        return victim.wasKilled;
      }

      function evidence() {
        return { evidence: () => network.instances.map(each => each.tail).join('\n') };
      }

      function arrived(load: Workload, instance: Instance): boolean {
        const shown = load.shown(instance);
        assert.deepEqual([...shown.keys()].sort(), [...load.expected.keys()].sort());
        for (const [path, content] of load.expected)
          if (shown.get(path) !== content) throw new Error(`not yet: ${path}`);
        return true;
      }

      /** Under each name stands something that somebody wrote. */
      function assertWhole(load: Workload): void {
        for (const [path, content] of load.shown(victim))
          assert.ok(
            content.startsWith('->') || load.contents.has(content),
            `${path} has ${content.length} bytes of nobody`,
          );
      }

      /** Nothing half done is left behind, once a day has passed. */
      function assertTidy(): void {
        const disk = realDisk(victim.place.root);
        new Staging(disk, '.dfsync/staging/acme', inlineSmallFiles(disk)).open(Date.now() + 2 * DAY_MS);
        const left = [...victim.tree('.dfsync')].filter(
          ([path, { kind }]) => kind === 'file' && !path.startsWith('trash/'),
        );
        const strange = left.map(([path]) => path).filter(path => !KEPT.test(path));
        assert.deepEqual(strange, []);
      }
    });
});

/**
 * What is in the private directory of an instance that has ended. The journal of a flush that a death cut off stays until the next flush
 * has ended: an instance with a short journal ends without one.
 */
const KEPT =
  /^(volume\.json|lock|lock\.json|probe|cache\/\w+\/(shard-[0-9a-f]*|memory)\.json|cache\/\w+\/journal(\.before)?\.jsonl)$/;

/** A step of each kind, not the same one each time. */
function chosen(trace: readonly string[]): string[] {
  const kinds = Map.groupBy(trace, name => name);
  return [...kinds].map(([name, { length }]) => `${name}#${1 + Math.floor(Math.random() * length)}`);
}

/** Evenly spread, from anywhere. */
function sample(steps: readonly string[], chance: number): string[] {
  const every = steps.length / SAMPLE;
  return Array.from({ length: SAMPLE }, (_, i) => steps[Math.floor((i + chance) * every)]!);
}
