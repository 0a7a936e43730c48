/** Reading what stands on a simulated volume, in the oracle's terms. */
import type { MemoryDisk } from './memory-disk.ts';
import type { State } from './oracle.ts';

/** Everything below a directory of a volume by its path below it, parents before what is in them. */
export function treeOf(disk: MemoryDisk, directory: string): Map<string, State> {
  const tree = new Map<string, State>();
  if (disk.lstat(directory)?.kind === 'directory') collect(disk, directory, '', tree);
  return tree;
}

/** The ids of all contents below a directory of a volume. */
export function contentsBelow(disk: MemoryDisk, directory: string): string[] {
  return [...treeOf(disk, directory).values()].flatMap(state => (state.kind === 'file' ? [state.content] : []));
}

function collect(disk: MemoryDisk, directory: string, below: string, tree: Map<string, State>): void {
  for (const name of disk.list(directory).sort()) {
    const place = `${directory}/${name}`;
    const path = `${below}${name}`;
    const state = stateAt(disk, place);
    if (state && name !== '.dfsync') tree.set(path, state);
    if (state?.kind === 'directory' && name !== '.dfsync') collect(disk, place, `${path}/`, tree);
  }
}

function stateAt(disk: MemoryDisk, place: string): State | undefined {
  const stat = disk.lstat(place);
  switch (stat?.kind) {
    case 'file':
      return { kind: 'file', content: contentId(disk, place, stat.size), mtime: stat.mtime, mode: stat.mode };
    case 'directory':
      return { kind: 'directory', mode: stat.mode };
    case 'symlink':
      return { kind: 'symlink', target: disk.readlink(place) };
    default:
      return undefined;
  }
}

/** The first line that a user wrote, and the size: content that was appended to is another one. */
function contentId(disk: MemoryDisk, place: string, size: number): string {
  const bytes = disk.readFile(place);
  const end = bytes.indexOf(10);
  return `${Buffer.from(bytes.subarray(0, end < 0 ? Math.min(size, 40) : end)).toString()}#${size}`;
}
