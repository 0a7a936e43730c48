/**
 * The loop: one learner for each peer that is pulled from, one puller for each domain, a heartbeat. It owns what runs, and starts
 * and stops it as the network changes; what it does is decided in learn, wants and pull.
 */
import type { Clock, Random } from '../core/clock.ts';
import type { DomainName } from '../core/path.ts';
import { oftenWithin } from '../core/retention.ts';
import { type Instance, type Network, sharedDomains, sourcesOf } from '../core/topology.ts';
import { type Acceptance, accept, type Side } from './acceptance.ts';
import { type Feed, HEARTBEAT_MS } from './feed.ts';
import type { Folder } from './folder.ts';
import { Learner } from './learn.ts';
import type { DomainView } from './link.ts';
import type { Peer, Source } from './peer.ts';
import { Puller } from './pull.ts';
import type { PullReport } from './pull-report.ts';
import { skewsOf } from './skews.ts';
import { Wants } from './wants.ts';

/** A gateway that failed so often in a row is left for the next one of its site. */
const FAILURES_BEFORE_FAILOVER = 3;

export interface LoopOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly feed: Feed;
  /** The client end of the wire to an instance. */
  connect(peer: Instance, crossSite: boolean): Peer;
  onReport(domain: DomainName, report: PullReport): void;
  onEvent(event: string, fields: Record<string, unknown>): void;
  onWarning(event: string, fields: Record<string, unknown>): void;
  /** Called at each heartbeat: the loop is alive. */
  onBeat(): void;
}

/** A domain that is pulled. */
interface Pulled {
  readonly view: DomainView;
  readonly puller: Puller;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** A peer that is pulled from, or stands by to be. */
export interface Link {
  readonly instance: Instance;
  readonly crossSite: boolean;
  readonly peer: Peer;
  readonly learner: Learner;
  /** Whether it is pulled from now: of several gateways of a site one at a time is. */
  readonly active: boolean;
}

interface Running extends Link {
  active: boolean;
  stop: AbortController | undefined;
  ended: Promise<void>;
}

export class Loop {
  readonly #is: LoopOptions;
  readonly #pulled = new Map<DomainName, Pulled>();
  readonly #links = new Map<number, Running>();
  /** Domains shared with each site, until what they are made of changes: learners ask for each entry. */
  readonly #sharedWith = new Map<string, ReadonlyMap<DomainName, DomainView>>();
  #network: Network | undefined;
  #origins: ReadonlySet<number> = new Set();
  #self: Instance | undefined;
  #failure: unknown;
  #fail: (error: unknown) => void = () => {};

  constructor(options: LoopOptions) {
    this.#is = options;
  }

