/**
 * Announcing: what was found, what is gone and what has another name, as local changes. What went missing together is announced
 * together, or held together; of what is held, what an operator has decided.
 */
import { isLive, isSameContent, type Origin, type Seen } from '../core/entry.ts';
import { meant, observe } from '../core/observe.ts';
import { ancestorsOf, parentOf, type RelPath } from '../core/path.ts';
import type { Absence } from './absence.ts';
import { truthOf } from './apply.ts';
import type { Stat } from './disk.ts';
import type { FirstLooks } from './first-look.ts';
import type { LocalChange, LookContext } from './look-context.ts';
import type { OldName } from './missing.ts';
import type { Obstacles } from './obstacles.ts';
import { CLOSED, DEEP, HINTED, type Reasons } from './reasons.ts';
import type { Sights } from './sight.ts';

/** Paths announced in one synchronous stretch, some milliseconds: peers ask for what was announced while the rest is … */
const ANNOUNCE_SLICE = 100;
/** … and at most so many, until the next directory begins: as one answer of the feed has of them. */
const ANNOUNCE_AT_MOST = 2_000;
/** Held paths that are looked at in one synchronous stretch: a few milliseconds. */
const HELD_SLICE = 256;

/** What an operator can decide about deletions that are held: they were meant, or they are to be undone. */
export type HoldDecision = 'release' | 'undo';

/** What announcing needs of a looker. */
export interface AnnounceContext
  extends Pick<LookContext, 'index' | 'clock' | 'self' | 'guard' | 'commit' | 'forget' | 'onHeld'> {
  readonly absence: Absence;
  readonly firsts: FirstLooks;
  readonly obstacles: Obstacles;
  readonly reasons: Reasons;
  readonly sights: Sights;
}

/** A new name, and the old one. */
type Moved = readonly [to: RelPath, from: OldName];

export class Announcer {
  readonly #is: AnnounceContext;
  #decided: { readonly decision: HoldDecision; readonly paths: readonly RelPath[] } | undefined;

  constructor(context: AnnounceContext) {
    this.#is = context;
  }

  /** What was seen at a path, as a change if it is one; `source`: where it was before. */
  found(
    path: RelPath,
    seen: Seen,
    stat: Stat,
    first: boolean,
    from?: Origin,
    source: RelPath = path,
  ): LocalChange | undefined {
    const { index, self, clock, obstacles } = this.#is;
    obstacles.changed(path);
    const entry = observe(path, index.onDisk(path), seen, { self, now: clock.now(), first }, from);
    if (!entry) return undefined;
    const { mode, mtime } = meant(seen, index.get(source), index.onDisk(source));
    return truthOf({ ...entry, mode, mtime }, stat);
  }

  /** Directories that were found under another name, and are to be announced with what was in them: before anything new in them. */
  parentsOf(path: RelPath): LocalChange[] {
    const { absence } = this.#is;
    if (absence.missing.moved.size === 0) return [];
    return [...ancestorsOf(path)].reverse().flatMap(parent => {
      const old = absence.takeMovedTo(parent);
      return old === undefined ? [] : this.#moved(parent, old);
    });
  }

  /** Announces what is still missing, and what was found of it under another name; or holds it. */
  async announce(signal: AbortSignal): Promise<void> {
    const { absence, guard, onHeld } = this.#is;
    const objection = guard();
    if (objection !== undefined) {
      absence.halt(objection);
      return;
    }
    absence.resume();
    const left = new Map<RelPath, number>();
    const moved = absence.takeMoved();
    const move = ([path, old]: Moved) => this.#move(path, old, left);
    await this.#all(moved, move, signal, start => endOfMoves(moved, start));
    const paths = absence.missing.paths();
    const reason = absence.judge();
    let files = 0;
    const goneOrHeld = (path: RelPath) => {
      const isFile = absence.missing.get(path)?.isFile === true;
      const changes = this.#goneOrHeld(path, reason);
      // What cannot be looked at, or stands there after all, is neither.
      if (isFile && (changes.length > 0 || absence.held.get(path))) files++;
      return changes;
    };
    await this.#all(paths, goneOrHeld, signal);
    absence.note(files, reason !== undefined);
    if (reason !== undefined) onHeld(reason);
  }

