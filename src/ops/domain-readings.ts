/** What is read of the domains on this instance. */
import { HALTS } from '../core/safety.ts';
import { inSeconds, perDomain, type Reading, type Sample, stateset } from './reading.ts';
import { DOMAIN_STATES, type DomainStatus } from './status.ts';

export const DOMAIN_READINGS: readonly Reading[] = [
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
    name: 'dfsync_entries',
    help: 'What is known of the paths of a domain: live files, directories and symlinks, and tombstones.',
    labels: ['domain'],
    read: perDomain(domain => domain.entries),
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
    name: 'dfsync_cache_unwritten',
    help: '1 while the cache of a domain cannot be written, such as on a full volume; 0 otherwise.',
    labels: ['domain'],
    read: perDomain(domain => (domain.cacheTrouble === undefined ? 0 : 1)),
  },
  {
    name: 'dfsync_trash_bytes',
    help: "Size of what lies in a domain's trash on this instance, in bytes.",
    labels: ['domain'],
    read: perDomain(domain => domain.trashBytes),
  },
  {
    name: 'dfsync_domain_state',
    help: 'State of a domain on this instance: 1 for the present one.',
    labels: ['domain', 'state'],
    read: status => status.domains.flatMap(({ domain, state }) => stateset(DOMAIN_STATES, state, { domain })),
  },
  {
    name: 'dfsync_halted_domains',
    help: 'Domains that stand still until an operator acts, by what stops them.',
    labels: ['reason'],
    read: status =>
      HALTS.map(reason => [{ reason }, status.domains.filter(domain => domain.haltedBy === reason).length]),
  },
  {
    name: 'dfsync_scan_last_timestamp_seconds',
    help: 'When the last scan of a domain ended, in seconds since 1970.',
    labels: ['domain'],
    read: perDomain(domain => inSeconds(domain.lastScan?.endedAt)),
  },
  {
    name: 'dfsync_heard_timestamp_seconds',
    help: 'Time up to which everything of an origin (a roleid) is here, in seconds since 1970.',
    labels: ['origin', 'domain'],
    read: status => status.domains.flatMap(heardOf),
  },
];

function itemErrors({ domain, items }: DomainStatus): Sample[] {
  const byClass = Map.groupBy(items, item => item.class);
  return [...byClass].map(([name, found]) => [{ domain, class: name }, found.length]);
}

function heardOf({ domain, heard }: DomainStatus): Sample[] {
  return Object.entries(heard).map(([origin, ms]) => [{ origin, domain }, ms / 1000]);
}
