/** A watcher proves itself: a file is touched, and an event that does not come means that others did not either. */
import { closeSync, openSync, utimesSync } from 'node:fs';
import type { Clock } from '../core/clock.ts';

/** Touches a file and waits for its event. */
export class Probe {
  readonly #file: string;
  readonly #clock: Clock;
  #arrived: AbortController | undefined;

  constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /** Gives the file a new date, or makes it. Throws where it cannot: a volume that is full, read-only or gone. */
  touch(): void {
    const date = new Date(this.#clock.now());
    try {
      utimesSync(this.#file, date, date);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      closeSync(openSync(this.#file, 'a', 0o600));
    }
  }

  /** An event of the file came. */
  arrived(): void {
    this.#arrived?.abort();
  }

  /** Touches, and answers whether an event follows within some milliseconds; false too where the signal aborts first. */
  prove(within: number, signal: AbortSignal): Promise<boolean> {
    const arrived = new AbortController();
    this.#arrived = arrived;
    this.touch();
    return this.#wait(within, arrived.signal, signal);
  }

  async #wait(within: number, arrived: AbortSignal, stop: AbortSignal): Promise<boolean> {
    await this.#clock.sleep(within, AbortSignal.any([arrived, stop]));
    // The process may have been too busy to read what had come in time.
    await this.#clock.yield();
    return arrived.aborted;
  }
}
