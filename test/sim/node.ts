/** One server of a simulation: a volume that outlives its processes, and whole engines that run on it, wired as the service does. */
import type { HoldLimits } from '../../src/core/holding.ts';
import type { DomainName, RelPath } from '../../src/core/path.ts';
import { type Domain, domainsOf, type Instance, type Network } from '../../src/core/topology.ts';
import { DiskError } from '../../src/folder/disk.ts';
import { Replica } from '../../src/folder/replica.ts';
import { type ScanBatch, walk } from '../../src/folder/scan.ts';
import { Sightings } from '../../src/folder/sightings.ts';
import { inlineSmallFiles } from '../../src/folder/small-files.ts';
import { openVolume, type Volume } from '../../src/folder/volume.ts';
import { Feed } from '../../src/sync/feed.ts';
import { Loop } from '../../src/sync/loop.ts';
import { Server } from '../../src/sync/serve.ts';
import type { Links } from './links.ts';
import { Crash, MemoryDisk } from './memory-disk.ts';
import type { MemoryOptions } from './memory-volume.ts';
import type { Chance } from './random.ts';
import type { RunLog } from './run-log.ts';
import type { ClockView, VirtualClock } from './virtual-clock.ts';

/** What all nodes share. */
export interface Surroundings {
  readonly clock: VirtualClock;
  readonly links: Links;
  readonly log: RunLog;
  readonly chance: Chance;
  readonly network: Network;
  /** From when on deletions are held, if not from where they usually are. */
  readonly holdLimits?: HoldLimits;
  /** Takes what an engine threw although it never should. */
  onBug(error: unknown): void;
}

/** Longest that an event of the volume is under way. */
const EVENT_MS = 20;
/** Longest pause between two stretches of a scan: the tree changes meanwhile. */
const SCAN_PAUSE_MS = 300;

export class SimNode {
  readonly instance: Instance;
  /** How far its clock is ahead. */
  skewMs: number;
  /** The volume as its users see it. */
  disk: MemoryDisk;
  engine: Engine | undefined;
  /** Domains that an engine has scanned here at least once. */
  readonly known = new Set<DomainName>();
  /** Domains of which it was made to forget something. */
  readonly forgetful = new Set<DomainName>();
  /** Probability that an event of the volume is lost. */
  deaf = 0;
  /** What its disk makes of an operation of an engine: the code that it fails with, if it does. */
  refusal: (mutation: boolean) => string | undefined = () => undefined;
  /** Longest delay of an event. */
  eventMs = EVENT_MS;
  readonly #is: Surroundings;
  #starts = 0;

  constructor(instance: Instance, skewMs: number, surroundings: Surroundings) {
    this.instance = instance;
    this.skewMs = skewMs;
    this.#is = surroundings;
    this.disk = new MemoryDisk({ now: () => this.now() });
  }

  get name(): string {
    return `n${this.instance.roleid}`;
  }

