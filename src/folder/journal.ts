/**
 * The journal: what the index learned since the cache was written, as JSON lines beside its shards.
 *
 * Before an entry is announced, or a rename is done, it is appended here. Without it a crash would stamp what was pulled, or
 * already announced, as new, and an old content would win everywhere.
 */
import type { Entry } from '../core/entry.ts';
import { type Disk, DiskError } from './disk.ts';
import type { Identity, Kept } from './index-store.ts';
import { isEntry, isIdentity, isKept, isPath, isRecord } from './stored.ts';

/** One line. */
export type JournalRecord =
  /** True from now on. */
  | { readonly is: Entry; readonly identity?: Identity; readonly kept?: Kept }
  /** About to be made true on disk; `staged`: what is staged of it will be renamed into place, as will `moved`, a file of the tree. */
  | { readonly will: Entry; readonly staged?: true; readonly moved?: string }
  /** The last intent of each of these paths came true as it was meant. */
  | { readonly did: readonly (readonly [path: Entry['path'], inode: number, birth: number])[] }
  /** The content of a file is on its way to the disk, whether or not it has its name yet … */
  | { readonly unsynced: Entry }
  /** … and has arrived, or will not come. */
  | { readonly synced: Entry['path'] }
  /** A directory, first in the list, is about to be moved with all below it: each new entry with the tombstone of its old path. */
  | { readonly moves: readonly (readonly [entry: Entry, tombstone: Entry])[] }
  /** The last intent to move a directory to this path came true as it was meant. */
  | { readonly moved: Entry['path'] }
  /** The path is forgotten. */
  | { readonly drop: Entry['path'] };

/** Where a directory's journal is. */
const CURRENT = 'journal.jsonl';
/** The journal of the time before the flush under way; gone once that has ended. */
const BEFORE = 'journal.before.jsonl';

const NEWLINE = 10;

export class Journal {
  readonly #disk: Disk;
  readonly #directory: string;
  #bytes = 0;
  /** A line may end in its middle: the disk has taken a part of it. */
  #isTorn = false;

  /** @param directory of the domain's cache, relative to the volume's root */
  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Bytes appended since the last flush began. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When it was last written to, by the clock of the disk: 0 where there is none. To be asked before it is read. */
  get writtenAt(): number {
    return Math.max(...[BEFORE, CURRENT].map(name => this.#disk.lstat(`${this.#directory}/${name}`)?.ctime ?? 0));
  }

  /**
   * Appends in one write: after a kill either of the lines or none of a batch may be half there, which replay ignores. Throws a DiskError;
   * then a part of them may be there, too.
   */
  append(records: readonly JournalRecord[]): void {
    if (records.length === 0) return;
    const lines = records.map(record => `${JSON.stringify(record)}\n`).join('');
    const bytes = Buffer.from(this.#isTorn ? `\n${lines}` : lines);
    this.#isTorn = true;
    this.#disk.append(`${this.#directory}/${CURRENT}`, bytes);
    this.#isTorn = false;
    this.#bytes += bytes.length;
  }

  /** Brings what was appended to the disk. */
  sync(): Promise<void> {
    return this.#disk.syncFile(`${this.#directory}/${CURRENT}`);
  }

  /** Everything recorded since the cache was last written whole, oldest first; nothing on the disk is changed. */
  records(): JournalRecord[] {
    return [BEFORE, CURRENT].flatMap(name => this.#readFile(`${this.#directory}/${name}`));
  }

  /** The same, for who goes on appending. */
  read(): JournalRecord[] {
    const records = this.records();
    this.#endLine();
    this.#bytes = this.#disk.lstat(`${this.#directory}/${CURRENT}`)?.size ?? 0;
    return records;
  }

  /** A line cut off by a crash must not swallow the next one. */
  #endLine(): void {
    const path = `${this.#directory}/${CURRENT}`;
    if (this.#disk.lstat(path) && this.#disk.readFile(path).at(-1) !== NEWLINE)
      this.#disk.append(path, Buffer.of(NEWLINE));
  }

  /** A flush begins: what is appended from now on belongs to the next one. */
  rotate(): void {
    const current = `${this.#directory}/${CURRENT}`;
    const before = `${this.#directory}/${BEFORE}`;
    // A journal left by a flush that failed is older than the current one, so it must stay in front of it.
    if (this.#disk.lstat(current) && !this.#disk.lstat(before)) {
      this.#disk.rename(current, before);
      this.#bytes = 0;
    }
  }

  /** The flush has ended: everything before it is in the shards. */
  discardBefore(): void {
    const before = `${this.#directory}/${BEFORE}`;
    if (this.#disk.lstat(before)) this.#disk.unlink(before);
  }

  #readFile(path: string): JournalRecord[] {
    let text: string;
    try {
      text = Buffer.from(this.#disk.readFile(path)).toString('utf8');
    } catch (error) {
      if (error instanceof DiskError && error.code === 'ENOENT') return [];
      throw error;
    }
    return text.split('\n').flatMap(parseLine);
  }
}

/** A line cut off by a crash is no record, nor is what nobody here has written. */
function parseLine(line: string): JournalRecord[] {
  if (line === '') return [];
  try {
    const record: unknown = JSON.parse(line);
    return isRecord(record) && isJournalRecord(record) ? [record as unknown as JournalRecord] : [];
  } catch {
    return [];
  }
}

function isJournalRecord(raw: Readonly<Record<string, unknown>>): boolean {
  const { is, identity, kept, will, staged, moved, moves, did, unsynced } = raw;
  if ('will' in raw)
    return isEntry(will) && (staged === undefined || staged === true) && (moved === undefined || isPlace(moved));
  if ('unsynced' in raw) return isEntry(unsynced);
  if ('synced' in raw) return isPath(raw.synced);
  if ('moves' in raw) return Array.isArray(moves) && moves.length > 0 && moves.every(isMove);
  if ('did' in raw) return Array.isArray(did) && did.every(isDone);
  if ('is' in raw)
    return isEntry(is) && (identity === undefined || isIdentity(identity)) && (kept === undefined || isKept(kept));
  return isPath('moved' in raw ? raw.moved : raw.drop);
}

function isMove(raw: unknown): boolean {
  return Array.isArray(raw) && raw.length === 2 && isEntry(raw[0]) && isEntry(raw[1]);
}

function isDone(raw: unknown): boolean {
  return Array.isArray(raw) && isPath(raw[0]) && Number.isFinite(raw[1]) && Number.isFinite(raw[2]);
}

/** A file of the tree by its place on the volume: a domain's directory, and a path in it. */
function isPlace(raw: unknown): boolean {
  return isPath(raw) && String(raw).includes('/');
}
