/** One instance of the demonstration network as a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import process from 'node:process';
import type { Readable, Writable } from 'node:stream';
import type { Status } from '../ops/status.ts';
import type { DemoPlace } from './demo-network.ts';
import { receivedBytes } from './demo-transfers.ts';

/** An answer that takes longer is not waited for: the next question comes in half a second. */
const ASK_AT_MOST_MS = 2_000;
/** Enough of a log to tell why a process ended. */
const LAST_LINES = 10;
/** What a shell says of a program that SIGTERM ended: one that had not come so far as to handle it. */
const EXIT_BY_SIGTERM = 128 + 15;

/**
 * Ends the program when its own input ends: at our word, or when we are gone, by kill -9 too. It holds none of the outputs, so
 * that these end with the program.
 */
const WRAPPER = `"$@" </dev/null & child=$!
exec >/dev/null 2>&1
cat
kill "$child"
wait "$child"`;

/** A process of `dfsync run` that never outlives this one. */
export class DemoInstance {
  readonly place: DemoPlace;
  /** Resolves once it has ended: with why that is a failure, or with undefined where it ended well and at our word. */
  readonly ended: Promise<string | undefined>;
  #asked = false;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;

  /** @param program what runs dfsync: an executable and its first arguments */
  constructor(place: DemoPlace, config: string, program: readonly string[]) {
    this.place = place;
    const child = spawn('sh', ['-c', WRAPPER, 'sh', ...program, ...argumentsFor(place, config)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // A session of its own: Ctrl-C in a terminal is for us, who then stop it in good order.
      detached: true,
      env: environment(),
    });
    this.#child = child;
    child.stdin.on('error', () => {});
    for (const stream of [child.stdout, child.stderr]) stream.on('data', text => appendFileSync(place.log, text));
    // All that the wrapper waits for then is the end of its input.
    child.stdout.on('end', () => child.stdin.end());
    this.ended = new Promise(resolve => {
      child.once('error', error => resolve(`cannot be started: ${error.message}`));
      child.once('close', (code, signal) => resolve(this.#failure(signal ?? code)));
    });
  }

  /** Stops it as SIGTERM does; {@link ended} tells when it has. */
  stop(): void {
    this.#asked = true;
    this.#child.stdin.end();
  }

  /** What it says of itself, or undefined where it does not answer (yet, or any more). */
  async status(): Promise<Status | undefined> {
    // It is this very program that answers.
    return this.#ask('/status', async answer => (await answer.json()) as Status);
  }

  /** Bytes of files that it received since it started, by domain; undefined where it does not answer. */
  async received(): Promise<ReadonlyMap<string, number> | undefined> {
    return this.#ask('/metrics', async answer => receivedBytes(await answer.text()));
  }

  async #ask<T>(path: string, read: (answer: Response) => Promise<T>): Promise<T | undefined> {
    try {
      const signal = AbortSignal.timeout(ASK_AT_MOST_MS);
      const answer = await fetch(`http://127.0.0.1:${this.place.opsPort}${path}`, { signal });
      return answer.ok ? await read(answer) : undefined;
    } catch {
      return undefined;
    }
  }

  #failure(exit: number | string | null): string | undefined {
    if (this.#asked && (exit === 0 || exit === EXIT_BY_SIGTERM)) return undefined;
    return `ended${this.#asked ? '' : ' although nobody asked it to'}, exit code ${exit}`;
  }

  /** The end of its log. */
  lastLines(): string[] {
    try {
      return readFileSync(this.place.log, 'utf8').trimEnd().split('\n').slice(-LAST_LINES);
    } catch {
      return [];
    }
  }
}

function argumentsFor({ roleid, root, port, opsPort }: DemoPlace, config: string): string[] {
  const where = ['--root', root, '--listen', `127.0.0.1:${port}`, '--ops-listen', `127.0.0.1:${opsPort}`];
  return ['run', '--config', config, '--roleid', `${roleid}`, ...where, '--log-format', 'text'];
}

/** Nothing that configures another instance on this machine may reach the demonstration. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DFSYNC_')));
}
