import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DigestSum, hashEntry, hashPath, MAX_PREFIX, prefixOf } from '../../src/core/digest.ts';
import { type Entry, isLive } from '../../src/core/entry.ts';
import { isBelow, parentOf, type RelPath } from '../../src/core/path.ts';
import { isForgettable } from '../../src/core/retention.ts';
import { DomainIndex, type Identity, type Kept } from '../../src/folder/index-store.ts';
import { directory, entriesAt, file, pathOf, symlink, tombstone } from '../support/entries.ts';

/** Short, so that a date next to it is a small number. */
const RETENTION_MS = 1_000;

interface Row {
  readonly entry: Entry;
  readonly identity: Identity;
  readonly kept: Kept | undefined;
}

/** What the columns stand for. */
type Model = Map<RelPath, Row>;

type Command =
  | { readonly do: 'set'; readonly entry: Entry; readonly identity?: Identity; readonly kept?: Kept }
  | { readonly do: 'drop'; readonly path: RelPath }
  | { readonly do: 'identify'; readonly path: RelPath; readonly identity: Identity }
  | { readonly do: 'expire'; readonly now: number };

const PATHS = ['a', 'b', 'c', 'a/a', 'a/b', 'b/a', 'a/a/a', 'a/a/b', '\udcff', 'ä'].map(pathOf);
const NOTHING: Identity = { inode: 0, birth: 0 };

const identities = fc.record(
  { inode: fc.integer({ min: 1, max: 9 }), birth: fc.integer({ min: 0, max: 9 }) },
  { noNullPrototype: true },
);
const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...PATHS).chain(path => entriesAt(path)),
        fc.option(identities, { nil: undefined }),
        fc.option(fc.record({ mtime: fc.nat(9), mode: fc.constantFrom(0o755, 0o777) }, { noNullPrototype: true }), {
          nil: undefined,
        }),
        fc.option(fc.constant({ path: pathOf('former'), version: { 1: 1 } }), { nil: undefined }),
      )
      .map(
        ([entry, identity, kept, from]): Command => ({
          do: 'set',
          entry: from ? { ...entry, from } : entry,
          ...(identity && { identity }),
          ...(kept && { kept }),
        }),
      ),
  },
  { weight: 2, arbitrary: fc.constantFrom(...PATHS).map((path): Command => ({ do: 'drop', path })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...PATHS), identities)
      .map(([path, identity]): Command => ({ do: 'identify', path, identity })),
  },
  { weight: 1, arbitrary: fc.nat(5).map((date): Command => ({ do: 'expire', now: RETENTION_MS * 1.1 + date })) },
);

function carryOut(command: Command, index: DomainIndex, model: Model): void {
  switch (command.do) {
    case 'set': {
      const { entry, identity, kept } = command;
      const old = model.get(entry.path);
      model.set(entry.path, { entry, identity: identity ?? old?.identity ?? NOTHING, kept });
      const news = index.set(entry, identity, kept);
      assert.equal(news, !old || JSON.stringify(hashEntry(old.entry)) !== JSON.stringify(hashEntry(entry)));
      break;
    }
    case 'drop':
      model.delete(command.path);
      index.drop(command.path);
      break;
    case 'identify': {
      const old = model.get(command.path);
      if (old) model.set(command.path, { ...old, identity: command.identity });
      index.identify(command.path, command.identity);
      break;
    }
    case 'expire': {
      const expired = [...model.values()]
        .filter(({ entry }) => isForgettable(entry, command.now, RETENTION_MS))
        .map(({ entry }) => entry.path);
      for (const path of expired) model.delete(path);
      assert.deepEqual(
        index
          .expire(command.now, RETENTION_MS)
          .map(({ path }) => path)
          .sort(),
        expired.sort(),
      );
      break;
    }
    default:
      command satisfies never;
  }
}

const byPath = (a: Entry, b: Entry) => (a.path < b.path ? -1 : 1);

function digestOf(entries: Iterable<Entry>): string {
  const sum = new DigestSum();
  for (const entry of entries) sum.add(hashEntry(entry));
  return sum.toString();
}

function assertAlike(index: DomainIndex, model: Model): void {
  const entries = [...model.values()].map(({ entry }) => entry);
  const live = entries.filter(isLive);
  const files = entries.filter(({ kind }) => kind === 'file');
  for (const path of PATHS) {
    const row = model.get(path);
    assert.deepEqual(index.get(path), row?.entry);
    assert.deepEqual(index.kept(path), row?.kept);
    assert.deepEqual(index.onDisk(path), row && { ...row.entry, ...row.kept });
    assert.deepEqual(index.identity(path), row?.identity);
    assert.equal(index.liveChildren(path), live.filter(entry => parentOf(entry.path) === path).length);
    assert.deepEqual(
      [...index.liveBelow(path)].sort(byPath),
      live.filter(entry => isBelow(entry.path, path)).sort(byPath),
    );
  }
  assert.deepEqual([...index.entries()].sort(byPath), entries.sort(byPath));
  assert.deepEqual(index.totals, {
    entries: entries.length,
    tombstones: entries.length - live.length,
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  });
  assert.equal(index.digest, digestOf(entries));
}

