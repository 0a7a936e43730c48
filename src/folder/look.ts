/**
 * Looking: from hints and scans to local changes.
 *
 * Events are hints, scans are reasons to look, a fresh lstat is a fact. A look and the change it leads to are one synchronous step,
 * so nothing is applied on a path between the lstat and the index. What is found
 *
 *   equal to its entry   is nothing;
 *   different            is a change once it is settled: closed by its writer, or unchanged for the settle time;
 *   missing              waits until no path of the domain has gone missing for a while, then all of it is announced together,
 *                        each renamed file with the name it had (same inode, birth time, size and date).
 */
import type { Clock } from '../core/clock.ts';
import { type Entry, isEqual, isLive, isSameContent, type Origin, type Seen } from '../core/entry.ts';
import { observe } from '../core/observe.ts';
import { ancestorsOf, childOf, isBelow, type RelPath } from '../core/path.ts';
import { emptied } from '../core/safety.ts';
import { type Disk, DiskError, type Stat, seenOf } from './disk.ts';
import type { DomainIndex, Identity } from './index-store.ts';
import type { Problems } from './problem.ts';
import { type Hidden, placeOf, type Scanner } from './scan.ts';

/** Missing paths are announced when none has gone missing for so long: an editor's save and a moved tree never show as absence … */
export const MISSING_QUIET_MS = 250;
/** … but at the latest so long after the first. */
export const MISSING_AT_MOST_MS = 10_000;
/** After a domain was halted as emptied, files must have stopped coming back for so long before what is still missing counts. */
export const RECOVERY_MS = 60_000;
/** A new directory is listed again after so long: its watch may have come later than its first files. */
const LIST_AGAIN_MS = 1_000;
/** Looks in one synchronous stretch: a few milliseconds. */
const SLICE = 256;
/** A scan waits while so many looks are due. */
const MAX_DUE = 10_000;
/** A file that has not settled for so long is listed as busy. */
const BUSY_MS = 10_000;

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
  ignored(path: RelPath): boolean;
  /** Why volume or domain are not those that were started with. */
  guard(): string | undefined;
  /** Takes changes into journal, index and feed, in one go. */
  commit(changes: readonly LocalChange[]): void;
}

/** How a scan went. */
export interface ScanReport {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly paths: number;
  readonly hidden: readonly Hidden[];
  /** Why what it found missing did not count. */
  readonly objection?: string;
}

interface Due {
  closed: boolean;
  deep: boolean;
  first: boolean;
  /** The second listing of a new directory, which needs no third. */
  relist: boolean;
}

interface Unsettled {
  readonly first: boolean;
  readonly signature: string;
  /** Since when the signature stands. */
  readonly since: number;
  readonly noticed: number;
}

interface Missing {
  readonly since: number;
  readonly first: boolean;
}

type Sight = { readonly seen: Seen | undefined; readonly stat?: Stat } | { readonly hidden: string };

export class Looker {
  readonly #is: LookContext;
  readonly #due = new Map<RelPath, Due>();
  readonly #unsettled = new Map<RelPath, Unsettled>();
  readonly #again = new Map<RelPath, number>();
  readonly #missing = new Map<RelPath, Missing>();
  readonly #missingByInode = new Map<number, RelPath>();
  /** New files whose old name is missing: announced together. */
  readonly #moved = new Map<RelPath, RelPath>();
  #lastMissing = 0;
  #scanned = false;
  #unread: readonly (RelPath | undefined)[] = [];
  #halted: { reason: string; since: number } | undefined;
  #wake = () => {};
  #parents = new Map<RelPath, string>();

  constructor(context: LookContext) {
    this.#is = context;
  }

  /** Whether the first scan has ended: before, the domain is neither pulled nor served. */
  get ready(): boolean {
    return this.#scanned;
  }

  /** Why what is missing is not announced. */
  get halted(): string | undefined {
    return this.#halted?.reason;
  }

  /** Something may have changed. `closed`: a writer has finished; `deep`: everything below may be new. */
  hint(path: RelPath, closed = false, deep = false): void {
    this.#enqueue(path, closed, deep, this.#isFirst(path));
    this.#wake();
  }

  /** A path is missing on disk and not announced yet: for a recheck it counts as absent. */
  isMissing(path: RelPath): boolean {
    return this.#missing.has(path);
  }

  /** Something was applied at a path: what was noticed of it before is void. */
  applied(path: RelPath): void {
    this.#forgetMissing(path);
    this.#unsettled.delete(path);
    this.#moved.delete(path);
    this.#parents.clear();
  }

