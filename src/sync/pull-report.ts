/** What a cycle of pulling did, as plain numbers: the only source of metrics and logs about it. */
import type { Entry } from '../core/entry.ts';
import { type Operation, operationOfAction } from '../core/operation.ts';
import type { Action } from '../core/plan.ts';
import { newest } from '../core/version.ts';

/**
 * Why bytes of files did not travel: they were `renamed` on the disk, `copied` from the trash or from another file here, `resumed` from
 * what had come before, or `equal` already (pre-seeded: only what is known of them was exchanged).
 */
export const SAVINGS = ['renamed', 'copied', 'resumed', 'equal'] as const;
export type Saving = (typeof SAVINGS)[number];

/** A file whose date lies further before the moment at which its origin saw it was not written then, but given that date. */
const WRITTEN_LATELY_MS = 60_000;

/** One change that became visible here. */
export interface Arrival {
  /** Roleid of whoever saw it first. */
  readonly origin: number;
  /** Milliseconds since its origin saw it, by the origin's clock. */
  readonly ms: number;
  /** Milliseconds since it was made, as far as the file's date tells; else as `ms`. */
  readonly sinceWrittenMs: number;
}

export interface PullReport {
  readonly applied: number;
  readonly fetched: number;
  readonly bytes: number;
  readonly changed: number;
  readonly failed: number;
  /** Paths that were to be fetched and have to be tried again. */
  readonly retried: number;
  readonly operations: Readonly<Partial<Record<Operation, number>>>;
  /** Bytes that did not have to travel. */
  readonly saved: Readonly<Partial<Record<Saving, number>>>;
  readonly arrivals: readonly Arrival[];
  /** How long it took, milliseconds. */
  readonly ms: number;
  /** Why a transfer broke off, if one did: the newest reason. It is tried again. */
  readonly trouble?: string;
}

/** What a tally has to know to date what arrives. */
export interface Dating {
  readonly self: number;
  /** Changes made before are left out: that they arrive late says nothing of how fast this instance is. */
  readonly since: number;
  /** Clocks minus this instance's, in milliseconds, by roleid; one that is not known is taken for equal. */
  readonly skews: ReadonlyMap<number, number>;
  now(): number;
}

/** A report while it is made. */
export class Tally implements Omit<PullReport, 'ms'> {
  applied = 0;
  fetched = 0;
  bytes = 0;
  changed = 0;
  failed = 0;
  retried = 0;
  readonly operations: Partial<Record<Operation, number>> = {};
  readonly saved: Partial<Record<Saving, number>> = {};
  readonly arrivals: Arrival[] = [];
  trouble?: string;
  readonly #dating: Dating;

  constructor(dating: Dating) {
    this.#dating = dating;
  }

  /** An action was done. */
  done(action: Action): void {
    const paths = action.do === 'move' ? [action, ...action.below] : [action];
    this.applied += paths.length;
    const operation = operationOfAction(action);
    this.operations[operation] = (this.operations[operation] ?? 0) + paths.length;
    for (const { entry } of paths) {
      if (action.do === 'rename' || action.do === 'move') this.save('renamed', entry.size);
      else if (action.do === 'record' && entry.kind === 'file') this.save('equal', entry.size);
      if (action.do !== 'record') this.#arrived(entry, operation);
    }
  }

  save(saving: Saving, bytes: number): void {
    if (bytes > 0) this.saved[saving] = (this.saved[saving] ?? 0) + bytes;
  }

  #arrived(entry: Entry, operation: Operation): void {
    const { self, since, skews, now } = this.#dating;
    const { writer, stamp } = newest(entry.version);
    // Without a history nobody knows when it was seen.
    if (writer === 0 || writer === self) return;
    const skew = skews.get(writer) ?? 0;
    if (stamp - skew < since) return;
    const ms = Math.max(0, now() + skew - stamp);
    const isWritten = operation === 'create' || operation === 'update';
    const age = isWritten ? stamp - entry.mtime : 0;
    this.arrivals.push({ origin: writer, ms, sinceWrittenMs: ms + (age > 0 && age <= WRITTEN_LATELY_MS ? age : 0) });
  }
}
