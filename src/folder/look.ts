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
import { Pause } from '../core/clock.ts';
import { entryOf, isEqual, isLive, type Seen, tombstoneOf } from '../core/entry.ts';
import { operationOf } from '../core/operation.ts';
import { childOf, type RelPath } from '../core/path.ts';
import { Absence } from './absence.ts';
import { Announcer, type HoldDecision } from './announce.ts';
import { Carried } from './carried.ts';
import { DiskError, type Stat } from './disk.ts';
import { Drift } from './drift.ts';
import { FirstLooks } from './first-look.ts';
import { FullScan, type ScanProgress, type ScanReport } from './full-scan.ts';
import type { LocalChange, LookContext } from './look-context.ts';
import { Obstacles } from './obstacles.ts';
import { CLOSED, DEEP, FIRST, HINTED, isOf, RELISTED, type Reason, Reasons, SCANNED } from './reasons.ts';
import { hasGone, placeOf, type Scanner } from './scan.ts';
import { Settling } from './settle.ts';
import { type Sight, Sights } from './sight.ts';

/** Looks in one synchronous stretch: a few milliseconds. */
const SLICE = 256;
/** A look is taken at least so often, whatever the deadlines say. */
const PAUSE_AT_MOST_MS = 10_000;

export class Looker {
  readonly #is: LookContext;
  readonly #firsts = new FirstLooks();
  readonly #reasons = new Reasons(this.#firsts);
  readonly #carried = new Carried();
  readonly #settling: Settling;
  readonly #drift: Drift;
  readonly #sights: Sights;
  readonly #obstacles: Obstacles;
  readonly #absence: Absence;
  readonly #announcer: Announcer;
  readonly #fullScan: FullScan;
  readonly #pause = new Pause();

