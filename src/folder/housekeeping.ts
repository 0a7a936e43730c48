/**
 * Housekeeping: when it is written down what a replica knows. The journal is folded into the cache once it has grown, or where the
 * index has what neither of them has; heartbeats are written now and then; deletions past the retention are forgotten.
 */
import { type Clock, Pause } from '../core/clock.ts';
import type { DomainName } from '../core/path.ts';
import { oftenWithin } from '../core/retention.ts';
import type { Cache } from './cache.ts';
import type { DomainIndex } from './index-store.ts';
import type { Intent } from './intents.ts';
import type { Journal } from './journal.ts';
import type { Memory } from './memory.ts';
import type { ReplicaReport } from './replica-report.ts';
import type { WriteOut } from './write-out.ts';

/** The journal is folded into the cache when it is larger than this: replaying it stays a matter of a second. */
const FOLD_JOURNAL_BYTES = 32 * 1024 * 1024;
/** While it grows only when it is larger than this: whoever has much to do writes no cache meanwhile. */
const FOLD_GROWING_BYTES = 2 * FOLD_JOURNAL_BYTES;
/** A smaller journal is left as it is at the end: reading it takes less than rewriting the shards that it touches. */
const KEEP_JOURNAL_BYTES = 1024 * 1024;
/** How often a fold is considered. */
const FOLD_MS = 10_000;
/** How often tombstones past the retention are looked for: every instance drops them at the same time, give or take this. */
const EXPIRE_MS = 60_000;
/** How often heartbeats are written down. A crash must not make this instance look as if it had been away for long. */
const REMEMBER_MS = 3_600_000;

/** What keeping house needs of a replica. */
export interface HousekeepingContext {
  readonly domain: DomainName;
  readonly clock: Clock;
  /** How long deletions are remembered. */
  readonly retentionMs: number;
  readonly index: DomainIndex;
  readonly journal: Journal;
  readonly cache: Cache;
  readonly memory: Memory;
  readonly writeOut: WriteOut;
  /** Whether the first scan has ended, and is written down. */
  ready(): boolean;
  /** Why the domain stands still, or undefined. */
  halted(): string | undefined;
  /** Resolves in a moment in which nothing is being applied: intents under way are in the journal alone. */
  idle(): Promise<void>;
  /** Intents of steps that failed, as long as the disk does not say what became of them. */
  unknown(): readonly Intent[];
  /** Forgets deletions past the retention; answers whether there were any. */
  expire(): boolean;
  onEvent(event: string, fields: Record<string, unknown>): void;
  onReport(report: ReplicaReport): void;
}

export class Housekeeping {
  readonly #is: HousekeepingContext;
  /** The cache is to be written soon: the index has what neither journal nor cache has, or it could not be written. */
  #unwritten = false;
  #notWritten: string | undefined;
  readonly #pause = new Pause();

  constructor(context: HousekeepingContext) {
    this.#is = context;
  }

  /** Why the cache could not be written at the last try, or undefined. */
  get notWritten(): string | undefined {
    return this.#notWritten;
  }

  /** The index has what the journal has not: the cache is written soon, and before the domain is ready. */
  owe(): void {
    this.#unwritten = true;
  }

  /** Deletions are held, more or less of them: the next start has to know that, and so the entries of a first scan too. */
  noteHeld(): void {
    const { domain, memory, onEvent } = this.#is;
    this.#pause.wake();
    // Without this it judges anew what is missing then.
    memory.save().catch(error =>
      onEvent('hold not written down', {
        domain,
        reason: String(error),
        next: 'look at the volume: full, read-only or gone; do not restart before it is well',
      }),
    );
  }

  /** A first scan has ended. What it met is in no journal: it is written down before anybody is told of it. */
  async firstScanned(): Promise<void> {
    if (this.#unwritten) await this.#fold();
  }

  /** Keeps house until the signal aborts; what is left then is for {@link close}. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, retentionMs, journal } = this.#is;
    const every = (ms: number) => oftenWithin(retentionMs, ms);
    let expireAt = 0;
    let rememberAt = clock.now() + every(REMEMBER_MS);
    let journalBytes = 0;
    while (!signal.aborted) {
      if (clock.now() >= expireAt) {
        expireAt = clock.now() + every(EXPIRE_MS);
        // Before a crash could make it look as if nothing had been forgotten; the index itself is written later.
        if (this.#is.expire()) this.#rememberSoon();
      }
      if (clock.now() >= rememberAt && this.#is.ready() && this.#is.halted() === undefined) {
        rememberAt = clock.now() + every(REMEMBER_MS);
        this.#rememberSoon();
      }
      await this.#pause.of(every(FOLD_MS), clock, signal);
      const grew = journal.bytes > journalBytes;
      journalBytes = journal.bytes;
      const atMost = grew ? FOLD_GROWING_BYTES : FOLD_JOURNAL_BYTES;
      if (signal.aborted || !this.#is.ready() || (journalBytes < atMost && !this.#unwritten)) continue;
      await this.#is.idle();
      await this.#fold();
    }
  }

  /** Leaves on disk whatever the next start needs. */
  async close(): Promise<void> {
    if (this.#unwritten || this.#is.journal.bytes > KEEP_JOURNAL_BYTES) await this.flush();
    else await this.#is.memory.save();
  }

  /** Writes the cache. */
  async flush(): Promise<void> {
    const { index, journal, cache, memory, writeOut, onReport } = this.#is;
    let result: 'ok' | 'failed' = 'failed';
    try {
      journal.rotate();
      journal.append(this.#is.unknown());
      await writeOut.renew();
      await cache.flush(index);
      await memory.save();
      journal.discardBefore();
      this.#unwritten = false;
      this.#notWritten = undefined;
      result = 'ok';
    } finally {
      onReport({ did: 'flush', result });
    }
  }

  async #fold(): Promise<void> {
    try {
      await this.flush();
    } catch (error) {
      // The journal that has grown is the one of before by now.
      this.#unwritten = true;
      if (this.#notWritten === undefined)
        this.#is.onEvent('cache not written; it is tried again', {
          domain: this.#is.domain,
          reason: String(error),
          next: 'look at the volume: full, read-only or gone',
        });
      this.#notWritten = String(error);
    }
  }

  #rememberSoon(): void {
    const { domain, memory, onEvent } = this.#is;
    memory.save().catch(error => onEvent('heartbeats not written down', { domain, reason: String(error) }));
  }
}
