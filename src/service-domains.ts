/**
 * The domains that a service serves: each a replica that is opened, run and ended. Two of one directory are never open at a time.
 */
import type { Clock } from './core/clock.ts';
import type { DomainName, RelPath } from './core/path.ts';
import type { Domain, Instance } from './core/topology.ts';
import { keepHeapSmall, LARGE_CACHE_BYTES, LARGE_ENTRIES } from './engine.ts';
import { forgetIndex } from './folder/cache.ts';
import { type Disk, DiskError } from './folder/disk.ts';
import type { ScanReport } from './folder/full-scan.ts';
import { ignoring } from './folder/ignore.ts';
import type { PathEvent } from './folder/path-event.ts';
import { Replica } from './folder/replica.ts';
import type { ReplicaReport } from './folder/replica-report.ts';
import { threadScanner } from './folder/scan-worker.ts';
import type { SmallFiles } from './folder/small-files.ts';
import type { TrashArea } from './folder/trash-keeper.ts';
import { type Volume, VolumeError } from './folder/volume.ts';
import type { Hint } from './folder/watch-source.ts';

/** Where the caches of the domains are. */
const CACHE = '.dfsync/cache';
/** Where the trash of most domains is. */
const TRASH = '.dfsync/trash';
/** A volume like that has nothing to say, and is not to be written to. */
const NO_STATFS =
  'the volume does not say how much room it has (statfs): look at its mount, and at the log of the kernel';

/** What the domains need of their service. */
export interface ServiceDomainsOptions {
  readonly root: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly smallFiles: SmallFiles;
  /** This instance as the network in force has it. */
  self(): Instance;
  /** Opened before the first domain is. */
  volume(): Volume;
  /** Why nothing may be written to the volume, or undefined. */
  objection(): string | undefined;
  isLockLost(): boolean;
  /** Bytes of the volume; undefined where it cannot be asked. */
  space(): { readonly free: number; readonly total: number } | undefined;
  /** Why an operator has a domain wait, or undefined. */
  paused(domain: DomainName): string | undefined;
  onChange(domain: DomainName, path: RelPath, via: string | undefined): void;
  onReady(replica: Replica): void;
  onForgotten(): void;
  onEvent(level: 'warn' | 'error', event: string, fields: Record<string, unknown>): void;
  onPath(event: PathEvent): void;
  onScan(domain: DomainName, report: ScanReport): void;
  onReplicaReport(domain: DomainName, report: ReplicaReport): void;
  /** Something was thrown that nobody may throw. */
  onFailure(error: unknown): void;
}

interface Running {
  readonly replica: Replica;
  readonly stop: AbortController;
  ended: Promise<void>;
}

export class ServiceDomains {
  readonly #is: ServiceDomainsOptions;
  readonly #running = new Map<DomainName, Running>();
  /** Directories that no domain has any more: what was known of them is to go, before one has them again. */
  readonly #left = new Set<string>();
  /** It was seen that there is much to hold: from then on the heap is kept small. */
  #isLarge = false;

  constructor(options: ServiceDomainsOptions) {
    this.#is = options;
  }

