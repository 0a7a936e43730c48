/** A file of this instance as it is served: opened once its date can tell a rewrite, read only as long as it stays the same. */
import type { Clock } from '../core/clock.ts';
import { isSameContent } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import type { Folder, Outlet } from './folder.ts';
import { Refusal } from './refusal.ts';

/** Bytes read from a file at once. */
export const CHUNK_BYTES = 512 * 1024;

/** A file that is open for serving. */
export interface ServedFile {
  readonly size: number;
  readonly mtime: number;
  /**
   * The bytes from `start` up to, not including, `end`. Throws a {@link Refusal} 409 before its last chunk where the file
   * changed while it was read, so that the receiver sees a short answer, never a mixed one. A chunk is as it is until the next
   * one is asked for: its memory is used again.
   */
  bytes(start: number, end: number): AsyncIterable<Uint8Array>;
  close(): void;
}

/** When files may be read. */
export interface Granularity {
  readonly clock: Clock;
  /** How long a file's date must lie back before it is read: a rewrite of equal size within one granule could not be told. */
  readonly granuleMs: number;
}

/** Opens a file that is as the index says. Throws a {@link Refusal}: 404, 409, or 403 where it cannot be read. */
export async function openFile(folder: Folder, path: RelPath, when: Granularity): Promise<ServedFile> {
  const entry = folder.get(path);
  if (entry?.kind !== 'file') throw new Refusal(404, 'No such file', 'this instance has no file at that path');
  const { outlet, stat } = await openSettled(folder, path, when);
  if (!isSameContent({ ...entry, kind: 'file' }, { kind: 'file', mode: 0, size: stat.size, mtime: stat.mtime })) {
    outlet.close();
    folder.hint(path);
    throw new Refusal(409, 'Changed', 'the file is not what the index says; it is being looked at');
  }
  return {
    size: stat.size,
    mtime: stat.mtime,
    bytes: (start, end) => read(outlet, start, end, stat, () => folder.hint(path)),
    close: () => outlet.close(),
  };
}

/** Opens a file once its date is old enough to tell a rewrite. */
async function openSettled(
  folder: Folder,
  path: RelPath,
  { clock, granuleMs }: Granularity,
): Promise<{ outlet: Outlet; stat: ReturnType<Outlet['stat']> }> {
  const open = () => {
    const outlet = openedIn(folder, path);
    if (outlet) return outlet;
    folder.hint(path);
    throw new Refusal(404, 'No such file', 'the file is not there any more; it is being looked at');
  };
  let outlet = open();
  let stat = statOf(outlet);
  const age = clock.now() - stat.mtime;
  if (age >= 0 && age < granuleMs) {
    outlet.close();
    await clock.sleep(granuleMs - age);
    outlet = open();
    stat = statOf(outlet);
  }
  if (stat.kind === 'file') return { outlet, stat };
  outlet.close();
  throw new Refusal(409, 'Not a file', 'something else than a file stands there now');
}

/** A file, every failure of which is a {@link Refusal}: that of one file ends no answer with others in it. */
function openedIn(folder: Folder, path: RelPath): Outlet | undefined {
  try {
    const outlet = folder.openRead(path);
    return outlet && refusing(outlet);
  } catch (error) {
    throw unreadable(error);
  }
}

function refusing(outlet: Outlet): Outlet {
  return {
    stat: () => {
      try {
        return outlet.stat();
      } catch (error) {
        throw unreadable(error);
      }
    },
    read: (into, position) =>
      outlet.read(into, position).catch(error => {
        throw unreadable(error);
      }),
    close: () => outlet.close(),
  };
}

/** What is there and cannot be read is no 404: what the peer has heard of it stays true, and it asks again. */
function unreadable(error: unknown): Refusal {
  const reason = error instanceof Error ? error.message : String(error);
  return new Refusal(403, 'Unreadable', `this instance cannot read the file (${reason}), and lists it`);
}

/** What an open file is; closes it where it does not say. */
function statOf(outlet: Outlet): ReturnType<Outlet['stat']> {
  try {
    return outlet.stat();
  } catch (error) {
    outlet.close();
    throw error;
  }
}

/**
 * Reads a stretch of a file, the next chunk while one is on its way, by turns into two buffers: fresh ones for gigabytes would keep
 * the collector of garbage busier than the file does.
 */
async function* read(
  outlet: Outlet,
  start: number,
  end: number,
  before: { readonly size: number; readonly mtime: number },
  onChange: () => void,
): AsyncGenerator<Uint8Array> {
  const buffers: Buffer[] = [];
  let turn = 0;
  const chunkAt = async (at: number) => {
    turn = 1 - turn;
    const buffer = buffers[turn] ?? Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - at));
    buffers[turn] = buffer;
    const chunk = buffer.subarray(0, end - at);
    return chunk.subarray(0, await outlet.read(chunk, at));
  };
  let next = start < end ? chunkAt(start) : undefined;
  for (let at = start; next; ) {
    const chunk = await next;
    at += chunk.length;
    const isLast = chunk.length === 0 || at >= end;
    next = isLast ? undefined : chunkAt(at);
    // Whoever goes away in between need not be told that it failed.
    next?.catch(() => {});
    if (isLast) {
      const after = outlet.stat();
      if (chunk.length === 0 || after.size !== before.size || after.mtime !== before.mtime) {
        onChange();
        throw new Refusal(409, 'Changed', 'the file changed while it was read; it is being looked at');
      }
    }
    yield chunk;
  }
}
