/** What happened in a run, line by line, with a hash by which two runs are compared. */
import { createHash } from 'node:crypto';

export class RunLog {
  readonly lines: string[] = [];
  readonly #now: () => number;
  readonly #hash = createHash('sha256');

  /** @param now true time, milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param who a node, `net` or `world` */
  add(who: string, what: string): void {
    const line = `${(this.#now() / 1000).toFixed(3)} ${who}: ${what}`;
    this.lines.push(line);
    this.#hash.update(`${line}\n`);
  }

  /** The hash of all lines so far. */
  hash(): string {
    return this.#hash.copy().digest('hex');
  }
}
