/**
 * Installing new files by the batch: in a thread of its own, because the system takes longer for a rename than everything else
 * about a small file does.
 *
 * Only what is plain: nothing stands there, and the staged file has all that it will have. Whatever turns out otherwise is left as
 * it is, for `apply.ts` to do, or to say why not.
 */
import { isLive } from '../core/entry.ts';
import type { Action } from '../core/plan.ts';
import type { Stat } from './disk.ts';
import { parentPlacesIn, placeOf } from './scan.ts';
import type { Installation, SmallFiles } from './small-files.ts';
import type { Staging } from './staging.ts';

/** What installing needs to know. */
export interface InstallContext {
  /** The domain's directory, relative to the volume's root. */
  readonly directory: string;
  readonly staging: Staging;
  readonly smallFiles: SmallFiles;
}

/** Installs the plain ones among actions; answers what each of those is that now stands in its place. */
export async function installNew(actions: readonly Action[], is: InstallContext): Promise<ReadonlyMap<Action, Stat>> {
  const { directory, staging, smallFiles } = is;
  const installed = new Map<Action, Stat>();
  const plain = plainOf(actions, staging);
  if (plain.length === 0) return installed;
  const parentsOf = parentPlacesIn(directory);
  const installations = plain.map(({ action, stat }): Installation => {
    const { path } = action.entry;
    const from = staging.place(action.entry);
    return { from, place: placeOf(directory, path), parents: parentsOf(path), uid: stat.uid, gid: stat.gid };
  });
  const done = await smallFiles.install(directory, installations);
  for (const [i, { action, stat }] of plain.entries()) {
    if (!done[i]) continue;
    staging.left(installations[i]!.from);
    installed.set(action, stat);
  }
  return installed;
}

/** Nothing is known to stand in its place, and the staged file is what it will be. */
function plainOf(actions: readonly Action[], staging: Staging): { action: Action; stat: Stat }[] {
  // What comes before a fetch may be what makes room for it.
  if (!actions.every(action => action.do === 'fetch')) return [];
  return actions.flatMap(action => {
    if (isLive(action.was)) return [];
    const stat = staging.finished(action.entry);
    return stat?.size === action.entry.size ? [{ action, stat }] : [];
  });
}
