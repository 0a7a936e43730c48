/** Watching a volume: which source of events, and whether it still deserves trust. Events are hints, never facts. */
import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { watchWithChokidar } from './watch-chokidar.ts';
import { watchWithInotifywait } from './watch-inotifywait.ts';
import { Probe } from './watch-probe.ts';
import { type Hint, PROBE_FILE, type Sink, type Source, type Trouble } from './watch-source.ts';
import { watchesOf, watchLimit } from './watched.ts';

/** Where hints come from; `auto`: inotifywait where it is installed, else chokidar. */
export type WatchSource = 'auto' | 'inotifywait' | 'chokidar' | 'polling' | 'off';

/** How a volume is watched. */
export interface WatchOptions {
  readonly source: WatchSource;
  readonly clock: Clock;
  /** Some milliseconds' worth of hints, each path once. */
  onHint(hints: readonly Hint[]): void;
  /** With `lostEvents`: scan everything. */
  onTrouble(trouble: Trouble): void;
  /** Milliseconds between two proofs; default {@link PROVE_EVERY_MS}. */
  readonly proveEvery?: number;
  /** Milliseconds for a proof's event to come; default {@link PROVE_WITHIN_MS}. */
  readonly proveWithin?: number;
  /** Milliseconds between two looks at each path when polling; default {@link POLL_EVERY_MS}. */
  readonly pollEvery?: number;
}

/** How many of the kernel's watches a source has, and how many one user may; undefined where the system does not say. */
export interface InotifyUse {
  readonly watches: number | undefined;
  readonly limit: number | undefined;
}

/** A volume that is being watched. */
export interface Watcher {
  /** The source in use: `inotifywait`, `chokidar`, `polling` or `off`. */
  readonly kind: string;
  /** Why events may be missing at present, with the next step; scan more often while it says so. */
  readonly degraded: string | undefined;
  /** How many times events were, or may have been, lost. */
  readonly losses: number;
  /** Hints that came. */
  readonly events: number;
  /** When an event of the probe file came last (milliseconds since 1970); undefined: none did yet. */
  readonly provedAt: number | undefined;
  /** Of the kernel's watches, as of the last proof. */
  readonly use: InotifyUse | undefined;
  /** Touches the probe file; false, and reported as trouble, where its event does not come. */
  prove(): Promise<boolean>;
  /** Makes sure that directories are watched, given their inodes; begins anew where one is not. */
  cover(inodes: Iterable<number>): Promise<void>;
  /** Stops everything, child processes included. No hint comes after it. */
  close(): Promise<void>;
}

/** Often enough to find a dead watcher long before the hourly scan. */
const PROVE_EVERY_MS = 60_000;
/** Far above the latency of events on a busy machine, and above {@link POLL_EVERY_MS}. */
const PROVE_WITHIN_MS = 15_000;
/** A look at 30,000 files takes chokidar half a second of a core. */
const POLL_EVERY_MS = 5000;

/**
 * Watches a volume. Resolves when watches are established, or when it is known that they cannot be (then `degraded` says why).
 * Throws only where the source asked for is not installed.
 */
export async function watch(root: string, options: WatchOptions): Promise<Watcher> {
  if (options.source === 'off') return new Unwatched();
  const at = real(root);
  const watcher = new ProvedWatcher(options, new Probe(join(at, PROBE_FILE), options.clock));
  await watcher.begin(sink => start(at, sink, options));
  return watcher;
}

function start(root: string, sink: Sink, { source, clock, pollEvery }: WatchOptions): Promise<Source> {
  if (source === 'polling') return watchWithChokidar(root, sink, { pollEvery: pollEvery ?? POLL_EVERY_MS });
  if (source === 'chokidar') return watchWithChokidar(root, sink);
  if (isInstalled('inotifywait')) return watchWithInotifywait(root, sink, clock);
  if (source === 'auto') return watchWithChokidar(root, sink);
  throw new Error(
    'inotifywait is not installed: install the package inotify-tools, or choose "auto" as source of events',
  );
}

/** A source that has to prove itself from time to time. */
class ProvedWatcher implements Watcher {
  losses = 0;
  events = 0;
  provedAt: number | undefined;
  use: InotifyUse | undefined;
  readonly #options: WatchOptions;
  readonly #probe: Probe;
  readonly #stop = new AbortController();
  #source!: Source;
  #unproved: string | undefined;
  /** Whose watches were counted last, and after how many events. */
  #counted = { pid: 0, events: 0 };
  #proof: Promise<boolean> | undefined;
  #proving: Promise<void> | undefined;

