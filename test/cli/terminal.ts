/** A real pseudo-terminal with a program in it, and what a person would see there. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Size } from '../../src/cli/screen.ts';
import { Hopeless, until } from '../e2e/until.ts';
import { type Shown, shownBy } from './shown.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
/** What would configure the program or its colours. */
const NOT_PASSED_ON = /^(DFSYNC_.*|NODE_.*|CI|TERM|COLUMNS|LINES|(NO|FORCE)_COLOR)$/;

/** Why there are no terminals here; false where there are. */
export const NO_TERMINAL = spawnSync('script', ['--version']).error ? 'script of util-linux is not installed' : false;

const open = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of open) child.kill('SIGKILL');
});

/** A program in a terminal. Killing `script` hangs the terminal up. */
export class Terminal {
  /** The exit code, 128 and more for signals. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #exit: { code: number | null } | undefined;
  #output = '';

  /** @param args of Node, in the checkout; free of what a shell would read otherwise */
  constructor(args: readonly string[], size: Size, env: NodeJS.ProcessEnv = {}) {
    const command = `stty cols ${size.columns} rows ${size.rows}; tty; echo $$; exec '${[process.execPath, ...args].join("' '")}'`;
    const passed = Object.entries(process.env).filter(([name]) => !NOT_PASSED_ON.test(name));
    this.#child = spawn('script', ['-qefc', command, '/dev/null'], {
      cwd: CHECKOUT,
      env: { ...Object.fromEntries(passed), TERM: 'xterm-256color', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    open.add(this.#child);
    this.#child.stdin!.on('error', () => {});
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.exited = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', code => {
        open.delete(this.#child);
        this.#exit = { code };
        resolve(code);
      });
    });
  }

  /** Everything that was written to the terminal, after the two lines that this class wants for itself. */
  get output(): string {
    return this.#output.split('\r\n').slice(2).join('\r\n');
  }

  /** The process in it. */
  get pid(): number {
    return Number(this.#output.split('\r\n')[1]);
  }

  /** What is to be seen now. */
  get shown(): Shown {
    return shownBy(this.output);
  }

  /** Presses keys, such as `\u0003` for Ctrl-C. */
  type(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  /** Makes the window larger or smaller. */
  resize({ columns, rows }: Size): void {
    execFileSync('stty', ['-F', this.#output.split('\r\n')[0]!, 'cols', `${columns}`, 'rows', `${rows}`]);
  }

  /** Goes on with a program that has suspended itself; `script` has gone to sleep with it. */
  wake(): void {
    this.#child.kill('SIGCONT');
  }

  /** Waits for something in the output. */
  async until<T>(what: string, condition: () => T): Promise<NonNullable<T>> {
    const look = () => {
      const found = condition();
      if (!found && this.#exit) throw new Hopeless(`the program has ended: ${this.#exit.code}`);
      return found;
    };
    return until(what, look, { evidence: () => JSON.stringify(this.output.slice(-3000)) });
  }

  hangUp(): void {
    this.#child.kill('SIGKILL');
  }
}
