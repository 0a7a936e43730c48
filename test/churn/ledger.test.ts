/** What the ledger says of endings: a proof that cannot fail would prove nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { State } from '../sim/oracle.ts';
import { type Downtime, Ledger } from './ledger.ts';

const MINUTE_MS = 60_000;
const file = (content: string): State => ({ kind: 'file', content, mtime: 0, mode: 0o644 });
const [old, north, south] = [file('old'), file('north'), file('south')];

/** Both had seen the old content when they wrote, the south so long after the north. */
function contested(laterMs: number): Ledger {
  let now = 0;
  const ledger = new Ledger(() => now);
  const write = (node: number, before: State | undefined, after: State) =>
    ledger.record({
      node,
      operation: ledger.begin(node, { do: 'write', path: 'f', size: 1 }),
      path: 'f',
      before,
      after,
    });
  write(1, undefined, old);
  now = MINUTE_MS;
  write(1, old, north);
  now += laterMs;
  write(2, old, south);
  return ledger;
}

interface Ending {
  readonly final?: State;
  readonly trash?: readonly string[];
  readonly laterMs?: number;
  readonly downtimes?: readonly Downtime[];
}

function close({ final, trash = ['old'], laterMs = MINUTE_MS, downtimes = [] }: Ending) {
  const tree = new Map(final ? [['f', final]] : []);
  return contested(laterMs).close({ tree, trash: new Set(trash), downtimes });
}

describe('of two who wrote at the same time, the one that is not there', () => {
  it('lost to a newer one, and is in a trash', () => {
    const { violations, lost } = close({ final: south, trash: ['north'] });
    assert.deepEqual(violations, []);
    assert.deepEqual(
      lost.map(({ event, reason }) => [event.after, reason]),
      [[north, 'a newer one won']],
    );
  });

  it('is a violation where no trash has it', () => {
    const { violations } = close({ final: south });
    assert.equal(violations.length, 1);
    assert.match(violations[0]!, /^content lost: f .*event 1 on node 1/);
    assert.match(violations[0]!, /had seen 0/, 'with its story');
  });

  const olderWon = { final: north, trash: ['south'] };
  it('is lost to an older one: a violation', () => {
    assert.match(close(olderWon).violations.join(), /^lost to an older one: event 2 at f/);
  });

  it('may be lost to one that is older by less than a change takes to be noticed', () => {
    const { violations, lost } = close({ ...olderWon, laterMs: 1_000 });
    assert.deepEqual(violations, []);
    assert.match(lost[0]!.reason, /noticed later/);
  });

  it('may be lost to an older one if nobody looked when it was written, on its own node', () => {
    const from = 1.5 * MINUTE_MS;
    const { violations, lost } = close({ ...olderWon, downtimes: [{ node: 2, from, to: 3 * MINUTE_MS }] });
    assert.deepEqual(violations, []);
    assert.match(lost[0]!.reason, /down or dying/);
    assert.equal(close({ ...olderWon, downtimes: [{ node: 1, from, to: 3 * MINUTE_MS }] }).violations.length, 1);
  });
});

it('what was put back as it was before anybody looked may be lost to anything', () => {
  let now = 0;
  const ledger = new Ledger(() => now);
  const [plain, open] = [0o755, 0o777].map(mode => ({ kind: 'directory', mode }) as const);
  const change = (node: number, before: State | undefined, after: State | undefined, ms: number) => {
    now += ms;
    const operation = ledger.begin(node, { do: 'mkdir', path: 'd' });
    ledger.record({ node, operation, path: 'd', before, after });
  };
  change(1, undefined, plain, 0);
  change(2, plain, open, MINUTE_MS);
  change(1, plain, undefined, MINUTE_MS);
  change(1, undefined, plain, 100);
  const { violations, lost } = ledger.close({ tree: new Map([['d', open!]]), trash: new Set(), downtimes: [] });
  assert.deepEqual(violations, []);
  assert.match(lost.map(({ reason }) => reason).join(), /put back as it was/);
});

describe('an ending', () => {
  it('that brings back what both had seen and changed is a lost update', () => {
    assert.match(close({ final: old, trash: ['north', 'south'] }).violations.join(), /lost update: f/);
  });

  it('with nothing, which nobody made, has lost a file', () => {
    assert.match(close({ trash: ['north', 'south'] }).violations.join(), /vanished: f/);
  });

  it('with what nobody wrote was invented', () => {
    assert.match(close({ final: file('torn'), trash: ['north', 'south'] }).violations.join(), /invented: f/);
  });
});

it('a content gets a date that no other one of its path and size has', () => {
  const ledger = new Ledger(() => 0);
  assert.equal(ledger.freeDate('f', 3, 100, 'one'), 100);
  assert.equal(ledger.freeDate('f', 3, 100, 'one'), 100, 'its own again');
  assert.equal(ledger.freeDate('f', 3, 100, 'two'), 101);
  assert.equal(ledger.freeDate('f', 4, 100, 'two'), 100, 'another size tells them apart');
  assert.equal(ledger.freeDate('g', 3, 100, 'two'), 100, 'another path');
});