/** An index and its entries, large enough for the digest tree to have branches. */
function filled(count: number): { index: DomainIndex; entries: Entry[] } {
  const index = new DomainIndex();
  const entries = Array.from({ length: count }, (_, i) =>
    i % 5 === 0 ? tombstone(`t${i}`, { 1: i }) : file(`d${i % 7}/f${i}`, { 1: i }),
  );
  for (const entry of entries) index.set(entry);
  return { index, entries };
}

const prefixOfPath = (path: RelPath, digits: number) => prefixOf(hashPath(path).high, digits);

describe('the index', () => {
  it('is what a plain map would be, whatever is set, dropped and expired', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 40 }), history => {
        const index = new DomainIndex();
        const model: Model = new Map();
        for (const command of history) {
          carryOut(command, index, model);
          assertAlike(index, model);
        }
      }),
    );
  });

  it('grows, and uses the rows of dropped entries again', () => {
    const { index, entries } = filled(3000);
    const [dropped, kept] = [entries.slice(0, 1500), entries.slice(1500)];
    for (const { path } of dropped) index.drop(path);
    for (let i = 0; i < 1500; i++) index.set(directory(`new${i}`));
    assert.equal(index.totals.entries, 3000);
    for (const entry of kept) assert.deepEqual(index.get(entry.path), entry);
    for (const { path } of dropped) assert.equal(index.get(path), undefined);
    for (let i = 0; i < 1500; i++) index.drop(pathOf(`new${i}`));
    assert.equal(index.digest, digestOf(kept));
  });

  it('holds large sizes, early dates and the highest roleid exactly', () => {
    const index = new DomainIndex();
    const entry = file(
      'f',
      { 9999: 1_764_000_000_123 },
      { size: 2 ** 45 + 1, mtime: -62_135_596_800_000, mode: 0o777 },
    );
    index.set(entry);
    assert.deepEqual(index.get(entry.path), entry);
  });
});

describe('the digest tree of an index', () => {
  const { index, entries } = filled(2000);

  it('has children whose sum is their parent, down to the leaves', () => {
    let level = [''];
    for (let digits = 1; digits <= MAX_PREFIX; digits++) {
      const groups = Map.groupBy(entries, ({ path }) => prefixOfPath(path, digits));
      const expected = [...groups].map(([prefix, below]) => ({ prefix, digest: digestOf(below), count: below.length }));
      const byPrefix = (x: { prefix: string }, y: { prefix: string }) => (x.prefix < y.prefix ? -1 : 1);
      assert.deepEqual(index.children(level).sort(byPrefix), expected.sort(byPrefix));
      level = [...groups.keys()];
    }
  });

  it('answers a leaf for itself, and nothing for an empty branch', () => {
    const leaf = prefixOfPath(entries[0]!.path, MAX_PREFIX);
    assert.deepEqual(
      index.children([leaf]).map(({ prefix }) => prefix),
      [leaf],
    );
    const used = new Set(entries.map(({ path }) => prefixOfPath(path, 4)));
    const empty = Array.from({ length: 0xffff }, (_, i) => i.toString(16).padStart(4, '0')).find(
      prefix => !used.has(prefix),
    )!;
    assert.deepEqual(index.children([empty]), []);
    assert.deepEqual([...index.under([empty])], []);
  });

  it('gives the entries below prefixes, each once', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.integer({ min: 0, max: 255 }).map(n => n.toString(16).padStart(2, '0')),
          { minLength: 1 },
        ),
        prefixes => {
          const below = entries.filter(({ path }) => prefixes.includes(prefixOfPath(path, 2)));
          assert.deepEqual([...index.under(prefixes)].sort(byPath), below.sort(byPath));
        },
      ),
      { numRuns: 20 },
    );
    assert.equal([...index.under([''])].length, entries.length);
  });

  it('gives each as it is when it is its turn', () => {
    const few = new DomainIndex();
    for (const path of PATHS) few.set(file(path, { 1: 1 }));
    const under = few.under(['']);
    const { value: first } = under.next();
    const [gone, changed] = PATHS.filter(path => path !== first.path);
    few.drop(gone!);
    few.set(file(changed!, { 1: 2 }, { size: 77 }));
    const left = [...under];
    assert.deepEqual(
      left.map(({ path }) => path).sort(),
      PATHS.filter(path => path !== first.path && path !== gone).sort(),
    );
    assert.equal(left.find(({ path }) => path === changed)?.size, 77);
  });
});

describe('a scan over the index', () => {
  it('leaves as unmet what lives and was not met, however many scans there were', () => {
    const index = new DomainIndex();
    for (const entry of [file('met'), file('gone'), symlink('link'), tombstone('deleted')]) index.set(entry);
    for (let scan = 0; scan < 600; scan++) {
      index.beginScan();
      const seen = { kind: 'file', size: 1, mtime: 1, mode: 0o644 } as const;
      index.meet(pathOf('met'), seen, 1, 1);
      index.meet(pathOf('unknown'), seen, 1, 1);
      assert.deepEqual([...index.unmet()].sort(), ['gone', 'link']);
    }
  });

  it('counts an entry that came since as met: it was looked at then', () => {
    const index = new DomainIndex();
    index.beginScan();
    index.set(file('new'));
    assert.deepEqual([...index.unmet()], []);
    index.beginScan();
    assert.deepEqual([...index.unmet()], ['new']);
  });
});
