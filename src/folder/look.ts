/**
 * Looking: from hints and scans to local changes.
 *
 * Events are hints, scans are reasons to look, a fresh lstat is a fact. A look and the change it leads to are one synchronous step,
 * so nothing is applied on a path between the lstat and the index. What is found
 *
 *   equal to its entry   is nothing;
 *   different            is a change once it is settled: closed by its writer, or unchanged for the settle time;
 *   missing              waits until no path of the domain has gone missing for a while, then all of it is announced together,
 *                        each renamed file with the name it had (same inode, birth time, size and date);
 *   missing with most    of its domain is held instead: it counts as absent, and is announced when an operator says so.
 */
import { type Clock, Pause } from '../core/clock.ts';
import {
  type Entry,
  entryOf,
  isEqual,
  isLive,
  isSameContent,
  type Origin,
  type Seen,
  tombstoneOf,
} from '../core/entry.ts';
import type { HoldLimits } from '../core/holding.ts';
import { observe } from '../core/observe.ts';
import { type Operation, operationOf } from '../core/operation.ts';
import { ancestorsOf, childOf, isBelow, parentOf, type RelPath } from '../core/path.ts';
import { Carried } from './carried.ts';
import { type Disk, DiskError, isNoFile, type Stat, seenOf } from './disk.ts';
import { Drift } from './drift.ts';
import { Held, type HeldPath } from './held.ts';
import type { DomainIndex, Identity } from './index-store.ts';
import { Missing } from './missing.ts';
import type { ProblemClass, Problems } from './problem.ts';
import { type Hidden, hasGone, placeOf, type Scanner } from './scan.ts';
import { Settling } from './settle.ts';
import { Sights } from './sight.ts';

/** A new directory is listed again after so long: its watch may have come later than its first files. */
const LIST_AGAIN_MS = 1_000;
/** Looks in one synchronous stretch: a few milliseconds. */
const SLICE = 256;
/** Changes announced in one synchronous stretch: some ten milliseconds, as a peer takes in one answer of the feed. */
const ANNOUNCE_SLICE = 1_000;
/** A scan waits while so many looks are due. */
const MAX_DUE = 10_000;
/** Classes of what stands in a tree and is in no index for it; where it is unreadable, but for a file, whose content is meant then. */
const NOT_MET: readonly ProblemClass[] = ['mount', 'special', 'too-long'];
const UNSEEN: readonly ProblemClass[] = ['unreadable', ...NOT_MET];
const SPECIAL = 'a pipe, a socket or a device is not synchronised; it is left alone';
const TOO_LONG =
  'its path is longer than the 3840 bytes (or the name longer than the 255) that any may have; it and what is below it is left alone: shorten it';
/** A look is taken at least so often, whatever the deadlines say. */
const PAUSE_AT_MOST_MS = 10_000;

/** A local change as it goes to journal, index and feed. */
export interface LocalChange {
  readonly entry: Entry;
  readonly identity?: Identity;
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

/** What an operator can decide about deletions that are held: they were meant, or they are to be undone. */
export type HoldDecision = 'release' | 'undo';

/** How a scan went. */
export interface ScanReport {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly paths: number;
  readonly hidden: readonly Hidden[];
  /** Why what it found missing did not count. */
  readonly objection?: string;
}

/** How far a scan under way has come. */
export interface ScanProgress {
  readonly startedAt: number;
  readonly paths: number;
  /** When it got on last (milliseconds since 1970). */
  readonly movedAt: number;
}

interface Due {
  closed: boolean;
  deep: boolean;
  first: boolean;
  /** The second listing of a new directory, which needs no third. */
  relist: boolean;
  /** A scan is the only reason. */
  scanned: boolean;
}

export class Looker {
  readonly #is: LookContext;
  readonly #due = new Map<RelPath, Due>();
  readonly #settling: Settling;
  /** Paths at which something is applied over time, and the reasons to look at them that came meanwhile. */
  readonly #applying = new Map<RelPath, Due | undefined>();
  readonly #again = new Map<RelPath, number>();
  readonly #missing = new Missing();
  readonly #carried = new Carried();
  readonly #drift: Drift;
  readonly #held: Held;
  readonly #sights: Sights;
  /** The process before this one held deletions since then: what a first look finds missing stays held. */
  #heldBefore: number | undefined;
  #decided: { readonly decision: HoldDecision; readonly paths: readonly RelPath[] } | undefined;
  #scanned = false;
  #progress: ScanProgress | undefined;
  #unread: readonly (RelPath | undefined)[] = [];
  readonly #pause = new Pause();

