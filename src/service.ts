/**
 * The service: everything that runs while this instance is listed, enabled and not alone. Built in one order, ended in the
 * opposite one.
 *
 *   private directory -> lock -> volume -> watcher, replicas -> peers' listener -> loop
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from './core/clock.ts';
import type { DomainName, RelPath } from './core/path.ts';
import { domainsOf, type Instance, type Network } from './core/topology.ts';
import type { ScanReport } from './folder/full-scan.ts';
import { acquireLock, type Holder, type Lock, LockError } from './folder/lock.ts';
import type { PathEvent } from './folder/path-event.ts';
import { Pauses } from './folder/pauses.ts';
import { realDisk } from './folder/real-disk.ts';
import type { Replica } from './folder/replica.ts';
import type { ReplicaReport } from './folder/replica-report.ts';
import { threadSmallFiles } from './folder/small-files-worker.ts';
import { TrashKeeper } from './folder/trash-keeper.ts';
import { makePrivate, openVolume, type Volume } from './folder/volume.ts';
import { type Watcher, watch } from './folder/watch.ts';
import type { Trouble } from './folder/watch-source.ts';
import { PeerClient } from './peer/client.ts';
import { PROTOCOLS } from './peer/protocol.ts';
import { createPeerServer, type PeerServer } from './peer/server.ts';
import { Throughput, type Traffic } from './peer/throughput.ts';
import type { TlsSource } from './peer/tls.ts';
import type { Transfer } from './peer/transfer.ts';
import { ServiceDomains } from './service-domains.ts';
import { Feed } from './sync/feed.ts';
import { Loop } from './sync/loop.ts';
import type { FileRef, HashItem } from './sync/peer.ts';
import type { PullReport } from './sync/pull-report.ts';
import { Server } from './sync/serve.ts';

/** Whoever pulls from here asks at least so often: twice as long as a feed without news is held open. */
const PULLS_MS = 60_000;
/** How old a file's date must be before the file is read: one granule of common file systems. */
const GRANULE_MS = 2;
/** What a service is started with. */
export interface ServiceOptions {
  readonly root: string;
  readonly version: string;
  readonly clock: Clock;
  readonly requireVolume: boolean;
  readonly newIdentity: boolean;
  readonly listen: { readonly host: string; readonly port: number };
  /** Bearer tokens between peers; the first is sent. */
  tokens(): readonly string[];
  /** What peers show each other; undefined: plain HTTP. */
  readonly tls: TlsSource | undefined;
  onTransfer(transfer: Transfer): void;
  onReport(domain: DomainName, report: PullReport): void;
  onReplicaReport(domain: DomainName, report: ReplicaReport): void;
  /** A peer's request was answered. */
  onRequest(route: string, status: number): void;
  onEvent(level: 'info' | 'warn' | 'error', event: string, fields: Record<string, unknown>): void;
  onBeat(): void;
  onPath(event: PathEvent): void;
  onScan(domain: DomainName, report: ScanReport): void;
  onTrouble(trouble: Trouble): void;
  /** Somebody else holds the volume. */
  onWait(holder: Holder | undefined): void;
}

export class Service {
  readonly feed = new Feed(randomUUID());
  readonly loop: Loop;
  readonly #is: ServiceOptions;
  readonly #server: Server;
  readonly #peers: PeerServer;
  readonly #disk;
  readonly #smallFiles;
  readonly #domains: ServiceDomains;
  #network: Network;
  #self: Instance;
  #lock: Lock | undefined;
  #volume: Volume | undefined;
  #watching: Promise<Watcher> | undefined;
  #watcher: Watcher | undefined;
  readonly #trash: TrashKeeper;
  readonly #throughput = new Throughput();
  readonly #pauses: Pauses;
  /** Everything that is begun at a start has begun. */
  #isOpen = false;
  #fail: (error: unknown) => void = () => {};
  readonly #failed: Promise<never>;

