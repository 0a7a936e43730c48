/** The serving side: what this instance answers to its peers. Visibility is checked here, whatever the wire. */

import { createHash } from 'node:crypto';
import type { DigestNode } from '../core/digest.ts';
import type { Entry } from '../core/entry.ts';
import type { DomainName, RelPath } from '../core/path.ts';
import { type Instance, mayPull, type Network, sharedDomains } from '../core/topology.ts';
import type { Feed, FeedItem } from './feed.ts';
import type { Folder } from './folder.ts';
import type {
  BundleItem,
  Change,
  Changes,
  ChangesQuery,
  DomainState,
  DomainStates,
  FileRef,
  HashItem,
  Heard,
  PeerSelf,
} from './peer.ts';
import { Refusal } from './refusal.ts';
import { CHUNK_BYTES, type Granularity, openFile, type ServedFile } from './served-file.ts';

/** Everything that a peer may ask; every method throws a {@link Refusal} for what it may not, or cannot, have. */
export interface Serving {
  /** The instance behind a roleid, or 403 where it may not ask here at all. */
  admit(roleid: number): Instance;
  self(): PeerSelf;
  domains(asking: Instance): DomainStates;
  digests(asking: Instance, domain: DomainName, prefixes: readonly string[]): DigestNode[];
  entriesUnder(asking: Instance, domain: DomainName, prefixes: readonly string[]): Iterable<Entry>;
  entriesAt(asking: Instance, domain: DomainName, paths: readonly RelPath[]): Entry[];
  changes(asking: Instance, query: ChangesQuery, signal: AbortSignal): Promise<Changes>;
  /** 404: no such file here. 409: the disk is not what the index says. */
  open(asking: Instance, domain: DomainName, path: RelPath): Promise<ServedFile>;
  bundle(
    asking: Instance,
    domain: DomainName,
    files: readonly FileRef[],
    signal: AbortSignal,
  ): AsyncIterable<BundleItem>;
  hashes(asking: Instance, domain: DomainName, files: readonly FileRef[], signal: AbortSignal): AsyncIterable<HashItem>;
}

/** Changes in one answer of the feed, some hundred kilobytes … */
const CHANGES_AT_ONCE = 2_000;
/** … and at most so many, until the next directory begins: one that was renamed and is told of in pieces cannot move as a whole. */
const CHANGES_AT_MOST = 4_000;
/** Bytes of their JSON, at most: what the other end takes is twice that, and holds it whole. */
const CHANGES_BYTES = 8 * 1024 * 1024;
/** Of an entry's JSON without its texts: eight marks of a version, twice. */
const FIELDS_BYTES = 1_000;
/** Of one character in JSON: `\udc80` is the longest. */
const CHARACTER_BYTES = 6;
/** Longest that a feed poll may wait, whatever the peer asks: proxies cut idle requests after a minute. */
const WAIT_AT_MOST_MS = 30_000;
/**
 * Of changes that a peer may not see it hears after so long that it has come further: while this instance pulls a large tree from it,
 * that would be the answer to fifty questions a second.
 */
const UNSEEN_MS = 250;
/** Small files read in one go … */
const READ_AT_ONCE = 500;
/** … and their bytes: what is held for a peer that reads slowly. */
const READ_AHEAD_BYTES = 1024 * 1024;
/** How often it is said how far the hash of a large file is: whoever waits for it must see that it goes on. */
const HASH_PROGRESS_MS = 2_000;
/** Seconds after which a domain that is not ready is worth asking for again. */
const RETRY_AFTER_S = 2;

export interface ServeOptions extends Granularity {
  readonly feed: Feed;
  /** Version of the program. */
  readonly version: string;
  readonly protocols: readonly number[];
  /** The network and this instance in it, as they are now. */
  network(): { readonly network: Network; readonly self: Instance };
  folders(): ReadonlyMap<DomainName, Folder>;
  /** What is known of the clocks of others, against this instance's, by roleid. */
  skews?(): Readonly<Record<number, number>>;
}

export class Server implements Serving {
  readonly #is: ServeOptions;
  /** What is said of each domain to all who wait for a heartbeat: it takes a look at the disk. */
  #toldAtBeat = { beat: 0, sequence: 0, states: new Map<Folder, DomainState>() };

  constructor(options: ServeOptions) {
    this.#is = options;
  }

  admit(roleid: number): Instance {
    const { network, self } = this.#is.network();
    const asking = network.instances.find(instance => instance.roleid === roleid);
    if (!asking)
      throw new Refusal(403, 'Unknown instance', `roleid ${roleid} is not in this instance's network description`);
    if (!mayPull(asking, self))
      throw new Refusal(
        403,
        'Not a peer',
        `roleid ${roleid} may not pull from ${self.roleid}: it is disabled, or of another site and not both are gateways`,
      );
    return asking;
  }

  self(): PeerSelf {
    const { self } = this.#is.network();
    const { version, protocols, clock, feed, skews } = this.#is;
    return {
      roleid: self.roleid,
      name: self.name,
      site: self.site,
      version,
      epoch: feed.epoch,
      clock: clock.now(),
      protocols,
      ...(skews && { skews: skews() }),
    };
  }

