/**
 * Events from `inotifywait` of inotify-tools: one kernel watch for each directory, a few megabytes for a million files, names as
 * bytes, and the only source that tells when a file was closed after writing.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { PRIVATE } from '../core/path.ts';
import { hintOf, type InotifyEvent, InotifyParser, relativePath } from './inotify-events.ts';
import { HintBatch, PROBE_FILE, RESCAN, type Sink, type Source } from './watch-source.ts';
import { watchedInodes } from './watched.ts';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Not `modify`: a file that is held open is seen at its close. Without `q_overflow` (undocumented) an overflow is silent. */
const EVENTS = 'create,close_write,attrib,moved_from,moved_to,delete,delete_self,q_overflow';

/**
 * inotifywait does not notice that its parent was killed. This shell does: its input ends. It also keeps nobody waiting when
 * inotifywait dies first: it holds none of the outputs, so these end.
 */
const WRAPPER = `inotifywait "$@" </dev/null & child=$!
echo "pid $child" >&2
exec >/dev/null 2>&1
cat
kill "$child"
wait "$child"`;

/** First and longest pause before inotifywait is started again, in milliseconds: each start looks at every directory. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;
/** Enough of an error text for a message; a tree can cause one line for each of its directories. */
const MAX_LINE = 1000;

const LIMITS: readonly (readonly [says: RegExp, sysctl: string])[] = [
  [/limit on inotify watches|max_user_watches|No space left on device/, 'fs.inotify.max_user_watches'],
  [/max_user_instances|Too many open files/, 'fs.inotify.max_user_instances'],
];

/** Watches a root (absolute, without a slash at its end). Resolves once watches are established or known to be impossible. */
export async function watchWithInotifywait(root: string, sink: Sink, clock: Clock): Promise<Source> {
  const source = new Inotifywait(root, sink, clock);
  await source.started;
  return source;
}

/** The sysctl that a message of inotifywait asks to raise. */
export function limitIn(line: string): string | undefined {
  return LIMITS.find(([says]) => says.test(line))?.[1];
}

/** Keeps one inotifywait running, whatever happens to it. */
class Inotifywait implements Source {
  readonly kind = 'inotifywait';
  degraded: string | undefined;
  readonly started: Promise<void>;
  readonly #root: string;
  readonly #rootBytes: Buffer;
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #batch: HintBatch;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #onStarted!: () => void;
  #child: Child | undefined;
  /** Of inotifywait itself. */
  #pid: number | undefined;
  /** Why it is being ended by us. */
  #reason: string | undefined;

