/**
 * A replica: this instance's side of one domain. Sole owner of its index: whoever finds, applies or forgets something hands it to one
 * of the few methods at the end of this file, so that journal, cache and feed never miss a change.
 */
import type { DigestNode } from '../core/digest.ts';
import { type Entry, isLive, type Seen } from '../core/entry.ts';
import type { HoldLimits } from '../core/holding.ts';
import { type Operation, operationOf } from '../core/operation.ts';
import type { DomainName, RelPath } from '../core/path.ts';
import type { Action, View } from '../core/plan.ts';
import type { Discarded } from '../core/recovery.ts';
import type { Attendance } from '../core/retention.ts';
import { type Circumstances, type Halt, haltOf, lacksRoom, objection } from '../core/safety.ts';
import type { HoldDecision } from './announce.ts';
import type { Applied, ApplyContext, Truth } from './apply.ts';
import { Batches } from './apply-batch.ts';
import { Cache } from './cache.ts';
import { type Disk, DiskError, makeDirectories, type Reader } from './disk.ts';
import type { ScanProgress, ScanReport } from './full-scan.ts';
import { Housekeeping } from './housekeeping.ts';
import { DomainIndex, type Totals } from './index-store.ts';
import { recordOf } from './intents.ts';
import { Journal, type JournalRecord } from './journal.ts';
import { Looker } from './look.ts';
import type { LocalChange } from './look-context.ts';
import { Memory } from './memory.ts';
import { eventsOf, isConflict, type PathEvent, type Via } from './path-event.ts';
import { Problems } from './problem.ts';
import { discarded, type RecoverContext, recover, type Unrecovered } from './recover.ts';
import { redate } from './redate.ts';
import { renounce } from './renounce.ts';
import { replay } from './replay.ts';
import type { ReplicaReport } from './replica-report.ts';
import { reuse } from './reuse.ts';
import { ScanLoop, type ScanLoopOptions } from './scan-loop.ts';
import type { SmallFiles } from './small-files.ts';
import { Staging } from './staging.ts';
import { Trash } from './trash.ts';
import type { TrashArea } from './trash-keeper.ts';
import { Tree } from './tree.ts';
import { type Inlet, WriteOut } from './write-out.ts';

/** What a replica is made of. */
export interface ReplicaOptions extends Omit<ScanLoopOptions, 'onFirstScan'> {
  /** First-level directory of the volume. */
  readonly directory: string;
  /** Where staging and trash of this domain are, and its cache; relative to the volume's root. */
  readonly areas: { readonly staging: string; readonly trash: string; readonly cache: string };
  readonly disk: Disk;
  readonly self: number;
  readonly smallFiles: SmallFiles;
  readonly settleMs: number;
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
  /** The domain can be pulled and served. */
  onReady(domain: DomainName): void;
  /** The digest changed by this path; `via`: the site it was learned from. */
  onChange(domain: DomainName, path: RelPath, via: string | undefined): void;
  /** Held deletions are undone: peers have what was forgotten. */
  onForgotten(domain: DomainName): void;
  /** Told of each path as it changes; not of what a first scan meets. */
  onPath?(event: PathEvent): void;
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
  readonly #scans: ScanLoop;
  readonly #batches: Batches;
  readonly #memory: Memory;
  readonly #house: Housekeeping;
  readonly #tree: Tree;
  readonly #recovering: RecoverContext;
  #ready = false;
  #conflicts = 0;