  constructor(context: LookContext) {
    this.#is = context;
    this.#settling = new Settling(context.settleMs);
    this.#held = new Held(context.holdLimits);
    this.#sights = new Sights(context.disk, context.directory);
    this.#drift = new Drift(operation => context.onDrift?.(operation));
  }

  /** Whether the first scan has ended: before, the domain is neither pulled nor served. */
  get ready(): boolean {
    return this.#scanned;
  }

  /** The scan under way, if there is one. */
  get progress(): ScanProgress | undefined {
    return this.#progress;
  }

  /** Why what is missing is not announced. */
  get halted(): string | undefined {
    return this.#missing.halted;
  }

  /** Something may have changed. `closed`: a writer has finished; `deep`: everything below may be new. */
  hint(path: RelPath, closed = false, deep = false): void {
    this.#drift.announced(path, deep);
    this.#enqueue(path, closed, deep && !this.#carried.isOwn(path), this.#isFirst(path));
    const now = this.#carried.placeOf(path);
    if (now !== undefined) this.#enqueue(now, closed, deep, this.#isFirst(now));
    this.#pause.wake();
  }

  /** A path is missing on disk and not announced: for a recheck it counts as absent. */
  isMissing(path: RelPath): boolean {
    return this.#missing.get(path) !== undefined || this.isHeld(path);
  }

  /** Since when the deletion of a path is held; milliseconds since 1970. */
  heldSince(path: RelPath): number | undefined {
    return this.#held.get(path)?.since;
  }

  /** The deletion of a path is held. */
  isHeld(path: RelPath): boolean {
    return this.#held.get(path) !== undefined;
  }

  /** Paths at which something was noticed that is not announced yet. */
  get unannounced(): number {
    return this.#due.size + this.#settling.size + this.#missing.size;
  }

  /** Deletions that are held. */
  get held(): Pick<Held, 'size' | 'reason' | 'first' | 'paths'> {
    return this.#held;
  }

  /** Since when deletions are held (milliseconds since 1970), as far as a next process has to know; undefined: none are. */
  get holdingSince(): number | undefined {
    return this.#held.since ?? this.#heldBefore;
  }

  /** The process before this one held deletions since then. */
  holdOn(since: number): void {
    this.#heldBefore = since;
  }

  /**
   * An operator decides about what is held now and is missing since a time (milliseconds since 1970) or later; answers how many paths
   * that are. It is done soon after.
   */
  decide(decision: HoldDecision, since = 0): number {
    const paths = this.#held.paths(since);
    this.#decided = { decision, paths };
    this.#pause.wake();
    return paths.length;
  }

  /** Something will be applied at these paths, over time: none of them is looked at until {@link resume}. */
  suspend(paths: Iterable<RelPath>): void {
    for (const path of paths) {
      this.#applying.set(path, this.#due.get(path));
      this.#due.delete(path);
    }
  }

