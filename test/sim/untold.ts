/**
 * What a process that died may have made without having written it down: the journal has the intent, and no outcome. Who takes that
 * back before the next start, by a deletion or by the old mode, leaves the volume as if the step had never been taken, so it is taken
 * again. Of a file that was received the empty place in staging tells; of a directory, a symlink, a new name or mode nothing does.
 */
import type { DomainName } from '../../src/core/path.ts';
import { Journal, type JournalRecord } from '../../src/folder/journal.ts';
import type { SimNode } from './node.ts';
import type { UserEvent } from './oracle.ts';

/** Paths of which nobody can tell, by domain. */
export function untoldOf({ disk, domains }: SimNode): Map<DomainName, Set<string>> {
  return new Map(
    domains.map(({ name, directory }) => [name, openIn(new Journal(disk, `.dfsync/cache/${directory}`).records())]),
  );
}

/** Paths with a last intent to have something other than a received file there, and without its outcome. */
export function openIn(records: readonly JournalRecord[]): Set<string> {
  const open = new Set<string>();
  const trees = new Map<string, readonly string[]>();
  const close = (paths: readonly string[]) => {
    for (const path of paths) open.delete(path);
  };
  for (const record of records) {
    if ('will' in record) {
      const { path, kind } = record.will;
      if (kind === 'tombstone' || (kind === 'file' && record.staged)) open.delete(path);
      else open.add(path);
    } else if ('moves' in record) {
      const paths = record.moves.map(([{ path }]) => path);
      trees.set(paths[0]!, paths);
      for (const path of paths) open.add(path);
    } else if ('did' in record) close(record.did.map(([path]) => path));
    else if ('moved' in record) close(trees.get(record.moved) ?? []);
    else if ('is' in record) open.delete(record.is.path);
    else if ('drop' in record) open.delete(record.drop);
  }
  return open;
}

/** Whether a change may have left what stood there before a step: nothing, or the same with other attributes. */
export function mayTakeBack({ before, after }: Pick<UserEvent, 'before' | 'after'>): boolean {
  if (after?.kind === 'file') return before?.kind === 'file' && before.content === after.content;
  return !after || (after.kind === 'directory' && before?.kind === 'directory');
}
