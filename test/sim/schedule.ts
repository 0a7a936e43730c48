/** What happens in a run, decided by a seed before it begins: a value that can be printed and shrunk. */

import { DEFAULT_OPTIONS } from '../../src/config/options.ts';
import type { DomainName } from '../../src/core/path.ts';
import { COMMON, type Domain, type Instance, type Network } from '../../src/core/topology.ts';
import { type Chance, seeded } from './random.ts';
import { OPERATIONS, type Operation } from './users.ts';

/**
 * `calm` has no faults; `crashes` has partitions, a bad network and dying processes, which lose nothing that was written. With
 * `skews` clocks are off besides, with `memories` caches are lost or old besides. `all` has both together: then the trace of a
 * change may be gone before anybody knows of it, which the rules accept.
 */
export type Scenario = 'calm' | 'crashes' | 'skews' | 'disks' | 'memories' | 'all';

export const SCENARIOS: readonly Scenario[] = ['calm', 'crashes', 'skews', 'disks', 'memories', 'all'];

/** What a restarted process finds of its cache. */
export type Memory = 'whole' | 'without journal' | 'older' | 'lost';

/** One thing that happens; `id` seeds its own chance, so that it stays the same when others are taken out. */
export type Step = { readonly id: number; readonly at: number } & (
  | { readonly do: 'user'; readonly node: number; readonly domain: DomainName; readonly operation: Operation }
  | { readonly do: 'start'; readonly node: number }
  | { readonly do: 'stop'; readonly node: number; readonly forMs: number }
  | {
      readonly do: 'crash';
      readonly node: number;
      readonly after: number;
      readonly torn: boolean;
      readonly forMs: number;
      readonly memory: Memory;
    }
  | { readonly do: 'snapshot'; readonly node: number }
  /** Of its disk's operations, or of those that change something, so many fail. */
  | {
      readonly do: 'sicken';
      readonly node: number;
      readonly code: 'EIO' | 'ENOSPC';
      readonly share: number;
      readonly forMs: number;
    }
  | { readonly do: 'cut'; readonly a: number; readonly b: number; readonly forMs: number }
  | { readonly do: 'isolate'; readonly node: number; readonly forMs: number }
  | {
      readonly do: 'weather';
      readonly lost: number;
      readonly repeated: number;
      readonly torn: number;
      readonly forMs: number;
    }
  | {
      readonly do: 'deaf';
      readonly node: number;
      readonly loss: number;
      readonly declared: boolean;
      readonly forMs: number;
    }
);

export interface Schedule {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly network: Network;
  /** By roleid: how far its clock is ahead, milliseconds. */
  readonly skews: Readonly<Record<number, number>>;
  /** Nodes that hold the first node's tree from the start. */
  readonly seededNodes: readonly number[];
  /** In order of time; milliseconds since the run began. */
  readonly steps: readonly Step[];
}

/** How long users and faults go on. */
const TURMOIL_MS = 120_000;
/** So far is each clock off at most: two differ by less than the 9 minutes up to which the rules hold. */
const MAX_SKEW_MS = 4 * 60_000;
/** Undeclared losses of events are found by the next scan, not an hour later. */
const SCAN_INTERVAL_MS = 120_000;
const LOCAL = 'local' as DomainName;

export function schedule(seed: number, scenario: Scenario): Schedule {
  const chance = seeded(seed);
  const network = networkOf(chance.fork('network'));
  const nodes = network.instances.map(({ roleid }) => roleid);
  const skews = Object.fromEntries(
    nodes.map(node => [node, scenario === 'all' || scenario === 'skews' ? skewOf(chance.fork(`skew ${node}`)) : 0]),
  );
  const seededNodes = nodes.filter(node => chance.fork(`seeded ${node}`).chance(0.5));
  const steps = [...starts(nodes, chance), ...operations(network, chance), ...faults(nodes, scenario, chance)]
    .sort((a, b) => a.at - b.at)
    .map((step, id) => ({ ...step, id }) as Step);
  return { seed, scenario, network, skews, seededNodes, steps };
}

/** A network of 1 to 3 sites with 2 to 6 instances, each with one or two gateways; `local` is not on the last site. */
export function networkOf(chance: Chance): Network {
  const count = chance.weighted({ 1: 3, 2: 4, 3: 3 });
  const sizes = Array.from({ length: Number(count) }, () => chance.int(1, 2));
  if (sizes.length === 1) sizes[0] = chance.int(2, 4);
  return network(sizes.map(size => ({ size, gateways: Math.min(size, chance.int(1, 2)) })));
}

