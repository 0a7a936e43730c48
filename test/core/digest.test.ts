import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  DIGEST_VERSION,
  type DigestNode,
  DigestSum,
  differing,
  hashEntry,
  hashPath,
  prefixOf,
  rangeOf,
} from '../../src/core/digest.ts';
import { type Entry, isEqual } from '../../src/core/entry.ts';
import { compareMarks, newest } from '../../src/core/version.ts';
import { directory, entriesAt, file, pathOf, paths, symlink, tombstone } from '../support/entries.ts';

const sets = fc
  .uniqueArray(paths, { maxLength: 12 })
  .chain(unique => fc.tuple(...unique.map(path => entriesAt(path))))
  .map(entries => entries as Entry[]);

function sumOf(entries: Iterable<Entry>): DigestSum {
  const sum = new DigestSum();
  for (const entry of entries) sum.add(hashEntry(entry));
  return sum;
}

/** What a digest has to tell apart. */
function alike(a: Entry | undefined, b: Entry | undefined): boolean {
  if (!a || !b) return a === b;
  return isEqual(a, b) && compareMarks(newest(a.version), newest(b.version)) === 0;
}

describe('the digest of a set of entries', () => {
  it('does not depend on their order', () => {
    fc.assert(
      fc.property(sets, fc.infiniteStream(fc.nat()), (entries, chance) => {
        const keyed = entries.map(entry => [chance.next().value as number, entry] as const);
        const shuffled = keyed.sort(([a], [b]) => a - b).map(([, entry]) => entry);
        assert.equal(sumOf(shuffled).toString(), sumOf(entries).toString());
      }),
    );
  });

  it('is the same exactly when the entries are, newest marks included', () => {
    const perturbed = sets.chain(entries =>
      fc.tuple(
        fc.constant(entries),
        // Some stay, some go, some become another entry of the same path.
        fc.tuple(
          ...entries.map(entry =>
            fc.oneof(
              fc.constant([entry]),
              fc.constant([]),
              entriesAt(entry.path).map(other => [other]),
            ),
          ),
        ),
      ),
    );
    fc.assert(
      fc.property(perturbed, ([mine, changed]) => {
        const theirs = changed.flat();
        const byPath = new Map(theirs.map(entry => [entry.path, entry]));
        const same = mine.every(entry => alike(entry, byPath.get(entry.path)));
        assert.equal(sumOf(mine).toString() === sumOf(theirs).toString(), same);
      }),
      { numRuns: 500 },
    );
  });

  it('forgets what is removed: removing is the inverse of adding', () => {
    fc.assert(
      fc.property(sets, sets, (kept, removed) => {
        const sum = sumOf([...kept, ...removed]);
        for (const entry of removed) sum.remove(hashEntry(entry));
        assert.equal(sum.toString(), sumOf(kept).toString());
        assert.equal(sum.count, kept.length);
      }),
    );
  });

  it('of nothing is zero, and always has 16 digits', () => {
    assert.equal(new DigestSum().toString(), '0000000000000000');
    fc.assert(fc.property(sets, entries => assert.match(sumOf(entries).toString(), /^[0-9a-f]{16}$/)));
  });
});

