import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromBytes, parsePath, type RelPath } from '../../src/core/path.ts';
import { bundlesOf, formatBundle, formatBundleRequest, readBundle } from '../../src/peer/bundle-format.ts';
import { ByteReader } from '../../src/peer/byte-reader.ts';
import { entrySchema, formatEntries, hasEntryShape, parseEntry, readEntries } from '../../src/peer/entry-format.ts';
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES, MAX_REQUEST_BYTES, ROUTES } from '../../src/peer/protocol.ts';
import { formatTarget, parseTarget } from '../../src/peer/target.ts';
import type { BundleItem } from '../../src/sync/peer.ts';
import { bytesOf } from './network.ts';

/** Objects as JSON makes them. */
const record = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true });

const path = fc
  .oneof(
    fc.string(),
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map(fromBytes),
    fc.constantFrom('a/b', '%2f', '..a', '%', 'a?b#c&d=e+f'),
  )
  .map(parsePath)
  .filter(parsed => 'path' in parsed)
  .map(parsed => parsed.path);

const version = fc.dictionary(fc.nat(99_999).map(String), fc.nat(2e12), {
  minKeys: 1,
  maxKeys: 8,
  noNullPrototype: true,
});
const origin = record({ path, version });
const entry = fc.oneof(
  record({ path, kind: fc.constant('file'), size: fc.nat(), mtime: fc.integer(), mode: fc.nat(0o777), version }),
  record({
    path,
    kind: fc.constant('file'),
    size: fc.nat(),
    mtime: fc.integer(),
    mode: fc.nat(0o777),
    version,
    from: origin,
  }),
  record({
    path,
    kind: fc.constant('directory'),
    size: fc.constant(0),
    mtime: fc.constant(0),
    mode: fc.nat(0o777),
    version,
  }),
  record({
    path,
    kind: fc.constant('symlink'),
    size: fc.constant(0),
    mtime: fc.constant(0),
    mode: fc.constant(0),
    target: path,
    version,
  }),
  record({
    path,
    kind: fc.constant('tombstone'),
    size: fc.constant(0),
    mtime: fc.integer(),
    mode: fc.nat(0o777),
    version,
  }),
);

/** The same bytes, cut anywhere. */
async function* cut(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('every path comes out of a target as it went in', () => {
  fc.assert(
    fc.property(path, path, (domain, name) => {
      fc.pre(!domain.includes('/'));
      const target = formatTarget(ROUTES.file, { domain, path: name }, [['path', name]]);
      assert.match(target, /^[\x21-\x7e]+$/);
      assert.equal(new URL(target, 'http://x').pathname + new URL(target, 'http://x').search, target);
      const parsed = parseTarget(target);
      assert.ok(!('refused' in parsed));
      assert.equal(parsed.segments[2], domain);
      assert.equal(parsed.segments.slice(4).join('/'), name);
      assert.deepEqual(parsed.query.get('path'), [name]);
    }),
  );
});

test('a target from anywhere is decoded or refused, and never hides a separator or NUL', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('%', '2', 'f', '0', '.', '/', 'F', '5', 'ü', '?', '='), { maxLength: 30 }),
      parts => {
        const parsed = parseTarget(`/${parts.join('')}`);
        if (!('refused' in parsed)) for (const segment of parsed.segments) assert.doesNotMatch(segment, /[/\0]/);
      },
    ),
  );
});

test('entries come out of NDJSON as they went in, wherever it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry), fc.integer({ min: 1, max: 90 }), async (entries, size) => {
      const bytes = await bytesOf(formatEntries(entries as never));
      const read = await readEntries(new ByteReader(cut(bytes, size)), 1000, (at, why) => assert.fail(`${at}: ${why}`));
      assert.deepEqual(read, entries);
    }),
    { numRuns: 60 },
  );
});

test('whatever an entry is said to be, parsing never throws and never lets a bad path through', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.anything(), record({ path: fc.string(), kind: fc.constant('directory'), size: fc.anything() })),
      raw => {
        const parsed = parseEntry(raw);
        if ('entry' in parsed) assert.ok('path' in parsePath(parsed.entry.path));
      },
    ),
  );
});

test('the quick look at an entry and its schema agree, of whole ones and of damaged ones', () => {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      -1,
      1.5,
      512,
      2 ** 53,
      '',
      'file',
      [],
      {},
      { 7: 1 },
      { '07': 1 },
      { 7: -1 },
      { 7: '1' },
    ),
    record({ path: fc.oneof(fc.string(), fc.nat()), version: fc.constantFrom<unknown>({ 7: 1 }, {}, null, [1]) }),
    fc.dictionary(fc.nat(12).map(String), fc.nat(), { minKeys: 9, noNullPrototype: true }),
    fc.anything(),
  );
  const fields = ['path', 'kind', 'size', 'mtime', 'mode', 'target', 'version', 'from', 'more'];
  const damaged = fc
    .tuple(entry, fc.constantFrom(...fields), odd)
    .map(([whole, field, value]) => JSON.parse(JSON.stringify({ ...whole, [field]: value }) ?? 'null'));
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(fc.oneof(entry, damaged, fc.anything()), raw => {
      const { success } = entrySchema.safeParse(raw);
      seen.add(success);
      assert.equal(hasEntryShape(raw), success);
    }),
    { numRuns: 3000 },
  );
  assert.equal(seen.size, 2);
});

test('a bundle comes out as it went in, wherever it is cut', async () => {
  const item = fc.oneof(
    record({ path, bytes: fc.uint8Array({ maxLength: 50 }) }),
    record({ path, status: fc.constantFrom(404, 409, 412) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(item), fc.integer({ min: 1, max: 90 }), async (items, size) => {
      let content = 0;
      const chunks: Buffer[] = [];
      for await (const chunk of formatBundle(from(items), bytes => (content += bytes))) chunks.push(chunk);
      const files = items.map(one => ({ path: one.path, size: 'bytes' in one ? one.bytes.length : 1, mtime: 0 }));
      const read: BundleItem[] = [];
      for await (const some of readBundle(new ByteReader(cut(Buffer.concat(chunks), size)), files))
        for (const one of some) read.push('bytes' in one ? { path: one.path, bytes: Uint8Array.from(one.bytes) } : one);
      assert.deepEqual(read, items);
      assert.equal(
        content,
        items.reduce((sum, one) => sum + ('bytes' in one ? one.bytes.length : 0), 0),
      );
    }),
    { numRuns: 60 },
  );
});

test('files are cut into bundles within every limit, none lost', () => {
  const sizes = fc.array(fc.oneof(fc.nat(500), fc.nat(MAX_BUNDLE_BYTES)), { maxLength: 40 });
  fc.assert(
    fc.property(sizes, fc.nat(3), (list, times) => {
      const files = Array.from({ length: times * 900 }, () => 5)
        .concat(list)
        .map((size, i) => ({ path: `${'ü'.repeat(i % 1500)}${i}` as RelPath, size, mtime: 1 }));
      const bundles = [...bundlesOf(files)];
      assert.deepEqual(bundles.flat(), files);
      for (const bundle of bundles) {
        assert.ok(bundle.length <= MAX_BUNDLE_FILES);
        assert.ok(Buffer.byteLength(formatBundleRequest(bundle)) <= MAX_REQUEST_BYTES);
        assert.ok(bundle.reduce((sum, file) => sum + file.size, 0) <= MAX_BUNDLE_BYTES);
      }
    }),
    { numRuns: 20 },
  );
});

async function* from<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
