/** Lives of a process that keeps a replica of a domain `d`, on a disk in memory and virtual time. */
import type { Entry } from '../../src/core/entry.ts';
import type { DomainName, RelPath } from '../../src/core/path.ts';
import type { Circumstances } from '../../src/core/safety.ts';
import type { PathEvent } from '../../src/folder/path-event.ts';
import { Replica } from '../../src/folder/replica.ts';
import type { ReplicaReport } from '../../src/folder/replica-report.ts';
import { inlineSmallFiles } from '../../src/folder/small-files.ts';
import { Crash, MemoryDisk, type Who } from '../sim/memory-disk.ts';
import type { MemoryOptions } from '../sim/memory-volume.ts';
import { type ClockView, VirtualClock } from '../sim/virtual-clock.ts';
import { pathOf } from './entries.ts';
import { OPTIONS } from './network.ts';
import { walking } from './walking.ts';

export const DOMAIN = 'd.example' as DomainName;
export const START = Date.UTC(2026, 0, 5);
export const SETTLE_MS = 1_000;
const FINE: Circumstances = { volume: undefined, lockLost: false, freeRatio: 1, minFreeRatio: 0, totalBytes: 2 ** 50 };

export interface Change {
  readonly path: RelPath;
  readonly via: string | undefined;
}

/** A volume and the time that passes over it; processes come and go. */
export class Volume {
  readonly clock: VirtualClock;
  /** The disk as its users see it. */
  readonly disk: MemoryDisk;

  /** Whose the processes are that start on it. */
  readonly who: Who;

  constructor(clock = new VirtualClock(START), options: Partial<MemoryOptions> = {}, who: Who = 'root') {
    this.clock = clock;
    this.who = who;
    this.disk = new MemoryDisk({ now: () => clock.now(), ...options });
    this.disk.mkdir('d', 0o755);
  }

  write(path: string, text = path, mode = 0o644): void {
    this.disk.writeFile(`d/${path}`, Buffer.from(text), mode);
  }

  text(path: string): string {
    return Buffer.from(this.disk.readFile(`d/${path}`)).toString();
  }

  async pass(ms: number): Promise<void> {
    await this.clock.run(this.clock.now() + ms);
  }

  /** A process starts: it has read its cache; `running`, it looks and has ended its first scan. */
  async start(self = 7, running = true): Promise<Life> {
    const life = new Life(this, self);
    const opened = life.replica.open();
    // Told below, once the time is right.
    opened.catch(() => {});
    await this.clock.settle();
    await opened;
    if (running) await life.run();
    return life;
  }
}

export class Life {
  readonly replica: Replica;
  readonly disk: MemoryDisk;
  readonly clock: ClockView;
  readonly changes: Change[] = [];
  readonly events: string[] = [];
  readonly reports: ReplicaReport[] = [];
  readonly paths: PathEvent[] = [];
  circumstances = FINE;
  objection: string | undefined;
  ignored: readonly string[] = [];
  /** Told of every change and of the end of the first scan. */
  onChange: (path: RelPath, via: string | undefined) => void = () => {};
  onReady: () => void = () => {};
  readonly #volume: Volume;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(volume: Volume, self: number, domain = DOMAIN, directory = 'd') {
    this.#volume = volume;
    this.disk = volume.disk.mount(volume.who);
    this.clock = volume.clock.view();
    this.replica = new Replica({
      domain,
      directory,
      areas: {
        staging: `.dfsync/staging/${directory}`,
        trash: `.dfsync/trash/${directory}`,
        cache: `.dfsync/cache/${directory}`,
      },
      disk: this.disk,
      clock: this.clock,
      random: () => 0.5,
      self,
      scanner: walking(this.disk),
      smallFiles: inlineSmallFiles(this.disk),
      settleMs: SETTLE_MS,
      scanIntervalMs: 3_600_000,
      fsync: 'batch',
      retentionMs: OPTIONS.retentionMs,
      created: START,
      ignored: path => this.ignored.includes(path),
      guard: () => this.objection,
      circumstances: () => this.circumstances,
      onChange: (_, path, via) => {
        this.changes.push({ path, via });
        this.onChange(path, via);
      },
      onReady: () => this.onReady(),
      onForgotten: () => {},
      onEvent: event => this.events.push(event),
      onReport: report => this.reports.push(report),
      onPath: event => this.paths.push(event),
    });
  }

  /** Runs, and lets time pass until what stands on the disk is known. */
  async run(): Promise<void> {
    this.#running = this.replica.run(this.#stop.signal).catch(error => {
      if (!(error instanceof Crash)) throw error;
    });
    await this.#volume.pass(5 * SETTLE_MS);
  }

  /** As SIGTERM. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#volume.clock.settle();
    await this.#running;
    const flushed = this.replica.flush();
    await this.#volume.clock.settle();
    await flushed;
    this.clock.kill();
  }

  /** As kill -9. */
  kill(): void {
    this.disk.kill();
    this.clock.kill();
  }

  entry(path: string): Entry | undefined {
    return this.replica.get(pathOf(path));
  }
}
