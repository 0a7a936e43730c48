/**
 * What an instance says of itself: plain data that `/status` serves as it is and that the probes and the metrics are read
 * from, so that all three always tell the same story. Every time is in milliseconds since 1970, every size in bytes.
 */

import type { Halt } from '../core/safety.ts';

/** States of an instance. `alone`: the network has one server only, so there is nothing to do. */
export const INSTANCE_STATES = [
  'starting',
  'waiting-for-lock',
  'running',
  'disabled',
  'unlisted',
  'alone',
  'stopping',
] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

/**
 * States of a domain on this instance. `halted`: nothing is pulled or announced until an operator acts. `paused`: an operator has it
 * pull nothing.
 */
export const DOMAIN_STATES = ['starting', 'scanning', 'syncing', 'in-sync', 'halted', 'paused', 'unserved'] as const;
export type DomainState = (typeof DOMAIN_STATES)[number];

/** States of a peer. `standby`: another gateway of its site is pulled from; `misrouted`: its address leads to somebody else. */
export const PEER_STATES = ['connecting', 'live', 'backoff', 'standby', 'misrouted', 'refused', 'not-served'] as const;
export type PeerState = (typeof PEER_STATES)[number];

/** Where events can come from. */
export const WATCH_MODES = ['inotifywait', 'chokidar', 'polling', 'off', 'none'] as const;

/** All that an operator can ask at one moment. */
export interface Status {
  readonly instance: InstanceStatus;
  readonly domains: readonly DomainStatus[];
  /** Every instance that may pull from this one or be pulled from. */
  readonly peers: readonly PeerStatus[];
  /** First-level names of the volume that no domain maps: they are not synchronised. */
  readonly unmapped: readonly string[];
  /** Bytes of the volume; absent where it is not in use, or cannot be asked. */
  readonly volume?: { readonly free: number; readonly total: number };
  /** Some of the paths that changed last, made here or pulled, each once, the newest first. */
  readonly changes: readonly ChangeStatus[];
}

/** A path that changed, as it is now. */
export interface ChangeStatus {
  readonly domain: string;
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'tombstone';
  /** Bytes of a file. */
  readonly size: number;
  /** What it was renamed from. */
  readonly from?: string;
  /** When it was made; a file found by a first look says its own date, anything else so found nothing. */
  readonly at?: number;
  /** Name of the instance that saw it made; absent where it was found by a first look. */
  readonly by?: string;
  /** The site that it was pulled from; absent where it was made or found here. */
  readonly via?: string;
}

/** The instance itself. */
export interface InstanceStatus {
  readonly roleid: number;
  readonly name: string;
  readonly site: string;
  readonly server: string;
  /** Version of the program. */
  readonly version: string;
  readonly state: InstanceState;
  /** Why it is in this state, where that needs saying; for `waiting-for-lock`: who holds the volume. */
  readonly reason?: string;
  readonly startedAt: number;
  readonly epoch: string;
  readonly sequence: number;
  readonly config: ConfigStatus;
  readonly watch: WatchStatus;
  /** Those in use; none without TLS. */
  readonly certificates: readonly CertificateStatus[];
  /** Since when the thread that reads and writes small files owes an answer; absent: it owes none. */
  readonly threadOwesSince?: number;
}

/** A certificate of this instance. */
export interface CertificateStatus {
  readonly use: 'peers' | 'operators';
  readonly file: string;
  /** Whom it names. */
  readonly names: readonly string[];
  /** When it, or what it was issued by, ends. */
  readonly expiresAt: number;
  /** Why an operator should act. */
  readonly trouble?: string;
}

