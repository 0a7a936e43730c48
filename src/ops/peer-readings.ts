/** What is read of the peers: how far behind each of them this instance is, and how they do. */
import { inSeconds, perPair, perPeer, type Reading, type Sample } from './reading.ts';
import { PEER_STATES } from './status.ts';

export const PEER_READINGS: readonly Reading[] = [
  {
    name: 'dfsync_sync_lag_seconds',
    help: 'Seconds since this instance last had everything of a peer; 0 while it has.',
    labels: ['peer', 'domain'],
    read: perPair(domain => domain.lagSeconds),
  },
  {
    name: 'dfsync_mismatched_entries',
    help: 'Entries that differed either way when the digests were last compared with a peer.',
    labels: ['peer', 'domain'],
    read: perPair(domain => domain.mismatched),
  },
  {
    name: 'dfsync_peer_in_sync',
    help: 'Whether the digests were equal (1) or not (0) when they were last compared with a peer; 0 before.',
    labels: ['peer', 'domain'],
    folded: 'least',
    read: perPair(domain => Number(domain.inSync ?? false)),
  },
  {
    name: 'dfsync_mismatch_since_timestamp_seconds',
    help: 'Since when every comparison of digests with a peer has found a difference, in seconds since 1970.',
    labels: ['peer', 'domain'],
    folded: 'least',
    read: perPair(domain => inSeconds(domain.mismatchedSince)),
  },
  {
    name: 'dfsync_pending_entries',
    help: 'Entries that a peer announced and that this instance has not yet; those that only a person can heal are item errors.',
    labels: ['peer', 'domain'],
    folded: 'sum',
    read: perPair(domain => domain.wanted),
  },
  {
    name: 'dfsync_pending_bytes',
    help: 'Size of the files among the pending entries of a peer, in bytes.',
    labels: ['peer', 'domain'],
    folded: 'sum',
    read: perPair(domain => domain.wantedBytes),
  },
  {
    name: 'dfsync_oldest_pending_timestamp_seconds',
    help: 'Since when the oldest pending entry of a peer is wanted, in seconds since 1970; none while nothing is pending.',
    labels: ['peer', 'domain'],
    folded: 'least',
    read: perPair(domain => inSeconds(domain.wantedSince)),
  },
  {
    name: 'dfsync_peer_stale_replica',
    help: 'Whether nothing is pulled from a peer because it may hold what was deleted and is forgotten (1).',
    labels: ['peer', 'domain'],
    folded: 'sum',
    read: perPair(domain => Number(domain.state === 'stale-replica')),
  },
  {
    name: 'dfsync_peer_up',
    help: 'Whether a peer answers (1) or not (0); none for a gateway that stands by while another one of its site is asked.',
    labels: ['peer'],
    read: perPeer(peer => (peer.state === 'standby' ? undefined : Number(peer.up))),
  },
  {
    name: 'dfsync_peers',
    help: 'Peers of this instance, by state.',
    labels: ['state'],
    read: status => PEER_STATES.map(state => [{ state }, status.peers.filter(peer => peer.state === state).length]),
  },
  {
    name: 'dfsync_peer_clock_skew_seconds',
    help: "A peer's clock minus this instance's, in seconds.",
    labels: ['peer'],
    read: perPeer(peer => inSeconds(peer.skewMs)),
  },
  {
    name: 'dfsync_peer_round_trip_seconds',
    help: 'From a question to a peer to its answer, as measured last, once a minute.',
    labels: ['peer'],
    read: perPeer(peer => inSeconds(peer.roundTripMs)),
  },
  {
    name: 'dfsync_peer_last_contact_timestamp_seconds',
    help: 'When a peer answered last, in seconds since 1970.',
    labels: ['peer'],
    read: perPeer(peer => inSeconds(peer.lastContact)),
  },
  {
    name: 'dfsync_peer_last_success_timestamp_seconds',
    help: 'When all digests were last compared with a peer, in seconds since 1970.',
    labels: ['peer'],
    read: perPeer(peer => inSeconds(peer.lastSuccess)),
  },
  {
    name: 'dfsync_peer_failures_total',
    help: 'Exchanges with a peer that failed, by the state that followed.',
    labels: ['peer', 'reason'],
    counter: true,
    read: status =>
      status.peers.flatMap(({ peer, failures }) =>
        Object.entries(failures ?? {}).map(([reason, count]): Sample => [{ peer, reason }, count]),
      ),
  },
  {
    name: 'dfsync_digest_comparisons_total',
    help: "Comparisons of a domain's digests with a peer, by what they found.",
    labels: ['peer', 'result'],
    counter: true,
    read: status =>
      status.peers.flatMap(({ peer, comparisons }) =>
        Object.entries(comparisons ?? {}).map(([result, count]): Sample => [{ peer, result }, count]),
      ),
  },
];