  constructor(root: string, sink: Sink, clock: Clock) {
    this.#root = root;
    this.#rootBytes = Buffer.from(root);
    this.#sink = sink;
    this.#clock = clock;
    this.#batch = new HintBatch(hints => sink.hints(hints));
    this.started = new Promise(resolve => {
      this.#onStarted = resolve;
    });
    this.#ended = this.#supervise();
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  async cover(inodes: Iterable<number>): Promise<void> {
    const child = this.#child;
    if (this.#pid === undefined || this.degraded !== undefined) return;
    const watched = await watchedInodes(this.#pid);
    if (!watched || child !== this.#child) return;
    let missed = 0;
    for (const inode of inodes) if (!watched.has(inode)) missed++;
    if (missed === 0) return;
    this.#reason = `${missed} directories came while watches were set up, and have none`;
    child?.stdin.end();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#child?.stdin.end();
    await this.#ended;
    this.#batch.clear();
  }

  async #supervise(): Promise<void> {
    const { signal } = this.#stop;
    let pause = FIRST_PAUSE_MS;
    for (let starts = 0; !signal.aborted; starts++) {
      const begin = this.#clock.now();
      const reason = await this.#run(starts > 0);
      if (signal.aborted) break;
      if (this.#clock.now() - begin > LONGEST_PAUSE_MS) pause = FIRST_PAUSE_MS;
      this.#degrade(`${this.#root} is not watched: ${reason}. Changes are found by scans until it is; trying again.`);
      this.#onStarted();
      await this.#clock.sleep(pause, signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
    this.#onStarted();
  }

  /** Runs inotifywait until it ends; answers why it did. */
  #run(again: boolean): Promise<string> {
    const child = start(this.#root);
    this.#child = child;
    this.#pid = undefined;
    this.#reason = undefined;
    const parser = new InotifyParser();
    let reason = 'inotifywait ended';
    child.stdout.on('data', chunk => {
      for (const event of parser.push(chunk)) reason = this.#take(event) ?? reason;
    });
    // All that the wrapper waits for then is the end of its input.
    child.stdout.on('end', () => child.stdin.end());
    child.stdin.on('error', () => {});
    onLine(child.stderr, line => {
      if (line === 'Watches established.') this.#established(again);
      else if (line.startsWith('pid ')) this.#pid = Number(line.slice(4));
      else reason = this.#explain(line) ?? reason;
    });
    return new Promise(resolve => {
      child.on('error', error => resolve(error.message));
      child.on('close', () => {
        this.#pid = undefined;
        resolve(this.#reason ?? reason);
      });
    });
  }

  #established(again: boolean): void {
    this.degraded = undefined;
    this.#onStarted();
    if (again) this.#batch.add(RESCAN);
  }

  /** Acts on an event; answers why inotifywait is of no use any more, if it is. */
  #take({ what, path }: InotifyEvent): string | undefined {
    if (what.has('Q_OVERFLOW')) return this.#overflowed();
    const relative = relativePath(path, this.#rootBytes);
    if (relative === PROBE_FILE) this.#sink.probed();
    else if (relative === '' && (what.has('DELETE_SELF') || what.has('UNMOUNT'))) {
      this.#child?.stdin.end();
      return `the directory was ${what.has('UNMOUNT') ? 'unmounted' : 'removed'}`;
    } else if (!isPrivate(relative) && !what.has('DELETE_SELF')) this.#batch.add(hintOf(what, relative));
    return undefined;
  }

  #overflowed(): undefined {
    const message = `the kernel's queue of events of ${this.#root} ran over: raise fs.inotify.max_queued_events if this happens often`;
    this.#sink.trouble({ message, lostEvents: true });
    this.#batch.add(RESCAN);
  }

  /** What a line of inotifywait's stderr means, where it is an error. */
  #explain(line: string): string | undefined {
    if (line.startsWith('Setting up watches')) return undefined;
    const sysctl = limitIn(line);
    if (sysctl === undefined) return line;
    const reason = `inotify's limit is reached: raise the sysctl ${sysctl}`;
    if (line.includes('new directory')) this.#degrade(`${this.#root} is watched in part: ${reason} and restart dfsync`);
    return reason;
  }

  #degrade(message: string): void {
    if (this.degraded === message) return;
    this.degraded = message;
    this.#sink.trouble({ message, lostEvents: true });
  }
}

function start(root: string): Child {
  return spawn('sh', ['-c', WRAPPER, 'sh', ...argumentsFor(root)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C in a terminal is for us, who then stop it in good order.
    detached: true,
    // Messages are compared with, and patterns match bytes.
    env: { ...process.env, LC_ALL: 'C' },
  });
}

/**
 * Staging, trash and cache see more traffic than the tree: a directory that exists is left out by `@`, one that is made later by
 * the pattern. Only the probe, right in the private directory, is watched.
 */
function argumentsFor(root: string): string[] {
  const escaped = root.replace(/[\\.[\]{}()*+?^$|]/g, '\\$&');
  const pattern = `^${escaped}/(\\${PRIVATE}/[^p]|[^/]+/\\${PRIVATE}(/|$))`;
  const options = ['-m', '-r', '-P', '--no-newline', '--format', '%e%0%w%f%0', '-e', EVENTS, '--exclude', pattern];
  return [...options, ...privateDirectories(root).map(path => `@${path}`), root];
}

function privateDirectories(root: string): string[] {
  const ofDomains = namesIn(root).map(name => `${root}/${name}/${PRIVATE}`);
  const own = namesIn(`${root}/${PRIVATE}`).map(name => `${root}/${PRIVATE}/${name}`);
  return [...ofDomains.filter(path => existsSync(path)), ...own];
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // inotifywait says better what is wrong with it
  }
}

function isPrivate(path: string): boolean {
  return path === PRIVATE || path.startsWith(`${PRIVATE}/`);
}

function onLine(stream: Readable, act: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!.slice(0, MAX_LINE);
    for (const line of lines) act(line);
  });
}
