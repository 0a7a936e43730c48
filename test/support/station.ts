/** Whole instances in one process, on virtual time and a network in memory: for tests of how they learn, pull and serve. */
import type { DomainName, RelPath } from '../../src/core/path.ts';
import { type Domain, domainsOf, type Instance, type Network } from '../../src/core/topology.ts';
import { Feed } from '../../src/sync/feed.ts';
import { Loop } from '../../src/sync/loop.ts';
import type { PullReport } from '../../src/sync/pull-report.ts';
import { Server, type Serving } from '../../src/sync/serve.ts';
import { Links } from '../sim/links.ts';
import { seeded } from '../sim/random.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { pathOf } from './entries.ts';
import { Life, START, Volume } from './life.ts';

const GRANULE_MS = 2;
/** Long enough for everything that is not held back to arrive: settle time, two digest intervals. */
const QUIET_MS = 25_000;

export const domain = (name: string, ...sites: string[]): Domain => ({
  name: name as DomainName,
  directory: name,
  sites,
});

/** All stations of a network, and the time that passes for them. */
export class World {
  readonly clock = new VirtualClock(START);
  readonly bugs: unknown[] = [];
  readonly links = new Links(error => this.bugs.push(error));
  readonly stations = new Map<number, Station>();
  network: Network;

  constructor(instances: readonly Instance[], domains: readonly Domain[]) {
    this.network = { instances, domains, sites: [...new Set(instances.map(({ site }) => site))] };
    for (const instance of instances) this.stations.set(instance.roleid, new Station(this, instance));
  }

  at(roleid: number): Station {
    return this.stations.get(roleid)!;
  }

  async pass(ms = QUIET_MS): Promise<void> {
    await this.clock.run(this.clock.now() + ms);
    if (this.bugs.length > 0) throw this.bugs[0];
  }

  /** Starts everybody and lets them meet. */
  async start(): Promise<this> {
    for (const station of this.stations.values()) await station.start();
    await this.pass();
    return this;
  }

  async stop(): Promise<void> {
    for (const station of this.stations.values()) station.stop();
    await this.pass(0);
  }
}

export class Station {
  readonly instance: Instance;
  readonly volume: Volume;
  readonly lives = new Map<DomainName, Life>();
  readonly feed: Feed;
  readonly server: Server;
  readonly loop: Loop;
  readonly reports: PullReport[] = [];
  readonly events: { readonly event: string; readonly fields: Record<string, unknown> }[] = [];
  /** What this station answers otherwise than it should. */
  intercept: Partial<Serving> = {};
  /** How often it was asked, by question. */
  readonly asked: Record<string, number> = {};
  readonly #world: World;
  readonly #stop = new AbortController();

  constructor(world: World, instance: Instance) {
    this.#world = world;
    this.instance = instance;
    this.volume = new Volume(world.clock);
    this.feed = new Feed(`epoch of ${instance.roleid}`);
    const clock = world.clock.view();
    this.server = new Server({
      clock,
      feed: this.feed,
      version: '0',
      protocols: [1],
      network: () => ({ network: world.network, self: instance }),
      folders: () => this.#folders(),
      skews: () => Object.fromEntries(this.loop.skews),
      granuleMs: GRANULE_MS,
    });
    this.loop = new Loop({
      clock,
      random: () => 0.5,
      feed: this.feed,
      connect: peer => world.links.connect(instance, peer, clock, seeded(instance.roleid * 100 + peer.roleid)),
      onReport: (_, report) => this.reports.push(report),
      onEvent: (event, fields) => this.events.push({ event, fields }),
      onWarning: (event, fields) => this.events.push({ event, fields }),
      onBeat: () => {},
    });
    for (const { name, directory } of domainsOf(world.network, instance.site)) this.#serve(name, directory);
  }

  /** The only domain's replica, or that of a domain. */
  life(name?: string): Life {
    return name === undefined ? [...this.lives.values()][0]! : this.lives.get(name as DomainName)!;
  }

  /** Runs; resolves when its first scans have ended. */
  async start(): Promise<void> {
    const { clock } = this.#world;
    for (const life of this.lives.values()) {
      const opened = life.replica.open();
      await clock.settle();
      await opened;
    }
    this.#listen();
    await this.loop.configure(this.#world.network, this.instance, this.#folders());
    void this.loop.run(this.#stop.signal).catch(error => this.#world.bugs.push(error));
    for (const life of this.lives.values()) await life.run();
  }

  stop(): void {
    this.#stop.abort();
    for (const life of this.lives.values()) life.kill();
  }

  write(path: string, content: string | Uint8Array = path): void {
    this.volume.disk.writeFile(path, Buffer.from(content as string), 0o644);
  }

  /** What stands there, or undefined. */
  text(path: string): string | undefined {
    return this.volume.disk.lstat(path) && Buffer.from(this.volume.disk.readFile(path)).toString();
  }

  #folders(): Map<DomainName, Life['replica']> {
    return new Map([...this.lives].map(([name, life]) => [name, life.replica]));
  }

  #serve(name: DomainName, directory: string): void {
    if (!this.volume.disk.lstat(directory)) this.volume.disk.mkdir(directory, 0o755);
    const life = new Life(this.volume, this.instance.roleid, name, directory);
    life.onChange = (path: RelPath, via) => this.feed.append(name, path, via);
    life.onReady = () => this.loop.ready(name);
    this.lives.set(name, life);
    this.volume.disk.watch(place => {
      const path = place.startsWith(`${directory}/`) ? place.slice(directory.length + 1) : '';
      if (path !== '' && !path.startsWith('.dfsync') && !this.#stop.signal.aborted)
        life.replica.hint(pathOf(path), true, true);
    });
  }

  #listen(): void {
    const { server, asked } = this;
    const intercept = () => this.intercept;
    const serving = new Proxy(server as Serving, {
      get(target, name: keyof Serving) {
        asked[name] = (asked[name] ?? 0) + 1;
        const answer = intercept()[name] ?? target[name];
        return (answer as (...args: unknown[]) => unknown).bind(target);
      },
    });
    this.#world.links.listen(this.instance.roleid, { serving, ended: this.#stop.signal, dead: false });
  }
}
