/**
 * Virtual time for a simulation in one process. Time stands still while anybody computes and jumps to the next sleeper when nobody
 * does, so that hours pass in milliseconds and the same seed gives the same run.
 *
 * It works only for code that waits for nothing but promises and this clock: no timers, no files, no sockets. Then everything that
 * can go on has gone on when the queue of microtasks is empty, which it is when `setImmediate` calls back.
 */
import type { Clock, Random } from '../../src/core/clock.ts';

/** So many wake-ups within one virtual millisecond are taken for an endless loop. */
const LIVELOCK = 100_000;

interface Waiter {
  readonly at: number;
  readonly owner: ClockView;
  readonly wake: () => void;
}

/** The time that all nodes of a simulation share. */
export class VirtualClock {
  #now: number;
  readonly #random: Random;
  readonly #livelock: number;
  /** In order of time, then of arrival; those that yield wait for the present time. */
  readonly #waiting: Waiter[] = [];
  #wakeUps = 0;

  /** @param random decides who of those that are due at one moment goes first; without it the order is that of arrival */
  constructor(now: number, random: Random = () => 0, livelock = LIVELOCK) {
    this.#now = now;
    this.#random = random;
    this.#livelock = livelock;
  }

  /** True time, milliseconds since 1970. */
  now(): number {
    return this.#now;
  }

  /** The clock of one node (one process: give a restarted one a new view), off by `skewMs`. */
  view(skewMs = 0): ClockView {
    return new ClockView(this, skewMs);
  }

  /**
   * Runs everybody until the given true time has come, or `stop` is true between two wake-ups. Answers whether `stop` ended it.
   * Throws where the time does not get on because somebody loops.
   */
  async run(until: number, stop: () => boolean = () => false): Promise<boolean> {
    await idle();
    while (!stop()) {
      const next = this.#take(until);
      if (next === undefined) {
        this.#now = Math.max(this.#now, until);
        return false;
      }
      this.#advance(next.at);
      next.wake();
      await idle();
    }
    return true;
  }

  /** Lets everything go on that can without time passing. */
  settle(): Promise<boolean> {
    return this.run(this.#now);
  }

  /** @internal Queues a waiter; answers how to take it out again. */
  enqueue(waiter: Waiter): () => void {
    const after = this.#waiting.findIndex(other => other.at > waiter.at);
    this.#waiting.splice(after < 0 ? this.#waiting.length : after, 0, waiter);
    return () => {
      const at = this.#waiting.indexOf(waiter);
      if (at >= 0) this.#waiting.splice(at, 1);
    };
  }

  /** @internal Nobody of a killed process wakes up again. */
  forget(owner: ClockView): void {
    const others = this.#waiting.filter(waiter => waiter.owner !== owner);
    this.#waiting.splice(0, this.#waiting.length, ...others);
  }

  #take(until: number): Waiter | undefined {
    const first = this.#waiting[0];
    if (first === undefined || first.at > until) return undefined;
    const due = this.#waiting.findIndex(waiter => waiter.at > Math.max(first.at, this.#now));
    const choices = due < 0 ? this.#waiting.length : due;
    return this.#waiting.splice(Math.floor(this.#random() * choices), 1)[0];
  }

  #advance(to: number): void {
    this.#wakeUps = to > this.#now ? 0 : this.#wakeUps + 1;
    if (this.#wakeUps > this.#livelock)
      throw new Error(`${this.#livelock} wake-ups at virtual time ${this.#now}: somebody loops`);
    this.#now = Math.max(this.#now, to);
  }
}

/** What one process sees of the virtual time. */
export class ClockView implements Clock {
  readonly #clock: VirtualClock;
  #dead = false;
  /** How far this node's clock is ahead of true time, in milliseconds; may be set at any moment: a clock that is put right. */
  skewMs: number;

  constructor(clock: VirtualClock, skewMs: number) {
    this.#clock = clock;
    this.skewMs = skewMs;
  }

  now(): number {
    return Math.floor(this.#clock.now() + this.skewMs);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted && !this.#dead) return Promise.resolve();
    return new Promise(resolve => {
      // A killed process waits for ever: nothing of it runs again.
      if (this.#dead) return;
      const leave = this.#clock.enqueue({
        at: this.#clock.now() + Math.max(0, Math.ceil(ms)),
        owner: this,
        wake: () => wake(),
      });
      const aborted = () => {
        leave();
        if (!this.#dead) resolve();
      };
      const wake = () => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      };
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  yield(): Promise<void> {
    return this.sleep(0);
  }

  /** As kill -9 does: whoever sleeps on this view never wakes up, and whoever tries to sleep from now on does not either. */
  kill(): void {
    this.#dead = true;
    this.#clock.forget(this);
  }
}

function idle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
