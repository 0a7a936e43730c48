/** Batches of small files in a thread of its own: both ends. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { DiskError, type Stat } from './disk.ts';
import { realDisk } from './real-disk.ts';
import {
  type Copy,
  type Draft,
  type Installation,
  inlineSmallFiles,
  installFiles,
  readFiles,
  type SmallFiles,
  writeFiles,
} from './small-files.ts';

/** A smaller batch is done in place: it takes less time than waking a thread, and a single change must not wait for one. */
const THREAD_FROM = 16;
/** An idle thread ends after so long: its heap is given back. */
const IDLE_MS = 10_000;

interface Setup {
  readonly dfsyncSmallFiles: { readonly root: string };
}

/** Files of a batch: their bytes lie one after the other in one buffer that changes hands without being copied. */
type Question =
  | {
      readonly do: 'write';
      readonly drafts: readonly Omit<Draft, 'bytes'>[];
      readonly sizes: number[];
      bytes: Uint8Array;
    }
  | { readonly do: 'install'; readonly directory: string; readonly files: readonly Installation[] }
  | { readonly do: 'read'; readonly copies: readonly Copy[]; readonly notAfter: number };

type Answer =
  | { readonly stats: readonly (Stat | Pick<DiskError, 'code' | 'path' | 'why'>)[] }
  | { readonly installed: readonly boolean[] }
  | { readonly bytes: Uint8Array; readonly read: readonly boolean[] };

export interface ThreadedSmallFiles extends SmallFiles {
  /** Since when the thread owes an answer (milliseconds since 1970); undefined: it owes none. */
  readonly owesSince: number | undefined;
  close(): Promise<void>;
}

/** Does larger batches in a thread, which starts with the first one and ends when it has been idle for a while. */
export function threadSmallFiles(root: string, now: () => number): ThreadedSmallFiles {
  const inline = inlineSmallFiles(realDisk(root));
  const thread = new Thread(root, now);
  return {
    get owesSince() {
      return thread.owesSince;
    },
    async write(drafts) {
      if (drafts.length < THREAD_FROM) return await inline.write(drafts);
      const bytes = joined(drafts.map(draft => draft.bytes));
      const answer = await thread.ask({
        do: 'write',
        drafts: drafts.map(({ place, mode, mtime }) => ({ place, mode, mtime })),
        sizes: drafts.map(draft => draft.bytes.length),
        bytes,
      });
      if (!('stats' in answer)) throw new TypeError('not what was asked');
      return answer.stats.map(stat =>
        'code' in stat ? new DiskError(stat.code, 'write', stat.path, { why: stat.why }) : stat,
      );
    },
    async install(directory, files) {
      if (files.length < THREAD_FROM) return await inline.install(directory, files);
      const answer = await thread.ask({ do: 'install', directory, files });
      if (!('installed' in answer)) throw new TypeError('not what was asked');
      return answer.installed;
    },
    async read(copies, notAfter) {
      if (copies.length < THREAD_FROM) return await inline.read(copies, notAfter);
      const answer = await thread.ask({ do: 'read', copies, notAfter });
      if (!('read' in answer)) throw new TypeError('not what was asked');
      let at = 0;
      return copies.map(({ size }, i) => {
        if (!answer.read[i]) return undefined;
        at += size;
        return answer.bytes.subarray(at - size, at);
      });
    },
    close: () => thread.close(),
  };
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** The thread, while there is one. It answers in the order in which it was asked. */
class Thread {
  owesSince: number | undefined;
  readonly #root: string;
  readonly #now: () => number;
  #worker: Worker | undefined;
  #waiting: Waiting[] = [];
  #idle: NodeJS.Timeout | undefined;

  constructor(root: string, now: () => number) {
    this.#root = root;
    this.#now = now;
  }

  ask(question: Question): Promise<Answer> {
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const answer = Promise.withResolvers<Answer>();
    this.owesSince ??= this.#now();
    this.#waiting.push(answer);
    this.#worker.postMessage(question, question.do === 'write' ? [question.bytes.buffer as ArrayBuffer] : []);
    return answer.promise;
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const setup: Setup = { dfsyncSmallFiles: { root: this.#root } };
    const worker = new Worker(new URL(import.meta.url), { workerData: setup });
    worker.on('message', (answer: Answer) => {
      this.#waiting.shift()!.resolve(answer);
      this.owesSince = this.#waiting.length > 0 ? this.#now() : undefined;
      if (this.#waiting.length > 0) return;
      this.#idle = setTimeout(() => void this.close(), IDLE_MS);
      this.#idle.unref();
    });
    worker.on('error', error => this.#lost(worker, error));
    worker.on('exit', () => this.#lost(worker, new DiskError('EIO', 'thread ended at', this.#root)));
    return worker;
  }

  /** What was asked of a thread that is gone is not answered any more. */
  #lost(worker: Worker, error: unknown): void {
    if (this.#worker === worker) this.#worker = undefined;
    else if (this.#worker !== undefined) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.owesSince = undefined;
    for (const { reject } of waiting) reject(error);
  }
}

/** One buffer of its own: a part of Node's pool could not change hands. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function work({ dfsyncSmallFiles: { root } }: Setup): void {
  const disk = realDisk(root);
  parentPort!.on('message', (question: Question) => {
    if (question.do === 'write') {
      const { drafts, sizes, bytes } = question;
      let at = 0;
      const whole = drafts.map((draft, i) => {
        at += sizes[i]!;
        return { ...draft, bytes: bytes.subarray(at - sizes[i]!, at) };
      });
      const stats = writeFiles(disk, whole).map(made =>
        made instanceof DiskError ? { code: made.code, path: made.path, why: made.why } : made,
      );
      parentPort!.postMessage({ stats } satisfies Answer);
    } else if (question.do === 'install') {
      const installed = installFiles(disk, question.directory, question.files);
      parentPort!.postMessage({ installed } satisfies Answer);
    } else {
      const files = readFiles(disk, question.copies, question.notAfter);
      const bytes = joined(files.filter(file => file !== undefined));
      const read = files.map(file => file !== undefined);
      parentPort!.postMessage({ bytes, read } satisfies Answer, [bytes.buffer as ArrayBuffer]);
    }
  });
}

if (!isMainThread && (workerData as Partial<Setup> | null)?.dfsyncSmallFiles) work(workerData as Setup);