  constructor(options: ReplicaOptions) {
    this.#is = options;
    this.domain = options.domain;
    this.directory = options.directory;
    this.problems = new Problems(({ path, class: problemClass, message }) =>
      options.onEvent('item', { domain: options.domain, path, class: problemClass, message }),
    );
    const { domain, disk, areas, clock, self, directory, fsync, smallFiles } = options;
    const index = this.#index;
    this.#journal = new Journal(disk, areas.cache);
    this.#cache = new Cache(disk, areas.cache, self, clock);
    this.#staging = new Staging(disk, areas.staging, smallFiles);
    this.#trash = new Trash(disk, areas.trash);
    this.#writeOut = new WriteOut(this.#journal, fsync);
    const tree = { disk, directory, index, clock, self, smallFiles, problems: this.problems };
    const books = { index, journal: this.#journal, cache: this.#cache, writeOut: this.#writeOut };
    this.#looker = new Looker({
      ...tree,
      settleMs: options.settleMs,
      holdLimits: options.holdLimits,
      ignored: path => options.ignored(path),
      guard: () => options.guard(),
      commit: changes => this.#commitLocal(changes),
      commitMet: changes => this.#commitMet(changes),
      forget: paths => this.#forget(paths),
      onHeld: reason => this.#onHeld(reason),
      onDrift: operation => this.#report({ did: 'drift', operation }),
    });
    this.#scans = new ScanLoop(this.#looker, { ...options, onFirstScan: () => this.#becomeReady() });
    this.#batches = new Batches({
      ...tree,
      ...books,
      fsync,
      staging: this.#staging,
      looker: this.#looker,
      guard: () => options.guard(),
      context: () => this.#applyContext(),
      record: records => this.#record(records),
      commit: (action, truths, via) => this.#commitApplied(action, truths, via),
    });
    const holdingSince = () => this.#looker.holdingSince;
    this.#memory = new Memory({ cache: this.#cache, clock, self, created: options.created, holdingSince });
    this.#house = new Housekeeping({
      ...books,
      domain,
      clock,
      retentionMs: options.retentionMs,
      memory: this.#memory,
      ready: () => this.ready,
      halted: () => this.halted,
      idle: () => this.#batches.idle(),
      unknown: () => this.#batches.unknown,
      expire: () => this.#expire(),
      onEvent: (event, fields) => options.onEvent(event, fields),
      onReport: report => this.#report(report),
    });
    this.#tree = new Tree(tree);
    this.#recovering = {
      ...tree,
      view: this,
      trash: this.#trash,
      trashArea: areas.trash,
      staging: this.#staging,
      apply: actions => this.apply(actions, () => undefined),
    };
  }

  /** Loads cache and journal, and finishes what a crash interrupted. */
  async open(): Promise<void> {
    const { disk, areas, clock, onEvent } = this.#is;
    for (const area of [areas.cache, areas.staging, areas.trash]) makeDirectories(disk, area);
    const damaged = await this.#cache.load(this.#index);
    for (const shard of damaged)
      onEvent('cache shard damaged, set aside; the scan rebuilds it', { domain: this.domain, shard });
    const holdingSince = await this.#memory.load();
    if (holdingSince !== undefined) this.#looker.holdOn(holdingSince);
    const { writtenAt } = this.#journal;
    replay(this.#journal.read(), {
      writtenAt,
      disk,
      directory: this.directory,
      index: this.#index,
      remembers: damaged.length === 0 && this.#index.totals.entries > 0,
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
    for (const path of this.#index.keptPaths()) this.#listKept(path);
    // After the replay, which takes a staged file that is gone for one that was installed.
    this.#staging.open(clock.now());
  }

  /** Looks, scans and keeps house until the signal aborts; the cache is left to {@link close}. */
  async run(signal: AbortSignal): Promise<void> {
    const parts = [this.#looker, this.#scans, this.#house, this.#batches];
    await Promise.all(parts.map(part => part.run(signal)));
  }

  /** Leaves on disk whatever the next start needs. */
  close(): Promise<void> {
    return this.#house.close();
  }

  /** Writes the cache. */
  flush(): Promise<void> {
    return this.#house.flush();
  }

  // --- what others read -------------------------------------------------------------------------

  /** Whether the first scan has ended, and is written down: before, the domain is neither pulled nor served. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Why the domain stands still, or undefined. */
  get halted(): string | undefined {
    return this.#is.guard() ?? this.#looker.halted;
  }

  /** Why the cache could not be written at the last try, or undefined. */
  get notWritten(): string | undefined {
    return this.#house.notWritten;
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
    return this.#scans.last;
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
    return this.#tree.at(path);
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
  readSmall(paths: readonly RelPath[], notAfter: number): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#tree.readSmall(paths, notAfter);
  }

  /**
   * Opens a file for serving; undefined where no file stands there. The caller compares its stat with the entry. Throws a DiskError
   * where it may not be read, and lists it.
   */
  openRead(path: RelPath): Reader | undefined {
    return this.#tree.openRead(path);
  }

  // --- heartbeats -------------------------------------------------------------------------------

  get heard(): ReadonlyMap<number, number> {
    return this.#memory.heard;
  }

  /** When this instance was there to hear and to be heard. */
  get attendance(): Attendance {
    return this.#memory.attendance;
  }

  /** Takes newer heartbeats; answers whether any was. */
  hear(beats: Iterable<readonly [origin: number, at: number]>): boolean {
    return this.#memory.hear(beats);
  }

  /** Deletions up to a date are forgotten by somebody that this instance has heard of: no deletion counts as known for being here. */
  forgot(upTo: number): void {
    this.#memory.forgot(upTo);
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
    if (failed.length === 0) this.#memory.startAnew();
    return failed;
  }

  /** Writes down what has been heard: it survives a crash. */
  remember(): Promise<void> {
    return this.#memory.save();
  }

  // --- what operators undo ----------------------------------------------------------------------

  /** What lies in the trash, of days that had not ended at `since`. */
  discarded(since = 0): Promise<Discarded[]> {
    return discarded(since, this.#recovering);
  }

  /** Brings back what was thrown away, as changes of this instance; answers what could not be. */
  recover(items: readonly Discarded[]): Promise<Unrecovered[]> {
    return recover(items, this.#recovering);
  }

  /** Where the trash of this domain is, and what was thrown into it. */
  get trash(): TrashArea {
    return { directory: this.#is.areas.trash, thrown: this.#trash.thrown };
  }

  /** Gives entries of this instance that are dated in the future a date of now; answers how many those were. */
  async redate(): Promise<number> {
    const { clock, self } = this.#is;
    const count = await redate({ index: this.#index, clock, self, commit: truths => this.#commit(truths) });
    this.#memory.putRight();
    return count;
  }

  // --- hints ------------------------------------------------------------------------------------

  /** Something may have changed at a path; `closed`: its writer has finished; `deep`: everything below may be new. */
  hint(path: RelPath, closed = false, deep = false): void {
    this.#looker.hint(path, closed, deep);
  }

  /** Events were lost, or an operator asks: scan now. */
  rescan(): void {
    this.#scans.ask();
  }

  // --- receiving --------------------------------------------------------------------------------

  /** Takes a wanted file's content from the trash or from a file here that is exactly what the origin renamed; answers whether it could. */
  reuse(entry: Entry): boolean {
    const { disk, directory } = this.#is;
    return reuse(entry, { disk, directory, index: this.#index, staging: this.#staging, trash: this.#trash });
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

  async #becomeReady(): Promise<void> {
    await this.#house.firstScanned();
    this.#ready = true;
    this.#is.onReady(this.domain);
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
    this.#house.noteHeld();
  }

  #report(report: ReplicaReport): void {
    this.#is.onReport?.(report);
  }

  // --- what changes the index, and nothing else does -------------------------------------------

  /** Something happened here. */
  #commitLocal(changes: readonly LocalChange[]): void {
    this.#record(changes.map(recordOf));
    const operations: Partial<Record<Operation, number>> = {};
    for (const change of changes) {
      const operation = operationOf(this.#index.get(change.entry.path), change.entry);
      operations[operation] = (operations[operation] ?? 0) + 1;
      this.#set(change, undefined);
      // It is newer than what no peer has any more, and nobody announces that again.
      this.problems.clear(change.entry.path, 'gone');
      this.#is.onPath?.({ domain: this.domain, did: 'made', entry: change.entry, via: undefined, conflict: false });
    }
    this.#report({ did: 'change', operations });
    try {
      this.#writeOut.renamed(changes.map(({ entry }) => entry));
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
  }

  /** A first scan met what has no entry. Until it has ended nobody hears of it: it goes to the cache alone, in one piece. */
  #commitMet(changes: readonly LocalChange[]): void {
    this.#house.owe();
    for (const change of changes) this.#set(change, undefined);
  }

  /** What an action made true goes to index, cache and feed. */
  #commitApplied(action: Action, truths: readonly Truth[], via: Via): void {
    const events = eventsOf(this.domain, action, truths, via);
    for (const [i, truth] of truths.entries()) {
      const { path } = truth.entry;
      // Where the index alone changed, what is missing from the disk is missing still.
      if (action.do !== 'record' || !isLive(truth.entry)) this.#looker.applied(path);
      this.#set(truth, events[i]!.via);
      if (!truth.kept) this.problems.clear(path);
    }
    if (isConflict(action)) this.#conflicts++;
    if (this.#is.onPath) for (const event of events) this.#is.onPath(event);
  }

  /** Entries of this instance are others now, and the disk is as it was. */
  #commit(truths: readonly Truth[]): void {
    this.#record(truths.map(recordOf));
    for (const truth of truths) this.#set(truth, undefined);
  }

  #set({ entry, identity, kept }: Truth, via: string | undefined): void {
    const news = this.#index.set(entry, identity, kept);
    if (kept) this.#listKept(entry.path);
    this.#cache.touch(entry.path);
    // Before the first scan has ended nobody is served: then the whole domain is announced.
    if (news && this.ready) this.#is.onChange(this.domain, entry.path, via);
  }

  #listKept(path: RelPath): void {
    const message = 'the file system keeps another date or mode than asked for';
    this.problems.report(path, 'attributes', message, this.#is.clock.now());
  }

  /** What is true already stays true without its line in the journal: a crash would only make it a first look. */
  #record(records: readonly JournalRecord[]): void {
    try {
      this.#journal.append(records);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#house.owe();
      this.#is.onEvent('journal not written', {
        domain: this.domain,
        reason: error.message,
        next: 'look at the volume: full, read-only or gone',
      });
    }
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

  /** Forgets deletions past the retention; answers whether there were any. */
  #expire(): boolean {
    const expired = this.#index.expire(this.#is.clock.now(), this.#is.retentionMs);
    for (const { path, mtime } of expired) {
      this.#cache.touch(path);
      this.forgot(mtime);
    }
    return expired.length > 0;
  }
}
