/** Laws of the plan, over random trees and random wishes of peers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Entry, isEqual, isLive } from '../../src/core/entry.ts';
import { ancestorsOf, depthOf, isBelow, parentOf, type RelPath } from '../../src/core/path.ts';
import { type Action, plan, type Wanted } from '../../src/core/plan.ts';
import { compareEntries, merge } from '../../src/core/resolve.ts';
import { sameVersion } from '../../src/core/version.ts';
import { entriesAt, pathOf, tombstone } from '../support/entries.ts';
import { ModelFolder } from '../support/model-folder.ts';

const SELF = 7;
const NOW = 1000;
const PEERS_MODE = 0o700;
const PATHS = ['a', 'b', 'a/a', 'a/b', 'b/a', 'a/a/a', 'a/a/b', 'a/b/a', 'b/a/a'].map(pathOf);

const some: fc.Arbitrary<Entry[]> = fc
  .tuple(...PATHS.map(path => fc.option(entriesAt(path), { nil: undefined })))
  .map(entries => entries.filter(entry => entry !== undefined));

/** A tree is one only if everything that lives stands in a directory. */
const trees: fc.Arbitrary<Entry[]> = some.map(entries => {
  const byPath = new Map(entries.map(entry => [entry.path, entry]));
  const stands = (path: RelPath): boolean => {
    const parent = parentOf(path);
    return parent === undefined || (byPath.get(parent)?.kind === 'directory' && stands(parent));
  };
  return entries.filter(entry => !isLive(entry) || stands(entry.path));
});

/** Wants of which some say that they were renamed from a file that is here. */
const wishes = fc
  .tuple(trees, some, fc.array(fc.nat(20), { minLength: PATHS.length, maxLength: PATHS.length }))
  .map(([local, wanted, picks]) => {
    const files = local.filter(entry => entry.kind === 'file');
    const withOrigins = wanted.map((entry, i): Entry => {
      const source = files[picks[i]!];
      if (entry.kind !== 'file' || !source || source.path === entry.path) return entry;
      return { ...entry, size: source.size, mtime: source.mtime, from: { path: source.path, version: source.version } };
    });
    return { local, wanted: withOrigins };
  });

/** Wants as an origin announces them that has renamed a directory: of a tree some, of others too, now and then not all. */
const renamings = fc
  .tuple(trees, some, fc.constantFrom('b', 'c', 'a/c', 'b/c'), fc.constantFrom('a', 'b', 'a/a', 'a/b'), fc.nat(3))
  .map(([local, others, to, from, left]) => {
    const moved = local.filter(entry => isLive(entry) && (entry.path === from || isBelow(entry.path, pathOf(from))));
    const there = moved.flatMap((entry): Entry[] => {
      const path = pathOf(to + entry.path.slice(from.length));
      const version = { ...entry.version, 4: 9 };
      const origin = entry.kind === 'file' && { from: { path: entry.path, version: entry.version } };
      return [{ ...entry, path, version, ...origin }, tombstone(entry.path, version)];
    });
    const wanted = new Map([...others.slice(left), ...there.slice(left === 3 ? 1 : 0)].map(each => [each.path, each]));
    return { local, wanted: [...wanted.values()] };
  });

const changes = fc.oneof(wishes, renamings);

function insideOf(action: Action) {
  return action.do === 'move' ? action.below : [];
}

function asked(entry: Entry): Wanted {
  return { entry, parentModes: new Map([...ancestorsOf(entry.path)].map(path => [path, PEERS_MODE])) };
}

function carriedOut(local: readonly Entry[], wanted: readonly Wanted[]): ModelFolder {
  const folder = new ModelFolder(local);
  folder.apply(plan(folder, wanted, SELF, NOW).actions);
  return folder;
}

function assertSame(a: readonly Entry[], b: readonly Entry[]): void {
  assert.deepEqual(
    a.map(({ path }) => path),
    b.map(({ path }) => path),
  );
  for (const [i, entry] of a.entries())
    assert.ok(
      isEqual(entry, b[i]!) && sameVersion(entry.version, b[i]!.version),
      `${JSON.stringify(entry)} is not ${JSON.stringify(b[i])}`,
    );
}

