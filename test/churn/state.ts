/** What stands at a place on a real disk, as the ledger keeps it: content is told by its hash. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { State } from '../sim/oracle.ts';

const MISSING = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/** What stands at a place; undefined: nothing. */
export function look(place: string): State | undefined {
  return orMissing(() => {
    const stat = lstatSync(place);
    if (stat.isDirectory()) return { kind: 'directory', mode: stat.mode & 0o777 };
    if (stat.isSymbolicLink()) return { kind: 'symlink', target: readlinkSync(place) };
    const fd = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return fileState(fd, readFileSync(fd));
    } finally {
      closeSync(fd);
    }
  });
}

/** The state of an open file that has a content. */
export function fileState(fd: number, content: Uint8Array): Extract<State, { kind: 'file' }> {
  const { mtimeNs, mode } = fstatSync(fd, { bigint: true });
  return {
    kind: 'file',
    content: hashOf(content),
    mtime: Number(mtimeNs / 1_000_000n),
    mode: Number(mode & 0o777n),
  };
}

/** Everything below a directory by its path in it, parents first; what vanishes meanwhile is left out. */
export function statesBelow(root: string, at = ''): Map<string, State> {
  const states = new Map<string, State>();
  for (const name of orMissing(() => readdirSync(join(root, at)).sort()) ?? []) {
    if (name === '.dfsync') continue;
    const path = at === '' ? name : `${at}/${name}`;
    const state = look(join(root, path));
    if (!state) continue;
    states.set(path, state);
    if (state.kind === 'directory') for (const [below, each] of statesBelow(root, path)) states.set(below, each);
  }
  return states;
}

export function hashOf(content: Uint8Array): string {
  return createHash('sha1').update(content).digest('hex').slice(0, 16);
}

function orMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (MISSING.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
