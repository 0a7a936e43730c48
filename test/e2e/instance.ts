/** One dfsync instance of a test network: its volume, its process, and what it says of itself. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DomainStatus, HeldStatus, Status } from '../../src/ops/status.ts';
import { Command, runCommand } from './command.ts';
import { parseExposition, type Sample, total } from './exposition.ts';
import { readTree, type Tree } from './tree.ts';
import { Hopeless, until } from './until.ts';

/** Lines of the log that a failure shows. */
const TAIL = 25;

/** Where an instance is and listens. */
export interface Place {
  readonly name: string;
  readonly roleid: number;
  readonly site: string;
  readonly gateway: boolean;
  readonly root: string;
  readonly port: number;
  readonly opsPort: number;
  readonly config: string;
  readonly tokenFile: string;
  /** Flags of its credentials, in the place of the token file. */
  readonly flags?: readonly string[];
  readonly adminTokenFile: string;
}

/** An instance, running or not. */
export class Instance {
  readonly place: Place;
  #command: Command | undefined;
  #earlier = '';

  constructor(place: Place) {
    this.place = place;
  }

  get name(): string {
    return this.place.name;
  }

  get isRunning(): boolean {
    return this.#command !== undefined && this.#command.exit === undefined;
  }

  /** It ended by itself, and not well. */
  get isCrashed(): boolean {
    return typeof this.#command?.exit?.code === 'number' && this.#command.exit.code !== 0;
  }

  get pid(): number {
    assert.ok(this.#command, `${this.name} was never started`);
    return this.#command.pid;
  }

  /** Everything that all its processes printed. */
  get log(): string {
    return this.#earlier + (this.#command?.output ?? '');
  }

  /** The end of the log, for failures. */
  get tail(): string {
    const state = this.isRunning ? 'running' : `not running ${JSON.stringify(this.#command?.exit ?? {})}`;
    return `--- ${this.name} (${state})\n${this.log.trimEnd().split('\n').slice(-TAIL).join('\n')}`;
  }

  /** Starts its process; does not wait for anything. `before`: a command that runs it, such as `setpriv`. */
  launch(before: readonly string[] = []): void {
    assert.ok(!this.isRunning, `${this.name} is running already`);
    const { config, roleid, root, port, opsPort, tokenFile, adminTokenFile, flags } = this.place;
    this.#earlier = this.log;
    const where = ['--root', root, '--listen', `127.0.0.1:${port}`, '--ops-listen', `127.0.0.1:${opsPort}`];
    const secrets = flags ?? ['--token-file', tokenFile, '--admin-token-file', adminTokenFile];
    this.#command = new Command(['run', '--config', config, '--roleid', String(roleid), ...where, ...secrets], before);
  }

  /** Starts its process and waits until it is ready. */
  async start(before: readonly string[] = []): Promise<void> {
    this.launch(before);
    await this.until('it to be ready', () => this.isReady());
  }

  /** SIGTERM, and the end that the program owes: exit 0. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#command!.signal('SIGTERM');
    await this.until('it to end after SIGTERM', () => !this.isRunning);
    assert.deepEqual(this.#command!.exit, { code: 0, signal: null }, `after SIGTERM ${this.tail}`);
  }

  /** SIGTERM, and whatever end comes of it. */
  async end(): Promise<void> {
    this.#command!.signal('SIGTERM');
    await this.#command!.exited;
  }

  /** It was ended by kill -9. */
  get wasKilled(): boolean {
    return this.#command?.exit?.signal === 'SIGKILL';
  }

  /** kill -9. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.#command!.signal('SIGKILL');
    await this.#command!.exited;
  }

  /** Waits for something about this instance; its death ends the wait unless that is what is waited for. */
  until<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
    const wanted = async () => {
      try {
        const answer = await condition();
        if (answer || this.isRunning) return answer;
      } catch (error) {
        if (this.isRunning) throw error;
      }
      throw new Hopeless(`${this.name} is not running`);
    };
    return until(`${this.name}: ${what}`, wanted, { evidence: () => this.tail });
  }

  async isReady(): Promise<boolean> {
    if (!this.isRunning) return false;
    const answer = await fetch(`http://127.0.0.1:${this.place.opsPort}/readyz`).catch(() => undefined);
    return answer?.status === 200;
  }

  async status(): Promise<Status> {
    const answer = await fetch(`http://127.0.0.1:${this.place.opsPort}/status`);
    assert.equal(answer.status, 200);
    return (await answer.json()) as Status;
  }

  /** What it says of the domain with a directory. */
  async domain(directory: string): Promise<DomainStatus> {
    const { domains } = await this.status();
    const found = domains.find(each => each.directory === directory);
    assert.ok(
      found,
      `${this.name} says nothing of ${directory}, only of ${domains.map(each => each.directory).join(', ')}`,
    );
    return found;
  }

  /** Waits until a domain is halted; answers the reason that it gives. */
  halted(directory: string): Promise<string> {
    return this.until(`${directory} to be halted, with a reason`, async () => {
      const { state, reason } = await this.domain(directory);
      return state === 'halted' ? reason : undefined;
    });
  }

  /** Waits until deletions of a domain are held, at least so many; answers what it says of them. */
  held(directory: string, atLeast = 1): Promise<HeldStatus> {
    return this.until(`deletions in ${directory} to be held`, async () => {
      const { held } = await this.domain(directory);
      return held !== undefined && held.deletions >= atLeast ? held : undefined;
    });
  }

  /** Runs a command that calls this instance; answers what it prints, and demands that it succeeds. */
  async operate(...args: readonly string[]): Promise<string> {
    const callee = ['--url', `http://127.0.0.1:${this.place.opsPort}`, '--admin-token-file', this.place.adminTokenFile];
    const { code, output } = await runCommand(...args, ...callee);
    assert.equal(code, 0, output);
    return output;
  }

  async metrics(): Promise<Sample[]> {
    const answer = await fetch(`http://127.0.0.1:${this.place.opsPort}/metrics`);
    assert.equal(answer.status, 200);
    return parseExposition(await answer.text());
  }

  /** Bytes of files that this process received from its peers. */
  async contentReceived(): Promise<number> {
    return total(await this.metrics(), 'dfsync_transfer_bytes_total', { direction: 'received', kind: 'content' });
  }

  /** An absolute path on its volume. */
  path(relative: string): string {
    return join(this.place.root, relative);
  }

  tree(relative: string, want?: { content: boolean }): Tree {
    return readTree(this.path(relative), want);
  }

  read(relative: string): string {
    return readFileSync(this.path(relative), 'utf8');
  }

  /** Writes a file as an application would; `date` and `mode` where they matter. */
  write(relative: string, content: string | Uint8Array, { date, mode }: { date?: Date; mode?: number } = {}): void {
    const path = this.path(relative);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    if (mode !== undefined) chmodSync(path, mode);
    // The middle of the millisecond: as a number of whole ones, half of all dates would read back one lower.
    if (date !== undefined) utimesSync(path, date, String((date.getTime() + 0.5) / 1000));
  }
}
