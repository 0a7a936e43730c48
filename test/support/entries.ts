/** Entries for tests: short to write, and arbitrary ones for laws. */
import fc from 'fast-check';
import type { Entry, Origin } from '../../src/core/entry.ts';
import { fromBytes, parsePath, type RelPath } from '../../src/core/path.ts';
import { MAX_MARKS, type Version } from '../../src/core/version.ts';

/** A path; throws for what is none. */
export function pathOf(text: string): RelPath {
  const parsed = parsePath(text);
  if ('refused' in parsed) throw new Error(`${JSON.stringify(text)}: ${parsed.refused}`);
  return parsed.path;
}

/** What of a file is worth saying in a test. */
export interface FileDetails {
  readonly size?: number;
  readonly mtime?: number;
  readonly mode?: number;
  readonly from?: Origin;
}

export function file(
  path: string,
  version: Version = { 1: 100 },
  { size = 1, mtime = 50, mode = 0o644, from }: FileDetails = {},
): Entry {
  return { path: pathOf(path), kind: 'file', size, mtime, mode, version, ...(from && { from }) };
}

export function directory(path: string, version: Version = { 1: 100 }, mode = 0o755): Entry {
  return { path: pathOf(path), kind: 'directory', size: 0, mtime: 0, mode, version };
}

export function symlink(path: string, version: Version = { 1: 100 }, target = 'target'): Entry {
  return { path: pathOf(path), kind: 'symlink', size: 0, mtime: 0, mode: 0, target, version };
}

export function tombstone(path: string, version: Version = { 1: 100 }, date = 60): Entry {
  return { path: pathOf(path), kind: 'tombstone', size: 0, mtime: date, mode: 0o755, version };
}

const stamps = fc.integer({ min: 0, max: 6 });

/** Versions of few writers and few stamps, so that ties and conflicts are common; a third has no history. */
export const versions: fc.Arbitrary<Version> = fc.oneof(
  { weight: 1, arbitrary: stamps.map(stamp => ({ 0: stamp })) },
  {
    weight: 2,
    arbitrary: fc.dictionary(fc.constantFrom('0', '1', '2', '3'), stamps, {
      minKeys: 1,
      noNullPrototype: true,
    }) as fc.Arbitrary<Version>,
  },
);

/** Versions that reach the limit of their marks. */
export const longVersions: fc.Arbitrary<Version> = fc.dictionary(
  fc.integer({ min: 0, max: 12 }).map(String),
  fc.integer({ min: 0, max: 40 }),
  { minKeys: 1, maxKeys: MAX_MARKS, noNullPrototype: true },
) as fc.Arbitrary<Version>;

/** Entries of one path, any kind, alike enough to be equal now and then. */
export function entriesAt(path: string, ofVersion = versions): fc.Arbitrary<Entry> {
  const few = fc.integer({ min: 0, max: 3 });
  const modes = fc.constantFrom(0o644, 0o600, 0o755);
  return fc.oneof(
    fc
      .tuple(ofVersion, few, few, modes)
      .map(([version, size, mtime, mode]) => file(path, version, { size, mtime, mode })),
    fc.tuple(ofVersion, modes).map(([version, mode]) => directory(path, version, mode)),
    fc.tuple(ofVersion, fc.constantFrom('a', 'b')).map(([version, target]) => symlink(path, version, target)),
    fc.tuple(ofVersion, few).map(([version, date]) => tombstone(path, version, date)),
  );
}

/** Names as disks have them: any bytes but NUL and slash. */
export const names: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom('a', 'b', 'ä', '日本', '\u{1f600}', ' ', '%2F', 'a\nb', '...'),
    fc
      .uint8Array({ min: 1, max: 255, minLength: 1, maxLength: 6 })
      .map(bytes => fromBytes(bytes.map(byte => (byte === 47 ? 48 : byte)))),
  )
  .filter(name => 'path' in parsePath(name));

/** Paths with parents in common. */
export const paths: fc.Arbitrary<RelPath> = fc
  .array(names, { minLength: 1, maxLength: 4 })
  .map(parts => pathOf(parts.join('/')));
