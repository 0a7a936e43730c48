/** A small file that is read once and followed from then on: the description, the tokens. */
import { closeSync, constants, type FSWatcher, fstatSync, openSync, readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/** What reading the file gave: its text and permission bits, or why there is none. */
export type FileRead = { readonly text: string; readonly mode: number } | { readonly failed: string };

/** Times of following a file. */
export interface FollowTimes {
  /** An editor or a copy writes in several steps: the file is read when nothing has happened for this long (ms). */
  readonly quietMs: number;
  /** Events are hints only (network file systems, a directory that was replaced, watch limits): how often the file is read without one (ms). */
  readonly pollMs: number;
}

const DEFAULT_TIMES: FollowTimes = { quietMs: 200, pollMs: 30_000 };

/** A Kubernetes ConfigMap or Secret has at most 1 MiB; anything much larger is some other file. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Reads a small regular file. Never throws. */
export function readSmallFile(file: string): FileRead {
  try {
    // Non-blocking, or a FIFO in its place would hang the process.
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) return { failed: `${file} is no regular file` };
      if (stat.size > MAX_BYTES) return { failed: `${file} is larger than ${MAX_BYTES} bytes` };
      return { text: readFileSync(fd, 'utf8'), mode: stat.mode & 0o777 };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return { failed: `cannot read ${file}: ${reasonOf(error)}` };
  }
}

/**
 * Reports the file each time that what it reads as is another one than before, until the signal aborts.
 *
 * Its directory is watched, not the file: editors and Kubernetes replace files by rename (the latter by swapping the symlink
 * `..data` beside it), which a watch on the file would not outlive.
 *
 * @param last what the caller has; a change that happened since is reported too
 */
export function followFile(
  file: string,
  last: FileRead,
  report: (read: FileRead) => void,
  signal: AbortSignal,
  times: FollowTimes = DEFAULT_TIMES,
): void {
  if (signal.aborted) return;
  let current = last;
  let watcher: FSWatcher | undefined;
  let quiet: NodeJS.Timeout | undefined;
  const look = () => {
    const read = readSmallFile(file);
    if (isSame(read, current)) return;
    current = read;
    report(read);
  };
  const hint = () => {
    clearTimeout(quiet);
    quiet = setTimeout(look, times.quietMs);
  };
  // A watch stays with the inode: a directory that was replaced needs a new one, and says nothing of it.
  const poll = () => {
    watcher?.close();
    watcher = watchDirectory(dirname(file), hint);
    look();
  };
  const timer = setInterval(poll, times.pollMs);
  const stop = () => {
    clearInterval(timer);
    clearTimeout(quiet);
    watcher?.close();
  };
  signal.addEventListener('abort', stop, { once: true });
  watcher = watchDirectory(dirname(file), hint);
  hint();
}

/** Undefined where the directory cannot be watched (missing, watch limit): then polling has to do. */
function watchDirectory(directory: string, hint: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, hint);
    return watcher.on('error', () => watcher.close());
  } catch {
    return undefined;
  }
}

/** Whether two readings of a file say the same. */
export function isSame(a: FileRead, b: FileRead): boolean {
  if ('failed' in a || 'failed' in b) return 'failed' in a && 'failed' in b && a.failed === b.failed;
  return a.text === b.text && a.mode === b.mode;
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'permission denied';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