  get links(): readonly Link[] {
    return [...this.#links.values()];
  }

  /** What is wanted of a domain, how many large files are on their way, and why nothing of it is pulled. */
  domain(
    domain: DomainName,
  ): { readonly wants: Wants; readonly fetching: number; readonly objection: string | undefined } | undefined {
    const pulled = this.#pulled.get(domain);
    if (!pulled) return undefined;
    const { view, puller } = pulled;
    return { wants: view.wants, fetching: puller.fetching, objection: puller.objection };
  }

  /** Clocks minus this instance's, in milliseconds, by roleid: of everybody whose clock is known. */
  get skews(): ReadonlyMap<number, number> {
    return this.#self ? skewsOf(this.#self.site, this.links, this.#network!.instances) : new Map();
  }

  /** Runs until the signal aborts and all that was under way has ended. Rejects with what no cycle should ever throw. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
      if (this.#failure) reject(this.#failure);
    });
    try {
      await Promise.race([failed, this.#beat(signal)]);
    } finally {
      failed.catch(() => {});
      await Promise.all([...this.#links.values()].map(link => this.#stop(link)));
      for (const link of this.#links.values()) link.peer.close();
      await Promise.all([...this.#pulled.keys()].map(domain => this.#drop(domain)));
    }
  }

  /** Takes a network and the folders of its domains here: whoever stayed the same is left running. */
  async configure(network: Network, self: Instance, folders: ReadonlyMap<DomainName, Folder>): Promise<void> {
    this.#network = network;
    this.#origins = new Set(network.instances.map(({ roleid }) => roleid));
    this.#self = self;
    this.#sharedWith.clear();
    for (const [domain, { view }] of this.#pulled) if (folders.get(domain) !== view.folder) await this.#drop(domain);
    for (const [domain, folder] of folders) if (!this.#pulled.has(domain)) this.#pull(domain, folder);
    const { group, remote } = sourcesOf(network, self);
    const wanted = new Map<number, { instance: Instance; crossSite: boolean }>();
    for (const instance of group) wanted.set(instance.roleid, { instance, crossSite: false });
    for (const instance of [...remote.values()].flat()) wanted.set(instance.roleid, { instance, crossSite: true });
    for (const [roleid, link] of this.#links) {
      const next = wanted.get(roleid);
      if (next && sameLink(link, next)) continue;
      // First of all: whoever fails meanwhile must not have it started again.
      this.#links.delete(roleid);
      await this.#stop(link);
      link.peer.close();
      if (!next) for (const { view } of this.#pulled.values()) view.wants.strikeAll(roleid);
    }
    for (const [roleid, { instance, crossSite }] of wanted)
      if (!this.#links.has(roleid)) this.#link(instance, crossSite);
    this.#activate();
  }

  /** Compares with all peers at once: this instance may lack something that it had. */
  compare(): void {
    for (const link of this.#links.values()) link.learner.poke();
  }

  /** Takes the one side or the other where this instance is a stale replica; see {@link accept}. Throws a PeerError. */
  async accept(side: Side, domain: DomainName): Promise<Acceptance | undefined> {
    const pulled = this.#pulled.get(domain);
    if (!pulled) return undefined;
    const learners = this.links.filter(({ active }) => active).map(({ learner }) => learner);
    return accept(side, domain, pulled.view, learners, pulled.stop.signal);
  }

  /** A domain has become ready here: its peers can be compared with. */
  ready(domain: DomainName): void {
    this.#is.feed.append(domain, undefined, undefined);
    this.compare();
  }

  #pull(domain: DomainName, folder: Folder): void {
    const wants = new Wants();
    const puller = new Puller({
      folder,
      wants,
      clock: this.#is.clock,
      self: this.#self!.roleid,
      source: roleid => this.#source(roleid),
      skews: () => this.skews,
      onReport: report => {
        for (const link of this.#links.values()) link.learner.settled();
        this.#is.onReport(domain, report);
      },
      onEntries: (roleid, entries) => this.#links.get(roleid)?.learner.learnOf(domain, entries),
    });
    const stop = new AbortController();
    this.#pulled.set(domain, { view: { folder, wants }, puller, stop, ended: this.#watched(puller.run(stop.signal)) });
    this.#sharedWith.clear();
  }

  async #drop(domain: DomainName): Promise<void> {
    const pulled = this.#pulled.get(domain);
    this.#pulled.delete(domain);
    this.#sharedWith.clear();
    pulled?.stop.abort();
    await pulled?.ended;
  }

  #link(instance: Instance, crossSite: boolean): void {
    const peer = this.#is.connect(instance, crossSite);
    const learner = new Learner({
      peer,
      site: instance.site,
      clock: this.#is.clock,
      random: this.#is.random,
      digestIntervalMs: this.#self!.options.digestIntervalMs,
      retentionMs: this.#self!.options.retentionMs,
      self: this.#self!.roleid,
      serving: domain => this.#serving(domain),
      origins: () => this.#origins,
      domains: () => this.#shared(instance.site),
      lastTaken: () => this.#lastTakenBy(instance.roleid),
      onEvent: (event, fields) => this.#is.onEvent(event, fields),
      onWarning: (event, fields) => this.#is.onWarning(event, fields),
      onFailure: () => this.#activate(),
    });
    this.#links.set(instance.roleid, {
      instance,
      crossSite,
      peer,
      learner,
      active: false,
      stop: undefined,
      ended: Promise.resolve(),
    });
  }

  /** When a peer last came further in this instance's feed, if it is not at the end and that is a moment ago. */
  #lastTakenBy(roleid: number): number | undefined {
    const { feed, clock } = this.#is;
    const done = feed.done.get(roleid);
    if (!done || done.sequence >= feed.sequence) return undefined;
    // It says so when it asks, which it does at least so often.
    return clock.now() - done.movedAt < 2 * this.#self!.options.digestIntervalMs ? done.movedAt : undefined;
  }

  #serving(domain: DomainName): number[] {
    const sites = this.#network!.domains.find(({ name }) => name === domain)?.sites ?? [];
    return this.#network!.instances.flatMap(({ roleid, site, enabled }) =>
      enabled && sites.includes(site) ? roleid : [],
    );
  }