  domains(asking: Instance): DomainStates {
    const { feed } = this.#is;
    return { epoch: feed.epoch, sequence: feed.sequence, domains: this.#visible(asking).map(stateOf) };
  }

  digests(asking: Instance, domain: DomainName, prefixes: readonly string[]): DigestNode[] {
    return this.#folder(asking, domain).children(prefixes);
  }

  entriesUnder(asking: Instance, domain: DomainName, prefixes: readonly string[]): Iterable<Entry> {
    return this.#folder(asking, domain).under(prefixes);
  }

  entriesAt(asking: Instance, domain: DomainName, paths: readonly RelPath[]): Entry[] {
    const folder = this.#folder(asking, domain);
    return paths.flatMap(path => folder.get(path) ?? []);
  }

  async changes(asking: Instance, query: ChangesQuery, signal: AbortSignal): Promise<Changes> {
    const { feed, clock } = this.#is;
    feed.noteDone(asking.roleid, query.done, query.since, clock.now());
    const { beats } = feed;
    let until = clock.now() + Math.min(query.wait, WAIT_AT_MOST_MS);
    for (let since = query.since; ; ) {
      if (query.epoch !== feed.epoch || !feed.covers(since)) return this.#reset();
      const found = this.#read(asking, since);
      if (found.changes.length > 0 || (found.compare?.length ?? 0) > 0 || query.wait <= 0) return found;
      if (found.sequence > since) until = Math.min(until, clock.now() + UNSEEN_MS);
      const left = until - clock.now();
      if (feed.beats !== beats) return { ...found, states: this.#statesAtBeat(asking) };
      if (left <= 0 || signal.aborted) return { ...found, states: this.domains(asking).domains };
      since = found.sequence;
      await feed.news(left, clock, signal);
    }
  }

  /** To be asked in the moment of a heartbeat, which is when it wakes whoever waits; what changes after it is told anew. */
  #statesAtBeat(asking: Instance): DomainState[] {
    const { beats, sequence } = this.#is.feed;
    if (this.#toldAtBeat.beat !== beats || this.#toldAtBeat.sequence !== sequence)
      this.#toldAtBeat = { beat: beats, sequence, states: new Map() };
    const { states } = this.#toldAtBeat;
    return this.#visible(asking).map(folder => {
      const state = states.get(folder) ?? stateOf(folder);
      states.set(folder, state);
      return state;
    });
  }

