/** What travelled between this instance and its peers. */
import type { Sample } from './readings.ts';
import type { Status } from './status.ts';

/** Some bytes that travelled, counted on the wire. */
export interface Transfer {
  readonly peer: string;
  /** Empty for what belongs to no single domain (the feed, greetings). */
  readonly domain: string;
  readonly direction: 'sent' | 'received';
  /** `content`: bytes of files, single or bundled; `index`: everything else. */
  readonly kind: 'content' | 'index';
  readonly bytes: number;
}

const DIRECTIONS = ['sent', 'received'] as const;
const KINDS = ['content', 'index'] as const;

/** Sums of transferred bytes by peer, domain, direction and kind. */
export class Transfers {
  readonly #sums = new Map<string, number>();

  add({ peer, domain, direction, kind, bytes }: Transfer): void {
    const key = keyOf(peer, domain, direction, kind);
    this.#sums.set(key, (this.#sums.get(key) ?? 0) + bytes);
  }

  /**
   * The sums of every peer and domain of the network, from 0 on so that a rate sees the first bytes too. Sums of others are
   * forgotten: should such a peer come back, its series starts anew, which every reader of counters knows.
   */
  read(status: Status): Sample[] {
    const samples: Sample[] = [];
    const kept = new Set<string>();
    for (const { peer, domains } of status.peers) {
      for (const domain of ['', ...domains.map(at => at.domain)]) {
        for (const direction of DIRECTIONS) {
          for (const kind of KINDS) {
            const key = keyOf(peer, domain, direction, kind);
            kept.add(key);
            samples.push([{ peer, domain, direction, kind }, this.#sums.get(key) ?? 0]);
          }
        }
      }
    }
    for (const key of this.#sums.keys()) if (!kept.has(key)) this.#sums.delete(key);
    return samples;
  }
}

function keyOf(...parts: string[]): string {
  return JSON.stringify(parts);
}