  #shared(site: string): ReadonlyMap<DomainName, DomainView> {
    let views = this.#sharedWith.get(site);
    if (!views) {
      const shared = sharedDomains(this.#network!, this.#self!.site, site);
      views = new Map(
        shared.flatMap(({ name }) => {
          const pulled = this.#pulled.get(name);
          return pulled ? [[name, pulled.view] as const] : [];
        }),
      );
      this.#sharedWith.set(site, views);
    }
    return views;
  }

  #source(roleid: number): Source | undefined {
    const link = this.#links.get(roleid);
    return link?.active && link.learner.state === 'live' ? { peer: link.peer, near: !link.crossSite } : undefined;
  }

  /** Starts who should be pulled from: the whole group, and one gateway of each remote site. */
  #activate(): void {
    const sites = new Map<string, Running[]>();
    for (const link of this.#links.values()) {
      if (!link.crossSite) this.#start(link);
      else sites.set(link.instance.site, [...(sites.get(link.instance.site) ?? []), link]);
    }
    for (const gateways of sites.values()) {
      const current = gateways.find(link => link.active);
      if (!current) this.#start(gateways[0]!);
      else if (current.learner.failures >= FAILURES_BEFORE_FAILOVER && gateways.length > 1) {
        const next = gateways[(gateways.indexOf(current) + 1) % gateways.length]!;
        this.#is.onEvent('gateway fails, the next one of its site is asked', {
          peer: current.instance.roleid,
          next: next.instance.roleid,
        });
        void this.#stop(current);
        current.learner.failures = 0;
        this.#start(next);
      }
    }
  }

  #start(link: Running): void {
    if (link.active) return;
    link.active = true;
    const stop = new AbortController();
    link.stop = stop;
    link.ended = this.#watched(link.ended.then(() => link.learner.run(stop.signal)));
  }

  async #stop(link: Running): Promise<void> {
    link.active = false;
    link.stop?.abort();
    link.stop = undefined;
    await link.ended;
  }

  /** Nothing that runs here may reject: if it does, that is a fault of the program, and ends it. */
  #watched(running: Promise<void>): Promise<void> {
    return running.catch(error => {
      this.#failure = error;
      this.#fail(error);
    });
  }

  async #beat(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = this.#is.clock.now();
      for (const { view } of this.#pulled.values())
        if (view.folder.ready) view.folder.hear([[this.#self!.roleid, now]]);
      this.#is.feed.beat();
      this.#is.onBeat();
      await this.#is.clock.sleep(oftenWithin(this.#self!.options.retentionMs, HEARTBEAT_MS), signal);
    }
  }
}

function sameLink(link: Running, next: { instance: Instance; crossSite: boolean }): boolean {
  const address = (instance: Instance, crossSite: boolean) => (crossSite ? instance.externalAddress : instance.address);
  return (
    link.crossSite === next.crossSite &&
    link.instance.site === next.instance.site &&
    address(link.instance, link.crossSite) === address(next.instance, next.crossSite)
  );
}
