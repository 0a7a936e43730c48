/** A container of the image without a container engine: its root read-only, a process namespace of its own, tini as process 1. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What of `buildah inspect` counts. */
export interface ImageConfig {
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly User: string;
  readonly Healthcheck?: { readonly Test: readonly string[] };
  readonly Labels: Readonly<Record<string, string>>;
}

/** What a container is started with. */
export interface ContainerOptions {
  /** The image's root directory, mounted. */
  readonly root: string;
  readonly image: ImageConfig;
  readonly uid: number;
  readonly gid: number;
  /** Directories of this host, by their place in the container. */
  readonly mounts: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

// As process 1 of its namespace, of which --kill-child makes an end when we are gone.
const ENTER = `set -e
mount --make-rprivate /
mount --bind "$ROOT" "$AT"
mount -o remount,bind,ro "$AT"
mount -t proc proc "$AT/proc"
mount --rbind /dev "$AT/dev"
mount -t tmpfs tmpfs "$AT/tmp"
while [ "$1" != -- ]; do mount --bind "$1" "$AT$2"; shift 2; done
shift
exec chroot --userspec="$OWNER" --groups= "$AT" /usr/bin/env -i "$@"`;

/** Runs it; never leaves it behind. */
export class Container {
  readonly #child: ChildProcess;
  readonly #at = mkdtempSync(join(tmpdir(), 'dfsync-image-root-'));
  readonly exited: Promise<number | null>;
  output = '';

  constructor({ root, image, uid, gid, mounts, env, args }: ContainerOptions) {
    const environment = [...image.Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
    const enter = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', ENTER, 'sh'];
    const binds = Object.entries(mounts).flatMap(([inside, outside]) => [outside, inside]);
    this.#child = spawn('unshare', [...enter, ...binds, '--', ...environment, ...image.Entrypoint, ...args], {
      env: { PATH: process.env.PATH, ROOT: root, AT: this.#at, OWNER: `${uid}:${gid}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', code => {
        rmSync(this.#at, { recursive: true, force: true });
        resolve(code);
      });
    });
  }

  /** The container's process 1, as this host numbers it. */
  get #first(): number {
    const children = readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, 'utf8').trim();
    return Number(children.split(' ')[0]);
  }

  /** Name, and real user and group of process 1, by `/proc`. */
  first(): { name: string; uid: number; gid: number } {
    const status = readFileSync(`/proc/${this.#first}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)![1]!;
    return { name: field('Name'), uid: Number(field('Uid')), gid: Number(field('Gid')) };
  }

  /** As an engine stops a container: the signal goes to process 1. */
  stop(): Promise<number | null> {
    process.kill(this.#first, 'SIGTERM');
    return this.exited;
  }

  kill(): Promise<number | null> {
    this.#child.kill('SIGKILL');
    return this.exited;
  }
}
