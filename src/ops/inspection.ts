/** What operators can look into: plain data. Times are in milliseconds since 1970, sizes in bytes. */
import type { Difference } from '../core/difference.ts';
import type { Entry } from '../core/entry.ts';

/** A path that is not everywhere as it should be, as this instance sees it. */
export interface Mismatch {
  readonly path: string;
  /** `held`: its deletion here is held. `error`: it is not in order here, see `problem` and `message`. */
  readonly class: Exclude<Difference, 'memory'> | 'held' | 'error';
  readonly since: number;
  /** Of an error: what kind. */
  readonly problem?: string;
  readonly message?: string;
  /** When it is tried again; absent where only a person, or a peer, can help. */
  readonly nextTry?: number;
  /** Peers that have it (missing, older), or that lack it (extra, newer). */
  readonly peers: readonly string[];
}

/** The mismatches of a domain. */
export interface DomainMismatches {
  readonly domain: string;
  readonly directory: string;
  readonly state: string;
  readonly reason?: string;
  readonly total: number;
  /** The first of them. */
  readonly mismatches: readonly Mismatch[];
}

/** What one instance says of a path. */
export interface Opinion {
  readonly peer: string;
  readonly roleid: number;
  readonly site: string;
  readonly self: boolean;
  /** Absent where it knows nothing of the path, or did not answer. */
  readonly entry?: Omit<Entry, 'path'>;
  /** Who changed it last, by its newest mark; `nobody` where that is not known. */
  readonly writer?: string;
  readonly changedAt?: number;
  /** Why it did not answer. */
  readonly error?: string;
  /** It has what wins. */
  readonly wins: boolean;
  /** By which rule it loses. */
  readonly rule?: string;
}

/** An instance of the domain that this one has no link to, and so cannot ask. */
export interface UnaskedInstance {
  readonly peer: string;
  readonly roleid: number;
  readonly site: string;
  readonly server: string;
  /** Servers whose instances ask it, the nearest first. */
  readonly askOn: readonly string[];
  /** Up to when all that was changed there is here. */
  readonly heard?: number;
}

/** Everything that is known of one path. */
export interface Why {
  readonly domain: string;
  readonly directory: string;
  readonly path: string;
  /** In sentences, the most important first. */
  readonly says: readonly string[];
  /** What stands on this instance's disk now. */
  readonly disk: { readonly kind: string; readonly size?: number; readonly mtime?: number; readonly mode?: number };
  readonly opinions: readonly Opinion[];
  readonly unasked: readonly UnaskedInstance[];
  readonly ignoredBy?: string;
  readonly heldSince?: number;
  readonly problem?: { readonly class: string; readonly message: string; readonly since: number };
  /** It is to come here. */
  readonly want?: {
    readonly peers: readonly string[];
    readonly since: number;
    readonly tries: number;
    readonly nextTry: number;
    readonly transferring: boolean;
  };
}

/** What a verification tells while it runs, one JSON object a line. */
export type VerifyLine =
  | { readonly progress: VerifyProgress }
  | {
      readonly difference: {
        readonly domain: string;
        readonly path: string;
        readonly peer: string;
        readonly class: Exclude<Difference, 'memory'> | 'content';
      };
    }
  | { readonly result: VerifyResult };

/** How far it is. */
export interface VerifyProgress {
  readonly domain: string;
  readonly phase: 'scan' | 'index' | 'content';
  /** Hashed so far, of all. */
  readonly files: number;
  readonly bytes: number;
  readonly ofFiles: number;
  readonly ofBytes: number;
}

/** How it ended. */
export interface VerifyResult {
  /** Every peer was asked and has the same; what is not asked is listed. */
  readonly equal: boolean;
  readonly domains: readonly {
    readonly domain: string;
    readonly files: number;
    readonly bytes: number;
    /** Files of this instance whose content was hashed. */
    readonly hashed: number;
    /** Why the domain was not looked at. */
    readonly reason?: string;
    readonly peers: readonly {
      readonly peer: string;
      readonly different: number;
      readonly memory: number;
      readonly unchecked: number;
      readonly reason?: string;
    }[];
    readonly unasked: readonly UnaskedInstance[];
  }[];
}

/** Each throws an `ActionError` where it cannot be done. */
export interface Inspection {
  /** Of one domain, or of all. */
  mismatches(domain: string | undefined): readonly DomainMismatches[];
  /** Of a path below `:SYNC`: the domain's directory, or its name, and the path in it. */
  why(path: string, signal: AbortSignal): Promise<Why>;
  /** Tells until it is done, or the signal aborts. One at a time. */
  verify(
    wish: { readonly domain?: string | undefined; readonly content: boolean },
    tell: (line: VerifyLine) => void,
    signal: AbortSignal,
  ): Promise<void>;
}
