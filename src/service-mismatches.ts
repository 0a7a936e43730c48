/** What is not everywhere as it should be, as this instance sees it. */
import { differenceOf } from './core/difference.ts';
import type { RelPath } from './core/path.ts';
import type { Replica } from './folder/replica.ts';
import type { DomainMismatches, Mismatch } from './ops/inspection.ts';
import type { Service } from './service.ts';
import type { PeerNames } from './service-status.ts';

/** Listed one by one, of a domain; the oldest first. */
const MAX_LISTED = 1_000;

/** One mismatch for each path: an error here outranks a hold, a hold a want, and a want what peers lack. */
export function mismatchesOf(
  replica: Replica,
  service: Service,
  names: PeerNames,
  { state, reason }: { readonly state: string; readonly reason?: string },
): DomainMismatches {
  const all = new Map<RelPath, Mismatch>();
  for (const [path, mismatch] of lacked(replica, service, names)) all.set(path, mismatch);
  for (const [path, mismatch] of wanted(replica, service, names)) all.set(path, mismatch);
  for (const [path, { since }] of replica.held.first(MAX_LISTED))
    all.set(path, { path, class: 'held', since, message: replica.held.reason, peers: [] });
  for (const { path, class: problem, message, since } of replica.problems.list()) {
    const { nextTry, peers = [] } = all.get(path) ?? {};
    all.set(path, { path, class: 'error', since, problem, message, ...(nextTry !== undefined && { nextTry }), peers });
  }
  const mismatches = [...all.values()].sort((a, b) => a.since - b.since || (a.path < b.path ? -1 : 1));
  return {
    domain: replica.domain,
    directory: replica.directory,
    state,
    ...(reason !== undefined && { reason }),
    total: all.size + Math.max(0, replica.held.size - MAX_LISTED),
    mismatches: mismatches.slice(0, MAX_LISTED),
  };
}

function* wanted(replica: Replica, service: Service, names: PeerNames): Generator<[RelPath, Mismatch]> {
  for (const { path, entry, since, nextTry, sources } of service.loop.domain(replica.domain)?.wants.list() ?? []) {
    const difference = differenceOf(replica.get(path), entry);
    if (difference === 'memory') continue;
    const peers = [...sources.keys()].map(roleid => names.get(roleid) ?? String(roleid));
    yield [path, { path, class: difference, since, nextTry, peers }];
  }
}

/** What peers lacked at the last comparison, as far as it is still here. */
function* lacked(replica: Replica, service: Service, names: PeerNames): Generator<[RelPath, Mismatch]> {
  const found = new Map<
    RelPath,
    { difference: Exclude<Mismatch['class'], 'held' | 'error'>; since: number; peers: string[] }
  >();
  for (const { instance, learner, active } of service.loop.links) {
    if (!active) continue;
    for (const [path, { difference, since }] of learner.links.get(replica.domain)?.lacking ?? []) {
      if (difference === 'memory' || !replica.get(path)) continue;
      const known = found.get(path);
      const peer = names.get(instance.roleid) ?? instance.name;
      if (known) known.peers.push(peer);
      else found.set(path, { difference, since, peers: [peer] });
    }
  }
  for (const [path, { difference, since, peers }] of found) yield [path, { path, class: difference, since, peers }];
}
