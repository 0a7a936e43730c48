/** What instances of a demonstration network answer, for tests of what is made of it. */
import type { Look } from '../../src/cli/demo-picture.ts';
import type { DomainStatus, PeerDomainStatus } from '../../src/ops/status.ts';
import { sampleDomain, samplePeer, sampleStatus } from '../ops/status-sample.ts';

/** A domain as one instance has it; what is said of its one peer too. */
export interface Has extends Partial<DomainStatus> {
  readonly directory: string;
  readonly lagSeconds?: number;
  readonly mismatched?: number;
  /** Bytes received until now. */
  readonly received?: number;
}

/** What an instance with such domains answers. */
export function answerOf(name: string, ...has: Has[]): Look {
  const domains = has.map(({ lagSeconds: _, mismatched: __, received: ___, ...domain }) =>
    sampleDomain({ domain: `${domain.directory}.example`, conflicts: 0, ...domain }),
  );
  const between = has.map(
    ({ lagSeconds = 0, mismatched = 0 }, i): PeerDomainStatus => ({
      domain: domains[i]!.domain,
      lagSeconds,
      mismatched,
      wanted: 0,
      state: 'serving',
    }),
  );
  const status = sampleStatus({ instance: { name }, domains, peers: [samplePeer({ domains: between })] });
  return { name, status, received: new Map(has.map(({ received = 0 }, i) => [domains[i]!.domain, received])) };
}

/** An instance that does not answer. */
export function silence(name: string): Look {
  return { name, status: undefined, received: undefined };
}

/** An instance that answers, and has nothing to say of domains. */
export function withoutDomains(name: string, state: 'waiting-for-lock' | 'starting', reason?: string): Look {
  const status = sampleStatus({ instance: { name, state, ...(reason && { reason }) }, domains: [], peers: [] });
  return { name, status, received: new Map() };
}
