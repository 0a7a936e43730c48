/**
 * Recovering: what was thrown away comes back as a change of this instance. It is planned and applied like a peer's entries, so
 * what stands there now goes to the trash, and a file leaves the trash once it stands in its place.
 */
import type { Clock } from '../core/clock.ts';
import { observe } from '../core/observe.ts';
import { ancestorsOf, type RelPath } from '../core/path.ts';
import { type Action, plan, type View } from '../core/plan.ts';
import type { Discarded } from '../core/recovery.ts';
import type { Applied } from './apply.ts';
import { type Disk, DiskError } from './disk.ts';
import type { DomainIndex } from './index-store.ts';
import type { Staging } from './staging.ts';
import type { Trash } from './trash.ts';
import { itemsIn } from './trash-items.ts';

/** Items that are listed or recovered in one go: some milliseconds, and one line of the journal each. */
const SLICE = 64;

/** What recovering needs of a replica. */
export interface RecoverContext {
  readonly disk: Disk;
  readonly index: DomainIndex;
  readonly view: View;
  readonly trash: Trash;
  /** Where the trash is, relative to the volume's root. */
  readonly trashArea: string;
  readonly staging: Staging;
  readonly clock: Clock;
  readonly self: number;
  apply(actions: readonly Action[]): Promise<Applied[]>;
}

/** An item that could not be recovered, and why. */
export interface Unrecovered {
  readonly path: RelPath;
  readonly reason: string;
}

/** What lies in the trash, of days that had not ended at `since` (milliseconds since 1970). */
export async function discarded(since: number, is: RecoverContext): Promise<Discarded[]> {
  const items: Discarded[] = [];
  for (const item of itemsIn(is.disk, is.trashArea, since, is.index)) {
    items.push(item);
    if (items.length % SLICE === 0) await is.clock.yield();
  }
  return items;
}

/** Brings items back, parents first; answers those that could not be. */
export async function recover(items: readonly Discarded[], is: RecoverContext): Promise<Unrecovered[]> {
  const failed: Unrecovered[] = [];
  for (let start = 0; start < items.length; start += SLICE) {
    failed.push(...(await recoverSlice(items.slice(start, start + SLICE), is)));
    await is.clock.yield();
  }
  return failed;
}

async function recoverSlice(items: readonly Discarded[], is: RecoverContext): Promise<Unrecovered[]> {
  const failed: Unrecovered[] = [];
  const now = is.clock.now();
  const wanted = items.flatMap(({ path, seen }) => {
    const entry = observe(path, is.view.get(path), seen, { self: is.self, now, first: false });
    const parentModes = new Map([...ancestorsOf(path)].map(parent => [parent, undefined]));
    return entry ? { entry, parentModes } : [];
  });
  const { actions, pending } = plan(is.view, wanted, is.self, now);
  for (const { path } of pending)
    failed.push({ path, reason: 'a file or symlink stands where its directory was: bring that directory back first' });
  const places = new Map(items.map(({ path, place }) => [path, place]));
  const ready: Action[] = [];
  for (const action of actions) {
    const place = places.get(action.entry.path);
    try {
      if (action.do === 'fetch' && place !== undefined) is.staging.borrow(action.entry, place);
      ready.push(action);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      failed.push({ path: action.entry.path, reason: error.message });
    }
  }
  const results = await is.apply(ready);
  for (const [i, result] of results.entries()) {
    const { entry, do: did } = ready[i]!;
    const place = did === 'fetch' ? places.get(entry.path) : undefined;
    if (result.result === 'done') {
      if (place !== undefined) is.trash.takeOut(place, entry.size);
      continue;
    }
    // What was begun, and failed half way, may be finished with it.
    if (place !== undefined && !(result.result === 'failed' && result.begun)) is.staging.discard(entry);
    const reason = result.result === 'failed' ? result.message : 'it was changed just now: look at it, and try again';
    failed.push({ path: entry.path, reason });
  }
  return failed;
}
