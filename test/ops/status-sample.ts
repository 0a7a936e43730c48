import type { DomainStatus, InstanceStatus, PeerStatus, Status } from '../../src/ops/status.ts';

/** A healthy instance with one domain and one peer, for tests to change. */
export function sampleStatus(
  changes: Partial<Omit<Status, 'instance'>> & { instance?: Partial<InstanceStatus> } = {},
): Status {
  return {
    domains: [sampleDomain()],
    peers: [samplePeer()],
    unmapped: [],
    changes: [],
    volume: { free: 400, total: 1000 },
    ...changes,
    instance: sampleInstance(changes.instance),
  };
}

export function sampleInstance(changes: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    roleid: 1,
    name: 'dfsync1',
    site: 'north',
    server: 'n1',
    version: '0.1.0',
    state: 'running',
    startedAt: 1_700_000_000_000,
    epoch: 'e1',
    sequence: 7,
    config: { loadedAt: 1_700_000_000_500, problems: [], warnings: [] },
    watch: {
      kind: 'inotifywait',
      events: 70,
      losses: 2,
      provedAt: 1_700_000_001_000,
      watches: 12,
      limit: 8192,
    },
    certificates: [],
    ...changes,
  };
}

export function sampleDomain(changes: Partial<DomainStatus> = {}): DomainStatus {
  return {
    domain: 'acme.example',
    directory: 'acme',
    state: 'in-sync',
    files: 3,
    bytes: 4096,
    entries: 6,
    tombstones: 2,
    digest: '00000000000000aa',
    wanted: 0,
    wantedBytes: 0,
    fetching: 0,
    unannounced: 0,
    items: [],
    lastScan: { startedAt: 1_700_000_000_100, endedAt: 1_700_000_000_400, files: 3 },
    conflicts: 1,
    heard: { 2: 1_700_000_001_500 },
    ...changes,
  };
}

export function samplePeer(changes: Partial<PeerStatus> = {}): PeerStatus {
  return {
    peer: 'dfsync2',
    roleid: 2,
    site: 'north',
    address: '127.0.0.1:7422',
    up: true,
    state: 'live',
    lastContact: 1_700_000_002_000,
    lastSuccess: 1_700_000_001_500,
    skewMs: -250,
    roundTripMs: 2,
    comparisons: { equal: 5, different: 1 },
    failures: { backoff: 2, misrouted: 0, refused: 0 },
    domains: [
      {
        domain: 'acme.example',
        lagSeconds: 1.5,
        mismatched: 4,
        mismatchedSince: 1_700_000_001_000,
        inSync: false,
        wanted: 3,
        wantedBytes: 600,
        wantedSince: 1_700_000_001_250,
        state: 'serving',
      },
    ],
    ...changes,
  };
}
