/**
 * Acceptance: an operator decides about a stale replica, which may hold what was deleted elsewhere and forgotten. Its peers do not pull
 * from it; from then on they do.
 */
import type { Entry } from '../core/entry.ts';
import type { DomainName, RelPath } from '../core/path.ts';
import type { Hearing } from '../core/retention.ts';
import type { Learner } from './learn.ts';
import type { DomainView } from './link.ts';

/** Whom to trust: `local` spreads what this instance has, `remote` moves to the trash what its peers have no trace of. */
export type Side = 'local' | 'remote';

/** What an acceptance did. */
export interface Acceptance {
  /** Peers that this instance was out of touch with; none: there was nothing to decide. */
  readonly peers: readonly number[];
  readonly trashed: number;
  /** What could not go to the trash: nothing is accepted then. */
  readonly failed: readonly { readonly path: RelPath; readonly reason: string }[];
}

/** Takes a side. Throws a PeerError where a peer does not say what it has. */
export async function accept(
  side: Side,
  domain: DomainName,
  view: DomainView,
  learners: readonly Learner[],
  signal: AbortSignal,
): Promise<Acceptance> {
  const { folder } = view;
  const trusted = learners.filter(({ links, state }) => state === 'live' && links.get(domain)?.outOfTouch);
  const peers = trusted.map(({ roleid }) => roleid);
  if (trusted.length === 0) return { peers, trashed: 0, failed: [] };
  let trashed = 0;
  if (side === 'remote') {
    const unknown = await unknownToAll(trusted, domain, view, signal);
    // Other replicas as stale as this one must not bring back what goes now.
    const { heard, forgotten } = heardFrom(trusted, domain);
    view.anticipated = {
      heard: newest([...folder.heard, ...heard]),
      forgotten: Math.max(forgotten, folder.attendance.forgotten),
    };
    for (const learner of learners) learner.judge(domain);
    try {
      const failed = await folder.renounce(unknown);
      if (failed.length > 0) return { peers, trashed: unknown.length - failed.length, failed };
    } finally {
      view.anticipated = undefined;
    }
    trashed = unknown.length;
  }
  const { heard, forgotten } = heardFrom(trusted, domain);
  folder.hear(heard);
  folder.forgot(forgotten);
  for (const learner of learners) {
    learner.judge(domain);
    learner.poke();
  }
  await folder.remember();
  return { peers, trashed, failed: [] };
}

/** What lives here and none of the peers has a trace of. */
async function unknownToAll(
  trusted: readonly Learner[],
  domain: DomainName,
  { folder }: DomainView,
  signal: AbortSignal,
): Promise<Entry[]> {
  const [first = [], ...others] = await Promise.all(trusted.map(learner => learner.unknownTo(domain, signal)));
  const sets = others.map(list => new Set(list));
  return first.filter(path => sets.every(set => set.has(path))).flatMap(path => folder.get(path) ?? []);
}

/** The newest that any of them has heard, and the latest date up to which any of them has forgotten. */
function heardFrom(trusted: readonly Learner[], domain: DomainName): Pick<Hearing, 'heard' | 'forgotten'> {
  const each = trusted.map(learner => learner.heardBy(domain));
  return { heard: newest(each.flatMap(({ beats }) => beats)), forgotten: Math.max(...each.map(by => by.forgotten)) };
}

function newest(beats: readonly (readonly [origin: number, at: number])[]): Map<number, number> {
  const heard = new Map<number, number>();
  for (const [origin, at] of beats) heard.set(origin, Math.max(at, heard.get(origin) ?? 0));
  return heard;
}
