/**
 * The network between the nodes of a simulation: it delays, cuts, loses and repeats. A node sees another one only through
 * {@link Links.connect}; all that is answered goes through JSON, as it would over HTTP.
 */
import type { DigestNode } from '../../src/core/digest.ts';
import type { Entry } from '../../src/core/entry.ts';
import type { DomainName, RelPath } from '../../src/core/path.ts';
import type { Instance } from '../../src/core/topology.ts';
import {
  type BundleItem,
  type Changes,
  type ChangesQuery,
  type DomainStates,
  type FileRef,
  type HashItem,
  type Peer,
  PeerError,
  type PeerSelf,
} from '../../src/sync/peer.ts';
import { Refusal } from '../../src/sync/refusal.ts';
import type { Serving } from '../../src/sync/serve.ts';
import type { ServedFile } from '../../src/sync/served-file.ts';
import { Crash } from './memory-disk.ts';
import type { Chance } from './random.ts';
import type { ClockView } from './virtual-clock.ts';

/** How bad the network is; probabilities for each call or chunk. */
export interface Weather {
  /** An answer never comes, although the question was served. */
  readonly lost: number;
  /** A stretch of the feed comes again. */
  readonly repeated: number;
  /** A stream of file bytes ends in the middle. */
  readonly torn: number;
  /** Milliseconds that each way takes at most. */
  readonly latencyMs: number;
}

export const FAIR: Weather = { lost: 0, repeated: 0, torn: 0, latencyMs: 20 };

/** One process that listens. */
export interface Host {
  readonly serving: Serving;
  /** Aborts when the process ends, however it does. */
  readonly ended: AbortSignal;
  /** The process is dying: it answers nobody any more. */
  readonly dead: boolean;
}

/** How long a client waits for a peer that does not answer. */
const TIMEOUT_MS = 20_000;

export class Links {
  weather = FAIR;
  readonly #hosts = new Map<number, Host>();
  readonly #cuts = new Set<string>();
  readonly #onBug: (error: unknown) => void;

  /** @param onBug takes what a serving side threw although it never should */
  constructor(onBug: (error: unknown) => void) {
    this.#onBug = onBug;
  }

  listen(roleid: number, host: Host): void {
    this.#hosts.set(roleid, host);
  }

  cut(a: number, b: number): void {
    this.#cuts.add(pairOf(a, b));
  }

  mend(a: number, b: number): void {
    this.#cuts.delete(pairOf(a, b));
  }

  /** No partition, no fault any more. */
  heal(): void {
    this.#cuts.clear();
    this.weather = FAIR;
  }

  /** The process that listens at the other end, or undefined where it cannot be reached. */
  reach(from: number, to: number): Host | undefined {
    const host = this.#hosts.get(to);
    return this.#cuts.has(pairOf(from, to)) || !host || host.ended.aborted || host.dead ? undefined : host;
  }

  /** The client end of a process for another instance. */
  connect(from: Instance, to: Instance, clock: ClockView, chance: Chance): Peer {
    return new Wire(this, from, to.roleid, clock, chance);
  }

  /** What serving threw, as the client sees it. */
  failure(error: unknown): PeerError {
    if (error instanceof Refusal) return new PeerError(error.status, error.message);
    if (error instanceof PeerError) return error;
    if (!(error instanceof Crash)) this.#onBug(error);
    return new PeerError(0, 'the peer died');
  }
}

class Wire implements Peer {
  readonly roleid: number;
  readonly #links: Links;
  readonly #from: Instance;
  readonly #clock: ClockView;
  readonly #chance: Chance;

  constructor(links: Links, from: Instance, to: number, clock: ClockView, chance: Chance) {
    this.#links = links;
    this.#from = from;
    this.roleid = to;
    this.#clock = clock;
    this.#chance = chance;
  }

  self(signal: AbortSignal): Promise<PeerSelf> {
    return this.#ask(signal, serving => serving.self());
  }

  domains(signal: AbortSignal): Promise<DomainStates> {
    return this.#ask(signal, (serving, asking) => serving.domains(asking));
  }

  digests(domain: DomainName, prefixes: readonly string[], signal: AbortSignal): Promise<DigestNode[]> {
    return this.#ask(signal, (serving, asking) => serving.digests(asking, domain, prefixes));
  }

  entriesUnder(domain: DomainName, prefixes: readonly string[], signal: AbortSignal): Promise<Entry[]> {
    return this.#ask(signal, (serving, asking) => [...serving.entriesUnder(asking, domain, prefixes)]);
  }

  entriesAt(domain: DomainName, paths: readonly RelPath[], signal: AbortSignal): Promise<Entry[]> {
    return this.#ask(signal, (serving, asking) => serving.entriesAt(asking, domain, paths));
  }

