/** Somebody who looks at a domain `d` on a disk in memory, on virtual time. */
import type { Entry } from '../../src/core/entry.ts';
import type { Operation } from '../../src/core/operation.ts';
import type { ScanReport } from '../../src/folder/full-scan.ts';
import { DomainIndex } from '../../src/folder/index-store.ts';
import { Looker } from '../../src/folder/look.ts';
import type { LocalChange } from '../../src/folder/look-context.ts';
import { Problems } from '../../src/folder/problem.ts';
import { MemoryDisk } from '../sim/memory-disk.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { pathOf } from './entries.ts';
import { walking } from './walking.ts';

export const SELF = 7;
export const START = 1_000_000;
export const SETTLE_MS = 1_000;

export class Lookout {
  readonly clock = new VirtualClock(START);
  /** The clock as the looker has it. */
  readonly view = this.clock.view();
  readonly disk = new MemoryDisk({ now: () => this.clock.now() });
  readonly index = new DomainIndex();
  readonly problems = new Problems();
  readonly looker: Looker;
  /** What was announced, each batch in one piece. */
  readonly announced: Entry[][] = [];
  /** Why the volume is not the right one. */
  objection: string | undefined;
  ignored: readonly string[] = [];
  /** Why deletions were held; undefined: none any more. */
  readonly held: (string | undefined)[] = [];
  /** What scans found and no event had announced. */
  readonly drift: Operation[] = [];
  readonly #stop = new AbortController();

  constructor() {
    this.disk.mkdir('d', 0o755);
    this.looker = new Looker({
      disk: this.disk,
      directory: 'd',
      index: this.index,
      clock: this.view,
      self: SELF,
      settleMs: SETTLE_MS,
      problems: this.problems,
      ignored: path => this.ignored.includes(path),
      guard: () => this.objection,
      commit: changes => this.#commit(changes),
      commitMet: changes => this.#commit(changes),
      forget: paths => {
        for (const path of paths) this.index.drop(path);
      },
      onHeld: reason => this.held.push(reason),
      onDrift: operation => this.drift.push(operation),
    });
  }

  /** A lookout whose first scan has ended, over what `prepare` made; what that found is not in {@link announced}. */
  static async over(prepare: (lookout: Lookout) => void = () => {}): Promise<Lookout> {
    const lookout = new Lookout();
    prepare(lookout);
    await lookout.pass(10 * SETTLE_MS);
    await lookout.scan();
    lookout.run();
    await lookout.pass(10 * SETTLE_MS);
    lookout.announced.length = 0;
    return lookout;
  }

  run(): void {
    void this.looker.run(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.clock.settle();
  }

  async scan(scanner = walking(this.disk)): Promise<ScanReport> {
    const report = this.looker.scan(scanner, this.#stop.signal);
    await this.clock.settle();
    return report;
  }

  async pass(ms: number): Promise<void> {
    await this.clock.run(this.clock.now() + ms);
  }

  hint(path: string, closed = false, deep = false): void {
    this.looker.hint(pathOf(path), closed, deep);
  }

  write(path: string, text = path, mode = 0o644): void {
    this.disk.writeFile(`d/${path}`, Buffer.from(text), mode);
  }

  /** Announced since the last call, as `kind path`. */
  news(): string[] {
    return this.announced.splice(0).flatMap(batch => batch.map(({ kind, path }) => `${kind} ${path}`));
  }

  entry(path: string): Entry | undefined {
    return this.index.get(pathOf(path));
  }

  #commit(changes: readonly LocalChange[]): void {
    for (const { entry, identity, kept } of changes) this.index.set(entry, identity, kept);
    this.announced.push(changes.map(({ entry }) => entry));
  }
}