describe('laws of the plan', () => {
  it('every step finds the disk as planned, and leaves a tree', () => {
    fc.assert(
      fc.property(changes, ({ local, wanted }) => void carriedOut(local, wanted.map(asked))),
      { numRuns: 1000 },
    );
  });

  it('trees that come to another name move as a whole', () => {
    const trips = fc.sample(renamings, { numRuns: 2000, seed: 1 });
    const moves = trips.flatMap(({ local, wanted }) =>
      plan(new ModelFolder(local), wanted.map(asked), SELF, NOW).actions.filter(action => action.do === 'move'),
    );
    assert.ok(moves.length > 20 && moves.some(({ below }) => below.some(({ entry }) => entry.kind === 'directory')));
  });

  it('after it was applied there is nothing left to do for what did not wait, and soon nothing at all', () => {
    fc.assert(
      fc.property(changes, ({ local, wanted }) => {
        const folder = new ModelFolder(local);
        let wants = wanted.map(asked);
        for (let round = 1; wants.length > 0; round++) {
          assert.ok(round <= 4, `still going on: ${JSON.stringify(folder.all())}`);
          const { actions, pending } = plan(folder, wants, SELF, NOW);
          folder.apply(actions);
          const waiting = new Set(pending.map(({ path }) => path));
          assert.deepEqual(
            plan(
              folder,
              wants.filter(({ entry }) => !waiting.has(entry.path)),
              SELF,
              NOW,
            ).actions,
            [],
          );
          if (actions.length === 0) break;
          wants = wants.filter(({ entry }) => waiting.has(entry.path));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('the order in which things are wanted does not matter', () => {
    const shuffled = changes.chain(({ local, wanted }) =>
      fc.record({
        local: fc.constant(local),
        wanted: fc.constant(wanted),
        order: fc.shuffledSubarray(wanted, { minLength: wanted.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ local, wanted, order }) =>
        assertSame(carriedOut(local, wanted.map(asked)).all(), carriedOut(local, order.map(asked)).all()),
      ),
      { numRuns: 1000 },
    );
  });

  it('every wanted path is acted upon, waits, or is true already', () => {
    fc.assert(
      fc.property(changes, ({ local, wanted }) => {
        const { actions, pending, settled } = plan(new ModelFolder(local), wanted.map(asked), SELF, NOW);
        const answered = new Set([
          ...actions.flatMap(action => [action, ...insideOf(action)].map(({ entry }) => entry.path)),
          ...actions.flatMap(action =>
            'tombstone' in action ? [action, ...insideOf(action)].map(({ tombstone }) => tombstone.path) : [],
          ),
          ...pending.map(({ path }) => path),
          ...settled,
        ]);
        for (const { path } of wanted) assert.ok(answered.has(path), path);
      }),
    );
  });

  it('no action touches anything but what is wanted, its parents and what is below', () => {
    fc.assert(
      fc.property(changes, ({ local, wanted }) => {
        const paths = new Set(wanted.map(({ path }) => path));
        const parents = new Set(wanted.flatMap(({ path }) => [...ancestorsOf(path)]));
        for (const action of plan(new ModelFolder(local), wanted.map(asked), SELF, NOW).actions) {
          assert.ok(paths.has(action.entry.path) || (action.do === 'mkdir' && parents.has(action.entry.path)));
          if (action.do === 'rename')
            assert.ok(paths.has(action.source.path) && action.tombstone.path === action.source.path);
          if (action.do === 'move')
            for (const { entry, source } of [action, ...action.below])
              assert.ok(paths.has(entry.path) && paths.has(source.path));
          else if ('below' in action) for (const { path } of action.below) assert.ok(isBelow(path, action.entry.path));
        }
      }),
    );
  });

  it('both sides choose the same winner', () => {
    fc.assert(
      fc.property(
        fc
          .constantFrom(...PATHS.filter(path => depthOf(path) === 0))
          .chain(path => fc.tuple(entriesAt(path), entriesAt(path))),
        ([a, b]) => {
          assertSame(carriedOut([a], [{ entry: b }]).all(), carriedOut([b], [{ entry: a }]).all());
        },
      ),
    );
  });

  it('nothing that lives is lost except to something newer, and then the action says so', () => {
    fc.assert(
      fc.property(changes, ({ local, wanted }) => {
        const folder = carriedOut(local, wanted.map(asked));
        for (const before of local.filter(isLive)) {
          const after = folder.get(before.path)!;
          assert.ok(isEqual(before, after) || compareEntries(after, before) > 0);
        }
      }),
    );
  });

  it('what is wanted and does not wait becomes the merge of both sides', () => {
    fc.assert(
      fc.property(changes, ({ local, wanted }) => {
        const before = new ModelFolder(local);
        const { pending } = plan(before, wanted.map(asked), SELF, NOW);
        const waiting = new Set(pending.map(({ path }) => path));
        const after = carriedOut(local, wanted.map(asked));
        for (const entry of wanted) {
          if (waiting.has(entry.path)) continue;
          const known = before.get(entry.path);
          const merged = known ? merge(known, entry) : entry;
          // Consequences go further: a file over a directory clears it, a file below revives it.
          assert.ok(compareEntries(after.get(entry.path)!, merged) >= 0);
        }
      }),
    );
  });
});