  /** Looks whenever there is a reason to, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#work(signal);
      const wait = Math.max(1, this.#nextDeadline() - this.#is.clock.now());
      if (this.#due.size === 0 && !signal.aborted) await this.#pause(wait, signal);
    }
  }

  /** A full scan; resolves when everything that it found was looked at. */
  async scan(scanner: Scanner, signal: AbortSignal): Promise<ScanReport> {
    const { index, clock, guard } = this.#is;
    const startedAt = clock.now();
    const before = guard();
    const unknown: RelPath[] = [];
    const hidden: Hidden[] = [];
    const defer = index.totals.entries > 0;
    let paths = 0;
    index.beginScan();
    for await (const batch of scanner({ directory: this.#is.directory }, signal)) {
      paths += batch.sightings.length;
      hidden.push(...batch.hidden);
      for (const { path, stat, target } of batch.sightings) {
        if (this.#is.ignored(path)) continue;
        const known = index.onDisk(path);
        index.met(path);
        const seen = seenOf(stat, () => target ?? '');
        if (known && seen && isEqual(known, seen)) this.#standsAsKnown(path, stat);
        // Renames can be told only once it is known what is missing.
        else if (defer && !isLive(known)) unknown.push(path);
        else this.#enqueue(path, false, false, this.#isFirst(path));
      }
      await this.#drain(MAX_DUE, signal);
    }
    signal.throwIfAborted();
    const objection = before ?? guard() ?? rootObjection(hidden);
    if (objection === undefined)
      for (const path of this.#unmet(hidden)) this.#enqueue(path, false, false, this.#isFirst(path));
    await this.#drain(0, signal);
    for (const path of unknown) this.#enqueue(path, false, false, this.#isFirst(path));
    await this.#drain(0, signal);
    for (const { path, why } of hidden) if (path !== undefined) this.#reportHidden(path, why);
    this.#unread = hidden.map(({ path }) => path);
    if (objection === undefined) this.#scanned = true;
    this.#wake();
    return { startedAt, endedAt: clock.now(), paths, hidden, ...(objection !== undefined && { objection }) };
  }

  #unmet(hidden: readonly Hidden[]): RelPath[] {
    const { index, ignored } = this.#is;
    const covered = hidden.flatMap(({ path }) => path ?? []);
    return [...index.unmet()].filter(path => !covered.some(at => at === path || isBelow(path, at)) && !ignored(path));
  }

  async #drain(target: number, signal: AbortSignal): Promise<void> {
    while (this.#due.size > target && !signal.aborted) {
      this.#slice();
      await this.#is.clock.yield();
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    await this.#drain(0, signal);
    const now = this.#is.clock.now();
    for (const [path, at] of this.#again) {
      if (at > now) continue;
      this.#again.delete(path);
      this.#enqueue(path, false, true, this.#isFirst(path), true);
    }
    for (const [path, file] of this.#unsettled) {
      if (this.#settlesAt(file) <= now) this.#enqueue(path, false, false, file.first);
    }
    await this.#drain(0, signal);
    if (this.#missing.size > 0 && this.#announceAt() <= this.#is.clock.now()) await this.#announce(signal);
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await this.#is.clock.sleep(ms, AbortSignal.any([signal, woken.signal]));
    this.#wake = () => {};
  }

  #nextDeadline(): number {
    let next = this.#missing.size > 0 ? this.#announceAt() : Number.MAX_SAFE_INTEGER;
    for (const at of this.#again.values()) next = Math.min(next, at);
    for (const file of this.#unsettled.values()) next = Math.min(next, this.#settlesAt(file));
    return Math.min(next, this.#is.clock.now() + MISSING_AT_MOST_MS);
  }

  #settlesAt(file: Unsettled): number {
    return file.since + this.#is.settleMs;
  }

  #announceAt(): number {
    if (this.#halted) return Math.max(this.#halted.since, this.#lastMissing) + RECOVERY_MS;
    let first = this.#lastMissing;
    // Insertion order: the first is the oldest.
    for (const { since } of this.#missing.values()) {
      first = since;
      break;
    }
    return Math.min(this.#lastMissing + MISSING_QUIET_MS, first + MISSING_AT_MOST_MS);
  }

  #enqueue(path: RelPath, closed: boolean, deep: boolean, first: boolean, relist = false): void {
    const due = this.#due.get(path);
    if (!due) this.#due.set(path, { closed, deep, first, relist });
    else {
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
    this.#parents.clear();
    const changes: LocalChange[] = [];
    const known = slice.filter(([path]) => isLive(this.#is.index.get(path)));
    const unknown = slice.filter(([path]) => !isLive(this.#is.index.get(path)));
    for (const [path, due] of [...known, ...unknown]) {
      this.#due.delete(path);
      const change = this.#lookAt(path, due);
      if (change) changes.push(change);
    }
    if (changes.length > 0) this.#is.commit(changes);
  }

  #lookAt(path: RelPath, due: Due): LocalChange | undefined {
    if (this.#is.ignored(path)) return undefined;
    const sight = this.#sight(path);
    if ('hidden' in sight) {
      this.#reportHidden(path, sight.hidden);
      return undefined;
    }
    const { seen, stat } = sight;
    if (!seen || !stat) {
      this.#notice(path, due.first);
      return undefined;
    }
    this.#forgetMissing(path);
    const known = this.#is.index.onDisk(path);
    const same = known !== undefined && isEqual(known, seen);
    if (seen.kind === 'directory' && (due.deep || !same)) this.#descend(path, due);
    if (same) {
      this.#standsAsKnown(path, stat);
      return undefined;
    }
    if (seen.kind === 'file' && !this.#isSettled(path, stat, due)) return undefined;
    const source = seen.kind === 'file' ? this.#sourceOf(path, seen, stat) : undefined;
    if (source !== undefined) {
      this.#moved.set(path, source);
      return undefined;
    }
    return this.#change(path, seen, stat, due.first);
  }

  #change(path: RelPath, seen: Seen, stat: Stat, first: boolean, from?: Origin): LocalChange | undefined {
    const { index, self, clock, problems } = this.#is;
    problems.clear(path, 'busy', 'unreadable', 'attributes', 'mount');
    const entry = observe(path, index.onDisk(path), seen, { self, now: clock.now(), first }, from);
    return entry && { entry, identity: { inode: stat.inode, birth: stat.birth } };
  }

  #standsAsKnown(path: RelPath, stat: Stat): void {
    this.#unsettled.delete(path);
    this.#forgetMissing(path);
    this.#is.problems.clear(path, 'busy', 'unreadable', 'mount');
    this.#is.index.identify(path, { inode: stat.inode, birth: stat.birth });
  }

  /** A fresh look at one path. Missing is what is not there while all of its parents could be seen. */
  #sight(path: RelPath): Sight {
    const { disk, directory } = this.#is;
    try {
      const root = disk.lstat(directory);
      if (root?.kind !== 'directory') return { hidden: 'the domain’s directory is missing' };
      for (const parent of [...ancestorsOf(path)].reverse()) {
        const kind = this.#parentKind(parent, root.device);
        if (kind === 'other') return { seen: undefined };
        if (kind !== 'directory') return { hidden: kind };
      }
      const place = placeOf(directory, path);
      const stat = disk.lstat(place);
      if (!stat) return { seen: undefined };
      if (stat.device !== root.device) return { hidden: 'mount' };
      return { seen: seenOf(stat, () => disk.readlink(place)), stat };
    } catch (error) {
      if (error instanceof DiskError) return { hidden: error.code };
      throw error;
    }
  }

  #parentKind(parent: RelPath, device: number): string {
    let kind = this.#parents.get(parent);
    if (kind === undefined) {
      const stat = this.#is.disk.lstat(placeOf(this.#is.directory, parent));
      kind = stat?.kind !== 'directory' ? 'other' : stat.device === device ? 'directory' : 'mount';
      this.#parents.set(parent, kind);
    }
    return kind;
  }

  #descend(path: RelPath, due: Due): void {
    try {
      for (const name of this.#is.disk.list(placeOf(this.#is.directory, path)))
        this.#enqueue(childOf(path, name), false, due.deep && !due.relist, due.first);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      if (error.code !== 'ENOENT') this.#reportHidden(path, error.code);
    }
    if (!due.relist && (due.deep || !due.first)) this.#again.set(path, this.#is.clock.now() + LIST_AGAIN_MS);
  }

  #isSettled(path: RelPath, stat: Stat, due: Due): boolean {
    const now = this.#is.clock.now();
    const signature = `${stat.inode} ${stat.size} ${stat.mtime} ${stat.ctime}`;
    const file = this.#unsettled.get(path);
    const unchanged = file?.signature === signature && now - file.since >= this.#is.settleMs;
    if (due.closed || unchanged || now - stat.ctime >= this.#is.settleMs) {
      this.#unsettled.delete(path);
      return true;
    }
    if (file?.signature !== signature) {
      const noticed = file?.noticed ?? now;
      this.#unsettled.set(path, { first: due.first, signature, since: now, noticed });
      if (now - noticed >= BUSY_MS)
        this.#is.problems.report(path, 'busy', 'it changes all the time and is announced once it stands still', now);
    }
    return false;
  }

  /** The missing path whose file this is under a new name. */
  #sourceOf(path: RelPath, seen: Seen, stat: Stat): RelPath | undefined {
    const source = this.#missingByInode.get(stat.inode);
    const old = source !== undefined && source !== path ? this.#is.index.get(source) : undefined;
    if (!old || !isSameContent(old, seen)) return undefined;
    return this.#is.index.identity(old.path)?.birth === stat.birth ? source : undefined;
  }

  #notice(path: RelPath, first: boolean): void {
    this.#unsettled.delete(path);
    this.#is.problems.clear(path, 'busy', 'unreadable', 'mount', 'attributes');
    const known = this.#is.index.get(path);
    if (!isLive(known) || this.#missing.has(path)) return;
    this.#miss(path, first);
    // Its parents gone, everything below is gone.
    if (known.kind === 'directory') for (const entry of this.#is.index.liveBelow(path)) this.#miss(entry.path, first);
  }

  #miss(path: RelPath, first: boolean): void {
    if (this.#missing.has(path)) return;
    const now = this.#is.clock.now();
    this.#missing.set(path, { since: now, first });
    this.#lastMissing = now;
    const inode = this.#is.index.identity(path)?.inode;
    if (inode) this.#missingByInode.set(inode, path);
  }

  #forgetMissing(path: RelPath): void {
    if (!this.#missing.delete(path)) return;
    const inode = this.#is.index.identity(path)?.inode;
    if (inode !== undefined && this.#missingByInode.get(inode) === path) this.#missingByInode.delete(inode);
    if (this.#halted) this.#halted.since = this.#is.clock.now();
    if (this.#missing.size === 0) this.#halted = undefined;
  }

  /** Announces what is still missing, and what was found of it under another name. */
  async #announce(signal: AbortSignal): Promise<void> {
    const reason = this.#is.guard() ?? this.#emptied();
    if (reason !== undefined) {
      this.#halted = { reason, since: this.#halted?.since ?? this.#is.clock.now() };
      return;
    }
    this.#halted = undefined;
    const moved = [...this.#moved];
    this.#moved.clear();
    await this.#announceAll(
      moved,
      ([path, source]) => [...this.#announceMoved(path, source), ...this.#announceGone(source)],
      signal,
    );
    await this.#announceAll([...this.#missing.keys()], path => this.#announceGone(path), signal);
  }

  async #announceAll<T>(items: readonly T[], announce: (item: T) => LocalChange[], signal: AbortSignal): Promise<void> {
    for (let start = 0; start < items.length && !signal.aborted; start += SLICE) {
      this.#parents.clear();
      const changes = items.slice(start, start + SLICE).flatMap(announce);
      if (changes.length > 0) this.#is.commit(changes);
      await this.#is.clock.yield();
    }
  }

  #announceMoved(path: RelPath, source: RelPath): LocalChange[] {
    const old = this.#is.index.get(source);
    const sight = this.#sight(path);
    if (
      !this.#missing.has(source) ||
      !isLive(old) ||
      'hidden' in sight ||
      !sight.seen ||
      !sight.stat ||
      this.#isThere(source)
    ) {
      this.#enqueue(path, true, false, this.#isFirst(path));
      return [];
    }
    const from = isSameContent(old, sight.seen) ? { path: source, version: old.version } : undefined;
    const first = this.#missing.get(source)!.first;
    const change = this.#change(path, sight.seen, sight.stat, first, from);
    return change ? [change] : [];
  }

  #announceGone(path: RelPath): LocalChange[] {
    const { index, self } = this.#is;
    const missing = this.#missing.get(path);
    if (!missing) return [];
    const sight = this.#sight(path);
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
    const sight = this.#sight(path);
    return 'hidden' in sight || sight.seen !== undefined;
  }

  #emptied(): string | undefined {
    let files = 0;
    for (const path of this.#missing.keys()) if (this.#is.index.get(path)?.kind === 'file') files++;
    const moved = [...this.#moved.values()].filter(path => this.#missing.has(path)).length;
    return emptied(this.#is.index.totals.files, files - moved);
  }

  #reportHidden(path: RelPath, why: string): void {
    const { problems, clock } = this.#is;
    if (why === 'mount')
      problems.report(path, 'mount', 'another file system is mounted here; its subtree is left alone', clock.now());
    else
      problems.report(
        path,
        'unreadable',
        `cannot be read (${why}); it and what is below it is left alone until it can`,
        clock.now(),
      );
  }

  #isFirst(path: RelPath): boolean {
    return !this.#scanned || this.#unread.some(at => at === undefined || at === path || isBelow(path, at));
  }
}

function rootObjection(hidden: readonly Hidden[]): string | undefined {
  const root = hidden.find(({ path }) => path === undefined);
  return root && `its directory cannot be read (${root.why}): bring it back, or remove the domain from this site`;
}
