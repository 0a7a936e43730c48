/** One instance of the demonstration network as a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import process from 'node:process';
import type { Readable, Writable } from 'node:stream';
import type { Status } from '../ops/status.ts';
import type { DemoPlace } from './demo-network.ts';

/** An answer that takes longer is not waited for: the next question comes in half a second. */
const ASK_AT_MOST_MS = 2_000;
/** Enough of a log to tell why a process ended. */
const LAST_LINES = 10;

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
  /** The exit code, once it has ended; rejects where it cannot be started. */
  readonly ended: Promise<number>;
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
    child.stdout.on('end', () => this.stop());
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
    });
    // Whoever waits hears of it; until then it is no unhandled rejection.
    this.ended.catch(() => {});
  }

  /** Lets it stop as SIGTERM does; {@link ended} tells when it has. */
  stop(): void {
    this.#child.stdin.end();
  }

  /** What it says of itself, or undefined where it does not answer (yet, or any more). */
  async status(): Promise<Status | undefined> {
    try {
      const signal = AbortSignal.timeout(ASK_AT_MOST_MS);
      const answer = await fetch(`http://127.0.0.1:${this.place.opsPort}/status`, { signal });
      // It is this very program that answers.
      return answer.ok ? ((await answer.json()) as Status) : undefined;
    } catch {
      return undefined;
    }
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
