/** A network of real processes on loopback, in a temporary directory that goes away with it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Instance, type Place } from './instance.ts';
import { freePort } from './ports.ts';
import { Relay } from './relay.ts';
import { assertSameTree, type Tree } from './tree.ts';
import { Hopeless, until } from './until.ts';

/** The first instance of a site is its gateway. */
export interface Shape {
  readonly sites: Readonly<Record<string, readonly string[]>>;
  /** Besides `common`. */
  readonly domains: Readonly<Record<string, readonly string[]>>;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** The network description, as far as tests change it. */
export interface Description {
  readonly domains: readonly object[];
  readonly sites: readonly object[];
  readonly options: object;
}

/** Roots are compared more often than by default, so that a test of what only the digests find does not wait. */
const OPTIONS = { digestInterval: '2s' };

/** Two sites of two; the domain `acme` on both, `local` on the north only. */
export const TWO_BY_TWO: Shape = {
  sites: { north: ['n1', 'n2'], south: ['s1', 's2'] },
  domains: { acme: ['north', 'south'], local: ['north'] },
};

export const TOKEN = 'a-token-that-only-this-test-network-knows';

/** Large trees on a loaded machine take their time. */
const CONVERGENCE_MS = 240_000;

/** Some instances and the wires between their sites. */
export class TestNetwork {
  readonly directory: string;
  readonly shape: Shape;
  readonly instances: readonly Instance[];
  /** What the other sites' gateways connect to, by the name of the gateway. */
  readonly relays: ReadonlyMap<string, Relay>;
  #marks = 0;
  #isKept = false;

  private constructor(
    directory: string,
    shape: Shape,
    instances: readonly Instance[],
    relays: ReadonlyMap<string, Relay>,
  ) {
    this.directory = directory;
    this.shape = shape;
    this.instances = instances;
    this.relays = relays;
  }

