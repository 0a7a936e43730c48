/** rsync: a daemon on loopback, and clients that pull from it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../e2e/ports.ts';
import { momentOf } from './moment.ts';
import { timed } from './program.ts';

/** A daemon that offers one directory, read-only. */
export class RsyncDaemon {
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #end = () => void this.#child.kill('SIGKILL');

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
    process.on('exit', this.#end);
  }

  /** @param directory for its configuration and log; @param source what it offers */
  static async open(directory: string, source: string): Promise<RsyncDaemon> {
    const port = await freePort();
    const config = join(directory, `rsyncd-${port}.conf`);
    // The daemon gives its rights away where it has some; the tree may be readable by root alone.
    const identity = process.getuid?.() === 0 ? 'uid = root\ngid = root\n' : '';
    const module = `[tree]\npath = ${source}\nread only = yes\n`;
    writeFileSync(config, `use chroot = no\nlog file = ${directory}/rsyncd-${port}.log\n${identity}${module}`);
    const args = ['--daemon', '--no-detach', `--config=${config}`, `--port=${port}`, '--address=127.0.0.1'];
    const daemon = new RsyncDaemon(spawn('rsync', args, { stdio: 'ignore' }), port);
    await momentOf('the rsync daemon to answer', () => answers(port), { deadlineMs: 10_000 });
    return daemon;
  }

  /** Pulls into a directory; answers the milliseconds. */
  pull(destination: string, ...options: string[]): Promise<number> {
    return timed('rsync', ['-a', ...options, `rsync://127.0.0.1:${this.#port}/tree/`, `${destination}/`]);
  }

  close(): void {
    this.#end();
    process.off('exit', this.#end);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.on('data', () => resolve(true)).on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.on('data', () => socket.destroy());
  });
}
