import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Pulse } from '../../src/ops/pulse.ts';

function started(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = { now: 0, asked: 0 };
  const pulse = new Pulse(() => {
    clock.asked++;
    return clock.now;
  });
  pulse.start();
  t.after(() => pulse.stop());
  /** Time in which the event loop runs. */
  const run = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.now += 500;
      t.mock.timers.tick(500);
    }
  };
  /** Time in which nothing runs; what was due meanwhile runs at its end. */
  const stall = (ms: number) => {
    clock.now += ms;
    t.mock.timers.tick(ms);
  };
  /** How often it looks at the clock while the event loop runs for a minute. */
  const looks = () => {
    const before = clock.asked;
    run(60_000);
    return clock.asked - before;
  };
  return { pulse, run, stall, looks };
}

test('a beat ages while the event loop runs on without the engine', t => {
  const { pulse, run } = started(t);
  pulse.beat();
  run(90_000);
  assert.deepEqual(pulse.vitals(), { beatAgeMs: 90_000, stalledMs: 0 });
  pulse.beat();
  assert.equal(pulse.vitals().beatAgeMs, 0);
});

test('a stopped process has not missed a beat: the time counts as a stall, bounded, and is forgotten', t => {
  const { pulse, run, stall } = started(t);
  run(5000);
  pulse.beat();
  stall(600_000);
  const { beatAgeMs, stalledMs } = pulse.vitals();
  assert.ok(beatAgeMs <= 5000, `beat is ${beatAgeMs} ms old`);
  assert.equal(stalledMs, 10_000);
  run(60_000);
  assert.equal(pulse.vitals().stalledMs, 0);
});

test('stalls add up', t => {
  const { pulse, run, stall } = started(t);
  for (let i = 0; i < 5; i++) {
    stall(9000);
    run(1000);
  }
  assert.ok(pulse.vitals().stalledMs > 30_000);
});

test('the event loop is looked at less often while it is not stalled: each look wakes the process', t => {
  const { stall, looks } = started(t);
  const atRest = looks();
  stall(9000);
  const after = looks();
  assert.ok(atRest * 4 < after, `${atRest} looks in a minute, ${after} in the one after a stall`);
  looks();
  assert.ok(looks() <= atRest);
});

test('ordinary work is no stall', t => {
  const { pulse, run, stall } = started(t);
  for (let i = 0; i < 20; i++) {
    stall(900);
    run(500);
  }
  assert.equal(pulse.vitals().stalledMs, 0);
});
