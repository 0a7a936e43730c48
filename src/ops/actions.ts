/** What operators can have done: plain data in, plain data out. Times are in milliseconds since 1970, sizes in bytes. */

/** Something in the trash. */
export interface TrashedItem {
  readonly path: string;
  /** When it was thrown away. */
  readonly at: number;
  readonly kind: string;
  readonly size: number;
  /** Its own date. */
  readonly mtime: number;
  /** `STAMP.WRITER`: tells it from others of the same path. */
  readonly version: string;
  readonly conflict: boolean;
}

/** Something that comes back. */
export interface RecoveredItem extends TrashedItem {
  readonly undoes: 'deletion' | 'replacement';
}

/** What an undo or a restore did, or would do. */
export interface Recovered {
  readonly domain: string;
  readonly dryRun: boolean;
  /** Held deletions that are undone: peers bring what was deleted. */
  readonly held: number;
  /** Items of the trash that come back. */
  readonly recovered: number;
  /** The first of them. */
  readonly items: readonly RecoveredItem[];
  /** What could not come back. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

/** What an undo is to undo. */
export interface UndoWish {
  /** What was deleted or replaced since then; nothing but what is held where it is not given. */
  readonly since?: number | undefined;
  readonly dryRun: boolean;
}

/** What a restore is to bring back. */
export interface RestoreWish {
  readonly path: string;
  /** `STAMP.WRITER`; the newest where it is not given. */
  readonly version?: string | undefined;
  readonly dryRun: boolean;
}

/** What accepting one side did. */
export interface Accepted {
  readonly domain: string;
  /** Peers that pull from this instance again. */
  readonly peers: readonly string[];
  /** Paths that were moved to the trash. */
  readonly trashed: number;
  /** What could not be: then nothing is accepted yet. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

/** Each throws an {@link ActionError} where it cannot be done. */
export interface Actions {
  /** Lets held deletions go out to the others. */
  release(domain: string): { readonly domain: string; readonly released: number };
  /** Whom to trust where this instance is a stale replica: itself, or its peers. */
  accept(domain: string, side: 'local' | 'remote'): Promise<Accepted>;
  undo(domain: string, wish: UndoWish): Promise<Recovered>;
  trash(
    domain: string,
  ): Promise<{ readonly domain: string; readonly total: number; readonly items: readonly TrashedItem[] }>;
  restore(domain: string, wish: RestoreWish): Promise<Recovered>;
  /** Looks at everything on the disk again, of one domain or of all; answers since when, by its clock. */
  rescan(domain: string | undefined): { readonly domains: readonly string[]; readonly at: number };
  /** Has a domain, or all, pull nothing until resumed; answers those that did before. */
  pause(domain: string | undefined): Promise<{ readonly paused: readonly string[] }>;
  /** Answers those that did not pull before. */
  resume(domain: string | undefined): Promise<{ readonly resumed: readonly string[] }>;
  /** Of one domain, or of all. */
  redate(domain: string | undefined): Promise<{ readonly redated: Readonly<Record<string, number>> }>;
}

/** Why something cannot be done: the thing, the reason and the next step. */
export class ActionError extends Error {
  override readonly name = 'ActionError';
  /** Of HTTP. */
  readonly status: 400 | 404 | 409 | 503;

  constructor(status: ActionError['status'], message: string) {
    super(message);
    this.status = status;
  }
}