  async changes(query: ChangesQuery, signal: AbortSignal): Promise<Changes> {
    const answer = await this.#ask(signal, (serving, asking, ended) => serving.changes(asking, query, ended));
    const again = !answer.reset && this.#chance.chance(this.#links.weather.repeated);
    return again ? { ...answer, sequence: query.since } : answer;
  }

  async file(
    domain: DomainName,
    ref: FileRef,
    offset: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const { answer, host } = await this.#call(signal, (serving, asking) => serving.open(asking, domain, ref.path));
    if (answer.size === ref.size && answer.mtime === ref.mtime) return this.#bytes(answer, offset, host, signal);
    answer.close();
    throw new PeerError(412, 'the file is another one by now');
  }

  async *bundle(domain: DomainName, files: readonly FileRef[], signal: AbortSignal): AsyncGenerator<BundleItem[]> {
    const { answer, host } = await this.#call(signal, (serving, asking, ended) =>
      serving.bundle(asking, domain, files, ended)[Symbol.asyncIterator](),
    );
    for (;;) {
      const next = await this.#served(host, signal, () => answer.next());
      if (next.done) return;
      await this.#arrive(host, signal, this.#links.weather.torn);
      yield ['bytes' in next.value ? { path: next.value.path, bytes: next.value.bytes.slice() } : next.value];
    }
  }

  async *hashes(domain: DomainName, files: readonly FileRef[], signal: AbortSignal): AsyncGenerator<HashItem> {
    const { answer, host } = await this.#call(signal, (serving, asking, ended) =>
      serving.hashes(asking, domain, files, ended)[Symbol.asyncIterator](),
    );
    for (;;) {
      const next = await this.#served(host, signal, () => answer.next());
      if (next.done) return;
      await this.#arrive(host, signal, this.#links.weather.torn);
      yield next.value;
    }
  }

  close(): void {}

  async *#bytes(file: ServedFile, offset: number, host: Host, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const chunks = file.bytes(offset, file.size)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#served(host, signal, () => chunks.next()).catch(shortened);
        if (next.done) return;
        const half = next.value.slice(0, this.#chance.int(0, next.value.length));
        yield half;
        await this.#arrive(host, signal, this.#links.weather.torn);
        yield next.value.slice(half.length);
      }
    } finally {
      file.close();
    }
  }

  async #ask<T>(signal: AbortSignal, question: Question<T>): Promise<T> {
    const { answer } = await this.#call(signal, async (...all) => JSON.stringify(await question(...all)));
    return JSON.parse(answer) as T;
  }

  async #call<T>(signal: AbortSignal, question: Question<T>): Promise<{ answer: T; host: Host }> {
    await this.#travel(signal);
    const host = this.#links.reach(this.#from.roleid, this.roleid);
    if (!host) return this.#unreachable(signal);
    const ended = AbortSignal.any([signal, host.ended]);
    const answer = await this.#served(host, signal, async () =>
      question(host.serving, host.serving.admit(this.#from.roleid), ended),
    );
    await this.#arrive(host, signal, this.#links.weather.lost);
    return { answer, host };
  }

  /** Lets the other side work; its death, or the end of our patience, is noticed. */
  async #served<T>(host: Host, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const ended = AbortSignal.any([signal, host.ended]);
    try {
      return await Promise.race([work(), aborted(ended)]);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw host.ended.aborted ? new PeerError(0, 'the peer died') : this.#links.failure(error);
    }
  }

  /** An answer, or a part of one, is on its way back. */
  async #arrive(host: Host, signal: AbortSignal, lost: number): Promise<void> {
    await this.#travel(signal);
    if (this.#chance.chance(lost)) await this.#unreachable(signal);
    if (this.#links.reach(this.#from.roleid, this.roleid) !== host) await this.#unreachable(signal);
  }

  async #travel(signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(this.#chance.int(1, this.#links.weather.latencyMs), signal);
    signal.throwIfAborted();
  }

  /** Refused at once, or silence until the client gives up. */
  async #unreachable(signal: AbortSignal): Promise<never> {
    if (this.#chance.chance(0.5)) await this.#clock.sleep(this.#chance.int(100, TIMEOUT_MS), signal);
    signal.throwIfAborted();
    throw new PeerError(0, 'no answer');
  }
}

type Question<T> = (serving: Serving, asking: Instance, ended: AbortSignal) => T | Promise<T>;

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** A refusal in the middle of the bytes is, on the wire, a short answer. */
function shortened(error: unknown): never {
  throw error instanceof PeerError && error.status !== 0 ? new PeerError(0, 'the answer ended early') : error;
}

function pairOf(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
