/** What looking is given by whoever owns the index, and what it tells in return. */
import type { Clock } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import type { HoldLimits } from '../core/holding.ts';
import type { Operation } from '../core/operation.ts';
import type { RelPath } from '../core/path.ts';
import type { Disk } from './disk.ts';
import type { DomainIndex, Identity, Kept } from './index-store.ts';
import type { Problems } from './problem.ts';

/** A local change as it goes to journal, index and feed. */
export interface LocalChange {
  readonly entry: Entry;
  readonly identity?: Identity;
  /** What the file system keeps in the place of the entry's own attributes. */
  readonly kept?: Kept;
}

/** What looking needs to know and to tell. */
export interface LookContext {
  readonly disk: Disk;
  /** The domain's directory, relative to the volume's root. */
  readonly directory: string;
  readonly index: DomainIndex;
  readonly clock: Clock;
  readonly self: number;
  readonly settleMs: number;
  readonly problems: Problems;
  /** From when on deletions are held; default: {@link HOLD_LIMITS}. */
  readonly holdLimits?: HoldLimits | undefined;
  ignored(path: RelPath): boolean;
  /** Why volume or domain are not those that were started with. */
  guard(): string | undefined;
  /** Takes changes into journal, index and feed, in one go. */
  commit(changes: readonly LocalChange[]): void;
  /** Takes what a first scan met without an entry: another one would say the same, so it need not be in the journal. */
  commitMet(changes: readonly LocalChange[]): void;
  /** Forgets paths that are on no disk here, so that peers bring them again. */
  forget(paths: readonly RelPath[]): void;
  /** Deletions are held from now on, or more of them, for a reason; or (undefined) none any more. */
  onHeld(reason: string | undefined): void;
  /** A scan found what no event had announced. */
  onDrift?(operation: Operation): void;
}