/** The network description in force. */
export interface ConfigStatus {
  /** When the description in force was taken. */
  readonly loadedAt: number;
  /** Why the newest version of the file is not in force; empty while it is. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Where events come from. */
export interface WatchStatus {
  readonly kind: string;
  /** Why only scans find changes at present. */
  readonly degraded?: string;
  /** Since the start: what came of the watcher, and how often it lost some. */
  readonly events?: number;
  readonly losses?: number;
  /** When it proved last that events arrive. */
  readonly provedAt?: number;
  /** Watches of the kernel that are in use, and how many one user may have. */
  readonly watches?: number;
  readonly limit?: number;
}

/** One domain on this instance. */
export interface DomainStatus {
  readonly domain: string;
  readonly directory: string;
  readonly state: DomainState;
  readonly reason?: string;
  /** What stops it, where it is halted. */
  readonly haltedBy?: Halt;
  /** Since when an operator has it pull nothing, where that is its state. */
  readonly pausedSince?: number;
  /** Live files and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Entries of every kind, tombstones included. */
  readonly entries: number;
  readonly tombstones: number;
  readonly digest: string;
  /** Entries that peers announced and that are not here yet, and the bytes of their files. */
  readonly wanted: number;
  readonly wantedBytes: number;
  /** Transfers under way. */
  readonly fetching: number;
  /** Paths at which something was noticed that is not announced yet. */
  readonly unannounced: number;
  readonly items: readonly ItemProblem[];
  /** What lies in the trash of this instance; absent until it was measured. */
  readonly trashBytes?: number;
  /** Why the cache could not be written at the last try; absent where it could. */
  readonly cacheTrouble?: string;
  /** Deletions made here that are not announced until an operator decides; absent where there are none. */
  readonly held?: HeldStatus;
  /** Present while this instance may hold what was deleted elsewhere and forgotten, and peers wait for an operator to decide. */
  readonly stale?: StaleStatus;
  /** The scan under way: how many paths it has seen, and when it got on last. */
  readonly scanning?: { readonly startedAt: number; readonly paths: number; readonly movedAt: number };
  /** The last scan that ended; absent until the first one has. */
  readonly lastScan?: { readonly startedAt: number; readonly endedAt: number; readonly files: number };
  /** Conflicts since the process started. */
  readonly conflicts: number;
  /** By roleid: the time up to which everything of that origin is here. */
  readonly heard: Readonly<Record<number, number>>;
}

/** Deletions that are held. */
export interface HeldStatus {
  readonly deletions: number;
  /** Why the newest of them are held. */
  readonly reason: string;
  /** Since when the oldest of those listed are missing. */
  readonly since: number;
  /** The first of them. */
  readonly paths: readonly { readonly path: string; readonly since: number }[];
}

/** A replica that was away for most of the retention. */
export interface StaleStatus {
  /** Peers that do not pull from it. */
  readonly peers: readonly string[];
  /** When it last heard of one of them; absent where it does not know. */
  readonly since?: number;
  /** Paths that live here and of which a peer has no trace: new here, or deleted there and forgotten. */
  readonly unknown: number;
}

/** One path that is not as it should be. */
export interface ItemProblem {
  readonly path: string;
  /** From a small fixed set: it is a label of the metrics. */
  readonly class: string;
  readonly message: string;
  readonly since: number;
  /** Absent where only a person can help. */
  readonly nextTry?: number;
  /** Names of the peers that announced the path. */
  readonly sources: readonly string[];
}

/** One peer. */
export interface PeerStatus {
  /** The name of its role, a label of the metrics; unique in this list. */
  readonly peer: string;
  readonly roleid: number;
  readonly site: string;
  readonly address: string;
  /** Whether its last answer is recent and was good. */
  readonly up: boolean;
  readonly state: PeerState;
  readonly reason?: string;
  readonly lastContact?: number;
  /** Changes announced here that it has not said to have applied, which it says every ten seconds; absent where it does not pull from here. */
  readonly untaken?: number;
  /** When all digests were last compared with it. */
  readonly lastSuccess?: number;
  /** From a question to its answer, as measured last. */
  readonly roundTripMs?: number;
  /** Comparisons of digests since the start, by what they found. */
  readonly comparisons?: { readonly equal: number; readonly different: number };
  /** Failures since the start, by the state that they led to. */
  readonly failures?: { readonly backoff: number; readonly misrouted: number; readonly refused: number };
  /** Its clock minus ours, in milliseconds. */
  readonly skewMs?: number;
  /** When it last asked for changes of this instance: that it pulls from here. */
  readonly askedAt?: number;
  /** What travels between the two, content and everything else. */
  readonly traffic?: { readonly sent: RateStatus; readonly received: RateStatus };
  readonly domains: readonly PeerDomainStatus[];
}

/** Bytes that travelled one way. */
export interface RateStatus {
  /** Since the service started. */
  readonly bytes: number;
  /** The mean of the last five seconds. */
  readonly perSecond: number;
}

/** One domain as it is between this instance and a peer. */
export interface PeerDomainStatus {
  readonly domain: string;
  /** 0 while the peer's feed is live and nothing is wanted from it, else the time since that was last so. */
  readonly lagSeconds: number;
  /** Entries that differed either way at the last comparison. */
  readonly mismatched: number;
  /** Since when every comparison found a difference. */
  readonly mismatchedSince?: number;
  /** Whether digests were compared and the last comparison found them equal. */
  readonly inSync?: boolean;
  readonly wanted: number;
  /** Bytes of the files that are wanted from it, and since when the oldest is. */
  readonly wantedBytes?: number;
  readonly wantedSince?: number;
  /** `stale-replica`: nothing is pulled from it, because it may hold what was deleted and is forgotten. */
  readonly state: string;
}
