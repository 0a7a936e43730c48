/**
 * Absence: paths that are live in the index and gone from the disk. They are missing until their deletion is announced, or held until
 * an operator decides; the file of one may be found under another name meanwhile.
 */
import { type Entry, isLive, isSameContent, type Seen } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import type { Stat } from './disk.ts';
import { Held, type HeldPath } from './held.ts';
import type { LookContext } from './look-context.ts';
import { Missing, type OldName } from './missing.ts';
import type { Sights } from './sight.ts';

/** What absence needs of a looker. */
export interface AbsenceContext extends Pick<LookContext, 'index' | 'clock' | 'onHeld' | 'holdLimits'> {
  readonly sights: Sights;
}

/** A path is missing, or held, or neither: never both. */
export class Absence {
  readonly #is: AbsenceContext;
  readonly #missing = new Missing();
  readonly #held: Held;
  /** The process before this one held deletions since then: what a first look finds missing stays held. */
  #heldBefore: number | undefined;

  constructor(context: AbsenceContext) {
    this.#is = context;
    this.#held = new Held(context.holdLimits);
  }

  has(path: RelPath): boolean {
    return this.#missing.get(path) !== undefined || this.#held.get(path) !== undefined;
  }

  get missing(): Pick<Missing, 'get' | 'size' | 'paths' | 'halted' | 'announceAt' | 'moved'> {
    return this.#missing;
  }

  get held(): Pick<Held, 'get' | 'size' | 'reason' | 'first' | 'paths' | 'isAbove'> {
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

  /** Everything was looked at: if nothing is absent, nothing of what was held before is. */
  seenAll(): void {
    if (this.#missing.size === 0 && this.#held.size === 0) this.#heldBefore = undefined;
  }

  /** A path was seen gone; `first`: by a first look. */
  notice(path: RelPath, first: boolean): void {
    const known = this.#is.index.get(path);
    if (!isLive(known) || this.has(path)) return;
    this.#miss(known, first);
    // Its parents gone, everything below is gone.
    if (known.kind === 'directory') for (const entry of this.#is.index.liveBelow(path)) this.#miss(entry, first);
  }

  #miss({ path, kind }: Entry, first: boolean): void {
    if (this.has(path)) return;
    const missing = { since: this.#is.clock.now(), first, isFile: kind === 'file' };
    this.#missing.add(path, missing, this.#is.index.identity(path)?.inode);
  }

  /** Something is at a path again, if it was absent. */
  returned(path: RelPath): void {
    if (!this.has(path)) return;
    this.#missing.returned(this.#is.clock.now());
    this.forget(path);
  }

  /** A path is not absent any more. */
  forget(path: RelPath): void {
    if (this.#missing.size > 0) this.#missing.delete(path, this.#is.index.identity(path)?.inode);
    this.#letGo(path);
  }

  /** Something was applied at a path: it is not absent, nor what was found under another name. */
  applied(path: RelPath): void {
    this.forget(path);
    this.#missing.unmove(path);
  }

  #letGo(path: RelPath): HeldPath | undefined {
    const held = this.#held.delete(path);
    if (held && this.#held.size === 0) {
      this.#heldBefore = undefined;
      this.#is.onHeld(undefined);
    }
    return held;
  }

  /** A directory that was held is missing like anything else again; `first`: whether a first look has found what is there now. */
  #reconsider(path: RelPath, first: boolean): void {
    const held = this.#letGo(path);
    if (held) this.#missing.add(path, { since: held.since, first, isFile: false }, held.inode);
  }

  /** Directories that were held for the sake of what was below them are not, when none of that is. */
  reconsiderHollow(): void {
    if (this.#held.isHollow)
      for (const path of this.#held.paths()) this.#reconsider(path, this.#held.get(path)?.first === true);
  }

  /**
   * Whether what was seen at a path is the file, or directory, of an absent one: then both are announced together.
   *
   * @param first whether a first look saw it
   */
  finds(path: RelPath, seen: Seen, stat: Stat, first: boolean): boolean {
    const source = this.#missing.ofInode(stat.inode) ?? this.#held.ofInode(stat.inode);
    const old = source !== undefined && source !== path ? this.#is.index.onDisk(source) : undefined;
    if (!old || !(seen.kind === 'directory' ? old.kind === 'directory' : isSameContent(old, seen))) return false;
    if (this.#is.index.identity(old.path)?.birth !== stat.birth) return false;
    // What cannot be looked at may be there still. It stays held, and this is new.
    if ('hidden' in this.#is.sights.of(old.path)) return false;
    // A file stays held until it is announced under the new name, which may vanish again.
    if (old.kind === 'directory') this.#reconsider(old.path, false);
    this.#missing.move(path, { path: old.path, first });
    return true;
  }

  /** The missing path whose file was found at this one, which is announced now. */
  takeMovedTo(path: RelPath): OldName | undefined {
    const old = this.#missing.moved.get(path);
    this.#missing.unmove(path);
    return old;
  }

  /** All that was found under another name. Directory by directory, so that a peer finds together what it can move as a whole. */
  takeMoved(): [to: RelPath, from: OldName][] {
    return this.#missing.takeMoved().sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Nothing of what is missing counts, for a reason. */
  halt(reason: string): void {
    this.#missing.halt(reason, this.#is.clock.now());
  }

  resume(): void {
    this.#missing.resume();
  }

  /** Why what is missing now is to be held, or undefined: then it is announced. */
  judge(): string | undefined {
    const { files, unseen } = this.#missing;
    return this.#heldBefore !== undefined && unseen
      ? 'deletions were held when this instance stopped, and these files are still missing'
      : this.#held.judge({ files: this.#is.index.totals.files, missing: files, unseen }, this.#is.clock.now());
  }

  /** So many files of what was judged were announced as deleted, or held. */
  note(files: number, held: boolean): void {
    if (files > 0) this.#held.note(files, this.#is.clock.now(), held);
  }

  /** What is missing is held from now on, for a reason of its own or that of what is held below it. */
  hold(path: RelPath, reason: string | undefined): void {
    const missing = this.#missing.get(path);
    const known = this.#is.index.get(path);
    if (!missing || !isLive(known)) return;
    const inode = this.#is.index.identity(path)?.inode ?? 0;
    const since = missing.first ? Math.min(missing.since, this.#heldBefore ?? missing.since) : missing.since;
    this.#missing.delete(path, inode);
    this.#held.add(path, { since, first: missing.first, kind: known.kind, inode }, reason);
  }
}
