/**
 * The scan in threads of its own: both ends. A scan is mostly `lstat`, which two threads do in half the time of one; the directories
 * are shared out among them from here.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { RelPath } from '../core/path.ts';
import { realDisk } from './real-disk.ts';
import { type Hidden, list, type ScanBatch, type Scanner, Unlisted } from './scan.ts';
import { type PackedSightings, Sightings } from './sightings.ts';

/** More of them would wait for the main thread, which compares what they meet. */
const MAX_THREADS = 2;
/** So many paths are met in the time that a thread takes to start: a smaller tree is listed by one alone. */
const ALONE_PATHS = 10_000;
/** Batches of a thread that may wait for the main thread: the walk pauses rather than fill the memory. */
const MAX_WAITING = 4;
/** Shares that a thread holds, so that it has another one when one is done. */
const SHARES = 2;
/** Megabytes for new objects of a thread: what it makes is packed and gone at once. */
const YOUNG_MB = 8;

interface Work {
  readonly dfsyncScan: { readonly root: string; readonly directory: string; readonly credit: SharedArrayBuffer };
}

/** Directories to list. */
type Share = readonly (RelPath | undefined)[];

/** A batch of a share, or its end. */
type Answer = { readonly sightings: PackedSightings; readonly hidden: readonly Hidden[] } | 'done';

/**
 * A scanner of the volume at `root` that walks in worker threads, each ahead of its reader by at most so many batches. One begins; others
 * come when it has met `alone` paths and there are directories left for them.
 */
export function threadScanner(root: string, ahead = MAX_WAITING, alone = ALONE_PATHS): Scanner {
  return async function* scan({ directory }, signal) {
    const inbox = new Inbox();
    const most = Math.min(MAX_THREADS, availableParallelism());
    const threads = [new ScanThread(root, directory, ahead, inbox)];
    const unlisted = new Unlisted();
    let paths = 0;
    const shareOut = () => {
      for (const thread of threads)
        while (thread.shares < SHARES && unlisted.size > 0) thread.list(unlisted.take(threads.length * SHARES));
      if (unlisted.size === 0 || paths < alone || threads.length === most) return;
      threads.push(new ScanThread(root, directory, ahead, inbox));
      shareOut();
    };
    const stop = () => inbox.end();
    signal.addEventListener('abort', stop, { once: true });
    try {
      shareOut();
      while (threads.some(({ shares }) => shares > 0)) {
        const letter = await inbox.next();
        if (!letter) return;
        const { thread, answer } = letter;
        if (answer === 'done') thread.shares--;
        else {
          const batch: ScanBatch = { sightings: new Sightings(answer.sightings), hidden: answer.hidden };
          paths += batch.sightings.length;
          unlisted.meet(batch);
          shareOut();
          yield batch;
          batch.sightings.free();
          thread.goOn();
        }
        shareOut();
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await Promise.all(threads.map(thread => thread.end()));
    }
  };
}

/** One thread, seen from the main thread. */
class ScanThread {
  /** Shares that are not done. */
  shares = 0;
  readonly #credit: Int32Array;
  readonly #worker: Worker;
  readonly #exit: Promise<unknown>;

  constructor(root: string, directory: string, ahead: number, inbox: Inbox) {
    const credit = new SharedArrayBuffer(4);
    this.#credit = new Int32Array(credit);
    this.#credit[0] = ahead;
    const work: Work = { dfsyncScan: { root, directory, credit } };
    this.#worker = new Worker(new URL(import.meta.url), {
      workerData: work,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker.on('message', (answer: Answer) => inbox.put({ thread: this, answer }));
    this.#worker.on('error', error => inbox.end(error));
    this.#exit = once(this.#worker, 'exit').catch(() => {});
    // As the end of a scan it would say that everything not met yet is gone.
    this.#worker.on('exit', () => inbox.end(new Error('a scanning thread ended before its scan did')));
  }

  list(share: Share): void {
    this.shares++;
    this.#worker.postMessage(share);
  }

  /** One of its batches has been read. */
  goOn(): void {
    Atomics.add(this.#credit, 0, 1);
    Atomics.notify(this.#credit, 0);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
    await this.#exit;
  }
}

interface Letter {
  readonly thread: ScanThread;
  readonly answer: Answer;
}

/** What came from the threads and was not read yet. */
class Inbox {
  readonly #letters: Letter[] = [];
  #ended = false;
  #failure: unknown;
  #wake = () => {};

  put(letter: Letter): void {
    this.#letters.push(letter);
    this.#wake();
  }

  end(failure?: unknown): void {
    this.#failure ??= failure;
    this.#ended = true;
    this.#wake();
  }

  /** The next letter, however long it takes; undefined: there is none any more. Throws what a thread failed with. */
  async next(): Promise<Letter | undefined> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      if (this.#ended) return undefined;
      const letter = this.#letters.shift();
      if (letter) return letter;
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }
}

function work({ dfsyncScan: { root, directory, credit: buffer } }: Work): void {
  const credit = new Int32Array(buffer);
  const disk = realDisk(root);
  const room = new Sightings();
  parentPort!.on('message', (share: Share) => {
    for (const { sightings, hidden } of list(disk, directory, share, room)) {
      while (Atomics.load(credit, 0) <= 0) Atomics.wait(credit, 0, 0);
      Atomics.sub(credit, 0, 1);
      const packed = sightings.pack();
      parentPort!.postMessage({ sightings: packed, hidden } satisfies Answer, [packed.numbers.buffer]);
    }
    parentPort!.postMessage('done');
  });
}

if (!isMainThread && (workerData as Partial<Work> | null)?.dfsyncScan) work(workerData as Work);
