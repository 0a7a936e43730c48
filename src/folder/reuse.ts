/** Reusing: what an origin renamed need not travel where its content is here already, thrown away or under its old name. */
import { type Entry, isEqual, isLive, isSameContent } from '../core/entry.ts';
import { sameVersion } from '../core/version.ts';
import type { ApplyContext } from './apply.ts';
import { seenOf } from './disk.ts';
import { placeOf } from './scan.ts';

/** Stages a wanted file from the trash or from a file here that is exactly what the origin renamed; answers whether it could. */
export function reuse(
  entry: Entry,
  { disk, directory, index, staging, trash }: Pick<ApplyContext, 'disk' | 'directory' | 'index' | 'staging' | 'trash'>,
): boolean {
  if (!entry.from) return false;
  const thrown = trash.find(entry.from, entry);
  if (thrown !== undefined) {
    staging.copy(entry, thrown);
    return true;
  }
  const known = index.get(entry.from.path);
  if (!isLive(known) || !sameVersion(known.version, entry.from.version)) return false;
  const place = placeOf(directory, known.path);
  const stat = disk.lstat(place);
  const seen = stat && seenOf(stat, () => '');
  if (!seen || !isEqual(index.onDisk(known.path)!, seen) || !isSameContent(seen, entry)) return false;
  staging.copy(entry, place);
  return true;
}