  async open(asking: Instance, domain: DomainName, path: RelPath): Promise<ServedFile> {
    return openFile(this.#folder(asking, domain), path, this.#is);
  }

  async *bundle(
    asking: Instance,
    domain: DomainName,
    files: readonly FileRef[],
    signal: AbortSignal,
  ): AsyncGenerator<BundleItem> {
    for (let start = 0; start < files.length; ) {
      const { end, plain } = await this.#readAhead(asking, domain, files, start);
      for (const file of files.slice(start, end)) {
        if (signal.aborted) return;
        const bytes = plain.get(file);
        yield bytes ? { path: file.path, bytes } : await this.#item(asking, domain, file.path, file.size, file.mtime);
      }
      start = end;
    }
    if (files.length === 0) this.#folder(asking, domain);
  }

  async *hashes(
    asking: Instance,
    domain: DomainName,
    files: readonly FileRef[],
    signal: AbortSignal,
  ): AsyncGenerator<HashItem> {
    // Looked up for each file: the domain may have gone meanwhile.
    if (files.length === 0) this.#folder(asking, domain);
    for (const file of files) {
      if (signal.aborted) return;
      yield* this.#hash(this.#folder(asking, domain), file, signal);
    }
  }

  /** As {@link hashes}, of files of this instance for itself. */
  async *ownHashes(folder: Folder, files: readonly FileRef[], signal: AbortSignal): AsyncGenerator<HashItem> {
    for (const file of files) {
      if (signal.aborted) return;
      yield* this.#hash(folder, file, signal);
    }
  }

  async *#hash(
    folder: Folder,
    { path, size, mtime }: FileRef,
    signal: AbortSignal,
  ): AsyncGenerator<HashItem, void, undefined> {
    let file: ServedFile | undefined;
    try {
      file = await openFile(folder, path, this.#is);
      if (file.size !== size || file.mtime !== mtime) return yield { path, status: 412 };
      const hash = createHash('sha256');
      let at = 0;
      let toldAt = this.#is.clock.now();
      for await (const chunk of file.bytes(0, size)) {
        if (signal.aborted) return;
        hash.update(chunk);
        at += chunk.length;
        if (this.#is.clock.now() - toldAt < HASH_PROGRESS_MS || at === size) continue;
        toldAt = this.#is.clock.now();
        yield { path, at };
      }
      yield { path, hash: hash.digest('hex') };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      yield { path, status: error.status };
    } finally {
      file?.close();
    }
  }

  /** Reads the next files of a bundle at once, those that are plainly what is asked for; where that ends. */
  async #readAhead(
    asking: Instance,
    domain: DomainName,
    files: readonly FileRef[],
    start: number,
  ): Promise<{ end: number; plain: ReadonlyMap<FileRef, Uint8Array> }> {
    // Looked up anew for each stretch: the domain may have gone since the last one.
    const folder = this.#folder(asking, domain);
    const some: FileRef[] = [];
    let bytes = 0;
    let end = start;
    for (; end < files.length && end - start < READ_AT_ONCE && bytes < READ_AHEAD_BYTES; end++) {
      const file = files[end]!;
      const entry = folder.get(file.path);
      if (entry?.kind !== 'file' || entry.size !== file.size || entry.mtime !== file.mtime || file.size > CHUNK_BYTES)
        continue;
      some.push(file);
      bytes += file.size;
    }
    const { clock, granuleMs } = this.#is;
    const contents = await folder.readSmall(
      some.map(({ path }) => path),
      clock.now() - granuleMs,
    );
    return { end, plain: new Map(some.flatMap((file, i) => (contents[i] ? [[file, contents[i]]] : []))) };
  }

  async #item(asking: Instance, domain: DomainName, path: RelPath, size: number, mtime: number): Promise<BundleItem> {
    let file: ServedFile | undefined;
    try {
      file = await this.open(asking, domain, path);
      if (file.size !== size || file.mtime !== mtime) return { path, status: 412 };
      const chunks: Uint8Array[] = [];
      for await (const chunk of file.bytes(0, size)) chunks.push(Buffer.from(chunk));
      return { path, bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) };
    } catch (error) {
      if (error instanceof Refusal) return { path, status: error.status };
      throw error;
    } finally {
      file?.close();
    }
  }

  /** What the feed has for a peer after a cursor: only what its site may see, and not what was learned from that site. */
  #read(asking: Instance, since: number): Changes {
    const { feed } = this.#is;
    const visible = new Map(this.#visible(asking).map(folder => [folder.domain, folder]));
    const latest = new Map<string, Change>();
    const compare = new Set<DomainName>();
    let sequence = since;
    let bytes = 0;
    for (const item of feed.after(since)) {
      const folder = visible.get(item.domain);
      if (folder?.ready && item.via !== asking.site) {
        const entry = item.path === undefined ? undefined : folder.get(item.path);
        if (latest.size >= CHANGES_AT_ONCE && entry?.kind === 'directory') break;
        bytes += collect(item, entry, latest, compare);
      }
      sequence = item.sequence;
      if (latest.size >= CHANGES_AT_MOST || bytes >= CHANGES_BYTES) break;
    }
    const complete = sequence === feed.sequence;
    const heard = complete
      ? Object.fromEntries(
          [...visible.values()].filter(folder => folder.ready).map(folder => [folder.domain, heardOf(folder)]),
        )
      : {};
    return { epoch: feed.epoch, sequence, reset: false, changes: [...latest.values()], compare: [...compare], heard };
  }

  #reset(): Changes {
    const { feed } = this.#is;
    return { epoch: feed.epoch, sequence: feed.sequence, reset: true, changes: [], heard: {} };
  }

  #visible(asking: Instance): Folder[] {
    const { network, self } = this.#is.network();
    const folders = this.#is.folders();
    return sharedDomains(network, self.site, asking.site).flatMap(({ name }) => folders.get(name) ?? []);
  }

  #folder(asking: Instance, domain: DomainName): Folder {
    const folder = this.#visible(asking).find(folder => folder.domain === domain);
    if (!folder) throw new Refusal(404, 'No such domain', 'this instance does not serve that domain to you');
    if (!folder.ready)
      throw new Refusal(503, 'Not ready', 'the first scan of that domain has not ended', RETRY_AFTER_S);
    return folder;
  }
}

/** Answers how many bytes it becomes in an answer, at most. */
function collect(
  item: FeedItem,
  entry: Entry | undefined,
  latest: Map<string, Change>,
  compare: Set<DomainName>,
): number {
  if (item.path === undefined) {
    compare.add(item.domain);
    return 0;
  }
  const key = `${item.domain}/${item.path}`;
  // At its latest place: what it depends on was changed before.
  latest.delete(key);
  if (!entry) return 0;
  latest.set(key, { domain: item.domain, entry });
  const characters = entry.path.length + (entry.target?.length ?? 0) + (entry.from?.path.length ?? 0);
  return FIELDS_BYTES + CHARACTER_BYTES * characters;
}

function stateOf(folder: Folder): DomainState {
  const { entries, files, bytes } = folder.totals;
  const state = !folder.ready ? 'scanning' : folder.halted !== undefined ? 'halted' : 'serving';
  const { domain, digest, attendance } = folder;
  return { domain, state, digest, entries, files, bytes, heard: heardOf(folder), attendance };
}

function heardOf(folder: Folder): Heard {
  return Object.fromEntries(folder.heard);
}
