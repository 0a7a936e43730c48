/** What became true of paths, for whoever wants to be told of each. */
import { type Entry, isLive } from '../core/entry.ts';
import type { DomainName, RelPath } from '../core/path.ts';
import type { Action } from '../core/plan.ts';
import type { Truth } from './apply.ts';
import { learnedOf } from './intents.ts';

/** The site that a path was learned from. */
export type Via = (path: RelPath) => string | undefined;

/** Something that became true of a path. */
export interface PathEvent {
  readonly domain: DomainName;
  /** `made` on this server's disk, or `pulled` from a peer. */
  readonly did: 'made' | 'pulled';
  readonly entry: Entry;
  /** The site that it was learned from; undefined: made here. */
  readonly via: string | undefined;
  /** What stood here was changed without knowledge of it, and is in the trash. */
  readonly conflict: boolean;
}

/** Whether what stood here lost to what an action put in its place. */
export function isConflict(action: Action): boolean {
  return 'conflict' in action && action.conflict && isLive(action.was);
}

/** An event for each truth of an action; what this instance added of its own was made here, and is news to its own site too. */
export function eventsOf(domain: DomainName, action: Action, truths: readonly Truth[], via: Via): PathEvent[] {
  const learned = new Set(learnedOf(action));
  const site = via(action.entry.path);
  const conflict = isConflict(action);
  return truths.map(({ entry }) =>
    learned.has(entry)
      ? { domain, did: 'pulled', entry, via: via(entry.path) ?? site, conflict: conflict && entry === action.entry }
      : { domain, did: 'made', entry, via: undefined, conflict: false },
  );
}