/** A network of sites with so many instances each, the first ones gateways; roleids count from 1. */
export function network(sites: readonly { size: number; gateways: number }[]): Network {
  let roleid = 0;
  const instances = sites.flatMap(({ size, gateways }, i) =>
    Array.from({ length: size }, (_, j) => instanceOf(++roleid, `site${i + 1}`, j < gateways)),
  );
  const names = sites.map((_, i) => `site${i + 1}`);
  const domains: Domain[] = [
    { name: COMMON, directory: 'common', sites: names },
    { name: LOCAL, directory: 'local', sites: names.slice(0, Math.max(1, names.length - 1)) },
  ];
  return { domains, sites: names, instances };
}

function instanceOf(roleid: number, site: string, gateway: boolean): Instance {
  return {
    roleid,
    name: `n${roleid}`,
    site,
    server: `n${roleid}`,
    iface: 'lo',
    enabled: true,
    gateway,
    separate: true,
    address: `n${roleid}`,
    externalAddress: `n${roleid}`,
    options: { ...DEFAULT_OPTIONS, scanIntervalMs: SCAN_INTERVAL_MS },
  };
}

type Draft = Step extends infer S ? (S extends Step ? Omit<S, 'id'> : never) : never;

function starts(nodes: readonly number[], chance: Chance): Draft[] {
  return nodes.map(node => ({ do: 'start', node, at: chance.fork(`start ${node}`).int(500, 20_000) }));
}

function operations(network: Network, chance: Chance): Draft[] {
  const many = chance.fork('operations').int(5, 60);
  return Array.from({ length: many }, (_, i) => {
    const own = chance.fork(`operation ${i}`);
    const { roleid, site } = own.pick(network.instances);
    const domain = own.pick(network.domains.filter(({ sites }) => sites.includes(site))).name;
    const operation = own.weighted(OPERATIONS);
    return { do: 'user', node: roleid, domain, operation, at: own.int(0, TURMOIL_MS) };
  });
}

function faults(nodes: readonly number[], scenario: Scenario, chance: Chance): Draft[] {
  if (scenario === 'calm') return [];
  const many = chance.fork('faults').int(1, 12);
  return Array.from({ length: many }, (_, i) => fault(nodes, scenario, chance.fork(`fault ${i}`)));
}

function fault(nodes: readonly number[], scenario: Scenario, chance: Chance): Draft {
  const at = chance.int(0, TURMOIL_MS);
  const forMs = chance.int(100, 60_000);
  const node = chance.pick(nodes);
  const kind = chance.weighted({
    crash: 6,
    stop: 2,
    cut: 4,
    isolate: 3,
    weather: 3,
    deaf: 2,
    snapshot: forgets(scenario) ? 2 : 0,
    sicken: scenario === 'disks' ? 12 : 0,
  });
  switch (kind) {
    case 'crash': {
      const memory = forgets(scenario)
        ? chance.weighted({ whole: 4, 'without journal': 2, older: 2, lost: 2 })
        : 'whole';
      return { do: 'crash', node, at, after: chance.int(0, 30), torn: chance.chance(0.5), forMs, memory };
    }
    case 'stop':
      return { do: 'stop', node, at, forMs };
    case 'cut':
      return { do: 'cut', a: node, b: chance.pick(nodes), at, forMs };
    case 'isolate':
      return { do: 'isolate', node, at, forMs };
    case 'weather':
      return {
        do: 'weather',
        lost: chance.next() / 2,
        repeated: chance.next() / 2,
        torn: chance.next() / 2,
        at,
        forMs,
      };
    case 'deaf':
      return { do: 'deaf', node, loss: chance.pick([0.3, 1]), declared: chance.chance(0.5), at, forMs };
    case 'snapshot':
      return { do: 'snapshot', node, at };
    case 'sicken': {
      const code = chance.pick(['EIO', 'ENOSPC'] as const);
      return { do: 'sicken', node, code, share: chance.pick([0.02, 0.2, 1]), at, forMs };
    }
    default:
      return kind satisfies never;
  }
}

function forgets(scenario: Scenario): boolean {
  return scenario === 'all' || scenario === 'memories';
}

function skewOf(chance: Chance): number {
  return chance.chance(0.5) ? 0 : chance.int(-MAX_SKEW_MS, MAX_SKEW_MS);
}
