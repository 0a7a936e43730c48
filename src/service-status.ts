/** What a service says of itself, as the plain data that operators read. */
import type { DomainName } from './core/path.ts';
import type { Network } from './core/topology.ts';
import type { Replica } from './folder/replica.ts';
import type { Watcher } from './folder/watch.ts';
import type {
  DomainState,
  DomainStatus,
  HeldStatus,
  InstanceStatus,
  PeerDomainStatus,
  PeerStatus,
  StaleStatus,
  Status,
  WatchStatus,
} from './ops/status.ts';
import type { Service } from './service.ts';
import { lastChanges } from './service-changes.ts';
import type { Link } from './sync/loop.ts';
import type { Pending, Wants } from './sync/wants.ts';

/** Wants that are listed one by one. */
const MAX_LISTED = 1_000;
/** Held deletions that are listed one by one. */
const MAX_HELD = 100;
/** First-level names that are listed. */
const MAX_UNMAPPED = 1_000;

/** The status of an instance, with or without a service under way; `names` as {@link peerNames} gives them. */
export function statusOf(
  instance: Omit<InstanceStatus, 'epoch' | 'sequence' | 'watch' | 'threadOwesSince'>,
  service: Service | undefined,
  names: PeerNames,
  now: number,
): Status {
  const links = service?.loop.links ?? [];
  const space = service?.space;
  return {
    instance: {
      ...instance,
      epoch: service?.feed.epoch ?? '',
      sequence: service?.feed.sequence ?? 0,
      watch: watchStatus(service?.watcher),
      ...(service?.threadOwesSince !== undefined && { threadOwesSince: service.threadOwesSince }),
    },
    domains: service
      ? [...service.folders.values()].map(replica => domainStatus(replica, service, links, names, now))
      : [],
    peers: links.map(link => peerStatus(link, service, names)),
    unmapped: service ? unmapped(service) : [],
    changes: service ? lastChanges(service.feed, service.folders, names) : [],
    ...(space && { volume: space }),
  };
}

function watchStatus(watcher: Watcher | undefined): WatchStatus {
  if (!watcher) return { kind: 'none' };
  const { kind, degraded, events, losses, provedAt, use } = watcher;
  return {
    kind,
    events,
    losses,
    ...(degraded !== undefined && { degraded }),
    ...(provedAt !== undefined && { provedAt }),
    ...(use?.watches !== undefined && { watches: use.watches }),
    ...(use?.limit !== undefined && { limit: use.limit }),
  };
}

/** The label of each peer by its roleid: its role's name, with the roleid where several of the network have that name. */
export type PeerNames = ReadonlyMap<number, string>;

/** The labels in a network. A role's name need not be unique; a metric's label must be, and the same wherever it stands. */
export function peerNames(network: Network): PeerNames {
  const count = new Map<string, number>();
  for (const { name } of network.instances) count.set(name, (count.get(name) ?? 0) + 1);
  return new Map(
    network.instances.map(({ name, roleid }) => [roleid, count.get(name)! > 1 ? `${name}-${roleid}` : name]),
  );
}

function domainStatus(
  replica: Replica,
  service: Service,
  links: readonly Link[],
  names: PeerNames,
  now: number,
): DomainStatus {
  const pulled = service.loop.domain(replica.domain);
  const { entries, tombstones, files, bytes } = replica.totals;
  const wants = pulled?.wants;
  const reason = replica.halted ?? (pulled && replica.ready ? replica.objection() : undefined);
  const behind = links.some(link => link.active && isBehind(link, replica));
  const state: DomainState =
    reason !== undefined
      ? reason === service.pauses.reason(replica.domain)
        ? 'paused'
        : 'halted'
      : !replica.ready
        ? 'scanning'
        : wants?.size || behind
          ? 'syncing'
          : 'in-sync';
  const scan = replica.lastScan;
  const trashBytes = service.trashBytes(replica);
  const stale = staleStatus(replica.domain, links, names);
  return {
    domain: replica.domain,
    directory: replica.directory,
    state,
    ...(reason !== undefined && { reason }),
    ...(state === 'paused' && { pausedSince: service.pauses.since(replica.domain)! }),
    ...(state === 'halted' && { haltedBy: replica.haltedBy ?? 'volume' }),
    files,
    bytes,
    entries,
    tombstones,
    digest: replica.digest,
    wanted: wants?.size ?? 0,
    wantedBytes: wants?.bytes ?? 0,
    fetching: pulled?.fetching ?? 0,
    unannounced: replica.unannounced,
    items: replica.problems
      .list()
      .slice(0, MAX_LISTED)
      .map(problem => itemOf(problem, wants, names, now)),
    ...(trashBytes !== undefined && { trashBytes }),
    ...(replica.notWritten !== undefined && { cacheTrouble: replica.notWritten }),
    ...(replica.held.size > 0 && { held: heldStatus(replica.held) }),
    ...(stale && { stale }),
    ...(replica.scanning && { scanning: replica.scanning }),
    ...(scan && { lastScan: { startedAt: scan.startedAt, endedAt: scan.endedAt, files: scan.paths } }),
    conflicts: replica.conflicts,
    heard: Object.fromEntries(replica.heard),
  };
}

