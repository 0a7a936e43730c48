/** How slow the other end of an exchange may be: whoever drips holds a socket, a file and a place among the requests. */

/** The least progress. */
export interface Pace {
  /** Time without any, milliseconds: what is saved up by being faster is never more than this. */
  readonly graceMs: number;
  /** Averaged over that time. */
  readonly bytesPerSecond: number;
}

/**
 * A minute rides over a lost route; a kibibyte a second, times the 16 sockets of one peer, is a line of 128 kbit/s. Whatever is
 * slower gives its transfers one after the other no chance either, and a large file goes on where it was cut.
 */
export const PACE: Pace = { graceMs: 60_000, bytesPerSecond: 1024 };

/** What is left of somebody's time, by what he has moved. */
export class Patience {
  readonly #pace: Pace;
  #leftMs: number;

  constructor(pace: Pace) {
    this.#pace = pace;
    this.#leftMs = pace.graceMs;
  }

  /** Milliseconds for which he may still be waited for. */
  get leftMs(): number {
    return Math.max(0, this.#leftMs);
  }

  /** So many bytes are his to move now, or were moved. */
  grant(bytes: number): void {
    this.#leftMs = Math.min(this.#leftMs, this.#pace.graceMs) + (bytes / this.#pace.bytesPerSecond) * 1000;
  }

  /** He was waited for. */
  spend(ms: number): void {
    this.#leftMs -= ms;
  }
}

/** What a pace asks for, in words. */
export function paceInWords({ graceMs, bytesPerSecond }: Pace): string {
  return `less than ${bytesPerSecond} bytes a second over ${graceMs / 1000} s`;
}

/**
 * The same bytes for a reader who has to keep pace.
 *
 * @param over aborted once nobody needs them any more
 * @param tooSlow called at most once, if he does not
 */
export async function* paced(
  source: AsyncIterable<Uint8Array>,
  pace: Pace,
  over: AbortSignal,
  tooSlow: () => void,
): AsyncGenerator<Uint8Array> {
  const patience = new Patience(pace);
  for await (const chunk of source) {
    patience.grant(chunk.length);
    const since = performance.now();
    const taken = waitAtMost(patience.leftMs, tooSlow);
    try {
      yield chunk;
    } finally {
      taken();
    }
    patience.spend(performance.now() - since);
  }
  // What he has not taken yet lies in buffers, and the end of the answer waits for it.
  deadline(patience.leftMs, over, tooSlow);
}

/** Calls `tooSlow` after a time, unless it is over before. */
export function deadline(ms: number, over: AbortSignal, tooSlow: () => void): void {
  if (!over.aborted) over.addEventListener('abort', waitAtMost(ms, tooSlow), { once: true });
}

/**
 * Calls `then` after a time, unless what it answers is called before. Once round the event loop more: after this thread was held
 * up, what has happened meanwhile is still to be noticed.
 */
function waitAtMost(ms: number, then: () => void): () => void {
  let waiting = true;
  const timer = setTimeout(() => setImmediate(() => waiting && then()), ms);
  return () => {
    waiting = false;
    clearTimeout(timer);
  };
}

/**
 * The same bytes from a sender who has to keep pace. Time that the reader takes for himself does not count.
 *
 * @param tooSlow called at most once, if he does not; it has to make the source end
 */
export async function* hurried(
  source: AsyncIterable<Uint8Array>,
  pace: Pace,
  tooSlow: () => void,
): AsyncGenerator<Uint8Array> {
  const patience = new Patience(pace);
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const since = performance.now();
      const arrived = waitAtMost(patience.leftMs, tooSlow);
      let next: IteratorResult<Uint8Array>;
      try {
        next = await iterator.next();
      } finally {
        arrived();
      }
      if (next.done) return;
      patience.spend(performance.now() - since);
      patience.grant(next.value.length);
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
