/** A peer over HTTP. */
import type { z } from 'zod';
import type { DigestNode } from '../core/digest.ts';
import type { Entry } from '../core/entry.ts';
import type { DomainName, RelPath } from '../core/path.ts';
import {
  type BundleItem,
  type Change,
  type Changes,
  type ChangesQuery,
  type DomainStates,
  type FileRef,
  type HashItem,
  type Peer,
  type PeerSelf,
  TooMuch,
} from '../sync/peer.ts';
import { asPeerError, childrenOf, collect, wrongFile } from './answers.ts';
import { bundlesOf, formatBundleRequest, readBundle } from './bundle-format.ts';
import { ByteReader, WireError } from './byte-reader.ts';
import { CODED, PLAIN } from './coding.ts';
import { parseEntry, readEntries, TooManyEntries } from './entry-format.ts';
import { type Answer, Exchange, type ExchangeOptions } from './exchange.ts';
import { brief } from './failure.ts';
import { readHashes } from './hash-format.ts';
import { parseJson } from './json-text.ts';
import { changesSchema, digestsSchema, domainsSchema, selfSchema } from './messages.ts';
import { etagOf } from './preconditions.ts';
import { MAX_ENTRIES, MAX_JSON_BYTES, MAX_PREFIXES, PROTOCOL_HEADER, ROUTES, whatIsWrong } from './protocol.ts';
import type { Question } from './sending.ts';
import { exactly } from './streaming.ts';
import { formatTarget, pathTargets } from './target.ts';

/** Addresses that never leave this host, with or without a port. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)(:\d+)?$/i;

/** Whom to ask, and whom to tell. */
export interface PeerClientOptions extends ExchangeOptions {
  /** Whether to ask for bundles in zstd. Unless said otherwise only beyond this host: a wire may be slow, loopback never is. */
  readonly codedBundles?: boolean;
  /** An entry of the peer that is none, left out of its answer: the path as given, why, and the domain. */
  onRefused?(path: string, reason: string, domain: DomainName): void;
}

/**
 * {@link Peer} over HTTP. An answer of another instance rejects with status 421.
 *
 * `self` finds out which version of the protocol the peer speaks, and is to be asked first; a peer that is replaced by another
 * release later is noticed by its refusal.
 */
export class PeerClient implements Peer {
  readonly roleid: number;
  readonly #exchange: Exchange;
  readonly #onRefused: NonNullable<PeerClientOptions['onRefused']>;
  readonly #bundleCoding: typeof CODED | typeof PLAIN;

  constructor(options: PeerClientOptions) {
    this.roleid = options.roleid;
    this.#bundleCoding = (options.codedBundles ?? !LOOPBACK.test(options.address)) ? CODED : PLAIN;
    this.#exchange = new Exchange(options);
    // Whatever it is, it is no path: as text of a peer it may be of any length.
    this.#onRefused = (path, reason, domain) => options.onRefused?.(brief(path), reason, domain);
  }

  /** Closes every socket to the peer. */
  close(): void {
    this.#exchange.close();
  }

