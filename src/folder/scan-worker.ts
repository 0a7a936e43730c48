/** The scan in a thread of its own: both ends. */

import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { realDisk } from './real-disk.ts';
import { type Scanner, walk } from './scan.ts';
import { buffersOf, type PackedBatch, pack, unpack } from './scan-pack.ts';

/** Batches that may wait for the main thread: the walk pauses rather than fill the memory. */
const MAX_WAITING = 4;

interface Work {
  readonly dfsyncScan: { readonly root: string; readonly directory: string; readonly credit: SharedArrayBuffer };
}

/** A scanner of the volume at `root` that walks in a worker thread, ahead of its reader by at most so many batches. */
export function threadScanner(root: string, ahead = MAX_WAITING): Scanner {
  return async function* scan({ directory }, signal) {
    const credit = new Int32Array(new SharedArrayBuffer(4));
    credit[0] = ahead;
    const work: Work = { dfsyncScan: { root, directory, credit: credit.buffer as SharedArrayBuffer } };
    const worker = new Worker(new URL(import.meta.url), { workerData: work });
    const inbox: PackedBatch[] = [];
    let ended = false;
    let failure: unknown;
    let wake = () => {};
    worker.on('message', (batch: PackedBatch) => {
      inbox.push(batch);
      wake();
    });
    worker.on('error', error => {
      failure = error;
      wake();
    });
    worker.on('exit', () => {
      ended = true;
      wake();
    });
    const stop = () => void worker.terminate();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (;;) {
        const batch = inbox.shift();
        if (batch) {
          yield unpack(batch);
          Atomics.add(credit, 0, 1);
          Atomics.notify(credit, 0);
        } else if (failure) throw failure;
        else if (ended) return;
        else
          await new Promise<void>(resolve => {
            wake = resolve;
          });
      }
    } finally {
      signal.removeEventListener('abort', stop);
      if (!ended) {
        const exit = once(worker, 'exit');
        await worker.terminate();
        await exit.catch(() => {});
      }
    }
  };
}

function work({ dfsyncScan: { root, directory, credit: buffer } }: Work): void {
  const credit = new Int32Array(buffer);
  for (const batch of walk(realDisk(root), directory)) {
    while (Atomics.load(credit, 0) <= 0) Atomics.wait(credit, 0, 0);
    Atomics.sub(credit, 0, 1);
    const packed = pack(batch);
    parentPort!.postMessage(packed, buffersOf(packed));
  }
}

if (!isMainThread && (workerData as Partial<Work> | null)?.dfsyncScan) work(workerData as Work);