  /** Directories, ports, network description and token; starts nothing. `flags`: credentials of each, in the place of the token. */
  static async create(shape: Shape, flags?: (place: Place) => readonly string[]): Promise<TestNetwork> {
    const directory = mkdtempSync(join(tmpdir(), 'dfsync-e2e-'));
    const instances: Instance[] = [];
    const relays = new Map<string, Relay>();
    for (const place of await places(directory, shape)) {
      mkdirSync(place.root);
      instances.push(new Instance(flags ? { ...place, flags: flags(place) } : place));
      if (place.gateway) relays.set(place.name, await Relay.to(place.port));
    }
    const network = new TestNetwork(directory, shape, instances, relays);
    process.on('exit', () => network.#isKept || rmSync(directory, { recursive: true, force: true }));
    writeFileSync(join(directory, 'token'), `${TOKEN}\n`, { mode: 0o600 });
    writeFileSync(join(directory, 'admin-token'), 'a-token-of-operators-of-this-test-network\n', { mode: 0o600 });
    network.describe(network.description());
    return network;
  }

  /** What every instance reads. */
  description(): Description {
    const sites = Object.keys(this.shape.sites).map(site => ({
      name: site,
      servers: this.instances.filter(({ place }) => place.site === site).map(({ place }) => this.#server(place)),
    }));
    const domains = Object.entries(this.shape.domains).map(([directory, serving]) => ({
      name: `${directory}.example`,
      directory,
      sites: serving,
    }));
    return { domains, sites, options: { ...OPTIONS, ...this.shape.options } };
  }

  /** Writes the network description. */
  describe(document: unknown): void {
    writeFileSync(
      join(this.directory, 'network.json'),
      typeof document === 'string' ? document : JSON.stringify(document, null, 2),
    );
  }

  get(name: string): Instance {
    const instance = this.instances.find(each => each.name === name);
    if (instance === undefined) throw new Error(`the test network has no ${name}`);
    return instance;
  }

  relay(gateway: string): Relay {
    return this.relays.get(gateway)!;
  }

  async start(): Promise<void> {
    await Promise.all(this.instances.map(instance => instance.start()));
  }

  /** Stops every process and demands that each exits 0. */
  async stop(): Promise<void> {
    await Promise.all(this.instances.map(instance => instance.stop()));
  }

  /** Ends everything, however the test ended, and removes the directory unless it is kept. */
  async close(): Promise<void> {
    await Promise.all(this.instances.map(instance => instance.kill()));
    for (const relay of this.relays.values()) relay.close();
    if (!this.#isKept) rmSync(this.directory, { recursive: true, force: true });
  }

  /** Leaves the directory where it is, for whoever comes after. */
  keep(): void {
    this.#isKept = true;
  }

  /** Cuts the sites off from one another; each goes on by itself. */
  cut(): void {
    for (const relay of this.relays.values()) relay.cut();
  }

  heal(): void {
    for (const relay of this.relays.values()) relay.heal();
  }

  /** The instances that serve a domain's directory. */
  serving(domain: string): Instance[] {
    const sites = domain === 'common' ? Object.keys(this.shape.sites) : (this.shape.domains[domain] ?? []);
    return this.instances.filter(instance => sites.includes(instance.place.site));
  }

  /** Waits for something, with every log's end as evidence. */
  until<T>(what: string, condition: () => T | Promise<T>, deadlineMs?: number): Promise<NonNullable<T>> {
    const evidence = () => this.instances.map(instance => instance.tail).join('\n');
    return until(what, condition, { evidence, ...(deadlineMs !== undefined && { deadlineMs }) });
  }

  /** Waits until a domain is equal on the given instances (default: all that serve it), content too; answers the tree. */
  async converge(domain: string, among: readonly Instance[] = this.serving(domain)): Promise<Tree> {
    const [first, ...rest] = among;
    // Dates and sizes first: reading all content at every look would keep the machine from its work.
    const agree = (content: boolean) => {
      const crashed = among.find(each => each.isCrashed);
      if (crashed !== undefined) throw new Hopeless(`${crashed.name} ended by itself`);
      const tree = first!.tree(domain, { content });
      for (const other of rest) assertSameTree(tree, other.tree(domain, { content }), [first!.name, other.name]);
      return tree;
    };
    return this.until(
      `${domain} equal on ${among.map(each => each.name).join(', ')}`,
      () => agree(false) && agree(true),
      CONVERGENCE_MS,
    );
  }

  /**
   * Proves that what an instance announced before has arrived: makes an empty directory there (no bytes of content) and waits
   * until all that serve the domain have it, with nothing else different.
   */
  async barrier(domain: string, from: string, among: readonly Instance[] = this.serving(domain)): Promise<Tree> {
    const mark = `.mark-${++this.#marks}`;
    mkdirSync(this.get(from).path(`${domain}/${mark}`));
    for (const instance of among) {
      await this.until(`${mark} of ${from} on ${instance.name}`, () => instance.tree(domain).has(mark));
    }
    return this.converge(domain, among);
  }

  /** Bytes of files that all running processes received. */
  async contentReceived(): Promise<number> {
    const each = await Promise.all(this.instances.filter(one => one.isRunning).map(one => one.contentReceived()));
    return each.reduce((sum, bytes) => sum + bytes, 0);
  }

  #server(place: Place): Record<string, unknown> {
    const role = {
      name: `dfsync${place.roleid}`,
      iface: 'lo',
      roleid: place.roleid,
      roletype: 'dfsync',
      separate: true,
    };
    const relay = this.relays.get(place.name);
    return {
      name: place.name,
      address: `127.0.0.1:${place.port}`,
      ...(relay && { external_address: `127.0.0.1:${relay.port}` }),
      roles: [{ ...role, is_cross_site: place.gateway }],
    };
  }
}

async function places(directory: string, shape: Shape): Promise<Place[]> {
  const result: Place[] = [];
  for (const [site, names] of Object.entries(shape.sites)) {
    for (const [at, name] of names.entries()) {
      result.push({
        name,
        roleid: result.length + 1,
        site,
        gateway: at === 0,
        root: join(directory, name),
        port: await freePort(),
        opsPort: await freePort(),
        config: join(directory, 'network.json'),
        tokenFile: join(directory, 'token'),
        adminTokenFile: join(directory, 'admin-token'),
      });
    }
  }
  return result;
}
