/** What was done at a path, in the words of a file system: a closed set, for whoever counts. */
import { type Entry, isLive, isSameContent } from './entry.ts';
import type { Action } from './plan.ts';

/** `record`: nothing on disk, only what is known of the path. */
export const OPERATIONS = [
  'create',
  'update',
  'delete',
  'rename',
  'mkdir',
  'rmdir',
  'symlink',
  'chmod',
  'record',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** What made one entry of a path follow another. The old name of what was renamed counts as deleted, or as a directory removed. */
export function operationOf(was: Entry | undefined, entry: Entry): Operation {
  switch (entry.kind) {
    case 'tombstone':
      return !isLive(was) ? 'record' : was.kind === 'directory' ? 'rmdir' : 'delete';
    case 'directory':
      return was?.kind === 'directory' ? 'chmod' : 'mkdir';
    case 'symlink':
      return 'symlink';
    case 'file':
      if (entry.from && !isLive(was)) return 'rename';
      if (was?.kind !== 'file') return 'create';
      return isSameContent(was, entry) ? 'chmod' : 'update';
    default:
      return entry.kind satisfies never;
  }
}

/** What a step of a plan does, once for each path that it makes true. */
export function operationOfAction(action: Action): Operation {
  switch (action.do) {
    case 'record':
    case 'mkdir':
    case 'symlink':
    case 'chmod':
      return action.do;
    case 'rename':
    case 'move':
      return 'rename';
    case 'remove':
      return action.was.kind === 'directory' ? 'rmdir' : 'delete';
    case 'fetch':
      return action.was?.kind === 'file' ? 'update' : 'create';
    default:
      return action satisfies never;
  }
}
