/** What changed last on an instance, as operators read it. */
import { type Entry, isLive } from './core/entry.ts';
import type { DomainName, RelPath } from './core/path.ts';
import { newest } from './core/version.ts';
import type { ChangeStatus } from './ops/status.ts';
import type { Feed } from './sync/feed.ts';

/** Changes that are listed: a screen of them. */
const MAX_CHANGES = 50;
/** Changes looked at for them: one path that changes all the time is to hide few others. */
const CHANGES_BACK = 500;

/**
 * The paths that changed last, each once and as it is now, the newest first. The feed remembers which they are; what became of each is
 * in the index.
 */
export function lastChanges(
  feed: Feed,
  folders: ReadonlyMap<DomainName, { get(path: RelPath): Entry | undefined }>,
  names: ReadonlyMap<number, string>,
): ChangeStatus[] {
  const items = [...feed.after(Math.max(0, feed.sequence - CHANGES_BACK))].reverse();
  const changes = new Map<string, ChangeStatus>();
  for (const { domain, path, via } of items) {
    const key = `${domain}/${path}`;
    const entry = path === undefined || changes.has(key) ? undefined : folders.get(domain)?.get(path);
    if (!entry) continue;
    const { writer, stamp } = newest(entry.version);
    const { kind, size, from } = entry;
    changes.set(key, {
      domain,
      path: entry.path,
      kind,
      size,
      ...(from && isLive(entry) && { from: from.path }),
      ...(stamp > 0 && { at: stamp }),
      ...(writer !== 0 && { by: names.get(writer) ?? String(writer) }),
      ...(via !== undefined && { via }),
    });
    if (changes.size === MAX_CHANGES) break;
  }
  return [...changes.values()];
}
