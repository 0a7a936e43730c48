/** What syncing needs of this instance's side of a domain. `folder/replica.ts` is one. */
import type { DigestNode } from '../core/digest.ts';
import type { Entry, Seen } from '../core/entry.ts';
import type { DomainName, RelPath } from '../core/path.ts';
import type { Action, View } from '../core/plan.ts';
import type { Attendance } from '../core/retention.ts';

/** How an action went; see `folder/apply.ts`. */
export type ActionResult =
  | { readonly result: 'done'; readonly truths: readonly { readonly entry: Entry }[] }
  | { readonly result: 'changed'; readonly look: readonly RelPath[] }
  | { readonly result: 'failed'; readonly code: string; readonly message: string };

/** A file on its way in. */
export interface Inlet {
  readonly size: number;
  /** Writes parts one after the other. */
  write(...parts: Uint8Array[]): Promise<void>;
  /** Brings what was written to the disk, where that is wanted at all. */
  sync(): Promise<void>;
  /** All of the file is written: resolves when it may appear under its name. */
  end(): Promise<void>;
  /** A file that was not ended may be gone on with. */
  close(): void;
}

/** A file on its way out. */
export interface Outlet {
  stat(): { readonly kind: string } & Pick<Seen, 'size' | 'mtime'>;
  read(into: Uint8Array, position: number): Promise<number>;
  close(): void;
}

/** One domain on this instance's disk, with its index. */
export interface Folder extends View {
  readonly domain: DomainName;
  /** Whether the first scan has ended, and is written down: before, the domain is neither pulled nor served. */
  readonly ready: boolean;
  /** Why the domain stands still. */
  readonly halted: string | undefined;
  readonly digest: string;
  readonly totals: {
    readonly entries: number;
    readonly tombstones: number;
    readonly files: number;
    readonly bytes: number;
  };
  readonly heard: ReadonlyMap<number, number>;
  /** When this instance was there to hear and to be heard. */
  readonly attendance: Attendance;
  hear(beats: Iterable<readonly [origin: number, at: number]>): boolean;
  /** Somebody that this instance has heard of has forgotten deletions up to a date (milliseconds since 1970). */
  forgot(upTo: number): void;
  children(prefixes: readonly string[]): DigestNode[];
  /** Some at a time: each is as it is when it is its turn. */
  under(prefixes: readonly string[]): Iterable<Entry>;
  ignores(path: RelPath): boolean;
  /** Looks at a path again. */
  hint(path: RelPath): void;
  /** Why nothing may be pulled now. */
  objection(): string | undefined;
  /** Why there is no room for so many bytes more. */
  lacksRoom(bytes: number): string | undefined;
  /** A file, open for serving; undefined where none stands there. Throws where it may not be read. */
  openRead(path: RelPath): Outlet | undefined;
  /**
   * The bytes of small files that the index has; undefined for one that is not plainly as the index says, or whose date is after
   * `notAfter` (milliseconds since 1970).
   */
  readSmall(paths: readonly RelPath[], notAfter: number): Promise<readonly (Uint8Array | undefined)[]>;
  reuse(entry: Entry): boolean;
  received(entry: Entry): number;
  /** Stages small files; answers for each why the disk refused it, or undefined. */
  put(files: readonly { readonly entry: Entry; readonly bytes: Uint8Array }[]): Promise<readonly (Error | undefined)[]>;
  append(entry: Entry): Inlet;
  discard(entry: Entry): void;
  /**
   * Moves entries to the trash and forgets them; answers those that stay, and why. Where none does, this instance counts as one
   * that starts anew.
   */
  renounce(entries: readonly Entry[]): Promise<readonly { readonly path: RelPath; readonly reason: string }[]>;
  /** Writes down what has been heard. */
  remember(): Promise<void>;
  apply(actions: readonly Action[], via: (path: RelPath) => string | undefined): Promise<ActionResult[]>;
  readonly problems: {
    report(
      path: RelPath,
      problemClass: 'clock' | 'gone' | 'waiting' | 'transfer' | 'unwritable' | 'refused',
      message: string,
      now: number,
    ): void;
    clear(path: RelPath, ...classes: ('clock' | 'gone' | 'waiting' | 'transfer' | 'unwritable' | 'refused')[]): void;
  };
}
