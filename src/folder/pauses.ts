/**
 * Domains that an operator has wait: nothing is pulled into them; watching, announcing and serving go on. It is a wish, which no scan
 * could find again, so it is no part of the cache: it lasts until it is taken back, also over restarts and over a domain's leaving
 * and coming back.
 */
import { Low } from 'lowdb';
import { z } from 'zod';
import { type DomainName, PRIVATE } from '../core/path.ts';
import type { Disk } from './disk.ts';
import { DurableFile } from './durable-file.ts';

const FILE = `${PRIVATE}/paused.json`;

/** What `.dfsync/paused.json` says. */
const pausedSchema = z.object({
  /** What an operator wished of one instance says nothing of the one that takes its volume over. */
  roleid: z.number().int(),
  /** Milliseconds since 1970. */
  paused: z.array(z.object({ domain: z.string(), since: z.number().int().nonnegative() })),
});
type Paused = z.infer<typeof pausedSchema>;

export class Pauses {
  readonly #file: Low<unknown>;
  readonly #roleid: number;
  readonly #since = new Map<DomainName, number>();
  #written: Promise<void> = Promise.resolve();

  constructor(disk: Disk, roleid: number) {
    this.#file = new Low<unknown>(new DurableFile(disk, FILE), null);
    this.#roleid = roleid;
  }

  /** Takes over what was wished before; answers whether the file could be understood. Throws a DiskError. */
  async open(): Promise<boolean> {
    try {
      await this.#file.read();
    } catch (error) {
      if (error instanceof SyntaxError) return false;
      throw error;
    }
    if (!this.#file.data) return true;
    const { data } = pausedSchema.safeParse(this.#file.data);
    if (data?.roleid === this.#roleid)
      for (const { domain, since } of data.paused) this.#since.set(domain as DomainName, since);
    return data !== undefined;
  }

  /**
   * Has domains wait, at once; answers those that did not before. Resolves once that is on the disk; throws a DiskError where it cannot
   * be, and then it lasts as long as the process.
   */
  async pause(domains: readonly DomainName[], now: number): Promise<DomainName[]> {
    const paused = domains.filter(domain => !this.#since.has(domain));
    for (const domain of paused) this.#since.set(domain, now);
    await this.#write();
    return paused;
  }

  /** Has domains go on, at once; answers those that waited. Throws a DiskError where they would wait again after a restart. */
  async resume(domains: readonly DomainName[]): Promise<DomainName[]> {
    const resumed = domains.filter(domain => this.#since.delete(domain));
    await this.#write();
    return resumed;
  }

  /** Since when nothing is pulled into a domain, milliseconds since 1970. */
  since(domain: DomainName): number | undefined {
    return this.#since.get(domain);
  }

  /** Why nothing is pulled into a domain, or undefined. */
  reason(domain: DomainName): string | undefined {
    const since = this.#since.get(domain);
    return since === undefined
      ? undefined
      : `paused by an operator since ${new Date(since).toISOString()}; dfsync resume --domain ${domain} goes on`;
  }

  /** One after the other, also where nothing has changed: it may not have been written the last time. */
  #write(): Promise<void> {
    const write = async () => {
      const paused = [...this.#since].map(([domain, since]) => ({ domain, since }));
      this.#file.data = { roleid: this.#roleid, paused } satisfies Paused;
      await this.#file.write();
    };
    this.#written = this.#written.then(write, write);
    return this.#written;
  }
}
