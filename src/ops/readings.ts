/** The gauges: each a name, what it means, and how it is read from an instance's status. */
import { DOMAIN_STATES, type DomainStatus, INSTANCE_STATES, type PeerStatus, type Status } from './status.ts';

/** One series: its labels and its value. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** One metric whose series are exactly those that a status has: what leaves the network leaves the metrics. */
export interface Reading {
  readonly name: `dfsync_${string}`;
  readonly help: string;
  readonly labels: readonly string[];
  /** Counts events since the process started, instead of showing what is. */
  readonly counter?: true;
  read(status: Status): readonly Sample[];
}

/** Every metric that is read from a status. Rules: base units, closed label sets, no label that holds a path or an error's text. */
export const READINGS: readonly Reading[] = [
  {
    name: 'dfsync_sync_lag_seconds',
    help: 'Seconds since this instance last had everything of a peer; 0 while it has.',
    labels: ['peer', 'domain'],
    read: perPeerDomain(domain => domain.lagSeconds),
  },
  {
    name: 'dfsync_mismatched_entries',
    help: 'Entries that differed either way when the digests were last compared with a peer.',
    labels: ['peer', 'domain'],
    read: perPeerDomain(domain => domain.mismatched),
  },
  {
    name: 'dfsync_peer_up',
    help: 'Whether a peer answers (1) or not (0).',
    labels: ['peer'],
    read: perPeer(peer => Number(peer.up)),
  },
  {
    name: 'dfsync_peer_clock_skew_seconds',
    help: "A peer's clock minus this instance's, in seconds.",
    labels: ['peer'],
    read: perPeer(peer => inSeconds(peer.skewMs)),
  },
  {
    name: 'dfsync_files',
    help: 'Live files of a domain.',
    labels: ['domain'],
    read: perDomain(domain => domain.files),
  },
  {
    name: 'dfsync_bytes',
    help: 'Size of the live files of a domain, in bytes.',
    labels: ['domain'],
    read: perDomain(domain => domain.bytes),
  },
  {
    name: 'dfsync_tombstones',
    help: 'Deleted paths of a domain that are still remembered.',
    labels: ['domain'],
    read: perDomain(domain => domain.tombstones),
  },
  {
    name: 'dfsync_wanted_entries',
    help: 'Entries that peers announced and that this instance has not yet.',
    labels: ['domain'],
    read: perDomain(domain => domain.wanted),
  },
  {
    name: 'dfsync_conflicts_total',
    help: 'Paths that were changed in two places without knowledge of each other.',
    labels: ['domain'],
    counter: true,
    read: perDomain(domain => domain.conflicts),
  },
  {
    name: 'dfsync_item_errors',
    help: 'Paths that are not as they should be at present, by class.',
    labels: ['domain', 'class'],
    read: status => status.domains.flatMap(itemErrors),
  },
  {
    name: 'dfsync_held_deletions',
    help: 'Deletions made on this instance that are not announced until an operator releases or undoes them.',
    labels: ['domain'],
    read: perDomain(domain => domain.held?.deletions ?? 0),
  },
  {
    name: 'dfsync_stale_replica',
    help: 'Whether this instance may hold what was deleted elsewhere and forgotten (1): peers wait for an operator to decide.',
    labels: ['domain'],
    read: perDomain(domain => Number(domain.stale !== undefined)),
  },
  {
    name: 'dfsync_peer_stale_replica',
    help: 'Whether nothing is pulled from a peer because it may hold what was deleted and is forgotten (1).',
    labels: ['peer', 'domain'],
    read: perPeerDomain(domain => Number(domain.state === 'stale-replica')),
  },
  {
    name: 'dfsync_cache_unwritten',
    help: '1 while the cache of a domain cannot be written, such as on a full volume; 0 otherwise.',
    labels: ['domain'],
    read: perDomain(domain => (domain.cacheTrouble === undefined ? 0 : 1)),
  },
  {
    name: 'dfsync_trash_bytes',
    help: "Size of what lies in a domain's trash on this instance, in bytes.",
    labels: ['domain'],
    read: status =>
      status.domains.flatMap(({ domain, trashBytes }): Sample[] =>
        trashBytes === undefined ? [] : [[{ domain }, trashBytes]],
      ),
  },
  {
    name: 'dfsync_domain_state',
    help: 'State of a domain on this instance: 1 for the present one.',
    labels: ['domain', 'state'],
    read: status => status.domains.flatMap(({ domain, state }) => stateset(DOMAIN_STATES, state, { domain })),
  },
  {
    name: 'dfsync_instance_state',
    help: 'State of this instance: 1 for the present one.',
    labels: ['state'],
    read: status => stateset(INSTANCE_STATES, status.instance.state, {}),
  },
  {
    name: 'dfsync_heard_timestamp_seconds',
    help: 'Time up to which everything of an origin (a roleid) is here, in seconds since 1970.',
    labels: ['origin', 'domain'],
    read: status => status.domains.flatMap(heardOf),
  },
  {
    name: 'dfsync_config_last_reload_success_timestamp_seconds',
    help: 'When the network description in force was taken, in seconds since 1970.',
    labels: [],
    read: status => [[{}, status.instance.config.loadedAt / 1000]],
  },
  {
    name: 'dfsync_certificate_expiry_timestamp_seconds',
    help: 'When a certificate of this instance, or what it was issued by, ends, in seconds since 1970.',
    labels: ['use'],
    read: status => status.instance.certificates.map(({ use, expiresAt }) => [{ use }, expiresAt / 1000]),
  },
  {
    name: 'dfsync_build_info',
    help: 'Version of the program and of what runs it; always 1.',
    labels: ['version', 'node_version'],
    read: status => [[{ version: status.instance.version, node_version: process.versions.node }, 1]],
  },
];

function perDomain(read: (domain: DomainStatus) => number): Reading['read'] {
  return status => status.domains.map(domain => [{ domain: domain.domain }, read(domain)]);
}

/** What is not known of a peer yet has no series. */
function perPeer(read: (peer: PeerStatus) => number | undefined): Reading['read'] {
  return status =>
    status.peers.flatMap(peer => {
      const value = read(peer);
      return value === undefined ? [] : [[{ peer: peer.peer }, value]];
    });
}

function perPeerDomain(read: (domain: PeerStatus['domains'][number]) => number): Reading['read'] {
  return status =>
    status.peers.flatMap(({ peer, domains }) => domains.map((at): Sample => [{ peer, domain: at.domain }, read(at)]));
}

function stateset(all: readonly string[], present: string, labels: Readonly<Record<string, string>>): Sample[] {
  return all.map(state => [{ ...labels, state }, Number(state === present)]);
}

function itemErrors({ domain, items }: DomainStatus): Sample[] {
  const byClass = Map.groupBy(items, item => item.class);
  return [...byClass].map(([name, found]) => [{ domain, class: name }, found.length]);
}

function heardOf({ domain, heard }: DomainStatus): Sample[] {
  return Object.entries(heard).map(([origin, ms]) => [{ origin, domain }, ms / 1000]);
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
