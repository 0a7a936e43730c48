/** What a metric that is read from a status is made of. */
import type { DomainStatus, PeerDomainStatus, PeerStatus, Status } from './status.ts';

/** The labels of one series. */
export type Labels = Readonly<Record<string, string>>;

/** One series: its labels and its value. */
export type Sample = readonly [labels: Labels, value: number];

/** One metric whose series are exactly those that a status has: what leaves the network leaves the metrics. */
export interface Reading {
  readonly name: `dfsync_${string}`;
  readonly help: string;
  readonly labels: readonly string[];
  /** Counts events since the process started, instead of showing what is. */
  readonly counter?: true;
  /**
   * It has a series for each peer and domain, and where there are too many of these pairs one for each peer: the sum of them, or the
   * least.
   */
  readonly folded?: Fold;
  read(status: Status): readonly Sample[];
}

export type Fold = 'sum' | 'least';

/** Above so many pairs of peer and domain a scrape would pass two megabytes: 50 peers with 20 domains are 1,000. */
export const MAX_PAIRS = 2_000;

/** How many pairs of peer and domain a status has. */
export function pairsOf(status: Status): number {
  return status.peers.reduce((sum, { domains }) => sum + domains.length, 0);
}

/** The samples without their domain: one for each of the other labels. */
export function fold(samples: readonly Sample[], how: Fold): Sample[] {
  const folded = new Map<string, Sample>();
  for (const [{ domain: _, ...labels }, value] of samples) {
    const key = JSON.stringify(labels);
    const known = folded.get(key)?.[1];
    const both = known === undefined ? value : how === 'sum' ? known + value : Math.min(known, value);
    folded.set(key, [labels, both]);
  }
  return [...folded.values()];
}

/** A series for each domain of which something is known. */
export function perDomain(read: (domain: DomainStatus) => number | undefined): Reading['read'] {
  return status => status.domains.flatMap(domain => sampleOf({ domain: domain.domain }, read(domain)));
}

/** A series for each peer of which something is known. */
export function perPeer(read: (peer: PeerStatus) => number | undefined): Reading['read'] {
  return status => status.peers.flatMap(peer => sampleOf({ peer: peer.peer }, read(peer)));
}

/** A series for each peer and domain of which something is known. */
export function perPair(read: (domain: PeerDomainStatus) => number | undefined): Reading['read'] {
  return status =>
    status.peers.flatMap(({ peer, domains }) => domains.flatMap(at => sampleOf({ peer, domain: at.domain }, read(at))));
}

/** One series, or none where nothing is known. */
export function single(read: (status: Status) => number | undefined): Reading['read'] {
  return status => sampleOf({}, read(status));
}

/** A series for each of a closed set of states: 1 for the present one. */
export function stateset(all: readonly string[], present: string, labels: Labels): Sample[] {
  return all.map(state => [{ ...labels, state }, Number(state === present)]);
}

/** Milliseconds as the seconds that metrics have. */
export function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function sampleOf(labels: Labels, value: number | undefined): Sample[] {
  return value === undefined ? [] : [[labels, value]];
}