  constructor(context: LookContext) {
    this.#is = context;
    this.#settling = new Settling(context.settleMs);
    this.#drift = new Drift(operation => context.onDrift?.(operation));
    this.#sights = new Sights(context.disk, context.directory);
    this.#obstacles = new Obstacles(context);
    this.#absence = new Absence({ ...context, sights: this.#sights });
    const parts = { firsts: this.#firsts, obstacles: this.#obstacles, reasons: this.#reasons };
    this.#announcer = new Announcer({ ...context, ...parts, absence: this.#absence, sights: this.#sights });
    this.#fullScan = new FullScan({
      ...context,
      ...parts,
      drain: (target, signal) => this.#drain(target, signal),
      standsAsKnown: path => this.#scannedAsKnown(path),
      met: (path, seen, stat) =>
        seen.kind === 'file' && !this.#isSettled(path, stat, SCANNED | FIRST)
          ? undefined
          : this.#announcer.found(path, seen, stat, true),
    });
  }

  /** Whether the first scan has ended. */
  get ready(): boolean {
    return this.#firsts.scanned;
  }

  /** The scan under way, if there is one. */
  get progress(): ScanProgress | undefined {
    return this.#fullScan.progress;
  }

  /** Why what is missing is not announced. */
  get halted(): string | undefined {
    return this.#absence.missing.halted;
  }

  /** Something may have changed. `closed`: a writer has finished; `deep`: everything below may be new. */
  hint(path: RelPath, closed = false, deep = false): void {
    this.#drift.announced(path, deep);
    const reason = HINTED | (closed ? CLOSED : 0);
    this.#reasons.add(path, deep && !this.#carried.isOwn(path) ? reason | DEEP : reason);
    const now = this.#carried.placeOf(path);
    if (now !== undefined) this.#reasons.add(now, deep ? reason | DEEP : reason);
    this.#pause.wake();
  }

  /** A path is missing on disk and not announced: for a recheck it counts as absent. */
  isMissing(path: RelPath): boolean {
    return this.#absence.has(path);
  }

  /** Since when the deletion of a path is held; milliseconds since 1970. */
  heldSince(path: RelPath): number | undefined {
    return this.#absence.held.get(path)?.since;
  }

  /** The deletion of a path is held. */
  isHeld(path: RelPath): boolean {
    return this.#absence.held.get(path) !== undefined;
  }

  /** Paths at which something was noticed that is not announced yet. */
  get unannounced(): number {
    return this.#reasons.size + this.#settling.size + this.#absence.missing.size;
  }

  /** Deletions that are held. */
  get held(): Absence['held'] {
    return this.#absence.held;
  }

  /** Since when deletions are held (milliseconds since 1970), as far as a next process has to know; undefined: none are. */
  get holdingSince(): number | undefined {
    return this.#absence.holdingSince;
  }

  /** The process before this one held deletions since then. */
  holdOn(since: number): void {
    this.#absence.holdOn(since);
  }

  /**
   * An operator decides about what is held now and is missing since a time (milliseconds since 1970) or later; answers how many paths
   * that are. It is done soon after.
   */
  decide(decision: HoldDecision, since = 0): number {
    const count = this.#announcer.decide(decision, since);
    this.#pause.wake();
    return count;
  }

  /** Something will be applied at these paths, over time: none of them is looked at until {@link resume}. */
  suspend(paths: Iterable<RelPath>): void {
    this.#reasons.suspend(paths);
  }

  /** It is over. */
  resume(paths: Iterable<RelPath>): void {
    this.#reasons.resume(paths);
    if (this.#reasons.size > 0) this.#pause.wake();
  }

  /** Something was applied at a path: what was noticed of it before is void. */
  applied(path: RelPath): void {
    this.#drift.announced(path);
    this.#firsts.looked(path);
    this.#absence.applied(path);
    this.#settling.forget(path);
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
      if (this.#reasons.size === 0 && !signal.aborted) await this.#pause.of(wait, this.#is.clock, signal);
    }
  }

  /** A full scan; resolves when everything that it found was looked at. */
  async scan(scanner: Scanner, signal: AbortSignal): Promise<ScanReport> {
    const report = await this.#fullScan.run(scanner, signal);
    this.#pause.wake();
    return report;
  }

  async #drain(target: number, signal: AbortSignal): Promise<void> {
    while (this.#reasons.size > target && !signal.aborted) {
      this.#slice();
      this.#fullScan.movedOn();
      await this.#is.clock.yield();
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    await this.#drain(0, signal);
    const now = this.#is.clock.now();
    this.#drift.tell(now);
    // What was moved is announced first: nobody has to wait for a second look at it.
    if (this.#absence.missing.moved.size === 0) this.#reasons.relist(now);
    for (const { path, first } of [...this.#settling.due(now)]) this.#reasons.add(path, HINTED, first);
    await this.#drain(0, signal);
    await this.#announcer.carryOut(signal);
    this.#absence.reconsiderHollow();
    if ((this.#absence.missing.announceAt ?? Number.POSITIVE_INFINITY) <= this.#is.clock.now())
      await this.#announcer.announce(signal);
    if (this.#firsts.areOver) this.#absence.seenAll();
  }

  #nextDeadline(): number {
    return Math.min(
      this.#is.clock.now() + PAUSE_AT_MOST_MS,
      this.#absence.missing.announceAt ?? Number.POSITIVE_INFINITY,
      this.#settling.nextAt,
      this.#absence.missing.moved.size === 0 ? this.#reasons.relistAt : Number.POSITIVE_INFINITY,
    );
  }

  /** One synchronous stretch of looks; paths that may have gone missing first, so that a new name finds its old one. */
  #slice(): void {
    const { ignored, index, commit } = this.#is;
    this.#sights.refresh();
    const known: [RelPath, Sight][] = [];
    const unknown: [RelPath, Sight][] = [];
    for (const path of this.#reasons.first(SLICE)) {
      const sight = ignored(path) ? undefined : this.#sights.of(path);
      if (!sight || this.#isNothing(path, sight)) this.#reasons.take(path);
      else (isLive(index.get(path)) ? known : unknown).push([path, sight]);
    }
    const changes: LocalChange[] = [];
    for (const [path, sight] of [...known, ...unknown]) {
      const change = this.#lookAt(path, sight, this.#reasons.take(path));
      if (change) changes.push(...this.#announcer.parentsOf(path), change);
    }
    if (changes.length > 0) commit(changes);
  }

  /**
   * Whether the disk shows what the index says, and nothing follows from that. Most looks end here: all that is applied comes back as an
   * event. So it makes no object. What it tells the index is true of a scan too: something stands there now.
   */
  #isNothing(path: RelPath, sight: Sight): boolean {
    if ('hidden' in sight || !sight.seen) return false;
    const { seen, stat } = sight;
    if (isOf(DEEP, this.#reasons.of(path)) || this.isMissing(path)) return false;
    if (!this.#is.index.meet(path, seen, stat.inode, stat.birth)) return false;
    this.#standsAsKnown(path);
    return true;
  }

  #lookAt(path: RelPath, sight: Sight, reason: Reason): LocalChange | undefined {
    if ('hidden' in sight) {
      // What an event told of has happened while this process ran; what a scan met may be old, and is so still when it can be read.
      if (isOf(FIRST, reason) && isOf(SCANNED, reason)) this.#firsts.lost(path);
      this.#obstacles.hidden(path, sight.hidden);
      return undefined;
    }
    this.#firsts.looked(path);
    if (sight.seen === undefined) {
      this.#drifted(path, undefined, reason);
      this.#notice(path, reason);
      if (sight.isSpecial) this.#obstacles.special(path);
      return undefined;
    }
    const { seen, stat } = sight;
    // What a first look noticed is not looked at with success before now.
    const { missing } = this.#absence;
    if (missing.get(path)?.first || missing.moved.get(path)?.first) reason |= FIRST;
    const known = this.#is.index.onDisk(path);
    const same = known !== undefined && isEqual(known, seen);
    if (!same) this.#drifted(path, seen, reason);
    if (known?.kind === 'directory' && seen.kind !== 'directory' && this.#is.index.liveChildren(path) > 0) {
      // What was below is announced first, so that it is known as deleted, or moved, when this takes its parent's place. Until then the
      // directory is absent, and remembers whether it was a first look that saw this.
      this.#notice(path, reason);
      return undefined;
    }
    this.#absence.returned(path);
    if (seen.kind === 'directory' && (isOf(DEEP, reason) || !same)) this.#descend(path, reason);
    if (same) {
      this.#standsAsKnown(path);
      this.#is.index.identify(path, { inode: stat.inode, birth: stat.birth });
      return undefined;
    }
    if (seen.kind === 'file' && !this.#isSettled(path, stat, reason)) return undefined;
    if (this.#absence.finds(path, seen, stat, isOf(FIRST, reason))) return undefined;
    // It is announced now, by itself.
    this.#absence.takeMovedTo(path);
    return this.#announcer.found(path, seen, stat, isOf(FIRST, reason));
  }

  /** What a first look finds nobody could have announced, and what is noticed already was. */
  #drifted(path: RelPath, seen: Seen | undefined, reason: Reason): void {
    if (reason !== SCANNED || this.isMissing(path) || this.#settling.has(path)) return;
    const was = this.#is.index.get(path);
    const now = this.#is.clock.now();
    if (seen) this.#drift.found(path, operationOf(was, entryOf(path, seen, {})), now);
    else if (isLive(was)) this.#drift.found(path, operationOf(was, tombstoneOf(was, now, {})), now);
  }

  /** A scan saw there what the index says; where a look has noticed something else, that may have been before, and is looked at again. */
  #scannedAsKnown(path: RelPath): void {
    if (this.isMissing(path) || this.#settling.has(path)) this.#reasons.add(path, SCANNED);
    else this.#standsAsKnown(path);
  }

  /** The disk shows what the index says: what was noticed before is void. */
  #standsAsKnown(path: RelPath): void {
    this.#firsts.looked(path);
    this.#settling.forget(path);
    this.#absence.returned(path);
    this.#obstacles.standsAsKnown(path);
  }

  #notice(path: RelPath, reason: Reason): void {
    this.#settling.forget(path);
    this.#obstacles.changed(path);
    this.#absence.notice(path, isOf(FIRST, reason));
  }

  /** What is in a directory is due. */
  #descend(path: RelPath, reason: Reason): void {
    const deep = isOf(DEEP, reason);
    const first = isOf(FIRST, reason);
    const isSecond = !isOf(HINTED | SCANNED, reason);
    try {
      for (const name of this.#is.disk.list(placeOf(this.#is.directory, path))) {
        const child = childOf(path, name);
        // It comes up for its own second listing: with another reason it would have a third.
        if (isSecond && isOf(RELISTED, this.#reasons.of(child))) continue;
        this.#reasons.add(child, deep && !isSecond ? HINTED | DEEP : HINTED, first);
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      if (!hasGone(error)) this.#obstacles.hidden(path, error.code);
    }
    if (!isSecond && (deep || !first)) this.#reasons.listed(path, this.#is.clock.now());
  }

  #isSettled(path: RelPath, stat: Stat, reason: Reason): boolean {
    const now = this.#is.clock.now();
    if (this.#settling.isSettled(path, stat, isOf(CLOSED, reason), isOf(FIRST, reason), now)) return true;
    if (this.#settling.isBusy(path, now)) this.#obstacles.busy(path);
    return false;
  }
}
