/**
 * Preloaded into a process of the program (`node --import`): kills it at the n-th step of one kind that changes its volume, in
 * whatever thread that is. A write is half done then.
 *
 *     KILL_VOLUME=/root KILL_AT='rename staging>tree#3'      a step as `trace` names it, and which one; `any` is every step
 *     KILL_VOLUME=/root KILL_TRACE=file                      names every step, a line each, and kills nothing
 *
 * It stands between the program and `node:fs`, so that no step can be forgotten, and the program has nothing of it.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { stepName } from './steps.ts';

type Place = string | Buffer | number;
type Call = (...args: never[]) => unknown;

const volume = `${process.env.KILL_VOLUME}/`;
const [kind, which] = (process.env.KILL_AT ?? '').split('#');
const trace = process.env.KILL_TRACE;

/** Steps of the kind so far, in all threads. */
const count = isMainThread ? new Int32Array(new SharedArrayBuffer(4)) : (getEnvironmentData('steps') as Int32Array);
if (isMainThread) setEnvironmentData('steps', count);

const { appendFileSync, writeSync } = fs;
const opened = new Map<number, string>();

/** Told before each step; `tear` does half of it, where that is possible. */
function step(operation: string, places: readonly Place[], tear?: () => void): void {
  const on = places.map(pathOf);
  if (!on.every(path => path?.startsWith(volume))) return;
  const name = stepName(
    operation,
    on.map(path => path!.slice(volume.length)),
  );
  if (trace !== undefined) appendFileSync(trace, `${name}\n`);
  if (kind !== name && kind !== 'any') return;
  if (Atomics.add(count, 0, 1) + 1 !== Number(which)) return;
  tear?.();
  process.kill(process.pid, 'SIGKILL');
  // The signal ends all threads at once; nothing may happen until then.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function pathOf(place: Place): string | undefined {
  return typeof place === 'number' ? opened.get(place) : place.toString();
}

function half(fd: number, bytes: Uint8Array, position: number | null = null): void {
  writeSync(fd, bytes, 0, bytes.length >> 1, position);
}

/** Puts something before a function of `node:fs`. */
function before(name: keyof typeof fs, told: (...args: never[]) => void): void {
  const original = fs[name] as Call;
  const stepped = (...args: never[]) => {
    told(...args);
    return original(...args);
  };
  // What `promisify` has to know of it is among these.
  Object.assign(fs, { [name]: Object.defineProperties(stepped, Object.getOwnPropertyDescriptors(original)) });
}

for (const name of ['mkdirSync', 'rmdirSync', 'unlinkSync', 'rmSync'] as const)
  before(name, (path: Place) => step(name, [path]));
for (const name of ['fchmodSync', 'lutimesSync', 'futimesSync', 'lchownSync'] as const)
  before(name, (place: Place) => step(name, [place]));
for (const name of ['renameSync', 'linkSync'] as const)
  before(name, (from: Place, to: Place) => step(name, [from, to]));
before('symlinkSync', (_: string, path: Place) => step('symlinkSync', [path]));
// Of what an open descriptor names in /proc: a mode that is set on just this file.
before('chmodSync', (path: string) => {
  const fd = /^\/proc\/self\/fd\/(\d+)$/.exec(path)?.[1];
  step('chmodSync', [fd === undefined ? path : Number(fd)]);
});
before('copyFileSync', (_: Place, to: Place) => step('copyFileSync', [to]));
before('writeSync', (fd: number, bytes: Uint8Array) => step('writeSync', [fd], () => half(fd, bytes)));
before('writeFileSync', (place: number | string) => {
  // Of an open file it is a write.
  if (typeof place === 'string') step('writeFileSync', [place]);
});
before('writev', (fd: number, parts: readonly Uint8Array[], position: number) =>
  step('writev', [fd], () => half(fd, Buffer.concat(parts), position)),
);
before('fsync', (fd: number) => step('fsync', [fd]));

const { openSync, closeSync } = fs;
Object.assign(fs, {
  openSync(path: string | Buffer, flags: number, mode?: number) {
    const text = path.toString();
    if (typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0 && !fs.existsSync(path))
      step('openSync', [path]);
    const fd = openSync(path, flags, mode);
    if (text.startsWith(volume)) opened.set(fd, text);
    return fd;
  },
  closeSync(fd: number) {
    opened.delete(fd);
    closeSync(fd);
  },
});
syncBuiltinESMExports();
