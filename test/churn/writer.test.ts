/** Writers where nobody comes between: what they told the ledger is what is on the disk. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { judge, type State } from '../sim/oracle.ts';
import { seeded } from '../sim/random.ts';
import { decide } from './decision.ts';
import { Ledger } from './ledger.ts';
import { statesBelow } from './state.ts';
import { Writer } from './writer.ts';

const DECISIONS = 600;
const SEED = Date.now() % 2 ** 31;

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'dfsync-churn-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

describe('a writer', () => {
  it('decides by its seed alone, and does everything sooner or later', () => {
    const decisions = (seed: number) => {
      const chance = seeded(seed);
      return Array.from({ length: DECISIONS }, () => decide(chance));
    };
    assert.deepEqual(decisions(SEED), decisions(SEED));
    assert.notDeepEqual(decisions(SEED), decisions(SEED + 1));
    assert.equal(new Set(decisions(SEED).map(each => each.do)).size, 14, `seed ${SEED}`);
  });

  it('tells the ledger everything that it does to the disk', () => {
    const ledger = new Ledger(Date.now);
    const [one, two] = [new Writer(1, root, ledger), new Writer(2, root, ledger)];
    const chance = seeded(SEED);
    for (let i = 0; i < DECISIONS; i++) chance.pick([one, two]).perform(decide(chance));
    const told = new Map<string, State>();
    for (const { path, after } of ledger.events) after ? told.set(path, after) : told.delete(path);
    const tree = statesBelow(root);
    assert.ok(tree.size > 5, `seed ${SEED}: ${tree.size} paths`);
    assert.deepEqual(sorted(told), sorted(tree), `seed ${SEED}`);
    assert.deepEqual(
      judge({ events: ledger.events }, tree, new Set()),
      [],
      `seed ${SEED}: alone, nobody loses anything`,
    );
  });
});

function sorted(tree: ReadonlyMap<string, State>): [string, State][] {
  return [...tree].sort(([a], [b]) => (a < b ? -1 : 1));
}