function heldStatus(held: Replica['held']): HeldStatus {
  const paths = held.first(MAX_HELD).map(([path, { since }]) => ({ path, since }));
  return { deletions: held.size, reason: held.reason, since: Math.min(...paths.map(({ since }) => since)), paths };
}

function staleStatus(domain: DomainName, links: readonly Link[], names: PeerNames): StaleStatus | undefined {
  const waiting = links.flatMap(({ active, instance, learner }) => {
    const { since, unknown = 0 } = learner.links.get(domain)?.outOfTouch ?? {};
    return active && unknown > 0 ? [{ peer: names.get(instance.roleid) ?? instance.name, since, unknown }] : [];
  });
  if (waiting.length === 0) return undefined;
  const since = waiting.flatMap(each => each.since ?? []);
  return {
    peers: waiting.map(({ peer }) => peer),
    ...(since.length > 0 && { since: Math.max(...since) }),
    unknown: Math.max(...waiting.map(({ unknown }) => unknown)),
  };
}

function itemOf(
  problem: ReturnType<Replica['problems']['list']>[number],
  wants: Wants | undefined,
  names: PeerNames,
  now: number,
) {
  const want = wants?.get(problem.path);
  return {
    path: problem.path,
    class: problem.class,
    message: problem.message,
    since: problem.since,
    ...(want && { nextTry: Math.max(now, want.nextTry) }),
    sources: want ? [...want.sources.keys()].map(roleid => names.get(roleid) ?? String(roleid)) : [],
  };
}

function isBehind(link: Link, replica: Replica): boolean {
  const known = link.learner.links.get(replica.domain);
  return (
    known !== undefined && known.state === 'serving' && (known.mismatched > 0 || link.learner.lagMs(replica.domain) > 0)
  );
}

function peerStatus(link: Link, service: Service | undefined, names: PeerNames): PeerStatus {
  const { instance, learner, active } = link;
  const { reason, lastContact, lastCompared, skewMs, roundTripMs, comparisons, failed } = learner;
  const untaken = service?.untaken(instance.roleid);
  const askedAt = service?.askedAt(instance.roleid);
  return {
    peer: names.get(instance.roleid) ?? instance.name,
    roleid: instance.roleid,
    site: instance.site,
    address: link.crossSite ? instance.externalAddress : instance.address,
    up: active && learner.state === 'live',
    state: active ? learner.state : 'standby',
    ...(reason !== undefined && { reason }),
    ...(lastContact !== undefined && { lastContact }),
    ...(lastCompared !== undefined && { lastSuccess: lastCompared }),
    ...(untaken !== undefined && { untaken }),
    ...(skewMs !== undefined && { skewMs }),
    ...(roundTripMs !== undefined && { roundTripMs }),
    ...(askedAt !== undefined && { askedAt }),
    ...(service && { traffic: service.traffic(instance.roleid) }),
    comparisons,
    failures: failed,
    domains: active
      ? [...learner.sharedDomains()].map(domain =>
          peerDomainStatus(domain, link, service?.loop.domain(domain)?.wants.pendingFrom(instance.roleid)),
        )
      : [],
  };
}

function peerDomainStatus(domain: DomainName, { learner }: Link, pending: Pending | undefined): PeerDomainStatus {
  const known = learner.links.get(domain);
  return {
    domain,
    lagSeconds: learner.lagMs(domain) / 1000,
    mismatched: known?.mismatched ?? 0,
    ...(known?.mismatchedSince !== undefined && { mismatchedSince: known.mismatchedSince }),
    inSync: known?.compared === true && known.mismatchedSince === undefined,
    wanted: pending?.count ?? 0,
    wantedBytes: pending?.bytes ?? 0,
    ...(pending && { wantedSince: pending.since }),
    state: known?.state ?? 'unknown',
  };
}

function unmapped(service: Service): string[] {
  try {
    return service.unmapped().slice(0, MAX_UNMAPPED);
  } catch {
    // The volume cannot be read: every domain says so.
    return [];
  }
}
