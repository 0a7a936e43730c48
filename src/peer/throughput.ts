/** How many bytes travel between this instance and each peer, and how fast. */
import type { Transfer } from './transfer.ts';

/** A rate is the mean over so many seconds: long enough to be read, short enough to see a transfer stop. */
const WINDOW_S = 5;

/** One way. */
export interface Rate {
  /** Since the start. */
  readonly bytes: number;
  /** Over the last seconds. */
  readonly perSecond: number;
}

/** Both ways, as seen from here. */
export interface Traffic {
  readonly sent: Rate;
  readonly received: Rate;
}

/** Counts transfers of all kinds and domains. Times are in milliseconds, of a clock that does not go back for long. */
export class Throughput {
  readonly #ways = new Map<string, Way>();

  add({ peer, direction, bytes }: Pick<Transfer, 'peer' | 'direction' | 'bytes'>, now: number): void {
    const key = `${direction} ${peer}`;
    const way = this.#ways.get(key) ?? new Way();
    this.#ways.set(key, way);
    way.add(bytes, Math.floor(now / 1000));
  }

  /** What travelled to and from a peer. */
  of(peer: number, now: number): Traffic {
    const second = Math.floor(now / 1000);
    const rate = (direction: Transfer['direction']) =>
      this.#ways.get(`${direction} ${peer}`)?.at(second) ?? { bytes: 0, perSecond: 0 };
    return { sent: rate('sent'), received: rate('received') };
  }
}

/** One direction of one peer: the sum, and that of each of the last seconds, which are kept in turn. */
class Way {
  #bytes = 0;
  readonly #sums = new Float64Array(WINDOW_S);
  readonly #seconds = new Float64Array(WINDOW_S).fill(Number.NEGATIVE_INFINITY);

  add(bytes: number, second: number): void {
    const slot = second % WINDOW_S;
    if (this.#seconds[slot] !== second) this.#sums[slot] = 0;
    this.#seconds[slot] = second;
    this.#sums[slot]! += bytes;
    this.#bytes += bytes;
  }

  at(second: number): Rate {
    let recent = 0;
    for (const [slot, of] of this.#seconds.entries())
      if (of > second - WINDOW_S && of <= second) recent += this.#sums[slot]!;
    return { bytes: this.#bytes, perSecond: recent / WINDOW_S };
  }
}