  /** The replicas by domain. */
  get replicas(): ReadonlyMap<DomainName, Replica> {
    return new Map([...this.#running].map(([domain, { replica }]) => [domain, replica]));
  }

  /**
   * Makes the directories of what is mapped, where they never were, and forgets what is not: losing a domain is never a deletion, so its
   * files stay, and what was known of them goes. Throws a DiskError.
   */
  prepare(mapped: readonly Domain[]): void {
    const { disk } = this.#is;
    const directories = new Set(mapped.map(({ directory }) => directory));
    for (const directory of disk.list(CACHE)) if (!directories.has(directory)) this.#forget(directory);
    for (const { directory } of mapped) this.#makeMissing(directory);
  }

  /** Opens domains, which do nothing yet. Throws a DiskError or a VolumeError. */
  async open(mapped: readonly Domain[]): Promise<void> {
    for (const domain of mapped) this.#running.set(domain.name, await this.#opened(domain));
  }

  /** Has all that are open look, scan and keep house. */
  start(): void {
    for (const running of this.#running.values()) this.#start(running);
  }

  /** Ends those that are not mapped as they are; their files stay. `letGo`: nobody pulls into them any more, nor serves them. */
  async leave(mapped: readonly Domain[], letGo: () => Promise<void>): Promise<void> {
    const directories = new Map(mapped.map(({ name, directory }) => [name, directory]));
    const leaving = [...this.#running.values()].filter(
      ({ replica: { domain, directory } }) => directories.get(domain) !== directory,
    );
    if (leaving.length === 0) return;
    for (const { replica } of leaving) this.#running.delete(replica.domain);
    await letGo();
    for (const running of leaving) {
      await this.#end(running);
      const { directory } = running.replica;
      this.#is.volume().forget(directory);
      if (!mapped.some(domain => domain.directory === directory)) this.#left.add(directory);
    }
  }

  /** Begins with those that are not open, while others run. Answers what of that cannot be done yet, and why. */
  async begin(mapped: readonly Domain[]): Promise<string[]> {
    const objections: string[] = [];
    for (const directory of this.#left)
      objections.push(
        ...(await this.#attempt(`what was known of ${directory} cannot be forgotten`, () => this.#forget(directory))),
      );
    for (const domain of mapped)
      if (!this.#running.has(domain.name) && !this.#left.has(domain.directory))
        objections.push(...(await this.#attempt(`${domain.name} cannot be begun`, () => this.#begin(domain))));
    return objections;
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    for (const running of this.#running.values()) await this.#end(running);
  }

  /** Looks at everything again. */
  rescan(): void {
    for (const { replica } of this.#running.values()) replica.rescan();
  }

  /** Something may have changed on the volume. */
  hint(hints: readonly Hint[]): void {
    const byDirectory = new Map([...this.#running.values()].map(({ replica }) => [replica.directory, replica]));
    for (const { path, closed, deep } of hints) {
      if (path === '') {
        this.rescan();
        continue;
      }
      const slash = path.indexOf('/');
      const replica = byDirectory.get(slash < 0 ? path : path.slice(0, slash));
      if (!replica) continue;
      if (slash < 0) replica.rescan();
      else replica.hint(path.slice(slash + 1) as RelPath, closed, deep);
    }
  }

  /** The trash of every domain, also of those that are not served any more; of nothing while the volume is not ours. Throws a DiskError. */
  trashAreas(): TrashArea[] {
    if (this.#is.objection() !== undefined) return [];
    const areas = [...this.#running.values()].map(({ replica }) => replica.trash);
    const known = new Set(areas.map(({ directory }) => directory));
    const others = this.#is.disk.list(TRASH).map(name => `${TRASH}/${name}`);
    return [...areas, ...others.flatMap(directory => (known.has(directory) ? [] : { directory, thrown: 0 }))];
  }

  /** To be asked from time to time: there may be much to hold by now. What a first pull adds between two heartbeats is some megabytes. */
  watchSize(): void {
    if (this.#isLarge) return;
    let entries = 0;
    for (const { replica } of this.#running.values()) entries += replica.totals.entries;
    this.#isLarge = entries >= LARGE_ENTRIES;
    if (this.#isLarge) keepHeapSmall();
  }

  /** Answers why something cannot be done on the volume as it is; nothing where it was done. */
  async #attempt(what: string, act: () => void | Promise<void>): Promise<string[]> {
    const objection = this.#is.objection();
    if (objection !== undefined) return [`${what}: ${objection}`];
    try {
      await act();
      return [];
    } catch (error) {
      if (error instanceof DiskError || error instanceof VolumeError) return [`${what}: ${error.message}`];
      throw error;
    }
  }

  #forget(directory: string): void {
    forgetIndex(this.#is.disk, `${CACHE}/${directory}`);
    this.#left.delete(directory);
  }

  async #begin(domain: Domain): Promise<void> {
    this.#makeMissing(domain.directory);
    const running = await this.#opened(domain);
    this.#running.set(domain.name, running);
    this.#start(running);
  }

  /** A domain's directory that was there before and is missing now is no reason to make an empty one. */
  #makeMissing(directory: string): void {
    const { disk } = this.#is;
    if (!disk.lstat(directory) && !disk.lstat(`${CACHE}/${directory}`)) disk.mkdir(directory, 0o755);
  }

  async #opened({ name, directory }: Domain): Promise<Running> {
    const { root, disk, clock, smallFiles, volume, isLockLost, space, paused, ...told } = this.#is;
    const { roleid, options } = this.#is.self();
    const cache = `${CACHE}/${directory}`;
    const area = disk.lstat(directory) ? volume().privateArea(directory) : '.dfsync';
    const guard = () => volume().check() ?? volume().domainObjection(directory);
    const replica: Replica = new Replica({
      domain: name,
      directory,
      areas: { staging: `${area}/staging/${directory}`, trash: `${area}/trash/${directory}`, cache },
      disk,
      clock,
      random: Math.random,
      self: roleid,
      scanner: threadScanner(root),
      smallFiles,
      settleMs: options.settleMs,
      scanIntervalMs: options.scanIntervalMs,
      fsync: options.fsync,
      retentionMs: options.retentionMs,
      created: volume().marker.created,
      ignored: ignoring(options.ignore),
      guard,
      circumstances: () => {
        const room = space();
        const { free, total } = room ?? { free: 0, total: 0 };
        return {
          volume: guard() ?? (room ? undefined : NO_STATFS),
          lockLost: isLockLost(),
          freeRatio: total === 0 ? 1 : free / total,
          minFreeRatio: options.minFreeRatio,
          totalBytes: total === 0 ? Number.POSITIVE_INFINITY : total,
          paused: paused(name),
        };
      },
      onChange: told.onChange,
      onReady: () => told.onReady(replica),
      onForgotten: told.onForgotten,
      onEvent: (event, fields) => told.onEvent('warn', event, fields),
      onPath: told.onPath,
      onScan: told.onScan,
      onReport: report => told.onReplicaReport(name, report),
    });
    if (this.#bytesIn(cache) > LARGE_CACHE_BYTES) keepHeapSmall();
    await replica.open();
    return { replica, stop: new AbortController(), ended: Promise.resolve() };
  }

  #bytesIn(directory: string): number {
    const { disk } = this.#is;
    if (!disk.lstat(directory)) return 0;
    const sizes = disk.list(directory).map(name => disk.lstat(`${directory}/${name}`)?.size ?? 0);
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  #start(running: Running): void {
    running.ended = running.replica.run(running.stop.signal).catch(error => this.#is.onFailure(error));
  }

  async #end({ replica, stop, ended }: Running): Promise<void> {
    stop.abort();
    await ended;
    try {
      // Without the lock the volume may be another's.
      if (this.#is.objection() === undefined) await replica.close();
    } catch (error) {
      this.#is.onEvent('error', 'cache.flush', {
        domain: replica.domain,
        error,
        next: 'look at the volume: full, read-only or gone; the journal has what the cache has not',
      });
    }
  }
}
