/** Who is who in the network, and who pulls from whom for which domains. */
import type { DomainName } from './path.ts';

/** The domain that every site serves without being listed. */
export const COMMON = 'common' as DomainName;

/** One dfsync instance of the network description. */
export interface Instance {
  readonly roleid: number;
  /** Name of the role node. */
  readonly name: string;
  readonly site: string;
  readonly server: string;
  readonly iface: string;
  readonly enabled: boolean;
  /** Pulls from, and is pulled by, gateways of other sites. */
  readonly gateway: boolean;
  readonly separate: boolean;
  /** `host:port` inside the site. */
  readonly address: string;
  /** `host:port` for other sites. */
  readonly externalAddress: string;
  /** The network-wide options with this instance's own (`ext`) over them, as given. */
  readonly options: Options;
}

/** A first-level directory and the sites that serve it. */
export interface Domain {
  readonly name: DomainName;
  readonly directory: string;
  readonly sites: readonly string[];
}

/** The whole network, validated. */
export interface Network {
  readonly domains: readonly Domain[];
  readonly sites: readonly string[];
  readonly instances: readonly Instance[];
}

/** What an operator can tune; every time in milliseconds, every size in bytes. */
export interface Options {
  /** How often the digests' roots are compared although nothing is known to differ. */
  readonly digestIntervalMs: number;
  /** How often everything is scanned although the watcher says nothing (varied by a quarter either way). */
  readonly scanIntervalMs: number;
  /** How long a file must stand unchanged before it is announced without a close-write event. */
  readonly settleMs: number;
  /** When received files are brought to the disk: per batch, per file, or whenever the system likes. */
  readonly fsync: 'batch' | 'file' | 'off';
  /** Below this much free space pulling stops, as a share of the volume. */
  readonly minFreeRatio: number;
  /** What was thrown away longer ago leaves the trash. */
  readonly trashDays: number;
  /** What the trash of all domains may hold together, in bytes or as a share of the volume: past it the oldest goes. */
  readonly trashBytes: { readonly bytes: number } | { readonly ratio: number };
  /** Names that are not synchronised, in gitignore syntax; the same for the whole network. */
  readonly ignore: readonly string[];
  /** How long a deletion is remembered, from its date; the same for the whole network. */
  readonly retentionMs: number;
  /** Which source of events: `auto` is inotifywait where it is installed, else chokidar. */
  readonly watch: 'auto' | 'inotifywait' | 'chokidar' | 'polling' | 'off';
}

/** The peers an instance pulls from, grouped by why. */
export interface Sources {
  /** Every other enabled instance of its site. */
  readonly group: readonly Instance[];
  /** For each remote site that shares a domain, its gateways in order of preference: one at a time is pulled from. */
  readonly remote: ReadonlyMap<string, readonly Instance[]>;
}

/** Who an instance pulls from (design rule: servers of different sites never connect, their gateways do). */
export function sourcesOf(network: Network, self: Instance): Sources {
  const others = network.instances.filter(other => other.enabled && other.roleid !== self.roleid);
  const remote = new Map<string, Instance[]>();
  if (self.gateway) {
    for (const other of others) {
      if (!other.gateway || other.site === self.site || sharedDomains(network, self.site, other.site).length === 0)
        continue;
      const gateways = remote.get(other.site);
      if (gateways) gateways.push(other);
      else remote.set(other.site, [other]);
    }
  }
  return { group: others.filter(other => other.site === self.site), remote };
}

/** The domains that a site serves. */
export function domainsOf(network: Network, site: string): Domain[] {
  return network.domains.filter(domain => domain.sites.includes(site));
}

/** The domains that two sites have in common. */
export function sharedDomains(network: Network, a: string, b: string): Domain[] {
  return network.domains.filter(domain => domain.sites.includes(a) && domain.sites.includes(b));
}

/** Whether an instance may ask another one for anything: enabled, and of one site or both gateways. */
export function mayPull(asking: Instance, serving: Instance): boolean {
  if (!asking.enabled || !serving.enabled || asking.roleid === serving.roleid) return false;
  return asking.site === serving.site || (asking.gateway && serving.gateway);
}

/** An instance that another one never asks, and those that do, the nearest to that one first. */
export interface Unasked {
  readonly instance: Instance;
  readonly askers: readonly Instance[];
}

/** The other instances of a domain that an instance has no link to: members of other sites, and for a member all of these. */
export function unaskedBy(network: Network, self: Instance, domain: DomainName): Unasked[] {
  const sites = network.domains.find(({ name }) => name === domain)?.sites ?? [];
  const serving = network.instances.filter(({ enabled, site }) => enabled && sites.includes(site));
  return serving
    .filter(instance => instance.roleid !== self.roleid && !mayPull(self, instance))
    .map(instance => {
      const askers = serving.filter(asking => mayPull(asking, instance));
      const isNear = ({ site }: Instance) => site === self.site;
      return { instance, askers: [...askers.filter(isNear), ...askers.filter(each => !isNear(each))] };
    });
}
