/**
 * A replica: this instance's side of one domain. Sole owner of its index; whatever changes the index goes through `#commit`, so
 * that journal, cache and feed never miss a change.
 */
import { type Clock, MAX_SKEW_MS, Pause, type Random } from '../core/clock.ts';
import { type DigestNode, MAX_PREFIX } from '../core/digest.ts';
import { type Entry, isEqual, isLive, isSameContent, type Seen } from '../core/entry.ts';
import type { HoldLimits } from '../core/holding.ts';
import { redated } from '../core/observe.ts';
import { type Operation, operationOf } from '../core/operation.ts';
import { type DomainName, parentOf, type RelPath } from '../core/path.ts';
import type { Action, View } from '../core/plan.ts';
import type { Discarded } from '../core/recovery.ts';
import { type Attendance, oftenWithin } from '../core/retention.ts';
import { type Circumstances, type Halt, haltOf, lacksRoom, objection } from '../core/safety.ts';
import { sameVersion } from '../core/version.ts';
import type { Applied, ApplyContext, Truth } from './apply.ts';
import { Batches, type Via } from './apply-batch.ts';
import { Cache } from './cache.ts';
import { type Disk, DiskError, isNoFile, makeDirectories, type Reader, seenOf } from './disk.ts';
import { DomainIndex, type Totals } from './index-store.ts';
import { learnedOf, recordOf } from './intents.ts';
import { Journal, type JournalRecord } from './journal.ts';
import { type HoldDecision, type LocalChange, Looker, type ScanProgress, type ScanReport } from './look.ts';
import { Problems } from './problem.ts';
import { recover, type Unrecovered } from './recover.ts';
import { renounce } from './renounce.ts';
import { hasParents, replay } from './replay.ts';
import type { ReplicaReport, ScanResult, ScanTrigger } from './replica-report.ts';
import { parentPlacesIn, placeOf, type Scanner } from './scan.ts';
import type { SmallFiles } from './small-files.ts';
import { Staging } from './staging.ts';
import { hashName, Trash } from './trash.ts';
import { itemsIn, type KnownPaths } from './trash-items.ts';
import type { TrashArea } from './trash-keeper.ts';
import { type Inlet, WriteOut } from './write-out.ts';

/** The journal is folded into the cache when it is larger than this: replaying it stays a matter of a second. */
const FOLD_JOURNAL_BYTES = 32 * 1024 * 1024;
/** A smaller journal is left as it is at the end: reading it takes less than rewriting the shards that it touches. */
const KEEP_JOURNAL_BYTES = 1024 * 1024;
/** How often a fold is considered, and a halted or missing domain looked at again. */
const HOUSEKEEPING_MS = 10_000;
/** How often tombstones past the retention are looked for: every instance drops them at the same time, give or take this. */
const EXPIRE_MS = 60_000;
/** How often heartbeats are written down. A crash must not make this instance look as if it had been away for long. */
const REMEMBER_MS = 3_600_000;
/** Entries looked at, or given a date, in one synchronous stretch: some milliseconds. */
const SLICE = 64;

/** Something that became true of a path. */
export interface PathEvent {
  readonly domain: DomainName;
  /** `made` on this server's disk, or `pulled` from a peer. */
  readonly did: 'made' | 'pulled';
  readonly entry: Entry;
  /** The site that it was learned from; undefined: made here. */
  readonly via: string | undefined;
  /** What stood here was changed without knowledge of it, and is in the trash. */
  readonly conflict: boolean;
}

/** What a replica is made of. */
export interface ReplicaOptions {
  readonly domain: DomainName;
  /** First-level directory of the volume. */
  readonly directory: string;
  /** Where staging and trash of this domain are, and its cache; relative to the volume's root. */
  readonly areas: { readonly staging: string; readonly trash: string; readonly cache: string };
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly self: number;
  readonly scanner: Scanner;
  readonly smallFiles: SmallFiles;
  readonly settleMs: number;
  readonly scanIntervalMs: number;
  readonly fsync: 'batch' | 'file' | 'off';
  /** From when on deletions are held; default: {@link HOLD_LIMITS}. */
  readonly holdLimits?: HoldLimits;
  /** How long deletions are remembered. */
  readonly retentionMs: number;
  /** When the volume was made, milliseconds since 1970. */
  readonly created: number;
  ignored(path: RelPath): boolean;
  /** Why volume or domain are not those that were started with. */
  guard(): string | undefined;
  /** What must hold for pulling. */
  circumstances(): Circumstances;
  /** The digest changed by this path; `via`: the site it was learned from. */
  onChange(domain: DomainName, path: RelPath, via: string | undefined): void;
  /** The first scan has ended: the domain can be pulled and served. */
  onReady(domain: DomainName): void;
  /** Held deletions are undone: peers have what was forgotten. */
  onForgotten(domain: DomainName): void;
  onEvent(event: string, fields: Record<string, unknown>): void;
  /** Told of each path as it changes; not of what a first scan meets. */
  onPath?(event: PathEvent): void;
  /** Told of each scan that has ended. */
  onScan?(domain: DomainName, report: ScanReport): void;
  onReport?(report: ReplicaReport): void;
}

