/** The tree as others ask for it: what stands at a path now, and the contents of files, as they are served. */
import type { Clock } from '../core/clock.ts';
import type { Seen } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import { type Disk, DiskError, isNoFile, type Reader, seenOf } from './disk.ts';
import type { DomainIndex } from './index-store.ts';
import type { Problems } from './problem.ts';
import { hasParents, parentPlacesIn, placeOf } from './scan.ts';
import type { SmallFiles } from './small-files.ts';

/** What reading a tree needs of a replica. */
export interface TreeContext {
  readonly disk: Disk;
  /** The domain's directory, relative to the volume's root. */
  readonly directory: string;
  readonly index: DomainIndex;
  readonly smallFiles: SmallFiles;
  readonly problems: Problems;
  readonly clock: Clock;
}

export class Tree {
  readonly #is: TreeContext;

  constructor(context: TreeContext) {
    this.#is = context;
  }

  /** What stands at a path: `other` for a kind that is not synchronised, undefined for nothing. Throws a DiskError. */
  at(path: RelPath): Seen | 'other' | undefined {
    const { disk, directory } = this.#is;
    if (!hasParents(disk, directory, path)) return undefined;
    const place = placeOf(directory, path);
    const stat = disk.lstat(place);
    return stat && (seenOf(stat, () => disk.readlink(place)) ?? 'other');
  }

  /** The bytes of small files as the index has them; undefined for a file that is not plainly so, which {@link openRead} tells more of. */
  async readSmall(paths: readonly RelPath[], notAfter: number): Promise<readonly (Uint8Array | undefined)[]> {
    const { directory, index, smallFiles, problems } = this.#is;
    const parentsOf = parentPlacesIn(directory);
    const copies = paths.map(path => {
      const { size, mtime } = index.get(path)!;
      return { parents: parentsOf(path), place: placeOf(directory, path), size, mtime };
    });
    const contents = await smallFiles.read(copies, notAfter);
    for (const [i, path] of paths.entries()) if (contents[i]) problems.clear(path, 'unreadable');
    return contents;
  }

  /**
   * Opens a file; undefined where none stands there. The caller compares its stat with the entry. This, and what is asked of the file,
   * throws a DiskError where it cannot be read, and lists it.
   */
  openRead(path: RelPath): Reader | undefined {
    const { disk, directory, problems } = this.#is;
    if (!hasParents(disk, directory, path)) return undefined;
    try {
      const reader = disk.openRead(placeOf(directory, path));
      problems.clear(path, 'unreadable');
      return this.#listed(path, reader);
    } catch (error) {
      if (error instanceof DiskError && isNoFile(error)) return undefined;
      throw this.#list(path, error);
    }
  }

  #listed(path: RelPath, reader: Reader): Reader {
    return {
      stat: () => {
        try {
          return reader.stat();
        } catch (error) {
          throw this.#list(path, error);
        }
      },
      read: (into, position) =>
        reader.read(into, position).catch(error => {
          throw this.#list(path, error);
        }),
      close: () => reader.close(),
    };
  }

  /** Lists what cannot be read; answers the error. */
  #list(path: RelPath, error: unknown): unknown {
    const { problems, clock } = this.#is;
    if (error instanceof DiskError) problems.report(path, 'unreadable', unreadableText(error), clock.now());
    return error;
  }
}

function unreadableText({ code }: DiskError): string {
  const next =
    code === 'EACCES' || code === 'EPERM'
      ? 'give the user of this instance permission'
      : 'look at the volume and at the log of the kernel, or put the file back from another server';
  return `its content cannot be read (${code}), so no peer can have it from here: ${next}; it is tried again when a peer asks`;
}
