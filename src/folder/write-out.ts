/**
 * Write-out: a large file appears under its name as soon as it is whole, and is brought to the disk meanwhile and afterwards,
 * because a disk takes longer for it than a network.
 *
 * A loss of power in between may leave it short. A note in the journal, on the disk before the first byte is, says of which file
 * that has to be asked at the next start; see `replay.ts`.
 */
import { type Entry, isSameContent } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import type { Writer } from './disk.ts';
import type { Journal } from './journal.ts';

/** A large file on its way in. */
export interface Inlet extends Writer {
  /** All of it is written: resolves when it may appear under its name. */
  end(): Promise<void>;
}

interface Note {
  /** The file under each name that it may have. */
  readonly names: Entry[];
  /** The note itself is on the disk. */
  readonly noted: Promise<void>;
}

export class WriteOut {
  readonly #journal: Journal;
  readonly #policy: 'batch' | 'file' | 'off';
  readonly #notes = new Map<RelPath, Note>();

  /** @param policy `file`: nothing appears before it is on the disk; `off`: the system brings it there when it likes */
  constructor(journal: Journal, policy: 'batch' | 'file' | 'off') {
    this.#journal = journal;
    this.#policy = policy;
  }

  /** Receives a file through a writer; `onEnd`: it may appear now. Throws a DiskError where that cannot be noted. */
  receive(entry: Entry, open: () => Writer, onEnd: () => void): Inlet {
    const note = this.#policy === 'batch' ? this.#begin(entry) : undefined;
    const writer = open();
    const sync = async () => {
      if (this.#policy !== 'off') await writer.sync();
    };
    let ended = false;
    return {
      get size() {
        return writer.size;
      },
      write: (...parts) => writer.write(...parts),
      sync,
      end: async () => {
        ended = true;
        if (note) await this.#end(note, sync());
        else await sync();
        onEnd();
      },
      close: () => {
        writer.close();
        if (!ended && note) this.#forget(note);
      },
    };
  }

  /** These files have, or are about to get, the names of others: what is under way of one is noted under its new name too. */
  renamed(entries: readonly Entry[]): void {
    if (this.#notes.size === 0) return;
    for (const entry of entries) {
      const note = entry.from && this.#notes.get(entry.from.path);
      const old = note?.names.find(({ path }) => path === entry.from?.path);
      if (!note || !old || !isSameContent(old, entry) || this.#notes.get(entry.path) === note) continue;
      this.#journal.append([{ unsynced: entry }]);
      // Nobody waits for it: only a loss of power within this moment, and not the next, would find it missing.
      this.#journal.sync().catch(() => {});
      note.names.push(entry);
      this.#notes.set(entry.path, note);
    }
  }

  #begin(entry: Entry): Note {
    this.#journal.append([{ unsynced: entry }]);
    const note = { names: [entry], noted: this.#journal.sync() };
    // Whoever ends the file is told.
    note.noted.catch(() => {});
    this.#notes.set(entry.path, note);
    return note;
  }

  async #end(note: Note, synced: Promise<void>): Promise<void> {
    // A disk that refused keeps its note: the next start looks at what it made of the file.
    synced.then(
      () => this.#forget(note),
      () => {},
    );
    await note.noted;
  }

  /** The journal was begun anew: what is under way has to be in it too. */
  async renew(): Promise<void> {
    if (this.#notes.size === 0) return;
    const notes = new Set(this.#notes.values());
    this.#journal.append([...notes].flatMap(({ names }) => names.map(entry => ({ unsynced: entry }))));
    await this.#journal.sync();
  }

  #forget(note: Note): void {
    // A newer one of the same path is not over.
    const over = note.names.filter(({ path }) => this.#notes.get(path) === note);
    for (const { path } of over) this.#notes.delete(path);
    try {
      this.#journal.append(over.map(({ path }) => ({ synced: path })));
    } catch {
      // A note too many costs one look at the next start.
    }
  }
}
