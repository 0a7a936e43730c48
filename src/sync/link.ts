/** What is known of a peer that is pulled from: of its side of each domain. */
import type { Difference } from '../core/difference.ts';
import type { RelPath } from '../core/path.ts';
import type { Hearing } from '../core/retention.ts';
import type { Folder } from './folder.ts';
import type { Wants } from './wants.ts';

/** A domain as pulled from one peer. */
export interface DomainView {
  readonly folder: Folder;
  readonly wants: Wants;
  /** What this instance will have heard once it has renounced what its peers do not know: peers are judged by it already. */
  anticipated?: Pick<Hearing, 'heard' | 'forgotten'> | undefined;
}

export type LinkState = 'connecting' | 'live' | 'backoff' | 'misrouted' | 'refused';

/** What is known of one peer's side of one domain. */
export interface DomainLink {
  state: 'serving' | 'scanning' | 'halted' | 'not-served' | 'stale-replica' | 'unknown';
  /** Digests were compared since the feed is followed: from then on the feed alone tells what is new. */
  compared: boolean;
  /** Entries that differed either way at the last comparison. */
  mismatched: number;
  /** Those of them that the peer lacks, not this instance: the first of them. */
  lacking: ReadonlyMap<RelPath, Lacking>;
  /** Since when every comparison found a difference; undefined: the last one found none. */
  mismatchedSince: number | undefined;
  /** Since when it is not so that the feed is live and nothing is wanted; undefined: it is so. */
  behindSince: number | undefined;
  /** It was looked at who was away for too long. */
  judged: boolean;
  /** What the peer last said that it has heard. */
  hearing: Hearing | undefined;
  /** The origin of which the peer may have missed deletions that are forgotten here: nothing is pulled from it. */
  missed: number | undefined;
  /** This instance may have missed deletions that the peer has forgotten: what the peer has heard is not taken over. */
  outOfTouch: OutOfTouch | undefined;
  /** The roots at which a descent found nothing to pull. */
  fruitless: { readonly roots: string; readonly until: number; readonly wait: number } | undefined;
}

/** A path that is here and that the peer does not have so. */
export interface Lacking {
  readonly difference: Difference;
  /** The first comparison that found it, milliseconds since 1970. */
  readonly since: number;
}

/** This instance towards a peer that it has not heard of for most of the retention. */
export interface OutOfTouch {
  /** When it last heard of the peer; undefined: it does not know. */
  readonly since: number | undefined;
  /** What lives here and the peer has no trace of: new here, or deleted there and forgotten. Undefined: not compared yet. */
  unknown: number | undefined;
}

/** Of a domain of which nothing is known yet; `now` in milliseconds since 1970. */
export function newLink(now: number): DomainLink {
  return {
    state: 'unknown',
    compared: false,
    mismatched: 0,
    lacking: new Map(),
    mismatchedSince: undefined,
    behindSince: now,
    judged: false,
    hearing: undefined,
    missed: undefined,
    outOfTouch: undefined,
    fruitless: undefined,
  };
}
