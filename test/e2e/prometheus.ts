/** A real Prometheus that scrapes a test network every second. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Instance } from './instance.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

export const HAS_PROMETHEUS = spawnSync('prometheus', ['--version']).error === undefined;

/** A series of an answer: its labels, and its value now. */
export interface Answered {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Reply<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: T;
}

export class Prometheus {
  readonly #child: ChildProcess;
  readonly #url: string;
  #said = '';

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-4_000);
      });
    process.on('exit', () => child.kill('SIGKILL'));
  }

  /** Starts it in a directory, with the rules of a file's text. */
  static async start(directory: string, instances: readonly Instance[], rules: string): Promise<Prometheus> {
    mkdirSync(directory);
    const targets = instances.map(({ name, place }) => ({
      targets: [`127.0.0.1:${place.opsPort}`],
      labels: { instance: name },
    }));
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yaml'],
      scrape_configs: [{ job_name: 'dfsync', static_configs: targets }],
    };
    writeFileSync(join(directory, 'rules.yaml'), rules);
    writeFileSync(join(directory, 'prometheus.yaml'), JSON.stringify(config));
    const port = await freePort();
    const flags = {
      'config.file': join(directory, 'prometheus.yaml'),
      'storage.tsdb.path': join(directory, 'data'),
      'web.listen-address': `127.0.0.1:${port}`,
    };
    const child = spawn(
      'prometheus',
      Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const prometheus = new Prometheus(child, `http://127.0.0.1:${port}`);
    const isReady = async () => (await fetch(`${prometheus.#url}/-/ready`)).ok;
    await until('Prometheus to be ready', isReady, { evidence: () => prometheus.#said });
    return prometheus;
  }

  /** What an expression says now; rejects where it is none. */
  async query(expression: string): Promise<Answered[]> {
    type Vector = { result: { metric: Record<string, string>; value: [number, string] }[] };
    const { result } = await this.#ask<Vector>(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** The alerts that fire, each as its name and the instance that it names, in order. */
  async firing(): Promise<string[]> {
    type Alerts = { alerts: { state: string; labels: Record<string, string> }[] };
    const { alerts } = await this.#ask<Alerts>('/api/v1/alerts');
    const names = alerts.flatMap(({ state, labels }) =>
      state === 'firing' ? `${labels.alertname} ${labels.instance}` : [],
    );
    return [...new Set(names)].sort();
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  async #ask<T>(target: string): Promise<T> {
    const answer = await fetch(`${this.#url}${target}`);
    const { status, error, data } = (await answer.json()) as Reply<T>;
    if (status !== 'success') throw new Error(`Prometheus: ${error}`);
    return data;
  }
}
