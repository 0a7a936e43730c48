/** What is kept of a domain besides its entries. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_SKEW_MS } from '../../src/core/clock.ts';
import { Cache } from '../../src/folder/cache.ts';
import { Memory } from '../../src/folder/memory.ts';
import { START, Volume } from '../support/life.ts';
import { known } from '../support/wishes.ts';

const SELF = 7;
const DAY_MS = 86_400_000;

describe('heartbeats', () => {
  it('are remembered over a restart', async () => {
    const volume = await known();
    const life = await volume.start();
    assert.equal(life.replica.hear([[3, 500]]), true);
    assert.equal(life.replica.hear([[3, 499]]), false);
    await life.end();
    assert.deepEqual(new Map((await volume.start(7, false)).replica.heard), new Map([[3, 500]]));
  });

  const ahead = START + MAX_SKEW_MS + 1;
  /** Heard one after the other. */
  const beats: [name: string, at: number, isNews: boolean][] = [
    ['the first of an origin is news', 500, true],
    ['the same again is none', 500, false],
    ['an older one is none', 499, false],
    ['one of a clock far ahead is taken', ahead, true],
    ['and gives way to any other: its clock was put right since', 501, true],
  ];
  it('are news where they are newer', () => {
    const { memory } = made();
    for (const [name, at, isNews] of beats) assert.equal(memory.hear([[3, at]]), isNews, name);
  });
});

/** The memory of a process that starts on a volume. */
function made(volume = new Volume()) {
  if (!volume.disk.lstat('cache')) volume.disk.mkdir('cache', 0o755);
  const clock = volume.clock.view();
  const cache = new Cache(volume.disk.mount(), 'cache', SELF, clock);
  const created = START - 10 * DAY_MS;
  return { volume, memory: new Memory({ cache, clock, self: SELF, created, holdingSince: () => undefined }) };
}

describe('the attendance', () => {
  it('of who remembers nothing says that anything may be forgotten', async () => {
    const { memory } = made();
    await memory.load();
    assert.deepEqual(memory.attendance, { created: START - 10 * DAY_MS, before: 0, since: START, forgotten: START });
  });

  it('goes on where the process before this one ended', async () => {
    const { volume, memory } = made();
    memory.hear([[SELF, START]]);
    await memory.save();
    await volume.pass(DAY_MS);
    const next = made(volume).memory;
    await next.load();
    assert.deepEqual(next.attendance, {
      created: START - 10 * DAY_MS,
      before: START,
      since: START + DAY_MS,
      forgotten: START,
    });
  });

  it('knows of deletions forgotten elsewhere, never of ones to come, and never of fewer', async () => {
    const { volume, memory } = made();
    await volume.pass(DAY_MS);
    const told = [START - 1, START + 5, START + 4, START + 2 * DAY_MS];
    const forgotten = told.map(upTo => {
      memory.forgot(upTo);
      return memory.attendance.forgotten;
    });
    assert.deepEqual(forgotten, [START, START + 5, START + 5, START + DAY_MS]);
  });

  it('begins anew where nothing is left that others would have to have heard of', async () => {
    const { volume, memory } = made();
    memory.hear([[SELF, START]]);
    await memory.save();
    await memory.load();
    await volume.pass(5);
    memory.startAnew();
    assert.equal(memory.attendance.before, 0);
    assert.equal(memory.attendance.since, START + 5);
  });
});

it('after a clock was put right this instance was heard of now, not in the future', () => {
  for (const [at, heard] of [
    [START + DAY_MS, START],
    [START - 1, START - 1],
  ] as const) {
    const { memory } = made();
    memory.hear([[SELF, at]]);
    memory.putRight();
    assert.equal(memory.heard.get(SELF), heard);
  }
});
