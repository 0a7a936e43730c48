/**
 * One process for each volume. The lock is the kernel's (flock), held by a child on a pipe: it is free as soon as we are gone, by
 * kill -9 too, and never left behind as a file would be.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { PRIVATE } from '../core/path.ts';

/** Who holds a volume, for the operator who wonders. */
const holderSchema = z.object({
  roleid: z.number(),
  name: z.string(),
  pid: z.number(),
  host: z.string(),
  since: z.string(),
});

/** Who holds a volume; `since` in ISO 8601. */
export type Holder = z.infer<typeof holderSchema>;

/** A volume that is ours. */
export interface Lock {
  /** Aborts when the lock is gone without {@link release}: the volume may be another's from now on, so nothing may be touched. */
  readonly lost: AbortSignal;
  /** Gives the volume to whoever waits. */
  release(): Promise<void>;
}

/** Why there can be no lock. */
export class LockError extends Error {
  override readonly name = 'LockError';
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** The exit code that flock is told to use where another process holds the lock; none of its own. */
const HELD_BY_OTHER = 75;
/** Seconds for which one child waits; then a new one does. A child that waits does not notice that its parent is gone. */
const WAIT_SECONDS = 2;

/**
 * Takes the lock of a volume whose private directory exists, waiting as long as another process holds it.
 *
 * @param owner what others are told about us
 * @param onWait called at first and whenever another holder is found; undefined: it has not said who it is
 * @throws LockError where there can be no lock; the signal's reason where it aborts
 */
export async function acquireLock(
  root: string,
  owner: Pick<Holder, 'roleid' | 'name'>,
  signal: AbortSignal,
  onWait: (holder: Holder | undefined) => void = () => {},
): Promise<Lock> {
  const file = join(root, PRIVATE, 'lock');
  let told: string | undefined;
  for (let wait = 0; ; wait = WAIT_SECONDS) {
    const lock = await attempt(file, wait, signal);
    if (lock !== undefined) return held(lock, `${file}.json`, owner);
    const holder = readHolder(`${file}.json`);
    const found = JSON.stringify(holder ?? null);
    if (found !== told) onWait(holder);
    told = found;
  }
}

/** Waits some seconds for the lock; answers the child that holds it, or undefined where another process does. */
async function attempt(file: string, wait: number, signal: AbortSignal): Promise<Child | undefined> {
  signal.throwIfAborted();
  // flock becomes the shell, which becomes cat: one process, which holds the lock until its input ends.
  const child = spawn(
    'flock',
    ['--no-fork', '-E', `${HELD_BY_OTHER}`, '-w', `${wait}`, file, 'sh', '-c', 'echo; exec cat >/dev/null'],
    // A session of its own: Ctrl-C in a terminal is for us, who give the lock back last.
    { stdio: ['pipe', 'pipe', 'pipe'], detached: true },
  );
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const code = await outcome(child, file);
    if (!signal.aborted) return code === 'held' ? child : undefined;
    child.kill();
    throw signal.reason;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Resolves when the child says that it has the lock, or has ended because another holds it. */
function outcome(child: Child, file: string): Promise<'held' | 'busy' | 'stopped'> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', text => {
      said += text;
    });
    child.stdin.on('error', () => {});
    child.stdout.once('data', () => resolve('held'));
    child.once('error', error => reject(cannotRun(error)));
    child.once('close', (code, killed) => {
      if (killed !== null) resolve('stopped');
      else if (code === HELD_BY_OTHER) resolve('busy');
      else reject(new LockError(`cannot lock ${file}: ${said.trim() || `flock ended with ${code}`}`));
    });
  });
}

function held(child: Child, note: string, owner: Pick<Holder, 'roleid' | 'name'>): Lock {
  const lost = new AbortController();
  let released = false;
  const gone = new Promise<void>(resolve => {
    child.once('close', () => {
      if (!released)
        lost.abort(new LockError(`the lock of the volume is lost: the process ${child.pid} that held it has ended`));
      resolve();
    });
  });
  writeNote(note, owner);
  return {
    lost: lost.signal,
    async release() {
      if (!released && !lost.signal.aborted) rmSync(note, { force: true });
      released = true;
      child.stdin.end();
      await gone;
    },
  };
}

function writeNote(note: string, owner: Pick<Holder, 'roleid' | 'name'>): void {
  const { roleid, name } = owner;
  const holder: Holder = { roleid, name, pid: process.pid, host: hostname(), since: new Date().toISOString() };
  try {
    writeFileSync(note, `${JSON.stringify(holder)}\n`);
  } catch {
    // A full volume: the lock holds without the note.
  }
}

function readHolder(note: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(note, 'utf8')));
  } catch {
    return undefined; // not written yet, or being written
  }
}

function cannotRun(error: Error): LockError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const reason = missing ? 'the program flock is not installed; install the package util-linux' : error.message;
  return new LockError(`cannot lock the volume: ${reason}`, { cause: error });
}
