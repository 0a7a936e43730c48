/** Domains that an operator has wait: nothing is pulled into them; watching, announcing and serving go on. */
import type { DomainName } from '../core/path.ts';

export class Pauses {
  readonly #since = new Map<DomainName, number>();

  /** Answers whether it was not paused before. */
  pause(domain: DomainName, now: number): boolean {
    if (this.#since.has(domain)) return false;
    this.#since.set(domain, now);
    return true;
  }

  /** Answers whether it was paused. */
  resume(domain: DomainName): boolean {
    return this.#since.delete(domain);
  }

  /** Why nothing is pulled into a domain, or undefined. */
  reason(domain: DomainName): string | undefined {
    const since = this.#since.get(domain);
    return since === undefined
      ? undefined
      : `paused by an operator since ${new Date(since).toISOString()}; dfsync resume --domain ${domain} goes on`;
  }
}
