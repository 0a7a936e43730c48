/** Runs the program as an operator would: a process of its own, its output collected, never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What is run: the sources, as they are. */
let program = 'src/main.ts';
const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
/** What is kept of a process's output. */
const MAX_LOG = 1 << 20;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
// The test runner ends a file that takes too long with a signal; without a listener there would be no exit event.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));

/** From now on the program is run as operators have it: built, which starts sooner. */
export function runBuilt(): void {
  program = 'src/bin.js';
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of the program. */
export class Command {
  readonly #child: ChildProcess;
  readonly exited: Promise<Exit>;
  #exit: Exit | undefined;
  #output = '';

  /** @param before a command that runs the program, such as `setpriv` with its options */
  constructor(args: readonly string[], before: readonly string[] = []) {
    const [file, ...rest] = [...before, process.execPath, program, ...args];
    this.#child = spawn(file!, rest, { cwd: CHECKOUT, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.#child);
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-MAX_LOG);
      });
    }
    this.exited = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code, signal) => {
        running.delete(this.#child);
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Everything that it printed, both streams. */
  get output(): string {
    return this.#output;
  }

  /** Undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Runs the program to its end. */
export async function runCommand(...args: string[]): Promise<Exit & { output: string }> {
  const command = new Command(args);
  const exit = await command.exited;
  return { ...exit, output: command.output };
}

/** This process's environment without what would configure the program. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('DFSYNC_') && name !== 'NODE_TEST_CONTEXT'),
  );
}