  /** `endOf`: where the stretch ends that begins at an item. */
  async #all<T>(
    items: readonly T[],
    announce: (item: T) => LocalChange[],
    signal: AbortSignal,
    endOf = (start: number) => start + ANNOUNCE_SLICE,
  ): Promise<void> {
    const { clock, commit, sights } = this.#is;
    for (let start = 0; start < items.length && !signal.aborted; start = endOf(start)) {
      sights.refresh();
      const changes = items.slice(start, endOf(start)).flatMap(announce);
      if (changes.length > 0) commit(changes);
      await clock.yield();
    }
  }

  /** A directory cannot go while anything below it is held. */
  #goneOrHeld(path: RelPath, reason: string | undefined): LocalChange[] {
    const { absence } = this.#is;
    if (reason === undefined && !absence.held.isAbove(path)) return this.#gone(path);
    absence.hold(path, reason);
    return [];
  }

  /**
   * A new name, then the old one; and the directory of the old one as soon as nothing is left in it (`left`: how much is). The old
   * directory itself goes after what was in it.
   */
  #move(path: RelPath, old: OldName, left: Map<RelPath, number>): LocalChange[] {
    const { index } = this.#is;
    const source = old.path;
    const isDirectory = index.get(source)?.kind === 'directory';
    const changes = this.#moved(path, old);
    if (isDirectory && index.liveChildren(source) > 0) return changes;
    // A file that is not there under its new name either is judged with all else that is missing, or stays held.
    if (!isDirectory && changes.length === 0) return changes;
    const gone = this.#gone(source, changes.length > 0);
    changes.push(...gone);
    if (gone.length > 0) this.#emptied(parentOf(source), left, changes);
    return changes;
  }

  #emptied(directory: RelPath | undefined, left: Map<RelPath, number>, changes: LocalChange[]): void {
    const { absence, index } = this.#is;
    if (directory === undefined || !absence.missing.get(directory)) return;
    const count = (left.get(directory) ?? index.liveChildren(directory)) - 1;
    left.set(directory, count);
    if (count > 0) return;
    const gone = this.#gone(directory);
    changes.push(...gone);
    if (gone.length > 0) this.#emptied(parentOf(directory), left, changes);
  }

  #moved(path: RelPath, { path: source, first: isFirst }: OldName): LocalChange[] {
    const { absence, index, reasons, sights } = this.#is;
    const old = index.get(source);
    const sight = sights.of(path);
    const missing = absence.missing.get(source);
    const isMove = absence.has(source) && isLive(old) && !this.#isThere(source);
    // A directory asserts nothing: it is there, and what is in it is announced next.
    if ('hidden' in sight || !sight.seen || (!isMove && sight.seen.kind !== 'directory')) {
      reasons.add(path, HINTED | CLOSED, isFirst);
      return [];
    }
    const from =
      isMove && isSameContent(index.onDisk(source)!, sight.seen) ? { path: source, version: old.version } : undefined;
    const first = missing?.first ?? isFirst;
    const change = this.found(path, sight.seen, sight.stat, first, from, isMove ? source : path);
    return change ? [change] : [];
  }

  #isThere(path: RelPath): boolean {
    const sight = this.#is.sights.of(path);
    return 'hidden' in sight || sight.seen !== undefined;
  }

  /** The deletion of what is missing; `isMoved`: or of what is held, and was announced under another name. */
  #gone(path: RelPath, isMoved = false): LocalChange[] {
    const { missing, held } = this.#is.absence;
    const absent = missing.get(path);
    if (absent) return this.#deletion(path, absent);
    const since = isMoved ? held.get(path)?.since : undefined;
    return since === undefined ? [] : this.#deletion(path, { since, first: false });
  }

  /**
   * The deletion of a path that is absent, if it is gone indeed; then it is absent no more. What cannot be looked at stays held.
   * `isOld`: what stands there instead is of unknown age.
   */
  #deletion(
    path: RelPath,
    { since, first }: { readonly since: number; readonly first: boolean },
    isOld = first,
  ): LocalChange[] {
    const { absence, index, reasons, self, sights } = this.#is;
    const sight = sights.of(path);
    if ('hidden' in sight) {
      if (absence.missing.get(path)) this.#hide(path, sight.hidden);
      return [];
    }
    absence.forget(path);
    if (sight.seen) {
      reasons.add(path, HINTED | DEEP, isOld);
      return [];
    }
    const entry = observe(path, index.get(path), undefined, { self, now: since, first });
    return entry ? [{ entry }] : [];
  }

  /** What was missing cannot be looked at: it is missing once it is seen gone again, by a look or the next scan. */
  #hide(path: RelPath, why: string): void {
    const { absence, firsts, obstacles } = this.#is;
    absence.forget(path);
    firsts.lost(path);
    obstacles.hidden(path, why);
  }

  /** An operator decides about what is held now and is missing since a time or later; answers how many paths that are. */
  decide(decision: HoldDecision, since: number): number {
    const paths = this.#is.absence.held.paths(since);
    this.#decided = { decision, paths };
    return paths.length;
  }

  /** Does what an operator has decided. */
  async carryOut(signal: AbortSignal): Promise<void> {
    const { absence, clock, commit, forget, guard, sights } = this.#is;
    if (!this.#decided || guard() !== undefined) return;
    const { decision, paths } = this.#decided;
    this.#decided = undefined;
    for (let start = 0; start < paths.length && !signal.aborted; start += HELD_SLICE) {
      sights.refresh();
      const gone = paths.slice(start, start + HELD_SLICE).flatMap(path => {
        const held = absence.held.get(path);
        return held ? this.#deletion(path, { since: held.since, first: false }, held.first) : [];
      });
      if (gone.length > 0) {
        if (decision === 'undo') forget(gone.map(({ entry }) => entry.path));
        else commit(gone);
      }
      await clock.yield();
    }
  }
}

/** With a directory, if that ends before long: what a peer is told of in pieces it cannot move as a whole. */
function endOfMoves(moved: readonly Moved[], start: number): number {
  const isIn = (i: number) => i < moved.length && parentOf(moved[i]![0]) === parentOf(moved[i - 1]![0]);
  let end = start + ANNOUNCE_SLICE;
  while (end < start + ANNOUNCE_AT_MOST && isIn(end)) end++;
  return end;
}
