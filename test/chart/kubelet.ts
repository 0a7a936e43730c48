/**
 * Runs rendered pods as a kubelet would, without a cluster: real processes with the rendered arguments, environment, probes and
 * hooks. A pod's address is one of loopback, and its mounts are directories: in what is rendered only these two are replaced.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '../e2e/command.ts';
import { Hopeless } from '../e2e/until.ts';
import type { Any } from './rendered.ts';

/** A network of loopback for this process, so that rendered ports may be used as they are. */
const NETWORK = `127.${64 + (process.pid % 128)}.${1 + Math.floor(Math.random() * 250)}`;

/** Files of Secrets and ConfigMaps by their name. */
export type Stored = Readonly<Record<string, Readonly<Record<string, string>>>>;

export class Pod {
  readonly name: string;
  readonly address: string;
  readonly container: Any;
  readonly directory: string;
  #spec: Any;
  #command: Command | undefined;

  constructor(name: string, at: number, spec: Any, directory: string) {
    this.name = name;
    this.address = `${NETWORK}.${at + 1}`;
    this.#spec = spec;
    this.container = [...(spec.initContainers ?? []), ...spec.containers].find(each => each.name === 'dfsync');
    this.directory = join(directory, name);
    for (const { name: volume } of this.container.volumeMounts)
      mkdirSync(join(this.directory, volume), { recursive: true });
  }

  /** Writes what ConfigMaps and Secrets hold into the directories that stand for their volumes. */
  store(stored: Stored): void {
    for (const { name: volume, configMap, secret } of this.#spec.volumes) {
      const name = configMap?.name ?? secret?.secretName;
      if (name === undefined) continue;
      const mode = secret?.defaultMode ?? 0o644;
      for (const [key, text] of Object.entries(stored[name]!))
        writeFileSync(join(this.directory, volume, key), text, { mode });
    }
  }

  /** A path in the container, here. */
  path(inside: string): string {
    const mounts = [...this.container.volumeMounts].sort((a, b) => b.mountPath.length - a.mountPath.length);
    const mount = mounts.find(({ mountPath }: Any) => inside.startsWith(mountPath));
    return join(this.directory, mount.name, inside.slice(mount.mountPath.length));
  }

  /** A rendered text with the variables, mounts and addresses of this pod. */
  localised(text: string): string {
    const value = this.container.env.find(({ name }: Any) => name === 'DFSYNC_SERVER').value ?? this.name;
    const expanded = text.replaceAll('$(DFSYNC_SERVER)', value).replace(/(0\.0\.0\.0|127\.0\.0\.1)(?=:)/, this.address);
    return expanded.replace(/(?<==|^)\/.*$/, inside => this.path(inside));
  }

  get environment(): Record<string, string> {
    const said = ({ value, valueFrom }: Any) => value ?? (valueFrom.fieldRef && this.name);
    return Object.fromEntries(this.container.env.map((each: Any) => [each.name, this.localised(said(each))]));
  }

  start(): void {
    this.#command = this.run(this.container.args);
  }

  /** Runs a command of the program in the container, as `kubectl exec` does. */
  run(args: readonly string[]): Command {
    const env = Object.entries(this.environment).map(([name, value]) => `${name}=${value}`);
    return new Command(
      args.map(text => this.localised(text)),
      ['env', ...env],
    );
  }

  get log(): string {
    return `--- ${this.name}\n${this.#command?.output.slice(-2000)}`;
  }

  /**
   * The status that a probe of the container gets.
   *
   * @throws Hopeless where the program has ended
   */
  async probe(name: 'startupProbe' | 'livenessProbe' | 'readinessProbe'): Promise<number> {
    if (this.#command?.exit) throw new Hopeless(`${this.name} ended with ${JSON.stringify(this.#command.exit)}`);
    const { path, port, scheme } = this.container[name].httpGet;
    const { containerPort } = this.container.ports.find((each: Any) => each.name === port);
    // A kubelet verifies no certificate.
    const { get } = scheme === 'HTTPS' ? https : http;
    const options = { host: this.address, port: containerPort, path, agent: false as const, rejectUnauthorized: false };
    const [answer] = (await once(get(options), 'response')) as [http.IncomingMessage];
    answer.resume();
    return answer.statusCode!;
  }

  /** The exit code of the program after the rendered stop. */
  async stop(): Promise<number | null> {
    this.#command!.signal('SIGTERM');
    return (await this.#command!.exited).code;
  }

  kill(): void {
    this.#command?.signal('SIGKILL');
  }
}

/** The pods of a StatefulSet; `from`: how many there are beside them. */
export function podsOf({ metadata, spec }: Any, from = 0): Pod[] {
  const directory = mkdtempSync(join(tmpdir(), 'dfsync-pods-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const names = Array.from({ length: spec.replicas }, (_, ordinal) => `${metadata.name}-${ordinal}`);
  return names.map((name, at) => new Pod(name, from + at, spec.template.spec, directory));
}

/** A description in which DNS names of pods are their addresses. */
export function resolved(description: string, pods: readonly Pod[]): string {
  return pods.reduce(
    (text, pod) => text.replaceAll(new RegExp(`"${pod.name}\\.[-a-z.]+(?=[:"])`, 'g'), `"${pod.address}`),
    description,
  );
}
