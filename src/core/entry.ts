/** What is known of one path, and when two such things are equal. */
import type { RelPath } from './path.ts';
import type { Version } from './version.ts';

/** What stands on a disk at a path: a kind that is synchronised. */
export interface Seen {
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Bytes of a file; 0 otherwise. */
  readonly size: number;
  /** Date in whole milliseconds since 1970, rounded down; 0 unless a file. */
  readonly mtime: number;
  /** Permission bits (`& 0o777`); 0 for a symlink. */
  readonly mode: number;
  /** Where a symlink points. */
  readonly target?: string;
}

/** A former path and version of a file: the origin saw it renamed, so its content need not travel. */
export interface Origin {
  readonly path: RelPath;
  readonly version: Version;
}

/** What is known of one path. */
export interface Entry {
  readonly path: RelPath;
  readonly kind: 'file' | 'directory' | 'symlink' | 'tombstone';
  readonly size: number;
  /** Date of a file, or of a deletion. */
  readonly mtime: number;
  /** Permission bits. A tombstone keeps those of a directory that it removed, in case that comes back; they are not compared. */
  readonly mode: number;
  readonly target?: string;
  readonly version: Version;
  /** Renamed from; kept for {@link ORIGIN_KEPT_MS}, no part of equality or digest. */
  readonly from?: Origin;
}

/** How long an entry says what it was renamed from. */
export const ORIGIN_KEPT_MS = 24 * 3_600_000;

/** Whether an entry stands for something on disk. */
export function isLive(entry: Entry | undefined): entry is Entry {
  return entry !== undefined && entry.kind !== 'tombstone';
}

/**
 * Equality of two entries, versions aside: same kind and, for a file, size, date and mode; for a directory, mode; for a
 * symlink, target; for a tombstone, date. Content is never hashed.
 */
export function isEqual(
  a: Omit<Seen, 'kind'> & { kind: Entry['kind'] },
  b: Omit<Seen, 'kind'> & { kind: Entry['kind'] },
): boolean {
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'file':
      return a.size === b.size && a.mtime === b.mtime && a.mode === b.mode;
    case 'directory':
      return a.mode === b.mode;
    case 'symlink':
      return a.target === b.target;
    case 'tombstone':
      return a.mtime === b.mtime;
    default:
      return a.kind satisfies never;
  }
}

/** Whether two files have the same content as far as dfsync ever asks: size and date. */
export function isSameContent(a: Entry | Seen, b: Entry | Seen): boolean {
  return a.kind === 'file' && b.kind === 'file' && a.size === b.size && a.mtime === b.mtime;
}

/** The entry for what stands on disk. */
export function entryOf(path: RelPath, seen: Seen, version: Version, from?: Origin): Entry {
  return {
    path,
    kind: seen.kind,
    size: seen.size,
    mtime: seen.mtime,
    mode: seen.mode,
    ...(seen.target !== undefined && { target: seen.target }),
    version,
    ...(from && { from }),
  };
}

/** The entry for a path that is gone since `date`. */
export function tombstoneOf(old: Entry, date: number, version: Version): Entry {
  const mode = old.kind === 'directory' || old.kind === 'tombstone' ? old.mode : 0;
  return { path: old.path, kind: 'tombstone', size: 0, mtime: date, mode, version };
}