export class Replica implements View {
  readonly domain: DomainName;
  readonly directory: string;
  readonly problems: Problems;
  readonly #is: ReplicaOptions;
  readonly #index = new DomainIndex();
  readonly #journal: Journal;
  readonly #cache: Cache;
  readonly #staging: Staging;
  readonly #trash: Trash;
  readonly #writeOut: WriteOut;
  readonly #looker: Looker;
  readonly #batches: Batches;
  #heard = new Map<number, number>();
  #attendance: Attendance;
  #lastScan: ScanReport | undefined;
  #conflicts = 0;
  /** The last writing of what is kept besides the entries. */
  #remembered: Promise<void> = Promise.resolve();
  /** The cache is to be written soon: the index has what neither journal nor cache has, or it could not be written. */
  #unwritten = false;
  #notWritten: string | undefined;
  #rescan = false;
  #trigger: ScanTrigger = 'start';
  readonly #pause = new Pause();
  readonly #housePause = new Pause();

  constructor(options: ReplicaOptions) {
    this.#is = options;
    this.domain = options.domain;
    this.directory = options.directory;
    this.problems = new Problems(({ path, class: problemClass, message }) =>
      options.onEvent('item', { domain: options.domain, path, class: problemClass, message }),
    );
    const { disk, areas, clock, self, directory } = options;
    this.#attendance = { created: options.created, before: 0, since: clock.now(), forgotten: clock.now() };
    this.#journal = new Journal(disk, areas.cache);
    this.#cache = new Cache(disk, areas.cache, self, clock);
    this.#staging = new Staging(disk, areas.staging, options.smallFiles);
    this.#trash = new Trash(disk, areas.trash);
    this.#writeOut = new WriteOut(this.#journal, options.fsync);
    this.#looker = new Looker({
      disk,
      directory,
      index: this.#index,
      clock,
      self,
      settleMs: options.settleMs,
      problems: this.problems,
      holdLimits: options.holdLimits,
      ignored: path => options.ignored(path),
      guard: () => options.guard(),
      commit: changes => this.#commitLocal(changes),
      commitMet: changes => this.#commitMet(changes),
      forget: paths => this.#forget(paths),
      onHeld: reason => this.#onHeld(reason),
      onDrift: operation => this.#report({ did: 'drift', operation }),
    });
    this.#batches = new Batches({
      disk,
      directory,
      clock,
      fsync: options.fsync,
      smallFiles: options.smallFiles,
      index: this.#index,
      journal: this.#journal,
      staging: this.#staging,
      writeOut: this.#writeOut,
      looker: this.#looker,
      context: () => this.#applyContext(),
      record: records => this.#record(records),
      commit: (action, truths, via) => this.#commitApplied(action, truths, via),
    });
  }

  /** Loads cache and journal, and finishes what a crash interrupted. */
  async open(): Promise<void> {
    const { disk, areas, clock, onEvent } = this.#is;
    for (const area of [areas.cache, areas.staging, areas.trash]) makeDirectories(disk, area);
    for (const shard of await this.#cache.load(this.#index))
      onEvent('cache shard damaged, set aside; the scan rebuilds it', { domain: this.domain, shard });
    const memory = await this.#cache.loadMemory();
    this.#heard = new Map(Object.entries(memory.heard).map(([origin, at]) => [Number(origin), at]));
    this.#attendance = {
      created: this.#is.created,
      before: this.#heard.get(this.#is.self) ?? 0,
      since: clock.now(),
      // Who remembers nothing may have forgotten anything.
      forgotten: memory.forgotten ?? clock.now(),
    };
    if (memory.holdingSince !== undefined) this.#looker.holdOn(memory.holdingSince);
    const index = this.#index;
    replay(this.#journal.read(), {
      disk,
      directory: this.directory,
      index,
      staged: entry => this.#staging.place(entry),
      setAside: (place, entry) => {
        this.#trash.take(place, entry, false, clock.now());
        onEvent('a file was left short by a loss of power: it is in the trash, and comes again', {
          domain: this.domain,
          path: entry.path,
        });
      },
      touch: path => this.#cache.touch(path),
    });
    // After the replay, which takes a staged file that is gone for one that was installed.
    this.#staging.open(clock.now());
  }

  /** Looks, scans and keeps house until the signal aborts; the cache is left to {@link close}. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#looker.run(signal), this.#scanLoop(signal), this.#keepHouse(signal)]);
  }

  /** Leaves on disk whatever the next start needs. */
  async close(): Promise<void> {
    if (this.#unwritten || this.#journal.bytes > KEEP_JOURNAL_BYTES) await this.flush();
    else await this.#saveMemory();
  }

  /** Writes the cache. */
  async flush(): Promise<void> {
    let result: 'ok' | 'failed' = 'failed';
    try {
      this.#journal.rotate();
      await this.#writeOut.renew();
      await this.#cache.flush(this.#index);
      await this.#saveMemory();
      this.#journal.discardBefore();
      this.#unwritten = false;
      this.#notWritten = undefined;
      result = 'ok';
    } finally {
      this.#report({ did: 'flush', result });
    }
  }

  /** One after the other: they write the same file. */
  #saveMemory(): Promise<void> {
    this.#remembered = this.#remembered
      .catch(() => {})
      .then(() => {
        const { holdingSince } = this.#looker;
        const heard = Object.fromEntries(this.#heard);
        const { forgotten } = this.#attendance;
        return this.#cache.saveMemory({ heard, forgotten, ...(holdingSince !== undefined && { holdingSince }) });
      });
    return this.#remembered;
  }

  // --- what others read -------------------------------------------------------------------------

  /** Whether the first scan has ended: before, the domain is neither pulled nor served. */
  get ready(): boolean {
    return this.#looker.ready;
  }

  /** Why the domain stands still, or undefined. */
  get halted(): string | undefined {
    return this.#is.guard() ?? this.#looker.halted;
  }

  /** Why the cache could not be written at the last try, or undefined. */
  get notWritten(): string | undefined {
    return this.#notWritten;
  }

  /** Why nothing may be pulled now, or undefined. */
  objection(): string | undefined {
    return this.#looker.halted ?? objection(this.#is.circumstances());
  }

  /** What stops the domain, or undefined. */
  get haltedBy(): Halt | undefined {
    return this.#looker.halted !== undefined ? 'volume' : haltOf(this.#is.circumstances());
  }

  /** Why there is no room for so many bytes more, or undefined. */
  lacksRoom(bytes: number): string | undefined {
    return lacksRoom(bytes, this.#is.circumstances());
  }

  get totals(): Totals {
    return this.#index.totals;
  }

  get digest(): string {
    return this.#index.digest;
  }

  /** The scan under way, if there is one. */
  get scanning(): ScanProgress | undefined {
    return this.#looker.progress;
  }

  get lastScan(): ScanReport | undefined {
    return this.#lastScan;
  }

  /** Losers of conflicts since start. */
  get conflicts(): number {
    return this.#conflicts;
  }

  get(path: RelPath): Entry | undefined {
    return this.#index.get(path);
  }

  liveChildren(directory: RelPath): number {
    return this.#index.liveChildren(directory);
  }

  liveBelow(directory: RelPath): Iterable<Entry> {
    return this.#index.liveBelow(directory);
  }

  entries(): Iterable<Entry> {
    return this.#index.entries();
  }

  /** The inodes of the directories that the last scan met. */
  directoryInodes(): Iterable<number> {
    return this.#index.directoryInodes();
  }

  children(prefixes: readonly string[]): DigestNode[] {
    return this.#index.children(prefixes);
  }

  under(prefixes: readonly string[]): Iterable<Entry> {
    return this.#index.under(prefixes);
  }

  /** Whether a path is ignored by the network's patterns. */
  ignores(path: RelPath): boolean {
    return this.#is.ignored(path);
  }

  /** What stands on the disk at a path now: `other` for a kind that is not synchronised, undefined for nothing. Throws a DiskError. */
  stands(path: RelPath): Seen | 'other' | undefined {
    const { disk } = this.#is;
    if (!hasParents(disk, this.directory, path)) return undefined;
    const place = placeOf(this.directory, path);
    const stat = disk.lstat(place);
    return stat && (seenOf(stat, () => disk.readlink(place)) ?? 'other');
  }

  /** Since when the deletion of a path is held (milliseconds since 1970), or undefined. */
  heldSince(path: RelPath): number | undefined {
    return this.#looker.heldSince(path);
  }

  /** Paths at which something was noticed that is not announced yet. */
  get unannounced(): number {
    return this.#looker.unannounced;
  }

  /** The bytes of small files as the index has them; undefined for a file that is not plainly so, which {@link openRead} tells more of. */
  async readSmall(paths: readonly RelPath[], notAfter: number): Promise<readonly (Uint8Array | undefined)[]> {
    const parentsOf = parentPlacesIn(this.directory);
    const copies = paths.map(path => {
      const { size, mtime } = this.#index.get(path)!;
      return { parents: parentsOf(path), place: placeOf(this.directory, path), size, mtime };
    });
    const contents = await this.#is.smallFiles.read(copies, notAfter);
    for (const [i, path] of paths.entries()) if (contents[i]) this.problems.clear(path, 'unreadable');
    return contents;
  }

  /**
   * Opens a file for serving; undefined where no file stands there. The caller compares its stat with the entry. Throws a DiskError
   * where it may not be read, and lists it.
   */
  openRead(path: RelPath): Reader | undefined {
    const { disk, clock } = this.#is;
    if (!hasParents(disk, this.directory, path)) return undefined;
    try {
      const reader = disk.openRead(placeOf(this.directory, path));
      this.problems.clear(path, 'unreadable');
      return reader;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      if (isNoFile(error)) return undefined;
      this.problems.report(path, 'unreadable', unreadableText(error), clock.now());
      throw error;
    }
  }

  // --- heartbeats -------------------------------------------------------------------------------

  get heard(): ReadonlyMap<number, number> {
    return this.#heard;
  }

  /** When this instance was there to hear and to be heard. */
  get attendance(): Attendance {
    return this.#attendance;
  }

  /** Takes newer heartbeats; answers whether any was. */
  hear(beats: Iterable<readonly [origin: number, at: number]>): boolean {
    let news = false;
    // One that is further ahead than any clock may be is of a clock that was put right since: nothing true would ever be newer.
    const latest = this.#is.clock.now() + MAX_SKEW_MS;
    for (const [origin, at] of beats) {
      const known = this.#heard.get(origin);
      if (known !== undefined && known <= latest && at <= known) continue;
      this.#heard.set(origin, at);
      news = true;
    }
    return news;
  }

  /** Deletions up to a date are forgotten by somebody that this instance has heard of: no deletion counts as known for being here. */
  forgot(upTo: number): void {
    const forgotten = Math.max(this.#attendance.forgotten, Math.min(upTo, this.#is.clock.now()));
    this.#attendance = { ...this.#attendance, forgotten };
  }

  // --- deletions that are held ------------------------------------------------------------------

  /** Whether the deletion of a path is held: its content is not here. */
  isHeld(path: RelPath): boolean {
    return this.#looker.isHeld(path);
  }

  /** Deletions that are held, and why. */
  get held(): Looker['held'] {
    return this.#looker.held;
  }

  /** Announces what is held, or forgets it, so that peers bring it again; answers how many paths that are. It is done soon after. */
  decideHeld(decision: HoldDecision, since?: number): number {
    return this.#looker.decide(decision, since);
  }

  // --- replicas that were away for long ---------------------------------------------------------

  /** Moves entries to the trash and forgets them; answers those that stay, and why. */
  async renounce(entries: readonly Entry[]): Promise<Unrecovered[]> {
    const failed = await renounce(entries, {
      index: this.#index,
      looker: this.#looker,
      clock: this.#is.clock,
      context: () => this.#applyContext(),
      write: records => this.#journal.append(records),
      record: records => this.#record(records),
      drop: path => {
        this.#drop(path);
        this.problems.clear(path);
      },
    });
    // It has nothing left that others would have to have heard of.
    if (failed.length === 0) this.#attendance = { ...this.#attendance, before: 0, since: this.#is.clock.now() };
    return failed;
  }

  /** Writes down what has been heard: it survives a crash. */
  remember(): Promise<void> {
    return this.#saveMemory();
  }

  // --- what operators undo ----------------------------------------------------------------------

  /** What lies in the trash, of days that had not ended at `since`. */
  async discarded(since = 0): Promise<Discarded[]> {
    const known: KnownPaths = {
      has: path => this.#index.get(path) !== undefined,
      ofHash: (hash, parent) =>
        [...this.#index.under([hash.slice(0, MAX_PREFIX)])].find(
          ({ path }) => parentOf(path) === parent && hashName(path) === hash,
        )?.path,
    };
    const items: Discarded[] = [];
    for (const item of itemsIn(this.#is.disk, this.#is.areas.trash, since, known)) {
      items.push(item);
      if (items.length % SLICE === 0) await this.#is.clock.yield();
    }
    return items;
  }

  /** Brings back what was thrown away, as changes of this instance; answers what could not be. */
  async recover(items: readonly Discarded[]): Promise<Unrecovered[]> {
    const { clock, self } = this.#is;
    const apply = (actions: readonly Action[]) => this.apply(actions, () => undefined);
    const failed = await recover(items, { view: this, staging: this.#staging, clock, self, apply });
    const left = new Set(failed.map(({ path }) => path));
    for (const { path, seen } of items) if (!left.has(path)) this.#trash.takenOut(seen.size);
    return failed;
  }

  /** Where the trash of this domain is, and what was thrown into it. */
  get trash(): TrashArea {
    return { directory: this.#is.areas.trash, thrown: this.#trash.thrown };
  }

  /** Gives entries of this instance that are dated in the future a date of now; answers how many those were. */
  async redate(): Promise<number> {
    const { clock, self } = this.#is;
    const ahead: RelPath[] = [];
    for (const entry of this.#index.entries()) if (redated(entry, self, clock.now())) ahead.push(entry.path);
    for (let start = 0; start < ahead.length; start += SLICE) {
      const slice = ahead.slice(start, start + SLICE).flatMap(path => {
        const entry = redated(this.#index.get(path)!, self, clock.now());
        const kept = this.#index.kept(path);
        return entry ? { entry, ...(kept && { kept }) } : [];
      });
      this.#record(slice.map(recordOf));
      for (const { entry, kept } of slice) this.#set({ entry }, kept, undefined);
      await clock.yield();
    }
    // Until then this instance would seem to have been heard of in the future.
    if ((this.#heard.get(self) ?? 0) > clock.now()) this.#heard.set(self, clock.now());
    return ahead.length;
  }

  /** Forgets what is not here: no deletion, but as if it had never been here. */
  #forget(paths: readonly RelPath[]): void {
    this.#record(paths.map(drop => ({ drop })));
    for (const path of paths) this.#drop(path);
    this.#is.onForgotten(this.domain);
  }

  #drop(path: RelPath): void {
    this.#index.drop(path);
    this.#cache.touch(path);
  }

  #onHeld(reason: string | undefined): void {
    const { domain, onEvent } = this.#is;
    if (reason === undefined) onEvent('no deletions are held any more', { domain });
    else
      onEvent('deletions are held: nothing of them is deleted elsewhere', {
        domain,
        held: this.held.size,
        reason,
        next: `if they were meant: dfsync release --domain ${domain}; if not: dfsync undo --held --domain ${domain}, or put the files back`,
      });
    // What is held has to be known to the next start, the entries of a first scan too.
    this.#housePause.wake();
    // Without this it judges anew what is missing then.
    this.#saveMemory().catch(error =>
      onEvent('hold not written down', {
        domain,
        reason: String(error),
        next: 'look at the volume: full, read-only or gone; do not restart before it is well',
      }),
    );
  }

  // --- hints ------------------------------------------------------------------------------------

  /** Something may have changed at a path; `closed`: its writer has finished; `deep`: everything below may be new. */
  hint(path: RelPath, closed = false, deep = false): void {
    this.#looker.hint(path, closed, deep);
  }

  /** Events were lost, or an operator asks: scan now. */
  rescan(): void {
    this.#rescan = true;
    this.#pause.wake();
  }

  // --- receiving --------------------------------------------------------------------------------

  /** Takes a wanted file's content from the trash or from a file here that is exactly what the origin renamed; answers whether it could. */
  reuse(entry: Entry): boolean {
    if (!entry.from) return false;
    const thrown = this.#trash.find(entry.from, entry);
    if (thrown !== undefined) {
      this.#staging.copy(entry, thrown);
      return true;
    }
    const known = this.#index.get(entry.from.path);
    if (!isLive(known) || !sameVersion(known.version, entry.from.version)) return false;
    const place = placeOf(this.directory, known.path);
    const stat = this.#is.disk.lstat(place);
    const seen = stat && seenOf(stat, () => '');
    if (!seen || !isEqual(this.#index.onDisk(known.path)!, seen) || !isSameContent(seen, entry)) return false;
    this.#staging.copy(entry, place);
    return true;
  }

  /** Bytes of a wanted file that are staged already. */
  received(entry: Entry): number {
    return this.#staging.received(entry);
  }

  /** Stages small files; answers for each why it could not be, or undefined. */
  put(files: readonly { readonly entry: Entry; readonly bytes: Uint8Array }[]): Promise<(DiskError | undefined)[]> {
    return this.#staging.put(files);
  }

  /** Goes on staging a large file. Throws a DiskError. */
  append(entry: Entry): Inlet {
    return this.#writeOut.receive(
      entry,
      () => this.#staging.append(entry),
      () => this.#staging.writtenOut(entry),
    );
  }

  /** Drops what was staged of a file that is not wanted any more. */
  discard(entry: Entry): void {
    this.#staging.discard(entry);
  }

  /** Applies actions in order; every answer is in the index before it is given. `via`: the site a path was learned from. */
  apply(actions: readonly Action[], via: Via): Promise<Applied[]> {
    return this.#batches.apply(actions, via);
  }

  #applyContext(): ApplyContext {
    return {
      disk: this.#is.disk,
      directory: this.directory,
      index: this.#index,
      staging: this.#staging,
      trash: this.#trash,
      self: this.#is.self,
      directories: new Map(),
      now: () => this.#is.clock.now(),
      ignored: path => this.#is.ignored(path),
      isMissing: path => this.#looker.isMissing(path),
      isHeld: path => this.#looker.isHeld(path),
    };
  }

  /** What is true already stays true without its line in the journal: a crash would only make it a first look. */
  #record(records: readonly JournalRecord[]): void {
    try {
      this.#journal.append(records);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#is.onEvent('journal not written', {
        domain: this.domain,
        reason: error.message,
        next: 'look at the volume: full, read-only or gone',
      });
    }
  }

  /** What an action made true goes to index, cache and feed. */
  #commitApplied(action: Action, truths: readonly Truth[], via: Via): void {
    const learned = new Set(learnedOf(action));
    const site = via(action.entry.path);
    for (const { entry, identity, kept } of truths) {
      // Where the index alone changed, what is missing from the disk is missing still.
      if (action.do !== 'record' || !isLive(entry)) this.#looker.applied(entry.path);
      // What this instance adds of its own is news to its own site too.
      const own = !learned.has(entry);
      this.#set({ entry, ...(identity && { identity }) }, kept, own ? undefined : (via(entry.path) ?? site));
      if (kept)
        this.problems.report(
          entry.path,
          'attributes',
          'the file system keeps another date or mode than asked for',
          this.#is.clock.now(),
        );
      else this.problems.clear(entry.path);
    }
    const conflict = 'conflict' in action && action.conflict && isLive(action.was);
    if (conflict) this.#conflicts++;
    if (!this.#is.onPath) return;
    for (const { entry } of truths) {
      const own = !learned.has(entry);
      const isLoser = conflict && entry === action.entry;
      this.#is.onPath({
        domain: this.domain,
        did: own ? 'made' : 'pulled',
        entry,
        via: own ? undefined : (via(entry.path) ?? site),
        conflict: isLoser,
      });
    }
  }

  #commitLocal(changes: readonly LocalChange[]): void {
    this.#record(changes.map(recordOf));
    const operations: Partial<Record<Operation, number>> = {};
    for (const change of changes) {
      const operation = operationOf(this.#index.get(change.entry.path), change.entry);
      operations[operation] = (operations[operation] ?? 0) + 1;
      this.#set(change, undefined, undefined);
      this.#is.onPath?.({ domain: this.domain, did: 'made', entry: change.entry, via: undefined, conflict: false });
    }
    this.#report({ did: 'change', operations });
    try {
      this.#writeOut.renamed(changes.map(({ entry }) => entry));
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  #report(report: ReplicaReport): void {
    this.#is.onReport?.(report);
  }

  #commitMet(changes: readonly LocalChange[]): void {
    this.#unwritten = true;
    for (const change of changes) this.#set(change, undefined, undefined);
  }

  #set({ entry, identity }: LocalChange, kept: Truth['kept'], via: string | undefined): void {
    const news = this.#index.set(entry, identity, kept);
    this.#cache.touch(entry.path);
    // Before the first scan has ended nobody is served: then the whole domain is announced.
    if (news && this.ready) this.#is.onChange(this.domain, entry.path, via);
  }

  async #scanLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#rescan = false;
      const startedAt = this.#is.clock.now();
      const result = await this.#scanOnce(signal);
      if (signal.aborted) return;
      this.#report({ did: 'scan', trigger: this.#trigger, result, ms: this.#is.clock.now() - startedAt });
      const { scanIntervalMs, random } = this.#is;
      // Varied, so that the instances of a site do not scan a shared storage at once.
      const interval = scanIntervalMs * (0.75 + random() / 2);
      if (!this.#rescan)
        await this.#pause.of(
          this.#lastScan?.objection === undefined ? interval : HOUSEKEEPING_MS,
          this.#is.clock,
          signal,
        );
      this.#trigger = this.#rescan ? 'lost-events' : result === 'ok' ? 'interval' : 'retry';
    }
  }

  async #scanOnce(signal: AbortSignal): Promise<ScanResult> {
    const wasReady = this.ready;
    try {
      const report = await this.#looker.scan(this.#is.scanner, signal);
      if (report.objection !== undefined && report.objection !== this.#lastScan?.objection)
        this.#is.onEvent('scan does not count', {
          domain: this.domain,
          reason: report.objection,
          next: 'heal that; it is scanned again in ten seconds',
        });
      this.#lastScan = report;
      this.#is.onScan?.(this.domain, report);
      if (this.ready && !wasReady) this.#is.onReady(this.domain);
      return report.objection === undefined ? 'ok' : 'objected';
    } catch (error) {
      if (signal.aborted) return 'failed';
      this.#is.onEvent('scan failed', {
        domain: this.domain,
        reason: String(error),
        next: 'look at the volume; it is scanned again in ten seconds',
      });
      await this.#is.clock.sleep(HOUSEKEEPING_MS, signal);
      return 'failed';
    }
  }

  #expire(): void {
    const expired = this.#index.expire(this.#is.clock.now(), this.#is.retentionMs);
    for (const { path, mtime } of expired) {
      this.#cache.touch(path);
      this.forgot(mtime);
    }
    // Before a crash could make it look as if nothing had been forgotten; the index itself is written later.
    if (expired.length > 0) this.#rememberSoon();
  }

  #rememberSoon(): void {
    this.remember().catch(error =>
      this.#is.onEvent('heartbeats not written down', { domain: this.domain, reason: String(error) }),
    );
  }

  async #keepHouse(signal: AbortSignal): Promise<void> {
    const { clock, onEvent, retentionMs } = this.#is;
    const every = (ms: number) => oftenWithin(retentionMs, ms);
    let expireAt = 0;
    let rememberAt = clock.now() + every(REMEMBER_MS);
    while (!signal.aborted) {
      if (clock.now() >= expireAt) {
        expireAt = clock.now() + every(EXPIRE_MS);
        this.#expire();
      }
      if (clock.now() >= rememberAt && this.ready && this.halted === undefined) {
        rememberAt = clock.now() + every(REMEMBER_MS);
        this.#rememberSoon();
      }
      await this.#housePause.of(every(HOUSEKEEPING_MS), clock, signal);
      if (signal.aborted || !this.ready || (this.#journal.bytes < FOLD_JOURNAL_BYTES && !this.#unwritten)) continue;
      await this.#batches.idle();
      try {
        await this.flush();
      } catch (error) {
        // The journal that has grown is the one of before by now.
        this.#unwritten = true;
        if (this.#notWritten === undefined)
          onEvent('cache not written; it is tried again', {
            domain: this.domain,
            reason: String(error),
            next: 'look at the volume: full, read-only or gone',
          });
        this.#notWritten = String(error);
      }
    }
  }
}

function unreadableText({ code }: DiskError): string {
  return `its content cannot be read (${code}), so no peer can have it: give the user of this instance permission; it is tried again when a peer asks`;
}
