/** Redating: this instance's own entries of the future, made while its clock ran ahead, get a date of now. */
import type { Clock } from '../core/clock.ts';
import { redated } from '../core/observe.ts';
import type { RelPath } from '../core/path.ts';
import type { Truth } from './apply.ts';
import type { DomainIndex } from './index-store.ts';

/** Entries that are given a date in one synchronous stretch: some milliseconds. */
const SLICE = 64;

/** What redating needs of a replica. */
export interface RedateContext {
  readonly index: DomainIndex;
  readonly clock: Clock;
  readonly self: number;
  /** Takes entries into journal, index and feed, in one go. */
  commit(truths: readonly Truth[]): void;
}

/** Gives entries that are dated in the future a date of now; answers how many those were. */
export async function redate({ index, clock, self, commit }: RedateContext): Promise<number> {
  const ahead: RelPath[] = [];
  for (const entry of index.entries()) if (redated(entry, self, clock.now())) ahead.push(entry.path);
  for (let start = 0; start < ahead.length; start += SLICE) {
    const slice = ahead.slice(start, start + SLICE).flatMap(path => {
      const entry = redated(index.get(path)!, self, clock.now());
      const kept = index.kept(path);
      return entry ? { entry, ...(kept && { kept }) } : [];
    });
    commit(slice);
    await clock.yield();
  }
  return ahead.length;
}
