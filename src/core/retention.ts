/** How long deletions are remembered, and who may have missed one that nobody remembers any more. */
import type { Entry } from './entry.ts';

/** A tombstone is kept for so long after it has expired, or … */
const MARGIN_MS = 30 * 60_000;
/** … for this share of the retention, if that is shorter: longer than clocks differ, and than it takes to look for expired ones. */
const MARGIN_SHARE = 0.1;
/** Who has not heard of an origin for this share of the retention may soon have missed what is forgotten. */
const STALE_SHARE = 0.8;
/** Marks that differ by less are the same: the last of a process may have reached its peers and not its disk, or the other way. */
const SLACK_SHARE = 0.02;
/** What is to happen many times within a retention happens at least so often. */
const TIMES_IN_RETENTION = 100;

/** When an instance was there to hear and to be heard; each in milliseconds since 1970. */
export interface Attendance {
  /** Creation of its volume. */
  readonly created: number;
  /** Its last heartbeat before this start; 0 if it does not know of any. */
  readonly before: number;
  /** Its start. */
  readonly since: number;
  /** No deletion of a later date was forgotten, here or by whom this instance has heard of. */
  readonly forgotten: number;
}

/** What an instance has heard, by origin: the newest heartbeat that arrived. */
export interface Hearing extends Attendance {
  readonly roleid: number;
  readonly heard: ReadonlyMap<number, number>;
}

/** Whether a tombstone is past the retention: nobody learns it any more. */
export function isExpired(entry: Entry, now: number, retentionMs: number): boolean {
  return entry.kind === 'tombstone' && entry.mtime + retentionMs < now;
}

/** Whether an expired tombstone may be forgotten: by no clock of a peer is it one that could still be learned again. */
export function isForgettable(entry: Entry, now: number, retentionMs: number): boolean {
  return isExpired(entry, now - Math.min(MARGIN_MS, MARGIN_SHARE * retentionMs), retentionMs);
}

/** An interval that is short against the retention; `usual` where a year is one. */
export function oftenWithin(retentionMs: number, usual: number): number {
  return Math.min(usual, retentionMs / TIMES_IN_RETENTION);
}

/**
 * The origin of which `peer` has missed so much that it may hold what was deleted and is forgotten by `own`; undefined where there is
 * none, and `peer` may be pulled from.
 */
export function missedOrigin(
  peer: Hearing,
  own: Hearing,
  origins: Iterable<number>,
  now: number,
  retentionMs: number,
): number | undefined {
  const slack = SLACK_SHARE * retentionMs;
  const needed = Math.min(now - STALE_SHARE * retentionMs, own.forgotten);
  for (const origin of origins) {
    // Of whom neither has ever heard, neither can tell.
    if (!own.heard.has(origin) && !peer.heard.has(origin)) continue;
    const known = own.heard.get(origin) ?? lastContact(own);
    const heard = heardOf(peer, origin, [peer, own], slack);
    if (heard < needed && heard + slack < known) return origin;
  }
  return undefined;
}

/**
 * Whether `own` must not pass for one that has heard of all that `peer` has heard of, although it has all that `peer` knows: it has not
 * heard of `peer` itself for so long that deletions which it missed may be forgotten there. Or `peer` has started anew since, and
 * would not pull from `own`: perhaps it has renounced what `own` still has.
 */
export function isOutOfTouch(
  own: Hearing,
  peer: Hearing,
  origins: Iterable<number>,
  now: number,
  retentionMs: number,
): boolean {
  const needed = Math.min(now - STALE_SHARE * retentionMs, peer.forgotten);
  if (heardOf(own, peer.roleid, [peer], SLACK_SHARE * retentionMs) < needed) return true;
  const isAnew = (own.heard.get(peer.roleid) ?? 0) < peer.since;
  return isAnew && missedOrigin(own, peer, origins, now, retentionMs) !== undefined;
}

/** Origins of which `own` would hear at a leap, from beyond most of the retention: first it has to be judged whether it may. */
export function leaps(
  own: ReadonlyMap<number, number>,
  heard: Iterable<readonly [origin: number, at: number]>,
  now: number,
  retentionMs: number,
): number[] {
  const limit = now - STALE_SHARE * retentionMs;
  return [...heard].flatMap(([origin, at]) => (at >= limit && (own.get(origin) ?? 0) < limit ? origin : []));
}

/** Up to when an instance has everything of an origin; `attending`: those of whom it is known when they were there. */
function heardOf(by: Hearing, origin: number, attending: readonly Hearing[], slack: number): number {
  const heard = by.heard.get(origin) ?? lastContact(by);
  const attended = attending.find(({ roleid }) => roleid === origin);
  // While an origin was not running nothing came of it.
  return attended && heard + slack >= attended.before ? Math.max(heard, attended.since) : heard;
}

/** An origin that was never heard of is one that joined since anybody was; a lost cache does not renew what the volume is. */
function lastContact({ heard, roleid, created }: Hearing): number {
  let last = created;
  for (const [origin, at] of heard) if (origin !== roleid) last = Math.max(last, at);
  return last;
}
