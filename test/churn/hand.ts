/**
 * The hand of a user on a real tree: each system call, and what stood there before and stands there after it, told to the ledger. The
 * instance, another process, may come in between, so what an open file shows counts more than what its path showed.
 */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  ftruncateSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { State } from '../sim/oracle.ts';
import type { Ledger } from './ledger.ts';
import { fileState, hashOf, look, statesBelow } from './state.ts';

/** Former contents of a path that are remembered. */
const MAX_FORMER = 8;
const DIRECTORY_MODE = 0o777 & ~process.umask();

/** A file as it once was. */
export interface Former {
  readonly content: Buffer;
  readonly mtime: number;
  readonly mode: number;
}

/** A date in milliseconds since 1970, and bits, that a file is given besides its content. */
export interface Looks {
  readonly mtime?: number;
  readonly mode?: number;
}

/** Paths are relative to the domain's directory. Whatever the disk refuses is thrown as it is. */
export class Hand {
  readonly #node: number;
  readonly #root: string;
  readonly #ledger: Ledger;
  readonly #former = new Map<string, Former[]>();
  #operation = 0;

  /** @param root of the domain on the disk of a node */
  constructor(node: number, root: string, ledger: Ledger) {
    this.#node = node;
    this.#root = root;
    this.#ledger = ledger;
  }

  /** What follows is part of an operation. */
  begin(operation: number): void {
    this.#operation = operation;
  }

  look(path: string): State | undefined {
    return look(this.#at(path));
  }

  /** What a file was before each of its last changes, oldest first. */
  former(path: string): readonly Former[] {
    return this.#former.get(path) ?? [];
  }

  /** Creates a file, or writes one anew in place. */
  write(path: string, content: Buffer, looks: Looks = {}): void {
    if (this.look(path)) this.change(path, () => content, looks);
    else this.#create(path, content, looks);
  }

  #create(path: string, content: Buffer, looks: Looks): void {
    const fd = openSync(this.#at(path), 'wx', 0o644);
    try {
      this.#fillFile(path, fd, content, undefined, looks);
    } finally {
      closeSync(fd);
    }
  }

  /** Writes a file that is there, in place. */
  change(path: string, make: (old: Buffer) => Buffer, looks: Looks = {}): void {
    if (this.look(path)?.kind !== 'file') return;
    const fd = openSync(this.#at(path), 'r+');
    try {
      const old = readFileSync(fd);
      const before = fileState(fd, old);
      this.#remember(path, { content: old, mtime: before.mtime, mode: before.mode });
      ftruncateSync(fd, 0);
      this.#fillFile(path, fd, make(old), before, looks);
    } finally {
      closeSync(fd);
    }
  }

  #fillFile(path: string, fd: number, content: Buffer, before: State | undefined, { mtime, mode }: Looks): void {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at, content.length - at, at);
    if (mode !== undefined) fchmodSync(fd, mode);
    const date = this.#ledger.freeDate(path, content.length, mtime ?? fileState(fd, content).mtime, hashOf(content));
    if (mtime !== undefined || date !== fileState(fd, content).mtime) futimesSync(fd, seconds(date), seconds(date));
    this.#record(path, before, fileState(fd, content));
  }

  #remember(path: string, former: Former): void {
    this.#former.set(path, [...(this.#former.get(path) ?? []), former].slice(-MAX_FORMER));
  }

  date(path: string, mtime: number): void {
    const before = this.look(path);
    if (before?.kind !== 'file') return;
    const date = this.#ledger.freeDate(path, lstatSync(this.#at(path)).size, mtime, before.content);
    lutimesSync(this.#at(path), seconds(date), seconds(date));
    this.#record(path, before, { ...before, mtime: date });
  }

  chmod(path: string, bits: number): void {
    const before = this.look(path);
    if (!before || before.kind === 'symlink') return;
    const mode = before.kind === 'file' ? bits & 0o666 : bits;
    chmodSync(this.#at(path), mode);
    this.#record(path, before, { ...before, mode });
  }

  mkdir(path: string): void {
    mkdirSync(this.#at(path), DIRECTORY_MODE);
    this.#record(path, undefined, { kind: 'directory', mode: DIRECTORY_MODE });
  }

  symlink(path: string, target: string): void {
    const before = this.look(path);
    if (before?.kind === 'directory') return;
    if (before) this.remove(path);
    symlinkSync(target, this.#at(path));
    this.#record(path, undefined, { kind: 'symlink', target });
  }

  /** A tree from its deepest path up. */
  remove(path: string): void {
    const before = this.look(path);
    if (before === undefined) return;
    if (before.kind === 'directory') {
      for (const name of readdirSync(this.#at(path))) this.remove(`${path}/${name}`);
      rmdirSync(this.#at(path));
    } else unlinkSync(this.#at(path));
    this.#record(path, before, undefined);
  }

  /** What is under the new name afterwards was under the old one before, whatever was seen there. */
  rename(from: string, to: string): void {
    if (`${to}/`.startsWith(`${from}/`) || `${from}/`.startsWith(`${to}/`)) return;
    const sources = this.#tree(from);
    const replaced = look(this.#at(to));
    renameSync(this.#at(from), this.#at(to));
    const targets = this.#tree(to);
    for (const [path, state] of [...targets].reverse())
      this.#record(`${from}${path}`, sources.get(path) ?? state, undefined);
    for (const [path, state] of targets) {
      const place = `${to}${path}`;
      this.#record(place, path === '' ? replaced : undefined, this.#toldApart(place, state));
    }
  }

  /** A renamed file that had the size and date of another content of its new path would not be seen: it gets another date. */
  #toldApart(path: string, state: State): State {
    if (state.kind !== 'file') return state;
    const mtime = this.#ledger.freeDate(path, lstatSync(this.#at(path)).size, state.mtime, state.content);
    if (mtime !== state.mtime) lutimesSync(this.#at(path), seconds(mtime), seconds(mtime));
    return { ...state, mtime };
  }

  /** The state of a path as '', and of all below it as '/…'. */
  #tree(path: string): Map<string, State> {
    const own = this.look(path);
    if (!own) return new Map();
    const below = own.kind === 'directory' ? statesBelow(this.#at(path)) : new Map<string, State>();
    return new Map([['', own], ...[...below].map(([name, state]): [string, State] => [`/${name}`, state])]);
  }

  #record(path: string, before: State | undefined, after: State | undefined): void {
    this.#ledger.record({ node: this.#node, operation: this.#operation, path, before, after });
  }

  #at(path: string): string {
    return join(this.#root, path);
  }
}

/** The middle of a millisecond, so that no rounding leads to the one before. */
function seconds(mtime: number): number {
  return (mtime + 0.5) / 1000;
}