describe('the hash of an entry', () => {
  const base = file('a', { 0: 5 }, { size: 7, mtime: 5 });
  const others: Entry[] = [
    file('b', { 0: 5 }, { size: 7, mtime: 5 }),
    file('a', { 0: 5 }, { size: 8, mtime: 5 }),
    file('a', { 0: 5 }, { size: 7 + 2 ** 32, mtime: 5 }),
    file('a', { 0: 5 }, { size: 7, mtime: 6 }),
    file('a', { 0: 5 }, { size: 7, mtime: -5 }),
    file('a', { 0: 5 }, { size: 5, mtime: 7 }),
    file('a', { 0: 5 }, { size: 7, mtime: 5, mode: 0o600 }),
    file('a', { 0: 6 }, { size: 7, mtime: 5 }),
    file('a', { 1: 5 }, { size: 7, mtime: 5 }),
    directory('a', { 0: 5 }, 0o644),
    symlink('a', { 0: 5 }),
    symlink('a', { 0: 5 }, 'other'),
    tombstone('a', { 0: 5 }, 5),
    tombstone('a', { 0: 5 }, 6),
  ];
  it('covers path, kind, all that equality looks at and the newest mark', () => {
    const digests = [base, ...others].map(entry => sumOf([entry]).toString());
    assert.equal(new Set(digests).size, digests.length);
  });

  const pinned: [entry: Entry, hash: string][] = [
    [
      file('a', { 7: 1_764_000_000_123 }, { size: 2 ** 45 + 1, mtime: -62_135_596_800_000, mode: 0o640 }),
      '06e1d5cd801d4ba1',
    ],
    [directory('d/ä', { 0: 0 }), 'c0c374b9de7c646c'],
    [symlink('l', { 9999: 5 }, 'd/\udc80'), '6beb281a825ba5d1'],
    [tombstone('d/t', { 1: 2, 3: 4 }), '77fa080b93eea5bc'],
  ];
  for (const [entry, hash] of pinned)
    it(`of a ${entry.kind} is what it was in every release with this version of the digest`, () => {
      assert.equal(DIGEST_VERSION, 1);
      assert.equal(sumOf([entry]).toString(), hash);
    });

  it('of the beginning of a path is that of the path which ends there', () => {
    fc.assert(
      fc.property(paths, fc.nat(20), (path, length) => {
        assert.deepEqual(hashPath(path, Math.min(length, path.length)), hashPath(path.slice(0, length)));
      }),
    );
  });

  it('leaves out what equality leaves out, and older marks', () => {
    const same: Entry[] = [
      { ...base, version: { 0: 5, 3: 1 } },
      { ...base, from: { path: pathOf('z'), version: { 0: 1 } } },
    ];
    for (const entry of same) assert.deepEqual(hashEntry(entry), hashEntry(base));
    assert.deepEqual(hashEntry({ ...tombstone('a'), mode: 0o700 }), hashEntry(tombstone('a')));
  });
});

describe('the digest tree', () => {
  it('a prefix’s range holds exactly the hashes that start with it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.integer({ min: 0, max: 4 }),
        (a, b, digits) => {
          const { from, to } = rangeOf(prefixOf(a, digits));
          assert.equal(b >= from && b <= to, prefixOf(b, digits) === prefixOf(a, digits));
        },
      ),
    );
  });

  const node = (prefix: string, digest: string, count: number): DigestNode => ({ prefix, digest, count });
  const comparisons: [name: string, mine: DigestNode[], theirs: DigestNode[], differ: DigestNode[]][] = [
    ['equal', [node('a', '1', 5)], [node('a', '1', 5)], []],
    ['another digest, with the larger count', [node('a', '1', 5)], [node('a', '2', 3)], [node('a', '2', 5)]],
    ['only there', [], [node('a', '2', 3)], [node('a', '2', 3)]],
    ['only here', [node('a', '1', 5)], [], [node('a', '1', 5)]],
    ['empty there, left out here', [], [node('a', '0', 0)], []],
    ['empty here, left out there', [node('a', '0', 0)], [], []],
  ];
  for (const [name, mine, theirs, differ] of comparisons)
    it(`nodes that are ${name}: ${differ.length} differ`, () => assert.deepEqual(differing(mine, theirs), differ));
});

describe('hashes of many paths', () => {
  const many = Array.from({ length: 200_000 }, (_, i) =>
    i % 2 === 0
      ? `node_modules/p${i % 997}/lib/file-${i}.js`
      : `${(i * 7919).toString(36)}/${(i % 1000).toString(2)}/${i}.txt`,
  );
  const key = ({ high, low }: { high: number; low: number }) => (BigInt(high) << 32n) | BigInt(low);

  it('do not collide, and fill the 16 branches of the root and of a node below evenly', () => {
    const seen = new Set<bigint>();
    const branches = new Map<string, number>();
    for (const path of many) {
      const hash = hashPath(path);
      seen.add(key(hash));
      for (const digits of [1, 2]) {
        const prefix = prefixOf(hash.high, digits);
        branches.set(prefix, (branches.get(prefix) ?? 0) + 1);
      }
    }
    assert.equal(seen.size, many.length);
    assert.equal(branches.size, 16 + 256);
    // Six standard deviations: a fair hash passes always, a skewed one never.
    for (const [prefix, count] of branches) {
      const expected = many.length / 16 ** prefix.length;
      assert.ok(Math.abs(count - expected) < 6 * Math.sqrt(expected), `${prefix}: ${count} instead of ${expected}`);
    }
  });

  it('of entries of one path do not collide either', () => {
    const seen = new Set<bigint>();
    for (let size = 0; size < 300; size++)
      for (let mtime = 0; mtime < 300; mtime++)
        seen.add(key(hashEntry(file('a', { 0: mtime }, { size, mtime: 1_700_000_000_000 + mtime }))));
    assert.equal(seen.size, 300 * 300);
  });
});
