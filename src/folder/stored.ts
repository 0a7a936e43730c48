/**
 * What cache and journal say, looked at before it is believed: a file system that was repaired, or a person, may leave there what we
 * never wrote. By hand, because a million entries are read at a start.
 */
import type { Entry, Origin } from '../core/entry.ts';
import { parsePath } from '../core/path.ts';
import { MAX_MARKS, type Version } from '../core/version.ts';

/** What a column of 32 bits holds. */
const MAX_WRITER = 2 ** 32 - 1;

/** Whether something is an entry as the index has them. */
export function isEntry(raw: unknown): raw is Entry {
  if (!isRecord(raw) || !isPath(raw.path)) return false;
  const { kind, size, mtime, mode, target, version, from } = raw;
  if (kind !== 'file' && kind !== 'directory' && kind !== 'symlink' && kind !== 'tombstone') return false;
  return (
    isSize(size) &&
    Number.isSafeInteger(mtime) &&
    isMode(mode) &&
    (kind === 'symlink' ? isTarget(target) : target === undefined) &&
    isVersion(version) &&
    (from === undefined || isOrigin(from))
  );
}

export function isIdentity(raw: unknown): boolean {
  return isRecord(raw) && Number.isFinite(raw.inode) && Number.isFinite(raw.birth);
}

export function isKept(raw: unknown): boolean {
  return isRecord(raw) && Number.isSafeInteger(raw.mtime) && isMode(raw.mode);
}

export function isVersion(raw: unknown): raw is Version {
  if (!isRecord(raw)) return false;
  const writers = Object.keys(raw);
  return (
    writers.length > 0 &&
    writers.length <= MAX_MARKS &&
    writers.every(writer => /^\d{1,10}$/.test(writer) && isWriter(Number(writer)) && isStamp(raw[writer]))
  );
}

export function isOrigin(raw: unknown): raw is Origin {
  return isRecord(raw) && isPath(raw.path) && isVersion(raw.version);
}

export function isPath(raw: unknown): boolean {
  return 'path' in parsePath(raw);
}

export function isTarget(raw: unknown): raw is string {
  return typeof raw === 'string' && raw !== '' && !raw.includes('\0');
}

/** Newest heartbeats by origin; what is none is left out. */
export function heardIn(raw: unknown): Record<number, number> {
  if (!isRecord(raw)) return {};
  return Object.fromEntries(
    Object.entries(raw).filter((beat): beat is [string, number] => /^\d{1,10}$/.test(beat[0]) && isStamp(beat[1])),
  );
}

export function isSize(raw: unknown): boolean {
  return Number.isSafeInteger(raw) && (raw as number) >= 0;
}

/** Milliseconds since 1970 of a version or heartbeat. */
export function isStamp(raw: unknown): raw is number {
  return isSize(raw);
}

export function isMode(raw: unknown): boolean {
  return Number.isInteger(raw) && ((raw as number) & ~0o777) === 0;
}

export function isWriter(raw: unknown): boolean {
  return isSize(raw) && (raw as number) <= MAX_WRITER;
}

export function isRecord(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}
