/**
 * Renouncing: what this instance alone has goes to the trash, and is forgotten as if it had never been here. That is no deletion:
 * another replica that has it still has to be told for itself.
 */
import type { Clock } from '../core/clock.ts';
import { type Entry, isLive, tombstoneOf } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import { type Applied, type ApplyContext, apply } from './apply.ts';
import { DiskError } from './disk.ts';
import type { DomainIndex } from './index-store.ts';
import { recordOf } from './intents.ts';
import type { JournalRecord } from './journal.ts';
import type { Looker } from './look.ts';
import type { Unrecovered } from './recover.ts';

/** Paths in one synchronous stretch: some milliseconds. */
const SLICE = 64;

/** What renouncing needs of a replica. */
export interface RenounceContext {
  readonly index: DomainIndex;
  readonly looker: Looker;
  readonly clock: Clock;
  /** What one stretch works on. */
  context(): ApplyContext;
  /** Writes the journal. Throws a DiskError. */
  write(records: readonly JournalRecord[]): void;
  /** Writes it if that can be. */
  record(records: readonly JournalRecord[]): void;
  /** Takes a path out of index and cache. */
  drop(path: RelPath): void;
}

/** Renounces entries, what is below a directory first; answers those that stay, and why. */
export async function renounce(entries: readonly Entry[], is: RenounceContext): Promise<Unrecovered[]> {
  const deepestFirst = entries.toSorted((a, b) => (a.path < b.path ? 1 : -1));
  const failed: Unrecovered[] = [];
  for (let start = 0; start < deepestFirst.length; start += SLICE) {
    failed.push(...renounceSlice(deepestFirst.slice(start, start + SLICE), is));
    await is.clock.yield();
  }
  return failed;
}

function renounceSlice(entries: readonly Entry[], is: RenounceContext): Unrecovered[] {
  const { index, looker, clock } = is;
  const failed: Unrecovered[] = [];
  const paths = entries.map(({ path }) => path);
  try {
    // Before the disk: a crash in between makes it something that was met, never something that was deleted.
    is.write(paths.map(drop => ({ drop })));
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return paths.map(path => ({ path, reason: `the journal cannot be written: ${error.message}` }));
  }
  looker.suspend(paths);
  const context = is.context();
  const kept: JournalRecord[] = [];
  for (const was of entries) {
    const tombstone = tombstoneOf(was, clock.now(), was.version);
    const applied = apply({ do: 'remove', entry: tombstone, was, conflict: false }, context);
    if (isGone(applied)) {
      looker.applied(was.path);
      is.drop(was.path);
      continue;
    }
    failed.push({ path: was.path, reason: reasonOf(applied) });
    const entry = index.get(was.path);
    const attributes = index.kept(was.path);
    if (entry) kept.push(recordOf({ entry, ...(attributes && { kept: attributes }) }));
    if (applied.result === 'changed') for (const path of applied.look) looker.hint(path, false, applied.deep);
  }
  is.record(kept);
  looker.resume(paths);
  return failed;
}

function isGone(applied: Applied): boolean {
  return applied.result === 'done' && applied.truths.every(({ entry }) => !isLive(entry));
}

function reasonOf(applied: Applied): string {
  switch (applied.result) {
    case 'done':
      return 'what is left in it is ignored or mounted: move that away';
    case 'changed':
      return 'it, or what is in it, was changed just now: look at it, and try again';
    case 'failed':
      return applied.message;
    default:
      return applied satisfies never;
  }
}