  async self(signal: AbortSignal): Promise<PeerSelf> {
    const question = { target: ROUTES.self, domain: '', unversioned: true } as const;
    return await this.#json(question, selfSchema, signal, (self, { headers }) => {
      this.#exchange.agreement.take(self.protocols);
      const answered = headers[PROTOCOL_HEADER];
      if (answered !== undefined && !self.protocols.map(String).includes(String(answered)))
        throw new WireError(`it answers in protocol ${answered}, which is none of those that it speaks`);
      return self;
    });
  }

  async domains(signal: AbortSignal): Promise<DomainStates> {
    return await this.#json({ target: ROUTES.domains, domain: '' }, domainsSchema, signal, states => states);
  }

  async digests(domain: DomainName, prefixes: readonly string[], signal: AbortSignal): Promise<DigestNode[]> {
    const nodes: DigestNode[] = [];
    for (const some of slices(prefixes, MAX_PREFIXES)) {
      const target = formatTarget(ROUTES.digests, { domain }, [['prefix', some.join(',')]]);
      nodes.push(
        ...(await this.#json({ target, domain }, digestsSchema, signal, answer => childrenOf(some, answer.nodes))),
      );
    }
    return nodes;
  }

  async entriesUnder(domain: DomainName, prefixes: readonly string[], signal: AbortSignal): Promise<Entry[]> {
    const targets = slices(prefixes, MAX_PREFIXES).map(some =>
      formatTarget(ROUTES.entries, { domain }, [['prefix', some.join(',')]]),
    );
    return await this.#entries(domain, targets, signal);
  }

  async entriesAt(domain: DomainName, paths: readonly RelPath[], signal: AbortSignal): Promise<Entry[]> {
    return await this.#entries(domain, [...pathTargets(domain, paths)], signal);
  }

  async changes(query: ChangesQuery, signal: AbortSignal): Promise<Changes> {
    const { epoch, since, done, wait } = query;
    const asked = Object.entries({ epoch, since, done, wait });
    const question = { target: formatTarget(ROUTES.changes, {}, asked), domain: '', wait };
    return await this.#json(question, changesSchema, signal, ({ states, changes, ...answer }) => ({
      ...answer,
      changes: changes.flatMap(change => this.#change(change)),
      ...(states && { states }),
    }));
  }

  async file(
    domain: DomainName,
    file: FileRef,
    offset: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const { path, size } = file;
    // A range that begins at the end is an error in HTTP; nothing is left to ask for.
    if (offset > 0 && offset >= size) return nothing();
    const headers = { ...PLAIN, 'if-match': etagOf(file), ...(offset > 0 && { range: `bytes=${offset}-` }) };
    const question = {
      target: formatTarget(ROUTES.file, { domain, path }),
      domain,
      headers,
      expected: [offset > 0 ? 206 : 200],
    };
    const answer = await this.#exchange.ask(question, signal);
    const wrong = wrongFile(answer, file, offset);
    if (wrong !== undefined) {
      answer.discard();
      throw answer.unexpected(wrong);
    }
    return this.#content(answer, size - offset);
  }

  async *bundle(domain: DomainName, files: readonly FileRef[], signal: AbortSignal): AsyncGenerator<BundleItem[]> {
    for (const bundle of bundlesOf(files)) {
      const target = formatTarget(ROUTES.bundle, { domain });
      const answer = await this.#exchange.ask(
        { target, domain, headers: this.#bundleCoding, body: formatBundleRequest(bundle) },
        signal,
      );
      const reader = new ByteReader(answer.body);
      try {
        for await (const items of readBundle(reader, bundle)) {
          answer.account.content('received', sum(items));
          yield items;
        }
      } catch (error) {
        throw asPeerError(answer, error);
      } finally {
        await reader.close();
      }
    }
  }

  async *hashes(domain: DomainName, files: readonly FileRef[], signal: AbortSignal): AsyncGenerator<HashItem> {
    const target = formatTarget(ROUTES.hashes, { domain });
    for (const asked of bundlesOf(files, Number.POSITIVE_INFINITY)) {
      const question = { target, domain, headers: PLAIN, body: formatBundleRequest(asked) };
      const answer = await this.#exchange.ask(question, signal);
      const reader = new ByteReader(answer.body);
      try {
        yield* readHashes(reader, asked);
      } catch (error) {
        throw asPeerError(answer, error);
      } finally {
        await reader.close();
      }
    }
  }

  async *#content(answer: Answer, length: number): AsyncGenerator<Uint8Array> {
    try {
      yield* exactly(answer.body, length, bytes => answer.account.content('received', bytes));
    } catch (error) {
      throw error instanceof RangeError ? answer.unexpected(error.message, error) : error;
    }
  }

  async #entries(domain: DomainName, targets: readonly string[], signal: AbortSignal): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (const target of targets) {
      const answer = await this.#exchange.ask({ target, domain, headers: CODED }, signal);
      const reader = new ByteReader(answer.body);
      const onRefused = (path: string, reason: string) => this.#onRefused(path, reason, domain);
      try {
        for (const entry of await readEntries(reader, MAX_ENTRIES - entries.length, onRefused)) entries.push(entry);
      } catch (error) {
        const failure = asPeerError(answer, error);
        if (!(error instanceof TooManyEntries)) throw failure;
        throw new TooMuch(answer.status, (failure as Error).message, { cause: error });
      } finally {
        await reader.close();
      }
    }
    return entries;
  }

  async #json<T, R>(
    question: Question,
    schema: z.ZodType<T>,
    signal: AbortSignal,
    then: (content: T, answer: Answer) => R,
  ): Promise<R> {
    const answer = await this.#exchange.ask({ ...question, headers: CODED }, signal);
    try {
      const parsed = schema.safeParse(parseJson(await collect(answer.body, MAX_JSON_BYTES)));
      if (!parsed.success) throw new WireError(whatIsWrong(parsed.error));
      return then(parsed.data, answer);
    } catch (error) {
      throw asPeerError(answer, error);
    }
  }

  #change({ domain, entry }: { domain: DomainName; entry: unknown }): Change[] {
    const parsed = parseEntry(entry);
    if ('entry' in parsed) return [{ domain, entry: parsed.entry }];
    this.#onRefused(parsed.path, parsed.refused, domain);
    return [];
  }
}

function sum(items: readonly BundleItem[]): number {
  return items.reduce((bytes, item) => bytes + ('bytes' in item ? item.bytes.length : 0), 0);
}

function slices<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
