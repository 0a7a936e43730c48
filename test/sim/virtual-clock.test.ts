import assert from 'node:assert/strict';
import { it } from 'node:test';
import { seeded } from './random.ts';
import { VirtualClock } from './virtual-clock.ts';

it('wakes sleepers in the order of their time, at their time', async () => {
  const clock = new VirtualClock(1000);
  const node = clock.view();
  const woken: [string, number][] = [];
  const sleep = async (name: string, ms: number) => {
    await node.sleep(ms);
    woken.push([name, node.now()]);
  };
  void sleep('c', 3_600_000);
  void sleep('a', 10);
  void sleep('b', 10);
  void sleep('zero', 0);
  assert.equal(await clock.run(2000), false);
  assert.deepEqual(woken, [
    ['zero', 1000],
    ['a', 1010],
    ['b', 1010],
  ]);
  assert.equal(clock.now(), 2000);
  await clock.run(10_000_000);
  assert.deepEqual(woken.at(-1), ['c', 3_601_000]);
});

it('lets time pass only when everybody waits', async () => {
  const clock = new VirtualClock(0);
  const node = clock.view();
  const seen: number[] = [];
  void (async () => {
    await node.sleep(5);
    for (let i = 0; i < 100; i++) await Promise.resolve();
    for (let i = 0; i < 10; i++) await node.yield();
    seen.push(node.now());
    await node.sleep(5);
    seen.push(node.now());
  })();
  void node.sleep(6).then(() => seen.push(node.now()));
  await clock.run(100);
  assert.deepEqual(seen, [5, 6, 10]);
});

it('stops between two wake-ups', async () => {
  const clock = new VirtualClock(0);
  const node = clock.view();
  let ticks = 0;
  void (async () => {
    for (;;) {
      await node.sleep(10);
      ticks++;
    }
  })();
  assert.equal(await clock.run(1000, () => ticks === 3), true);
  assert.equal(clock.now(), 30);
  assert.equal(await clock.run(1000), false);
  assert.equal(ticks, 100);
});

it('ends an aborted sleep at once, and one that is aborted before it begins', async () => {
  const clock = new VirtualClock(0);
  const node = clock.view();
  const stop = new AbortController();
  const woken: number[] = [];
  void node.sleep(1_000_000, stop.signal).then(() => woken.push(node.now()));
  void node.sleep(7).then(() => stop.abort());
  await clock.run(10);
  await node.sleep(1_000_000, stop.signal);
  assert.deepEqual(woken, [7]);
  await clock.run(2_000_000);
  assert.deepEqual(woken, [7]);
});

it('shows each node a clock of its own, and the same durations', async () => {
  const clock = new VirtualClock(1000);
  const [fast, slow] = [clock.view(500), clock.view(-500)];
  const woken: number[] = [];
  void fast.sleep(10).then(() => woken.push(fast.now()));
  void slow.sleep(20).then(() => woken.push(slow.now()));
  await clock.run(1100);
  assert.deepEqual(woken, [1510, 520]);
  fast.skewMs = 0;
  assert.equal(fast.now(), clock.now());
});

it('wakes nobody of a killed process', async () => {
  const clock = new VirtualClock(0);
  const [killed, alive] = [clock.view(), clock.view()];
  const woken: string[] = [];
  const stop = new AbortController();
  void killed.sleep(10).then(() => woken.push('slept'));
  void killed.sleep(10, stop.signal).then(() => woken.push('aborted'));
  void alive.sleep(10).then(() => woken.push('alive'));
  killed.kill();
  stop.abort();
  void killed.sleep(10, stop.signal).then(() => woken.push('aborted later'));
  void killed.yield().then(() => woken.push('yielded'));
  await clock.run(100);
  assert.deepEqual(woken, ['alive']);
});

it('tells an endless loop', async () => {
  const clock = new VirtualClock(0, () => 0, 1000);
  const node = clock.view();
  void (async () => {
    for (;;) await node.yield();
  })();
  await assert.rejects(clock.run(1), /loops/);
});

it('runs the same with the same seed, and otherwise with another', async () => {
  const order = async (seed: number) => {
    const clock = new VirtualClock(0, seeded(seed).next);
    const woken: number[] = [];
    for (let i = 0; i < 20; i++)
      void clock
        .view()
        .sleep(i % 2)
        .then(() => woken.push(i));
    await clock.run(10);
    return woken;
  };
  assert.deepEqual(await order(1), await order(1));
  assert.notDeepEqual(await order(1), await order(2));
  assert.ok((await order(1)).slice(0, 10).every(i => i % 2 === 0));
});
