/**
 * Write-back: everything written to a file system so far is brought to its disk.
 *
 * Node has no syncfs(2), and `sync` of coreutils is one. It is run by a shell that waits on a pipe and ends with this process,
 * because starting a program from a large one blocks it for many milliseconds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { DiskError } from './disk.ts';

/** One line in, one write-back, its exit status out. */
const SCRIPT = 'while read -r _; do sync -f "$1" 2>/dev/null; echo $?; done';
/** What a shell says of a program that is not there. */
const NOT_FOUND = 127;

export class WriteBack {
  readonly #root: string;
  #shell: ChildProcess | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @param root a directory of the file system */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Resolves when everything written before the call is on disk. Whoever asks while one is under way shares the next one.
   *
   * @throws {@link DiskError} EIO where the disk refused; without `sync` or a shell the system writes back by itself, within half a minute
   */
  run(): Promise<void> {
    if (!this.#running) return this.#begin();
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#begin();
      });
    return this.#next;
  }

  #begin(): Promise<void> {
    const running = this.#once().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #once(): Promise<void> {
    this.#shell ??= this.#start();
    const status = await answerOf(this.#shell);
    if (status !== 0 && status !== NOT_FOUND) throw new DiskError('EIO', 'sync', this.#root);
  }

  #start(): ChildProcess {
    const shell = spawn('sh', ['-c', SCRIPT, 'dfsync', this.#root], { stdio: ['pipe', 'pipe', 'ignore'] });
    const gone = () => {
      if (this.#shell === shell) this.#shell = undefined;
    };
    shell.on('error', gone);
    shell.on('exit', gone);
    // What is written to a shell that has died is answered by its exit.
    shell.stdin!.on('error', () => {});
    hold(shell, false);
    return shell;
  }
}

/** The exit status of the next write-back. */
function answerOf(shell: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const onData = (line: Buffer) => resolve(Number(String(line).trim()));
  const onError = (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(NOT_FOUND) : reject(error));
  const onExit = () => reject(new DiskError('EIO', 'sync', 'the shell that was to do it has ended'));
  shell.stdout!.once('data', onData);
  shell.once('error', onError);
  shell.once('exit', onExit);
  hold(shell, true);
  shell.stdin!.write('\n');
  return promise.finally(() => {
    shell.stdout!.off('data', onData);
    shell.off('error', onError);
    shell.off('exit', onExit);
    hold(shell, false);
  });
}

/** Whether the shell keeps this process alive: only while it is waited for. */
function hold(shell: ChildProcess, held: boolean): void {
  for (const end of [shell, shell.stdin, shell.stdout] as { ref?(): void; unref?(): void }[])
    held ? end.ref?.() : end.unref?.();
}
