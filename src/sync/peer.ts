/** What pulling needs to ask of a peer. `peer/client.ts` answers over HTTP, the simulator in memory. */
import type { DigestNode } from '../core/digest.ts';
import type { Entry } from '../core/entry.ts';
import type { DomainName, RelPath } from '../core/path.ts';
import type { Attendance } from '../core/retention.ts';

/** Who a peer says it is. */
export interface PeerSelf {
  readonly roleid: number;
  readonly name: string;
  readonly site: string;
  /** Version of the program. */
  readonly version: string;
  /** New at every start. */
  readonly epoch: string;
  /** The peer's time, milliseconds since 1970. */
  readonly clock: number;
  /** Protocol versions that it speaks. */
  readonly protocols: readonly number[];
  /** Clocks of others minus the peer's, milliseconds, by roleid, as far as it knows them. */
  readonly skews?: Readonly<Record<number, number>> | undefined;
}

/** The newest heartbeat (milliseconds since 1970) that arrived, by origin's roleid. */
export type Heard = Readonly<Record<number, number>>;

/** One domain as a peer serves it. */
export interface DomainState {
  readonly domain: DomainName;
  /** `serving`, or why nothing can be asked of it yet. */
  readonly state: 'serving' | 'scanning' | 'halted';
  /** Root of the digest tree, 16 hex digits. */
  readonly digest: string;
  /** Entries, tombstones included. */
  readonly entries: number;
  /** Live files and their bytes. */
  readonly files: number;
  readonly bytes: number;
  readonly heard: Heard;
  /** Without it nothing is said of how old what the peer knows may be. */
  readonly attendance?: Attendance | undefined;
}

/** Every domain that a peer serves to us, at one moment of its feed. */
export interface DomainStates {
  readonly epoch: string;
  readonly sequence: number;
  readonly domains: readonly DomainState[];
}

/** A stretch of a peer's feed. */
export interface Changes {
  readonly epoch: string;
  /** The cursor to ask with next: everything up to here was looked at. */
  readonly sequence: number;
  /** The feed no longer covers the cursor, or the epoch is another one: compare digests instead. */
  readonly reset: boolean;
  readonly changes: readonly Change[];
  /** Domains that have become ready since: their digests are worth comparing now. */
  readonly compare?: readonly DomainName[];
  /** What {@link Peer.domains} would answer, where there is nothing new: so that nobody has to ask for it. */
  readonly states?: readonly DomainState[];
  /** By domain, valid once everything in this and earlier answers has been applied. */
  readonly heard: Readonly<Record<string, Heard>>;
}

/** One change of a peer's feed. */
export interface Change {
  readonly domain: DomainName;
  readonly entry: Entry;
}

/** A question to the feed. */
export interface ChangesQuery {
  readonly epoch: string;
  /** Cursor: the last sequence that was looked at. */
  readonly since: number;
  /** Everything up to here is applied. */
  readonly done: number;
  /** How long the peer may wait for news, in milliseconds. */
  readonly wait: number;
}

/** One file of a bundle: its bytes, or why there are none (the HTTP status that asking for it alone would get). */
export type BundleItem =
  | { readonly path: RelPath; readonly bytes: Uint8Array }
  | { readonly path: RelPath; readonly status: number };

/** One file whose content was hashed: its hash, how far that is, or why there is none (as in {@link BundleItem}). */
export type HashItem =
  | { readonly path: RelPath; readonly hash: string }
  | { readonly path: RelPath; readonly at: number }
  | { readonly path: RelPath; readonly status: number };

/** A file as it is asked for: exactly this size and date, or an error. */
export type FileRef = Pick<Entry, 'path' | 'size' | 'mtime'>;

/** Somebody to fetch from. */
export interface Source {
  readonly peer: Peer;
  /** Whether it is of this instance's site: asked before others. */
  readonly near: boolean;
}

/**
 * One peer. Every call rejects with a {@link PeerError} when the peer cannot be reached or answers something else than
 * expected; an aborted signal rejects with the signal's reason.
 */
export interface Peer {
  readonly roleid: number;
  /** Gives up whatever connections it keeps. */
  close(): void;
  self(signal: AbortSignal): Promise<PeerSelf>;
  domains(signal: AbortSignal): Promise<DomainStates>;
  /** The 16 children of each prefix (an empty child may be left out). */
  digests(domain: DomainName, prefixes: readonly string[], signal: AbortSignal): Promise<DigestNode[]>;
  /** Every entry whose path hash starts with one of the prefixes; rejects with {@link TooMuch} where that is more than may be held. */
  entriesUnder(domain: DomainName, prefixes: readonly string[], signal: AbortSignal): Promise<Entry[]>;
  /** The entries of single paths; a path without one is left out. */
  entriesAt(domain: DomainName, paths: readonly RelPath[], signal: AbortSignal): Promise<Entry[]>;
  changes(query: ChangesQuery, signal: AbortSignal): Promise<Changes>;
  /** The bytes of a file from an offset to its end. Each chunk is the reader's own. */
  file(domain: DomainName, file: FileRef, offset: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Many small files in one streamed answer, in the order asked. */
  /** Small files in the order asked for, some at a time, as they come. */
  bundle(domain: DomainName, files: readonly FileRef[], signal: AbortSignal): AsyncIterable<readonly BundleItem[]>;
  /** SHA-256 of the content of files, made for the occasion, in the order asked; of a large one, how far it is, from time to time. */
  hashes(domain: DomainName, files: readonly FileRef[], signal: AbortSignal): AsyncIterable<HashItem>;
}

/** Why a peer gave no answer. */
export class PeerError extends Error {
  override readonly name = 'PeerError';
  /** HTTP status of the answer, or 0 where there was none. */
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }

  /** The peer answered, and what was asked for is not as we thought: ask somebody else, not again. */
  get refusesItem(): boolean {
    return this.status === 404 || this.status === 409 || this.status === 412;
  }

  /** The peer has it and cannot read it: ask somebody else, or later. */
  get withholdsItem(): boolean {
    return this.status === 403;
  }
}

/** The answer has more in it than may be held: ask for less. */
export class TooMuch extends PeerError {}