  /** This server's clock. */
  now(): number {
    return Math.floor(this.#is.clock.now() + this.skewMs);
  }

  get domains(): readonly Domain[] {
    return domainsOf(this.#is.network, this.instance.site);
  }

  /** Gives it an empty volume of another kind, before its first start. */
  format(options: Omit<MemoryOptions, 'now'>): void {
    this.disk = new MemoryDisk({ ...options, now: () => this.now() });
    for (const { directory } of this.domains) this.disk.mkdir(directory, 0o755);
  }

  start(): void {
    if (this.engine) return;
    this.#is.log.add(this.name, 'starts');
    this.engine = new Engine(this, ++this.#starts, this.#is);
    this.engine.run();
  }

  /** As kill -9, now. */
  kill(): void {
    this.engine?.disk.kill();
    this.bury();
  }

  /** Takes away what is left of a process that has died. */
  bury(): void {
    if (!this.engine?.disk.dead) return;
    this.#is.log.add(this.name, 'dies');
    this.engine.end();
    this.engine = undefined;
  }

  /** As SIGTERM: resolves when the process has ended. */
  async stop(): Promise<void> {
    const { engine } = this;
    if (!engine) return;
    await engine.stop();
    if (this.engine !== engine) return;
    engine.end();
    this.engine = undefined;
    this.#is.log.add(this.name, 'has stopped');
  }
}

/** One process. */
export class Engine {
  readonly disk: MemoryDisk;
  readonly clock: ClockView;
  readonly feed: Feed;
  readonly loop: Loop;
  readonly replicas = new Map<DomainName, Replica>();
  /** Domains of which the disk has refused to take down what is true, until it takes all of it. */
  readonly unwritten = new Set<DomainName>();
  /** Steps that pulling took since the start. */
  applied = 0;
  readonly #node: SimNode;
  readonly #is: Surroundings;
  readonly #chance: Chance;
  readonly #ended = new AbortController();
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #flushed: Promise<void> = Promise.resolve();

  constructor(node: SimNode, life: number, surroundings: Surroundings) {
    this.#node = node;
    this.#is = surroundings;
    this.#chance = surroundings.chance.fork(`${node.name} life ${life}`);
    // Not root: what may not be written is opened for each step.
    this.disk = node.disk.mount('owner');
    this.clock = surroundings.clock.view(node.skewMs);
    this.feed = new Feed(`${node.name}.${life}`);
    this.loop = new Loop({
      clock: this.clock,
      random: this.#chance.fork('loop').next,
      feed: this.feed,
      connect: peer =>
        surroundings.links.connect(node.instance, peer, this.clock, this.#chance.fork(`to ${peer.roleid}`)),
      onReport: (domain, { applied, changed, failed }) => {
        this.applied += applied;
        this.#log(`pulled ${domain} applied=${applied} changed=${changed} failed=${failed}`);
      },
      onEvent: (event, fields) => this.#log(`${event} ${JSON.stringify(fields)}`),
      onWarning: (event, fields) => this.#log(`${event} ${JSON.stringify(fields)}`),
      onBeat: () => {},
    });
  }

  /** Starts it; what it cannot survive is reported, its death is not. */
  run(): void {
    this.#running = this.#run().catch(error => {
      if (!(error instanceof Crash)) this.#is.onBug(error);
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#flushed;
  }

  /** Nothing of it runs or listens any more. */
  end(): void {
    this.clock.kill();
    this.#ended.abort();
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { instance } = this.#node;
    const now = this.clock.now();
    const volume = await openVolume(this.disk, this.#node.name, {
      roleid: instance.roleid,
      freshId: this.feed.epoch,
      now,
    });
    for (const domain of this.#node.domains) await this.#open(domain, volume);
    // A disk that fails at the start ends the program: there is nothing to be seen of it here.
    this.disk.refuse(mutation => this.#node.refusal(mutation));
    this.#listen();
    const unwatch = this.#node.disk.watch(path => this.#event(path));
    this.#ended.signal.addEventListener('abort', unwatch);
    const running = [...this.replicas.values()].map(replica => replica.run(this.#stop.signal));
    await this.loop.configure(this.#is.network, instance, this.replicas);
    await Promise.all([this.loop.run(this.#stop.signal), ...running]);
    unwatch();
    for (const replica of this.replicas.values())
      await replica.close().catch(error => {
        if (!(error instanceof DiskError)) throw error;
        this.#log(`cannot write its cache: ${error.message}`);
      });
  }

  #listen(): void {
    const { instance } = this.#node;
    const { links, network } = this.#is;
    const { disk, feed, clock, replicas } = this;
    const serving = new Server({
      clock,
      feed,
      version: '0',
      protocols: [1],
      network: () => ({ network, self: instance }),
      folders: () => replicas,
      skews: () => Object.fromEntries(this.loop.skews),
      granuleMs: 2,
    });
    links.listen(instance.roleid, {
      serving,
      ended: AbortSignal.any([this.#ended.signal, this.#stop.signal]),
      get dead() {
        return disk.dead;
      },
    });
  }

  async #open({ name, directory }: Domain, volume: Volume): Promise<void> {
    const { disk, clock } = this;
    if (!disk.lstat(directory)) disk.mkdir(directory, 0o755);
    const area = volume.privateArea(directory);
    const { settleMs, scanIntervalMs } = this.#node.instance.options;
    const guard = () => volume.check() ?? volume.domainObjection(directory);
    const replica = new Replica({
      domain: name,
      directory,
      areas: {
        staging: `${area}/staging/${directory}`,
        trash: `${area}/trash/${directory}`,
        cache: `.dfsync/cache/${directory}`,
      },
      disk,
      clock,
      random: this.#chance.fork(`scans of ${name}`).next,
      self: this.#node.instance.roleid,
      scanner: ({ directory }, signal) => this.#scan(directory, signal),
      smallFiles: inlineSmallFiles(this.disk),
      settleMs,
      scanIntervalMs,
      fsync: 'batch',
      retentionMs: this.#node.instance.options.retentionMs,
      created: volume.marker.created,
      ...(this.#is.holdLimits && { holdLimits: this.#is.holdLimits }),
      ignored: () => false,
      guard,
      circumstances: () => ({ volume: guard(), lockLost: false, freeRatio: 1, minFreeRatio: 0, totalBytes: 2 ** 50 }),
      onChange: (domain, path, via) => {
        this.#log(`${domain}/${path} is ${describe(replica, path)}${via ? ` via ${via}` : ''}`);
        this.feed.append(domain, path, via);
      },
      onReady: domain => {
        this.#node.known.add(domain);
        this.loop.ready(domain);
      },
      onForgotten: () => this.loop.compare(),
      onEvent: (event, fields) => {
        this.#log(`${event} ${JSON.stringify(fields)}`);
        if (event === 'journal not written') this.unwritten.add(name);
      },
      onReport: report => {
        if (report.did === 'flush' && report.result === 'ok') this.unwritten.delete(name);
      },
    });
    await replica.open();
    this.replicas.set(name, replica);
  }

  /** What a walk saw comes in pieces and late, as from another thread. */
  async *#scan(directory: string, signal: AbortSignal): AsyncGenerator<ScanBatch> {
    for (const { sightings, hidden } of walk(this.disk, directory)) {
      await this.clock.sleep(this.#chance.int(0, SCAN_PAUSE_MS), signal);
      const all = [...sightings];
      const half = this.#chance.int(0, all.length);
      yield { sightings: Sightings.of(all.slice(0, half)), hidden };
      await this.clock.sleep(this.#chance.int(0, SCAN_PAUSE_MS), signal);
      yield { sightings: Sightings.of(all.slice(half)), hidden: [] };
    }
  }

  #event(path: string): void {
    const domain = this.#node.domains.find(({ directory }) => path.startsWith(`${directory}/`));
    if (!domain || this.#chance.chance(this.#node.deaf)) return;
    const relative = path.slice(domain.directory.length + 1) as RelPath;
    if (relative.startsWith('.dfsync')) return;
    void this.clock.sleep(this.#chance.int(1, this.#node.eventMs)).then(() => {
      if (this.disk.dead) return;
      const kind = this.#node.disk.lstat(path)?.kind;
      this.replicas.get(domain.name)?.hint(relative, kind === 'file' && this.#chance.chance(0.7), kind === 'directory');
    });
  }

  #log(what: string): void {
    this.#is.log.add(this.#node.name, what);
  }
}

function describe(replica: Replica, path: RelPath): string {
  const entry = replica.get(path);
  if (!entry) return 'forgotten';
  const { kind, size, mtime, mode, version, from } = entry;
  return `${kind} ${size} ${mtime} ${mode.toString(8)} ${JSON.stringify(version)}${from ? ` from ${from.path}` : ''}`;
}
