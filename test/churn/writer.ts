/** A writer: does to a real tree what was decided, in one synchronous stretch for each decision. */
import { type Decision, NAMES } from './decision.ts';
import { Hand, type Looks } from './hand.ts';
import type { Ledger } from './ledger.ts';

/** What a disk says to what cannot be done as things stand: a user tries, and does something else. */
const REFUSALS = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EEXIST', 'EINVAL', 'ELOOP'];
const FILES_OF_A_TREE = 3;

export class Writer {
  readonly #node: number;
  readonly #hand: Hand;
  readonly #ledger: Ledger;
  #written = 0;

  /** @param root of the domain on the disk of a node */
  constructor(node: number, root: string, ledger: Ledger) {
    this.#node = node;
    this.#hand = new Hand(node, root, ledger);
    this.#ledger = ledger;
  }

  /** Does it as far as the disk lets it. */
  perform(decision: Decision): void {
    this.#hand.begin(this.#ledger.begin(this.#node, decision));
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
        this.#hand.write(path, this.#content(decision.size));
        break;
      case 'append':
        this.#hand.change(path, old => Buffer.concat([old, this.#content(30)]));
        break;
      case 'rewrite':
        this.#hand.change(path, old => this.#content(old.length));
        break;
      case 'save':
        this.#parents(path);
        this.#hand.write(`${path}~`, this.#content(decision.size));
        this.#hand.rename(`${path}~`, path);
        break;
      case 'restore':
        this.#restore(path, decision.which);
        break;
      case 'date':
        this.#hand.date(path, Date.now() - decision.agoMs);
        break;
      case 'chmod':
        this.#hand.chmod(path, decision.bits);
        break;
      case 'rename':
        this.#hand.rename(path, decision.to);
        break;
      case 'remove':
        this.#hand.remove(path);
        break;
      case 'mkdir':
        this.#hand.mkdir(path);
        break;
      case 'symlink':
        this.#hand.symlink(path, `to ${this.#node}.${++this.#written}`);
        break;
      case 'unpack':
        this.#makeTree(path, decision.size, { mtime: Date.now() - decision.agoMs });
        break;
      case 'replace':
        this.#hand.remove(path);
        if (decision.by === 'file') this.#hand.write(path, this.#content(decision.size));
        else this.#makeTree(path, 200);
        break;
      case 'flash':
        this.#hand.write(`${path}.tmp`, this.#content(100));
        this.#hand.remove(`${path}.tmp`);
        break;
      default:
        decision satisfies never;
    }
  }

  #parents(path: string): void {
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth++) {
      const parent = names.slice(0, depth).join('/');
      if (this.#hand.look(parent) === undefined) this.#hand.mkdir(parent);
    }
  }

  #restore(path: string, which: number): void {
    const former = this.#hand.former(path);
    const chosen = former[Math.floor(which * former.length)];
    if (chosen) this.#hand.write(path, chosen.content, chosen);
  }

  #makeTree(directory: string, size: number, looks: Looks = {}): void {
    this.#hand.mkdir(directory);
    for (const name of NAMES.slice(0, FILES_OF_A_TREE))
      this.#hand.write(`${directory}/${name}`, this.#content(size), looks);
  }

  /** Unique: who wrote it, and the how manieth of his it is. */
  #content(size: number): Buffer {
    const head = Buffer.from(`${this.#node}.${++this.#written} `);
    return Buffer.concat([head, Buffer.alloc(Math.max(0, size - head.length), `${this.#written % 10}`)]);
  }
}