  constructor(network: Network, self: Instance, options: ServiceOptions) {
    this.#is = options;
    this.#network = network;
    this.#self = self;
    this.#disk = realDisk(options.root);
    this.#pauses = new Pauses(this.#disk, self.roleid);
    this.#smallFiles = threadSmallFiles(options.root, () => options.clock.now());
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.#failed.catch(() => {});
    const { clock, version } = options;
    this.#domains = new ServiceDomains({
      ...options,
      disk: this.#disk,
      smallFiles: this.#smallFiles,
      self: () => this.#self,
      volume: () => this.#volume!,
      objection: () => this.volumeObjection,
      isLockLost: () => this.#lock!.lost.aborted,
      space: () => this.space,
      paused: domain => this.#pauses.reason(domain),
      onChange: (domain, path, via) => this.feed.append(domain, path, via),
      onReady: replica => {
        this.loop.ready(replica.domain);
        void this.#watcher?.cover(replica.directoryInodes());
      },
      onForgotten: () => this.loop.compare(),
      onFailure: error => this.#fail(error),
    });
    this.#trash = new TrashKeeper(
      this.#disk,
      clock,
      () => this.#domains.trashAreas(),
      () => ({ days: this.#self.options.trashDays, bytes: this.#self.options.trashBytes }),
    );
    this.#server = new Server({
      clock,
      feed: this.feed,
      version,
      protocols: PROTOCOLS,
      network: () => ({ network: this.#network, self: this.#self }),
      folders: () => this.folders,
      skews: () => Object.fromEntries(this.loop.skews),
      granuleMs: GRANULE_MS,
    });
    this.loop = new Loop({
      clock,
      random: Math.random,
      feed: this.feed,
      connect: (peer, crossSite) => this.#connect(peer, crossSite),
      onReport: options.onReport,
      onEvent: (event, fields) => options.onEvent('info', event, fields),
      onWarning: (event, fields) => options.onEvent('warn', event, fields),
      onBeat: () => {
        this.#domains.watchSize();
        options.onBeat();
      },
    });
    this.#peers = createPeerServer({
      serving: this.#server,
      tokens: options.tokens,
      ...(options.tls && { tls: options.tls }),
      onHandshakeRefused: (from, reason) => options.onEvent('warn', 'peer.handshake', { from, reason }),
      onTransfer: transfer => this.#transferred(transfer),
      onRequest: options.onRequest,
      onError: error =>
        options.onEvent('error', 'peer.answer', {
          error,
          next: 'a peer that was too slow: look at its network; anything else: report it. It asks again',
        }),
    });
  }

  /** The replicas by domain. */
  get folders(): ReadonlyMap<DomainName, Replica> {
    return this.#domains.replicas;
  }

  /** The network in force. */
  get network(): Network {
    return this.#network;
  }

  /** This instance in the network. */
  get self(): Instance {
    return this.#self;
  }

  /** Domains that an operator has wait. Changes are written: the volume has to be ours, see {@link volumeObjection}. */
  get pauses(): Pauses {
    return this.#pauses;
  }

  /** Why nothing may be written to the volume, or undefined. */
  get volumeObjection(): string | undefined {
    if (!this.#volume || !this.#lock) return 'the volume is not open yet';
    return this.#lock.lost.aborted ? 'the lock on the volume was lost' : this.#volume.check();
  }

  /** Changes that this instance has announced and a peer has not said to have applied; undefined where it does not pull from here. */
  untaken(roleid: number): number | undefined {
    const done = this.feed.done.get(roleid);
    if (!done || this.#is.clock.now() - done.at > PULLS_MS) return undefined;
    return Math.max(0, this.feed.sequence - done.sequence);
  }

  /** Bytes that travelled to and from a peer, and how fast they do. */
  traffic(roleid: number): Traffic {
    return this.#throughput.of(roleid, this.#is.clock.now());
  }

  /** Hashes of the content of files of this instance, made for the occasion. */
  ownHashes(replica: Replica, files: readonly FileRef[], signal: AbortSignal): AsyncIterable<HashItem> {
    return this.#server.ownHashes(replica, files, signal);
  }

  get watcher(): Watcher | undefined {
    return this.#watcher;
  }

  /** Bytes of the volume; undefined where it cannot be asked. */
  get space(): { readonly free: number; readonly total: number } | undefined {
    try {
      return this.#disk.space();
    } catch {
      return undefined;
    }
  }

  /** Since when the thread that reads and writes small files owes an answer; undefined: it owes none. */
  get threadOwesSince(): number | undefined {
    return this.#smallFiles.owesSince;
  }

  /** Bytes in a domain's trash; undefined before it was measured. */
  trashBytes(replica: Replica): number | undefined {
    return this.#trash.bytesIn(replica.trash);
  }

  /** When a peer last asked for changes of this instance. */
  askedAt(roleid: number): number | undefined {
    return this.feed.done.get(roleid)?.at;
  }

  /** First-level names of the volume that no domain maps. */
  unmapped(): string[] {
    const mapped = new Set(this.#network.domains.map(domain => domain.directory));
    const known = new Set(['.dfsync', 'lost+found']);
    return this.#disk.list('').filter(name => !mapped.has(name) && !known.has(name));
  }

  /**
   * Runs until the signal aborts, then flushes and ends. Rejects where it cannot start (a VolumeError, a LockError, a port in use)
   * or where something fails that never should.
   */
  async run(signal: AbortSignal, onRunning: () => void): Promise<void> {
    const { root, requireVolume, newIdentity, clock } = this.#is;
    const loopEnd = new AbortController();
    try {
      makePrivate(this.#disk, root, { requireVolume });
      this.#lock = await acquireLock(root, this.#self, signal, this.#is.onWait);
      this.#volume = await openVolume(this.#disk, root, {
        roleid: this.#self.roleid,
        requireVolume,
        newIdentity,
        freshId: randomUUID(),
        now: clock.now(),
      });
      if (!(await this.#pauses.open()))
        this.#is.onEvent('warn', 'paused.unreadable', {
          path: '.dfsync/paused.json',
          next: 'it is not known which domains were paused: say dfsync pause again, which writes it anew',
        });
      this.#lock.lost.addEventListener('abort', () =>
        this.#fail(
          new LockError(`the lock on ${root} was lost: another process may write to it; nothing more is touched`),
        ),
      );
      const domains = domainsOf(this.#network, this.#self.site);
      // First: inotifywait may pass over a directory that is made while it goes through the tree.
      this.#domains.prepare(domains);
      // Watches are established while caches are read, in another process; what is hinted at meanwhile is met by the first scan.
      this.#watching = this.#watch();
      await this.#domains.open(domains);
      const bound = await this.#peers.listen(this.#is.listen.host, this.#is.listen.port);
      this.#is.onEvent('info', 'peers.listening', bound);
      this.#watcher = await this.#watching;
      this.#domains.start();
      void this.#trash.run(loopEnd.signal).catch(error => this.#fail(error));
      await this.loop.configure(this.#network, this.#self, this.folders);
      this.#isOpen = true;
      onRunning();
      await Promise.race([this.loop.run(AbortSignal.any([signal, loopEnd.signal])), this.#failed]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      loopEnd.abort();
      await this.#stop();
    }
  }

  /**
   * Takes another network live: domains and peers come and go, what stays the same is left running. Answers what of it cannot be
   * done yet, and why: then the same is to be asked again.
   */
  async reconfigure(network: Network, self: Instance): Promise<readonly string[]> {
    if (this.#lock && !this.#isOpen) return ['it came while the instance was starting'];
    this.#network = network;
    this.#self = self;
    // Who waits for the lock begins with these.
    if (!this.#lock) return [];
    const domains = domainsOf(network, self.site);
    const configure = () => this.loop.configure(network, self, this.folders);
    // Before others begin, which may have the same directory.
    await this.#domains.leave(domains, configure);
    const objections = await this.#domains.begin(domains);
    await configure();
    return objections;
  }

  /** Looks at everything again. */
  rescan(): void {
    this.#domains.rescan();
  }

  #watch(): Promise<Watcher> {
    const watching = watch(this.#is.root, {
      source: this.#self.options.watch,
      clock: this.#is.clock,
      onHint: hints => this.#domains.hint(hints),
      onTrouble: trouble => this.#trouble(trouble),
    });
    // It is told when it is waited for, and that may be never.
    watching.catch(() => {});
    return watching;
  }

  async #stop(): Promise<void> {
    await this.#watching?.then(
      watcher => watcher.close(),
      () => {},
    );
    await this.#peers.close();
    await this.#domains.close();
    await this.#smallFiles.close();
    await this.#lock?.release();
  }

  #connect(peer: Instance, crossSite: boolean): PeerClient {
    return new PeerClient({
      roleid: peer.roleid,
      self: this.#self.roleid,
      address: crossSite ? peer.externalAddress : peer.address,
      tokens: this.#is.tokens,
      ...(this.#is.tls && { tls: { source: this.#is.tls, server: peer.server } }),
      onTransfer: transfer => this.#transferred(transfer),
      onRefused: (path, reason, domain) => {
        // Told by the problems, which say no more of it than a log can bear.
        const message = `peer ${peer.name} announced it: ${reason}; it is left out`;
        this.folders.get(domain)?.problems.report(path as RelPath, 'refused', message, this.#is.clock.now());
      },
    });
  }

  #transferred(transfer: Transfer): void {
    this.#throughput.add(transfer, this.#is.clock.now());
    this.#is.onTransfer(transfer);
  }

  #trouble(trouble: Trouble): void {
    this.#is.onTrouble(trouble);
    if (trouble.lostEvents) this.rescan();
  }
}