  /** It is over. */
  resume(paths: Iterable<RelPath>): void {
    for (const path of paths) {
      const due = this.#applying.get(path);
      this.#applying.delete(path);
      if (due) this.#due.set(path, due);
    }
    if (this.#due.size > 0) this.#pause.wake();
  }

  /** Something was applied at a path: what was noticed of it before is void. */
  applied(path: RelPath): void {
    this.#drift.announced(path);
    this.#forgetMissing(path);
    this.#settling.forget(path);
    this.#missing.unmove(path);
    this.#sights.refresh();
  }

  /** A directory was moved here on a peer's behalf, with all below it. */
  carried(from: RelPath, to: RelPath): void {
    this.#carried.add(from, to, this.#is.clock.now());
  }

  /** Looks whenever there is a reason to, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#work(signal);
      const wait = Math.max(1, this.#nextDeadline() - this.#is.clock.now());
      if (this.#due.size === 0 && !signal.aborted) await this.#pause.of(wait, this.#is.clock, signal);
    }
  }

  /** A full scan; resolves when everything that it found was looked at. */
  async scan(scanner: Scanner, signal: AbortSignal): Promise<ScanReport> {
    const startedAt = this.#is.clock.now();
    this.#progress = { startedAt, paths: 0, movedAt: startedAt };
    try {
      return await this.#scan(scanner, startedAt, signal);
    } finally {
      this.#progress = undefined;
    }
  }

  async #scan(scanner: Scanner, startedAt: number, signal: AbortSignal): Promise<ScanReport> {
    const { index, clock, guard } = this.#is;
    const before = guard();
    const unknown: RelPath[] = [];
    const hidden: Hidden[] = [];
    const defer = index.totals.entries > 0;
    let paths = 0;
    index.beginScan();
    for await (const batch of scanner({ directory: this.#is.directory }, signal)) {
      paths += batch.sightings.length;
      hidden.push(...batch.hidden);
      const met: LocalChange[] = [];
      for (const { path, stat, target } of batch.sightings) {
        if (this.#is.ignored(path)) continue;
        const seen = seenOf(stat, () => target ?? '');
        if (seen && index.meet(path, seen, stat.inode, stat.birth)) {
          this.#forgetNoticed(path);
          continue;
        }
        const known = index.onDisk(path);
        // Renames can be told only once it is known what is missing.
        if (defer && !isLive(known)) unknown.push(path);
        else if (!this.#scanned && !known && seen) met.push(...this.#met(path, seen, stat));
        else this.#enqueueScanned(path);
      }
      if (met.length > 0) this.#is.commitMet(met);
      // Several batches may have come: without this they would be one long stretch.
      await clock.yield();
      await this.#drain(MAX_DUE, signal);
      this.#progress = { startedAt, paths, movedAt: clock.now() };
    }
    signal.throwIfAborted();
    const objection = before ?? guard() ?? rootObjection(hidden);
    if (objection === undefined) for (const path of this.#unmet(hidden)) this.#enqueueScanned(path);
    await this.#drain(0, signal);
    for (const path of unknown) this.#enqueueScanned(path);
    // What is in no index is not missed by a scan either.
    for (const problem of this.#is.problems.list())
      if (UNSEEN.includes(problem.class)) this.#enqueue(problem.path, false, false, this.#isFirst(problem.path));
    await this.#drain(0, signal);
    for (const { path, why } of hidden) if (path !== undefined) this.#reportHidden(path, why);
    this.#unread = hidden.map(({ path }) => path);
    if (objection === undefined) this.#scanned = true;
    this.#pause.wake();
    return { startedAt, endedAt: clock.now(), paths, hidden, ...(objection !== undefined && { objection }) };
  }

  /**
   * A path that the first scan meets without an entry. Nothing is applied before it has ended, and what changed after this lstat is
   * hinted at: it is as good as a fresh one.
   */
  #met(path: RelPath, seen: Seen, stat: Stat): LocalChange[] {
    const due: Due = { closed: false, deep: false, first: true, relist: false, scanned: true };
    if (seen.kind === 'file' && !this.#isSettled(path, stat, due)) return [];
    const change = this.#change(path, seen, stat, true);
    return change ? [change] : [];
  }

  #unmet(hidden: readonly Hidden[]): RelPath[] {
    const { index, ignored } = this.#is;
    const covered = hidden.flatMap(({ path }) => path ?? []);
    return [...index.unmet()].filter(path => !covered.some(at => at === path || isBelow(path, at)) && !ignored(path));
  }

  async #drain(target: number, signal: AbortSignal): Promise<void> {
    while (this.#due.size > target && !signal.aborted) {
      this.#slice();
      if (this.#progress) this.#progress = { ...this.#progress, movedAt: this.#is.clock.now() };
      await this.#is.clock.yield();
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    await this.#drain(0, signal);
    const now = this.#is.clock.now();
    this.#drift.tell(now);
    for (const [path, at] of this.#again) {
      // What was moved is announced first: nobody has to wait for a second look at it.
      if (at > now || this.#missing.moved.size > 0) continue;
      this.#again.delete(path);
      this.#enqueue(path, false, true, this.#isFirst(path), true);
    }
    for (const { path, first } of [...this.#settling.due(now)]) this.#enqueue(path, false, false, first);
    await this.#drain(0, signal);
    await this.#carryOut(signal);
    if (this.#held.isHollow) for (const path of this.#held.paths()) this.#reconsider(path);
    if ((this.#missing.announceAt ?? Number.POSITIVE_INFINITY) <= this.#is.clock.now()) await this.#announce(signal);
    if (this.#scanned && this.#unread.length === 0 && this.#missing.size === 0 && this.#held.size === 0)
      this.#heldBefore = undefined;
  }

  #nextDeadline(): number {
    let next = Math.min(
      this.#is.clock.now() + PAUSE_AT_MOST_MS,
      this.#missing.announceAt ?? Number.POSITIVE_INFINITY,
      this.#settling.nextAt,
    );
    if (this.#missing.moved.size === 0) for (const at of this.#again.values()) next = Math.min(next, at);
    return next;
  }

  #enqueueScanned(path: RelPath): void {
    this.#enqueue(path, false, false, this.#isFirst(path), false, true);
  }

  #enqueue(path: RelPath, closed: boolean, deep: boolean, first: boolean, relist = false, scanned = false): void {
    const at = this.#applying.has(path) ? this.#applying : this.#due;
    const due = at.get(path);
    if (!due) at.set(path, { closed, deep, first, relist, scanned });
    else {
      due.scanned &&= scanned;
      due.relist &&= relist;
      due.closed ||= closed;
      due.deep ||= deep;
      due.first ||= first;
    }
  }

  /** One synchronous stretch of looks; paths that may have gone missing first, so that a new name finds its old one. */
  #slice(): void {
    const slice: [RelPath, Due][] = [];
    for (const item of this.#due) {
      slice.push(item);
      if (slice.length === SLICE) break;
    }
    this.#sights.refresh();
    const changes: LocalChange[] = [];
    const known = slice.filter(([path]) => isLive(this.#is.index.get(path)));
    const unknown = slice.filter(([path]) => !isLive(this.#is.index.get(path)));
    for (const [path, due] of [...known, ...unknown]) {
      this.#due.delete(path);
      const change = this.#lookAt(path, due);
      if (change) changes.push(...this.#parentsOf(path), change);
    }
    if (changes.length > 0) this.#is.commit(changes);
  }

  #lookAt(path: RelPath, due: Due): LocalChange | undefined {
    if (this.#is.ignored(path)) return undefined;
    const sight = this.#sights.of(path);
    if ('hidden' in sight) {
      this.#reportHidden(path, sight.hidden);
      return undefined;
    }
    if (sight.seen === undefined) {
      this.#drifted(path, undefined, due);
      this.#notice(path, due.first);
      if (sight.isSpecial) this.#report(path, 'special', SPECIAL);
      return undefined;
    }
    const { seen, stat } = sight;
    // What a first look noticed is not looked at with success before now.
    due.first ||= this.#missing.get(path)?.first === true;
    if (this.isMissing(path)) this.#returned(path);
    const known = this.#is.index.onDisk(path);
    const same = known !== undefined && isEqual(known, seen);
    if (!same) this.#drifted(path, seen, due);
    if (known?.kind === 'directory' && seen.kind !== 'directory' && this.#is.index.liveChildren(path) > 0) {
      // What was below is announced first, so that it is known as deleted, or moved, when this takes its parent's place.
      this.#notice(path, due.first);
      return undefined;
    }
    if (seen.kind === 'directory' && (due.deep || !same)) this.#descend(path, due);
    if (same) {
      this.#standsAsKnown(path, stat);
      return undefined;
    }
    if (seen.kind === 'file' && !this.#isSettled(path, stat, due)) return undefined;
    const source = this.#sourceOf(path, seen, stat);
    if (source !== undefined) {
      this.#reconsider(source);
      this.#missing.move(path, source);
      return undefined;
    }
    return this.#change(path, seen, stat, due.first);
  }

  /** What a first look finds nobody could have announced, and what is noticed already was. */
  #drifted(path: RelPath, seen: Seen | undefined, { scanned, first }: Due): void {
    if (!scanned || first || this.isMissing(path) || this.#settling.has(path)) return;
    const was = this.#is.index.get(path);
    const now = this.#is.clock.now();
    if (seen) this.#drift.found(path, operationOf(was, entryOf(path, seen, {})), now);
    else if (isLive(was)) this.#drift.found(path, operationOf(was, tombstoneOf(was, now, {})), now);
  }

  #change(path: RelPath, seen: Seen, stat: Stat, first: boolean, from?: Origin): LocalChange | undefined {
    const { index, self, clock, problems } = this.#is;
    problems.clear(path, 'busy', 'attributes', ...UNSEEN);
    const entry = observe(path, index.onDisk(path), seen, { self, now: clock.now(), first }, from);
    return entry && { entry, identity: { inode: stat.inode, birth: stat.birth } };
  }

  #standsAsKnown(path: RelPath, stat: Stat): void {
    this.#forgetNoticed(path);
    this.#is.index.identify(path, { inode: stat.inode, birth: stat.birth });
  }

  /** The disk shows what the index says: what was noticed before is void. */
  #forgetNoticed(path: RelPath): void {
    this.#settling.forget(path);
    if (this.isMissing(path)) this.#returned(path);
    this.#is.problems.clear(path, 'busy', ...(this.#isUnreadable(path) ? NOT_MET : UNSEEN));
  }

  /** What is listed because its content could not be read is so still. */
  #isUnreadable(path: RelPath): boolean {
    if (this.#is.problems.get(path)?.class !== 'unreadable' || this.#is.index.get(path)?.kind !== 'file') return false;
    try {
      this.#is.disk.openRead(placeOf(this.#is.directory, path)).close();
      return false;
    } catch (error) {
      return error instanceof DiskError && !isNoFile(error);
    }
  }

  #descend(path: RelPath, due: Due): void {
    try {
      for (const name of this.#is.disk.list(placeOf(this.#is.directory, path)))
        this.#enqueue(childOf(path, name), false, due.deep && !due.relist, due.first);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      if (!hasGone(error)) this.#reportHidden(path, error.code);
    }
    if (!due.relist && (due.deep || !due.first)) this.#again.set(path, this.#is.clock.now() + LIST_AGAIN_MS);
  }

  #isSettled(path: RelPath, stat: Stat, { closed, first }: Due): boolean {
    const now = this.#is.clock.now();
    if (this.#settling.isSettled(path, stat, closed, first, now)) return true;
    if (this.#settling.isBusy(path, now))
      this.#is.problems.report(path, 'busy', 'it changes all the time and is announced once it stands still', now);
    return false;
  }

  /** The missing path whose file this is under a new name. */
  #sourceOf(path: RelPath, seen: Seen, stat: Stat): RelPath | undefined {
    const source = this.#missing.ofInode(stat.inode) ?? this.#held.ofInode(stat.inode);
    const old = source !== undefined && source !== path ? this.#is.index.get(source) : undefined;
    if (!old || !(seen.kind === 'directory' ? old.kind === 'directory' : isSameContent(old, seen))) return undefined;
    return this.#is.index.identity(old.path)?.birth === stat.birth ? source : undefined;
  }

  #notice(path: RelPath, first: boolean): void {
    this.#settling.forget(path);
    this.#is.problems.clear(path, 'busy', 'attributes', ...UNSEEN);
    const known = this.#is.index.get(path);
    if (!isLive(known) || this.isMissing(path)) return;
    this.#miss(known, first);
    // Its parents gone, everything below is gone.
    if (known.kind === 'directory') for (const entry of this.#is.index.liveBelow(path)) this.#miss(entry, first);
  }

  #miss({ path, kind }: Entry, first: boolean): void {
    if (this.isMissing(path)) return;
    const missing = { since: this.#is.clock.now(), first, isFile: kind === 'file' };
    this.#missing.add(path, missing, this.#is.index.identity(path)?.inode);
  }

  #returned(path: RelPath): void {
    this.#missing.returned(this.#is.clock.now());
    this.#forgetMissing(path);
  }

  #forgetMissing(path: RelPath): void {
    if (this.#missing.size > 0) this.#missing.delete(path, this.#is.index.identity(path)?.inode);
    this.#letGo(path);
  }

  /** A path is held no more; answers what it was. */
  #letGo(path: RelPath): HeldPath | undefined {
    const held = this.#held.delete(path);
    if (held && this.#held.size === 0) {
      this.#heldBefore = undefined;
      this.#is.onHeld(undefined);
    }
    return held;
  }

  /** What was held is missing like anything else again. */
  #reconsider(path: RelPath): void {
    const held = this.#letGo(path);
    if (held) this.#missing.add(path, { since: held.since, first: false, isFile: held.kind === 'file' }, held.inode);
  }

  /** Announces what is still missing, and what was found of it under another name; or holds it. */
  async #announce(signal: AbortSignal): Promise<void> {
    const objection = this.#is.guard();
    if (objection !== undefined) {
      this.#missing.halt(objection, this.#is.clock.now());
      return;
    }
    this.#missing.resume();
    // Directory by directory, so that a peer finds together what it can move as a whole.
    const moved = this.#missing.takeMoved().sort(([a], [b]) => (a < b ? -1 : 1));
    const left = new Map<RelPath, number>();
    await this.#announceAll(moved, ([path, source]) => this.#announceMove(path, source, left), signal);
    const paths = this.#missing.paths();
    const { files, unseen } = this.#missing;
    const now = this.#is.clock.now();
    const reason =
      this.#heldBefore !== undefined && unseen
        ? 'deletions were held when this instance stopped, and these files are still missing'
        : this.#held.judge({ files: this.#is.index.totals.files, missing: files, unseen }, now);
    if (files > 0) this.#held.note(files, now, reason);
    await this.#announceAll(paths, path => this.#announceOrHold(path, reason), signal);
    if (reason !== undefined) this.#is.onHeld(reason);
  }

  /** A directory cannot go while anything below it is held. */
  #announceOrHold(path: RelPath, reason: string | undefined): LocalChange[] {
    if (reason === undefined && !this.#held.isAbove(path)) return this.#announceGone(path);
    const missing = this.#missing.get(path);
    const known = this.#is.index.get(path);
    if (!missing || !isLive(known)) return [];
    const inode = this.#is.index.identity(path)?.inode ?? 0;
    const since = missing.first ? Math.min(missing.since, this.#heldBefore ?? missing.since) : missing.since;
    this.#missing.delete(path, inode);
    this.#held.add(path, { since, kind: known.kind, inode });
    return [];
  }

  /** Does what an operator has decided about what is held. */
  async #carryOut(signal: AbortSignal): Promise<void> {
    if (!this.#decided || this.#is.guard() !== undefined) return;
    const { decision, paths } = this.#decided;
    this.#decided = undefined;
    for (let start = 0; start < paths.length && !signal.aborted; start += SLICE) {
      this.#sights.refresh();
      const gone = paths.slice(start, start + SLICE).flatMap(path => this.#takeHeld(path));
      if (gone.length > 0) {
        if (decision === 'undo') this.#is.forget(gone.map(({ entry }) => entry.path));
        else this.#is.commit(gone);
      }
      await this.#is.clock.yield();
    }
  }

  /** A path that is held no more: what its deletion is, if it is gone indeed. */
  #takeHeld(path: RelPath): LocalChange[] {
    const { index, self } = this.#is;
    const sight = this.#sights.of(path);
    if (!this.isHeld(path) || 'hidden' in sight) return [];
    const { since } = this.#letGo(path)!;
    if (sight.seen) {
      this.#enqueue(path, false, true, false);
      return [];
    }
    const entry = observe(path, index.get(path), undefined, { self, now: since, first: false });
    return entry ? [{ entry }] : [];
  }

  async #announceAll<T>(items: readonly T[], announce: (item: T) => LocalChange[], signal: AbortSignal): Promise<void> {
    for (let start = 0; start < items.length && !signal.aborted; start += ANNOUNCE_SLICE) {
      this.#sights.refresh();
      const changes = items.slice(start, start + ANNOUNCE_SLICE).flatMap(announce);
      if (changes.length > 0) this.#is.commit(changes);
      await this.#is.clock.yield();
    }
  }

  /**
   * A new name, then the old one; and the directory of the old one as soon as nothing is left in it (`left`: how much is). The old
   * directory itself goes after what was in it.
   */
  #announceMove(path: RelPath, source: RelPath, left: Map<RelPath, number>): LocalChange[] {
    const isDirectory = this.#is.index.get(source)?.kind === 'directory';
    const changes = this.#announceMoved(path, source);
    if (isDirectory && this.#is.index.liveChildren(source) > 0) return changes;
    changes.push(...this.#announceGone(source));
    if (!this.#missing.get(source)) this.#announceEmptied(parentOf(source), left, changes);
    return changes;
  }

  #announceEmptied(directory: RelPath | undefined, left: Map<RelPath, number>, changes: LocalChange[]): void {
    if (directory === undefined || !this.#missing.get(directory)) return;
    const count = (left.get(directory) ?? this.#is.index.liveChildren(directory)) - 1;
    left.set(directory, count);
    if (count > 0) return;
    changes.push(...this.#announceGone(directory));
    if (!this.#missing.get(directory)) this.#announceEmptied(parentOf(directory), left, changes);
  }

  /** Directories that were found under another name, and are to be announced with what was in them: before anything new in them. */
  #parentsOf(path: RelPath): LocalChange[] {
    if (this.#missing.moved.size === 0) return [];
    return [...ancestorsOf(path)].reverse().flatMap(parent => {
      const source = this.#missing.moved.get(parent);
      if (source === undefined) return [];
      this.#missing.unmove(parent);
      return this.#announceMoved(parent, source);
    });
  }

  #announceMoved(path: RelPath, source: RelPath): LocalChange[] {
    const old = this.#is.index.get(source);
    const sight = this.#sights.of(path);
    const missing = this.#missing.get(source);
    const isMove = missing !== undefined && isLive(old) && !this.#isThere(source);
    // A directory asserts nothing: it is there, and what is in it is announced next.
    if ('hidden' in sight || !sight.seen || (!isMove && sight.seen.kind !== 'directory')) {
      this.#enqueue(path, true, false, this.#isFirst(path));
      return [];
    }
    const from = isMove && isSameContent(old, sight.seen) ? { path: source, version: old.version } : undefined;
    const first = missing?.first ?? this.#isFirst(path);
    const change = this.#change(path, sight.seen, sight.stat, first, from);
    return change ? [change] : [];
  }

  #announceGone(path: RelPath): LocalChange[] {
    const { index, self } = this.#is;
    const missing = this.#missing.get(path);
    if (!missing) return [];
    const sight = this.#sights.of(path);
    if ('hidden' in sight) return [];
    this.#forgetMissing(path);
    if (sight.seen) {
      this.#enqueue(path, false, true, missing.first);
      return [];
    }
    const entry = observe(path, index.get(path), undefined, { self, now: missing.since, first: missing.first });
    return entry ? [{ entry }] : [];
  }

  #isThere(path: RelPath): boolean {
    const sight = this.#sights.of(path);
    return 'hidden' in sight || sight.seen !== undefined;
  }

  #reportHidden(path: RelPath, why: string): void {
    if (why === 'mount') this.#report(path, 'mount', 'another file system is mounted here; its subtree is left alone');
    else if (why === 'too-long') this.#report(path, 'too-long', TOO_LONG);
    else
      this.#report(path, 'unreadable', `cannot be read (${why}); it and what is below it is left alone until it can`);
  }

  #report(path: RelPath, problemClass: ProblemClass, message: string): void {
    this.#is.problems.report(path, problemClass, message, this.#is.clock.now());
  }

  #isFirst(path: RelPath): boolean {
    return !this.#scanned || this.#unread.some(at => at === undefined || at === path || isBelow(path, at));
  }
}

function rootObjection(hidden: readonly Hidden[]): string | undefined {
  const root = hidden.find(({ path }) => path === undefined);
  return root && `its directory cannot be read (${root.why}): bring it back, or remove the domain from this site`;
}