  constructor(options: WatchOptions, probe: Probe) {
    this.#options = options;
    this.#probe = probe;
  }

  get kind(): string {
    return this.#source.kind;
  }

  get degraded(): string | undefined {
    return this.#source.degraded ?? this.#unproved;
  }

  async begin(source: (sink: Sink) => Promise<Source>): Promise<void> {
    // The probe must be there before the watches are: a poll that first finds it cannot tell a new date.
    this.#attempt(() => this.#probe.touch());
    this.#source = await source({
      hints: hints => this.#hinted(hints),
      trouble: trouble => this.#trouble(trouble),
      probed: () => this.#probe.arrived(),
    });
    this.#proving = this.#proveForever();
    void this.#measure();
  }

  #hinted(hints: readonly Hint[]): void {
    if (this.#stop.signal.aborted) return;
    this.events += hints.length;
    this.#options.onHint(hints);
  }

  async #measure(): Promise<void> {
    const { pid } = this.#source;
    const { events } = this;
    if (pid === undefined) {
      this.use = undefined;
      return;
    }
    // Where nothing has happened no directory has come or gone: counting its watch takes more than all else that a proof does.
    const isKnown = this.use !== undefined && pid === this.#counted.pid && events === this.#counted.events;
    const watches = isKnown ? this.use?.watches : await watchesOf(pid);
    this.#counted = { pid, events };
    this.use = { watches, limit: watchLimit() };
  }

  prove(): Promise<boolean> {
    this.#proof ??= this.#prove().finally(() => {
      this.#proof = undefined;
    });
    return this.#proof;
  }

  async cover(inodes: Iterable<number>): Promise<void> {
    if (!this.#stop.signal.aborted) await this.#source.cover(inodes);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#proving;
    await this.#proof;
    await this.#source.close();
  }

  async #proveForever(): Promise<void> {
    const { clock, proveEvery = PROVE_EVERY_MS } = this.#options;
    const { signal } = this.#stop;
    for (;;) {
      await clock.sleep(proveEvery, signal);
      if (signal.aborted) return;
      // A source that says itself that it sees nothing need not prove it.
      if (this.#source.degraded === undefined) await this.prove();
    }
  }

  async #prove(): Promise<boolean> {
    const within = this.#options.proveWithin ?? PROVE_WITHIN_MS;
    const proof = this.#attempt(() => this.#probe.prove(within, this.#stop.signal));
    const proved = await proof;
    if (proof === undefined || this.#stop.signal.aborted) return false;
    if (proved) this.provedAt = this.#options.clock.now();
    void this.#measure();
    this.#unproved = proved
      ? undefined
      : `events are missing: a change of ${PROBE_FILE} was not seen within ${within} ms`;
    if (this.#unproved !== undefined)
      this.#trouble({ message: `${this.#unproved}; scanning instead`, lostEvents: true });
    return proved === true;
  }

  /** A probe that cannot be touched proves nothing; that is said once. */
  #attempt<T>(touch: () => T): T | undefined {
    try {
      return touch();
    } catch (error) {
      const message = `cannot tell whether events arrive: ${(error as Error).message}; make the volume writable`;
      if (this.#unproved !== message) this.#trouble({ message, lostEvents: false });
      this.#unproved = message;
      return undefined;
    }
  }

  #trouble(trouble: Trouble): void {
    if (this.#stop.signal.aborted) return;
    if (trouble.lostEvents) this.losses++;
    this.#options.onTrouble(trouble);
  }
}

/** Watching is switched off: only scans find changes. */
class Unwatched implements Watcher {
  readonly kind = 'off';
  readonly degraded = 'watching is switched off: changes are found by scans only';
  readonly losses = 0;
  readonly events = 0;
  readonly provedAt = undefined;
  readonly use = undefined;

  async prove(): Promise<boolean> {
    return false;
  }

  async cover(): Promise<void> {}

  async close(): Promise<void> {}
}

/** Neither source follows a symlink, so the root must be none. */
function real(root: string): string {
  try {
    return realpathSync(root);
  } catch {
    return resolve(root); // missing: the source says so
  }
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(directory => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
