/**
 * A writer: does to a real tree what was decided, system call by system call, and tells the ledger of each what stood there before
 * and what stands there now. All of one decision is one synchronous stretch; the instance, another process, may come in between,
 * so what an open file shows counts more than what its path showed.
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
import { type Decision, NAMES } from './decision.ts';
import type { Ledger } from './ledger.ts';
import { fileState, hashOf, look, statesBelow } from './state.ts';

/** What a disk says to what cannot be done as things stand: a user tries, and does something else. */
const REFUSALS = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EEXIST', 'EINVAL', 'ELOOP'];
/** Former contents of a path that are remembered. */
const MAX_FORMER = 8;
const FILES_OF_A_TREE = 3;
const DIRECTORY_MODE = 0o777 & ~process.umask();

interface Former {
  readonly content: Buffer;
  readonly mtime: number;
  readonly mode: number;
}

/** A date, and bits, that a file is given besides its content. */
interface Looks {
  readonly mtime?: number;
  readonly mode?: number;
}

export class Writer {
  readonly #node: number;
  readonly #root: string;
  readonly #ledger: Ledger;
  readonly #former = new Map<string, Former[]>();
  #operation = 0;
  #written = 0;

  /** @param root of the domain on the disk of a node */
  constructor(node: number, root: string, ledger: Ledger) {
    this.#node = node;
    this.#root = root;
    this.#ledger = ledger;
  }

  /** Does it as far as the disk lets it. */
  perform(decision: Decision): void {
    this.#operation = this.#ledger.begin(this.#node, decision);
    try {
      this.#act(decision);
    } catch (error) {
      if (!REFUSALS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  #act(decision: Decision): void {
    const { path } = decision;
    switch (decision.do) {
      case 'write':
        this.#parents(path);
        this.#write(path, this.#content(decision.size));
        break;
      case 'append':
        this.#change(path, old => Buffer.concat([old, this.#content(30)]));
        break;
      case 'rewrite':
        this.#change(path, old => this.#content(old.length));
        break;
      case 'save':
        this.#parents(path);
        this.#write(`${path}~`, this.#content(decision.size));
        this.#rename(`${path}~`, path);
        break;
      case 'restore':
        this.#restore(path, decision.which);
        break;
      case 'date':
        this.#date(path, Date.now() - decision.agoMs);
        break;
      case 'chmod':
        this.#chmod(path, decision.bits);
        break;
      case 'rename':
        this.#rename(path, decision.to);
        break;
      case 'remove':
        this.#remove(path);
        break;
      case 'mkdir':
        this.#mkdir(path);
        break;
      case 'symlink':
        this.#symlink(path);
        break;
      case 'unpack':
        this.#makeTree(path, decision.size, { mtime: Date.now() - decision.agoMs });
        break;
      case 'replace':
        this.#remove(path);
        if (decision.by === 'file') this.#write(path, this.#content(decision.size));
        else this.#makeTree(path, 200);
        break;
      case 'flash':
        this.#write(`${path}.tmp`, this.#content(100));
        this.#remove(`${path}.tmp`);
        break;
      default:
        decision satisfies never;
    }
  }

  /** Unique: who wrote it, and the how manieth of his it is. */
  #content(size: number): Buffer {
    const head = Buffer.from(`${this.#node}.${++this.#written} `);
    return Buffer.concat([head, Buffer.alloc(Math.max(0, size - head.length), `${this.#written % 10}`)]);
  }

  #parents(path: string): void {
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth++) {
      const parent = names.slice(0, depth).join('/');
      if (look(this.#at(parent)) === undefined) this.#mkdir(parent);
    }
  }

  #write(path: string, content: Buffer, looks: Looks = {}): void {
    if (look(this.#at(path))) this.#change(path, () => content, looks);
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
  #change(path: string, make: (old: Buffer) => Buffer, looks: Looks = {}): void {
    if (look(this.#at(path))?.kind !== 'file') return;
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

  #restore(path: string, which: number): void {
    const former = this.#former.get(path) ?? [];
    const chosen = former[Math.floor(which * former.length)];
    if (chosen) this.#write(path, chosen.content, chosen);
  }

  #remember(path: string, former: Former): void {
    this.#former.set(path, [...(this.#former.get(path) ?? []), former].slice(-MAX_FORMER));
  }

  #date(path: string, mtime: number): void {
    const before = look(this.#at(path));
    if (before?.kind !== 'file') return;
    const date = this.#ledger.freeDate(path, lstatSync(this.#at(path)).size, mtime, before.content);
    lutimesSync(this.#at(path), seconds(date), seconds(date));
    this.#record(path, before, { ...before, mtime: date });
  }

  #chmod(path: string, bits: number): void {
    const before = look(this.#at(path));
    if (!before || before.kind === 'symlink') return;
    const mode = before.kind === 'file' ? bits & 0o666 : bits;
    chmodSync(this.#at(path), mode);
    this.#record(path, before, { ...before, mode });
  }

  #mkdir(path: string): void {
    mkdirSync(this.#at(path), DIRECTORY_MODE);
    this.#record(path, undefined, { kind: 'directory', mode: DIRECTORY_MODE });
  }

  #symlink(path: string): void {
    const before = look(this.#at(path));
    if (before?.kind === 'directory') return;
    if (before) this.#remove(path);
    const target = `to ${this.#node}.${++this.#written}`;
    symlinkSync(target, this.#at(path));
    this.#record(path, undefined, { kind: 'symlink', target });
  }

  #makeTree(directory: string, size: number, looks: Looks = {}): void {
    this.#mkdir(directory);
    for (const name of NAMES.slice(0, FILES_OF_A_TREE)) this.#write(`${directory}/${name}`, this.#content(size), looks);
  }

  /** A tree from its deepest path up. */
  #remove(path: string): void {
    const before = look(this.#at(path));
    if (before === undefined) return;
    if (before.kind === 'directory') {
      for (const name of readdirSync(this.#at(path))) this.#remove(`${path}/${name}`);
      rmdirSync(this.#at(path));
    } else unlinkSync(this.#at(path));
    this.#record(path, before, undefined);
  }

  /** What is under the new name afterwards was under the old one before, whatever was seen there. */
  #rename(from: string, to: string): void {
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
    const own = look(this.#at(path));
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
