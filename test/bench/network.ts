/** Networks of real processes as operators run them: all options at their defaults, one domain, loopback. */
import { mkdirSync, renameSync } from 'node:fs';
import type { DomainStatus } from '../../src/ops/status.ts';
import { total } from '../e2e/exposition.ts';
import type { Instance } from '../e2e/instance.ts';
import { TestNetwork } from '../e2e/network.ts';
import { Hopeless } from '../e2e/until.ts';
import { momentOf } from './moment.ts';
import { Wire } from './wire.ts';

/** The domain that is measured: the one that every network has. */
export const DOMAIN = 'common';
/** Tests compare digests more often. */
const DEFAULTS = { digestInterval: '10s' };

/** An open network. */
export interface BenchNetwork {
  readonly instances: readonly Instance[];
  readonly directory: string;
  get(name: string): Instance;
  /** What peers connect to, by name; only in a wired network. */
  wire(name: string): Wire;
  close(): Promise<void>;
}

/**
 * Directories, ports, description and token; starts nothing. The first name of each site is its gateway. Wired: every connection
 * between instances goes through a relay that counts its bytes.
 */
export async function openNetwork(
  sites: Readonly<Record<string, readonly string[]>>,
  { wired = false } = {},
): Promise<BenchNetwork> {
  const network = await TestNetwork.create({ sites, domains: {}, options: DEFAULTS });
  // It goes with the directory that the bench works in, see `emptyVolume`.
  network.keep();
  const wires = new Map<string, Wire>();
  if (wired) for (const { name, place } of network.instances) wires.set(name, await Wire.to(place.port));
  const server = ({ name, place }: Instance) => ({
    name,
    address: `127.0.0.1:${wires.get(name)?.port ?? place.port}`,
    roles: [
      {
        name: `dfsync${place.roleid}`,
        iface: 'lo',
        roleid: place.roleid,
        roletype: 'dfsync',
        separate: true,
        is_cross_site: place.gateway,
      },
    ],
  });
  network.describe({
    domains: [],
    sites: Object.keys(sites).map(name => ({
      name,
      servers: network.instances.filter(({ place }) => place.site === name).map(server),
    })),
    options: DEFAULTS,
  });
  for (const instance of network.instances) mkdirSync(instance.path(DOMAIN));
  return {
    instances: network.instances,
    directory: network.directory,
    get: name => network.get(name),
    wire: name => wires.get(name)!,
    close: async () => {
      await network.close();
      for (const wire of wires.values()) wire.close();
    },
  };
}

/** Starts an instance and answers the moment at which it is ready. */
export async function startInstance(instance: Instance, everyMs = 10): Promise<number> {
  instance.launch();
  return await momentOf(
    `${instance.name} to be ready`,
    () => {
      if (!instance.isRunning) throw new Hopeless('it is not running');
      return instance.isReady();
    },
    { everyMs, evidence: () => instance.tail },
  );
}

/** Starts instances, all at once, and waits until they are ready and equal. */
export async function startAll(instances: readonly Instance[]): Promise<void> {
  await Promise.all(instances.map(instance => startInstance(instance, 50)));
  await inSync(instances);
}

/** SIGTERM, and the end, however long it takes: answers a complaint where it was not a clean one. */
export async function stopInstance(instance: Instance): Promise<string | undefined> {
  if (!instance.isRunning) return undefined;
  process.kill(instance.pid, 'SIGTERM');
  await momentOf(`${instance.name} to end`, () => !instance.isRunning, { evidence: () => instance.tail });
  return instance.isCrashed ? `${instance.name} did not stop cleanly: ${instance.tail}` : undefined;
}

let volumes = 0;

/**
 * A new, empty volume for an instance that is not running. The former one is left beside it until the end of the whole bench: ext4
 * does not use the inodes of deleted files for five minutes and passes over each of them whenever it looks for a free one, so that a
 * tree which is removed makes every file dear that is created after it.
 */
export function emptyVolume(instance: Instance): void {
  renameSync(instance.place.root, `${instance.place.root} before ${++volumes}`);
  mkdirSync(instance.path(DOMAIN), { recursive: true });
}

/** What an instance says of the domain. */
export function domainOf(instance: Instance): Promise<DomainStatus> {
  return instance.domain(DOMAIN);
}

/** The moment at which instances say that they are equal and connected, with nothing wanted. */
export async function inSync(instances: readonly Instance[], everyMs = 50): Promise<number> {
  return await momentOf(
    `${instances.map(({ name }) => name).join(', ')} to be in sync`,
    async () => {
      for (const { isRunning, name } of instances) if (!isRunning) throw new Hopeless(`${name} is not running`);
      const statuses = await Promise.all(instances.map(instance => instance.status()));
      const domains = statuses.map(status => status.domains.find(({ directory }) => directory === DOMAIN)!);
      const live = statuses.every(({ peers }) => peers.every(({ up }) => up));
      return live && domains.every(({ state, digest }) => state === 'in-sync' && digest === domains[0]!.digest);
    },
    { everyMs, evidence: () => instances.map(({ tail }) => tail).join('\n') },
  );
}

/**
 * The moment at which instances have the same digest, other than the one given, and want nothing. They say that they are in sync
 * only after their next comparison, up to ten seconds later.
 */
export async function sameDigest(instances: readonly Instance[], otherThan: string, everyMs = 50): Promise<number> {
  return await momentOf(
    `${instances.map(({ name }) => name).join(', ')} to have the same digest`,
    async () => {
      for (const { isRunning, name } of instances) if (!isRunning) throw new Hopeless(`${name} is not running`);
      const domains = await Promise.all(instances.map(domainOf));
      return domains.every(
        ({ digest, wanted }) => wanted === 0 && digest === domains[0]!.digest && digest !== otherThan,
      );
    },
    { everyMs, evidence: () => instances.map(({ tail }) => tail).join('\n') },
  );
}

/** Bytes that an instance exchanged with its peers since its process started. */
export async function exchanged(instance: Instance, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  return total(await instance.metrics(), 'dfsync_transfer_bytes_total', labels);
}
