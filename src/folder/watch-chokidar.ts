/**
 * Events from chokidar: on systems without inotifywait, and by polling on network file systems, where changes made elsewhere raise
 * no event. It does not tell when a file was closed. What it cannot see is left to the scans: what is in a directory whose name is
 * not UTF-8; and, when polling, any such name, and a mode that changes alone.
 */
import { join, relative, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { PRIVATE } from '../core/path.ts';
import { type Hint, HintBatch, PROBE_FILE, RESCAN, type Sink, type Source } from './watch-source.ts';

/** What stands for bytes that are not UTF-8 in the names that Node decodes. */
const REPLACEMENT = '\ufffd';

/** How chokidar looks. */
export interface ChokidarOptions {
  /** Milliseconds between two looks at each path, instead of events of the kernel. */
  readonly pollEvery?: number;
}

/** Watches a root (absolute). Resolves once watches are established, as far as they can be. */
export async function watchWithChokidar(root: string, sink: Sink, options: ChokidarOptions = {}): Promise<Source> {
  const watcher = watch(root, {
    backend: options.pollEvery === undefined ? 'native' : 'polling',
    ...(options.pollEvery !== undefined && {
      pollingInterval: options.pollEvery,
      pollingBinaryInterval: options.pollEvery,
    }),
    // Otherwise it keeps back names such as `draft~`, and deletions for a while.
    atomic: false,
    ignoreInitial: true,
    followSymlinks: false,
    alwaysStat: false,
    ignored: path => isIgnored(relativeTo(root, path)),
  });
  const source = new Chokidar(root, sink, watcher);
  await new Promise<void>(resolve => {
    watcher.once('ready', resolve);
  });
  return source;
}

class Chokidar implements Source {
  readonly kind: 'chokidar' | 'polling';
  degraded: string | undefined;
  readonly #root: string;
  readonly #sink: Sink;
  readonly #watcher: FSWatcher;
  readonly #batch: HintBatch;
  readonly #codes = new Set<string>();

  constructor(root: string, sink: Sink, watcher: FSWatcher) {
    // The environment (CHOKIDAR_USEPOLLING) may have decided otherwise than we did.
    this.kind = watcher.options.usePolling ? 'polling' : 'chokidar';
    this.#root = root;
    this.#sink = sink;
    this.#watcher = watcher;
    this.#batch = new HintBatch(hints => sink.hints(hints));
    watcher.on('error', error => this.#failed(error as NodeJS.ErrnoException));
    watcher.on('all', (event, path) => this.#take(relativeTo(root, path), event));
    // What the kernel says, before chokidar leaves out names that are not UTF-8, and modes of files that were read since written.
    watcher.on('raw', (_, name, details) => {
      const directory = (details as { watchedPath?: string }).watchedPath;
      if (directory !== undefined && name !== null) this.#take(relativeTo(root, join(directory, name)));
    });
  }

  get pid(): number | undefined {
    return this.kind === 'chokidar' ? process.pid : undefined;
  }

  /** It lists each directory after it has begun to watch it. */
  async cover(): Promise<void> {}

  async close(): Promise<void> {
    await this.#watcher.close();
    this.#batch.clear();
  }

  #take(path: string, event?: string): void {
    if (path === PROBE_FILE) this.#sink.probed();
    else if (path === '') this.#rootChanged(event);
    else if (path !== PRIVATE && !isIgnored(path)) this.#batch.add(hintAt(path, event === 'addDir'));
  }

  #rootChanged(event: string | undefined): void {
    if (event === 'unlinkDir')
      this.#degrade(`${this.#root} is not watched: the directory was removed. Mount it and restart dfsync`);
    else this.#batch.add(RESCAN);
  }

  /** One report for each kind of error: a limit that is reached fails once for every directory that is left. */
  #failed(error: NodeJS.ErrnoException): void {
    const code = error.code ?? error.message;
    if (this.#codes.has(code)) return;
    this.#codes.add(code);
    const sysctl = SYSCTL[code];
    if (sysctl !== undefined)
      this.#degrade(
        `${this.#root} is watched in part: inotify's limit is reached: raise the sysctl ${sysctl} and restart dfsync`,
      );
    else
      this.#sink.trouble({
        message: `watching ${this.#root}: ${error.message}; scans find what is missed`,
        lostEvents: false,
      });
  }

  #degrade(message: string): void {
    this.degraded = message;
    this.#sink.trouble({ message, lostEvents: true });
  }
}

const SYSCTL: Readonly<Record<string, string>> = {
  ENOSPC: 'fs.inotify.max_user_watches',
  EMFILE: 'fs.inotify.max_user_instances',
};

/** For a path that cannot be named, the nearest directory that can: what is new in it must be looked for. */
function hintAt(path: string, appeared: boolean): Hint {
  if (!path.includes(REPLACEMENT)) return { path, closed: false, deep: appeared };
  const names = path.split('/');
  const named = names.slice(
    0,
    names.findIndex(name => name.includes(REPLACEMENT)),
  );
  return { path: named.join('/'), closed: false, deep: true };
}

/** Our own directories, but for the probe. */
function isIgnored(path: string): boolean {
  const [first, second] = path.split('/');
  if (first === PRIVATE) return path !== PRIVATE && path !== PROBE_FILE;
  return second === PRIVATE;
}

function relativeTo(root: string, path: string): string {
  const below = relative(root, path);
  return sep === '/' ? below : below.replaceAll(sep, '/');
}
