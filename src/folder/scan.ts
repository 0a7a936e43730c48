/**
 * The scan: a walk over one domain's directory that reports every path with its stat. What it reports is only a reason to look.
 *
 * It reads synchronously (half the time of the promise API) and hands over batches, so that a worker thread can do it and the
 * main thread is never blocked for long.
 */
import { ancestorsOf, childOf, isTooLong, PRIVATE, parentOf, type RelPath } from '../core/path.ts';
import { type Disk, DiskError } from './disk.ts';
import { Sightings } from './sightings.ts';

/** Paths in a batch: some milliseconds of work for whoever compares them. */
const BATCH_PATHS = 2_000;
/** Directories that are listed at a time: enough for a batch of small ones, few enough to be shared evenly. */
const SHARE_DIRECTORIES = 16;

/** A subtree that a scan could not read; nothing below it counts as missing. */
export interface Hidden {
  /** undefined: the domain's root. */
  readonly path: RelPath | undefined;
  /** An error's code, `mount` for another file system inside the domain, or `too-long`. */
  readonly why: string;
}

/** A stretch of a scan. Its sightings are good until the next one is asked for. */
export interface ScanBatch {
  readonly sightings: Sightings;
  readonly hidden: readonly Hidden[];
}

/** What a scan is asked to walk. */
export interface ScanRequest {
  /** The domain's directory, relative to the volume's root. */
  readonly directory: string;
}

/** Scans a domain. The signal ends it early. */
export type Scanner = (request: ScanRequest, signal: AbortSignal) => AsyncIterable<ScanBatch>;

/** Walks a domain on a disk. Directories come before what is in them. */
export function* walk(disk: Disk, directory: string): Generator<ScanBatch> {
  const pending = new Unlisted();
  while (pending.size > 0)
    for (const batch of list(disk, directory, pending.take())) {
      pending.meet(batch);
      yield batch;
    }
}

/** Directories that a walk has met and not listed yet; undefined: the domain's root. */
export class Unlisted {
  readonly #directories: (RelPath | undefined)[] = [undefined];

  get size(): number {
    return this.#directories.length;
  }

  /** A share of them, the latest that were met: so there never are many. `among`: so many others want one too. */
  take(among = 1): (RelPath | undefined)[] {
    return this.#directories.splice(-Math.min(SHARE_DIRECTORIES, Math.ceil(this.size / among)));
  }

  meet({ sightings }: ScanBatch): void {
    for (let i = 0; i < sightings.length; i++)
      if (sightings.kind(i) === 'directory') this.#directories.push(sightings.path(i));
  }
}

/**
 * Meets what is in some directories of a domain, and not what is below that.
 *
 * @param sightings room for a batch; for the next one too, where the reader leaves it empty
 */
export function* list(
  disk: Disk,
  directory: string,
  share: readonly (RelPath | undefined)[],
  sightings = new Sightings(),
): Generator<ScanBatch> {
  let hidden: Hidden[] = [];
  const root = disk.lstat(directory);
  if (root?.kind !== 'directory') {
    yield { sightings, hidden: [{ path: undefined, why: root ? 'ENOTDIR' : 'ENOENT' }] };
    return;
  }
  for (const at of share) {
    const listed = listOf(disk, placeOf(directory, at), at === undefined);
    if (typeof listed === 'string') hidden.push({ path: at, why: listed });
    else
      for (const name of listed) {
        if (name === PRIVATE) continue;
        const path = childOf(at, name);
        const why = meet(disk, placeOf(directory, path), path, root.device, sightings);
        if (why !== undefined) hidden.push({ path, why });
        if (sightings.length + hidden.length < BATCH_PATHS) continue;
        yield { sightings, hidden };
        if (sightings.length > 0) sightings = new Sightings();
        hidden = [];
      }
  }
  yield { sightings, hidden };
}

/** Where a path of a domain is on the volume. */
export function placeOf(directory: string, path: RelPath | undefined): string {
  return path === undefined ? directory : `${directory}/${path}`;
}

/** Whether every parent of a path is a real directory. */
export function hasParents(disk: Disk, directory: string, path: RelPath): boolean {
  for (const parent of ancestorsOf(path))
    if (disk.lstat(placeOf(directory, parent))?.kind !== 'directory') return false;
  return true;
}

/** Answers the places of a path's parents, the outermost first; those of a directory are put together once for all that is in it. */
export function parentPlacesIn(directory: string): (path: RelPath) => readonly string[] {
  const known = new Map<RelPath | undefined, readonly string[]>();
  return path => {
    const parent = parentOf(path);
    let places = known.get(parent);
    if (!places) {
      places = [...ancestorsOf(path)].map(each => placeOf(directory, each));
      known.set(parent, places);
    }
    return places;
  };
}

/** Adds what stands at a path, where it did not go meanwhile. Answers why it cannot be read. */
function meet(disk: Disk, place: string, path: RelPath, device: number, sightings: Sightings): string | undefined {
  if (isTooLong(path)) return 'too-long';
  try {
    const stat = disk.lstat(place);
    if (!stat) return undefined;
    if (stat.device !== device) return 'mount';
    sightings.add(path, stat, stat.kind === 'symlink' ? disk.readlink(place) : undefined);
    return undefined;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    // EINVAL: a symlink that is none any more.
    return hasGone(error) || error.code === 'EINVAL' ? undefined : error.code;
  }
}

/** The names in a directory, or why it cannot be read. */
function listOf(disk: Disk, place: string, isRoot: boolean): string[] | string {
  try {
    return disk.list(place);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return hasGone(error) && !isRoot ? [] : error.code;
  }
}

/**
 * Whether what was met a moment ago is gone, or something else by now. That hides nothing: a fresh look at each path that was not met
 * tells what became of it. (Hidden, it would stay listed as unreadable, and everything new below it would count as of unknown age.)
 */
export function hasGone({ code }: DiskError): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR';
}
