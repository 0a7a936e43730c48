/** A serving side in memory, for tests of the wire. */
import { createHash } from 'node:crypto';
import { type DigestNode, hashPath, prefixOf } from '../../src/core/digest.ts';
import type { Entry } from '../../src/core/entry.ts';
import type { DomainName, RelPath } from '../../src/core/path.ts';
import type { Instance } from '../../src/core/topology.ts';
import type {
  BundleItem,
  Changes,
  ChangesQuery,
  DomainStates,
  FileRef,
  HashItem,
  PeerSelf,
} from '../../src/sync/peer.ts';
import { Refusal } from '../../src/sync/refusal.ts';
import type { Serving } from '../../src/sync/serve.ts';
import type { ServedFile } from '../../src/sync/served-file.ts';

export const ACME = 'acme.example' as DomainName;
export const SERVER = 7;
export const CLIENT = 8;
/** Another instance that may ask. */
export const OTHER = 9;

export const pathOf = (text: string) => text as RelPath;

export function fileEntry(path: string, size = 1, mtime = 1000): Entry {
  return { path: pathOf(path), kind: 'file', size, mtime, mode: 0o644, version: { 0: mtime } };
}

/** Files by path, entries by path, and what the next poll answers. */
export class InMemoryServing implements Serving {
  readonly files = new Map<string, { bytes: Uint8Array; mtime: number }>();
  entries: Entry[] = [];
  protocols: readonly number[] = [1];
  /** Thrown at every question about a domain. */
  refusal: Refusal | undefined;
  opened = 0;
  /** Bytes that were taken from files so far. */
  taken = 0;
  polls: AbortSignal[] = [];
  onPoll: (query: ChangesQuery, signal: AbortSignal) => Promise<Changes> = async query => ({
    epoch: query.epoch,
    sequence: query.since,
    reset: false,
    changes: [],
    heard: {},
  });
  /** Replaces the bytes of every file that is sent. */
  source: ((start: number, end: number) => AsyncIterable<Uint8Array>) | undefined;

  put(path: string, content: string | Uint8Array, mtime = 1000): FileRef {
    const bytes = Buffer.from(content as Uint8Array);
    this.files.set(path, { bytes, mtime });
    return { path: pathOf(path), size: bytes.length, mtime };
  }

  admit(roleid: number): Instance {
    if (roleid !== CLIENT && roleid !== OTHER)
      throw new Refusal(403, 'Not of this network', `instance ${roleid} may not ask here`);
    return { roleid, site: 'north' } as Instance;
  }

  self(): PeerSelf {
    return {
      roleid: SERVER,
      name: 'dfsync1',
      site: 'north',
      version: '0.1.0',
      epoch: 'e1',
      clock: 5,
      protocols: this.protocols,
    };
  }

  domains(): DomainStates {
    const digest = '0123456789abcdef';
    const state = { domain: ACME, state: 'serving', digest, entries: 1, files: 1, bytes: 2, heard: { 3: 4 } } as const;
    return { epoch: 'e1', sequence: 12, domains: [state] };
  }

  digests(_: Instance, domain: DomainName, prefixes: readonly string[]): DigestNode[] {
    this.#check(domain);
    return prefixes.map(prefix => ({ prefix: `${prefix}a`, digest: '0123456789abcdef', count: 3 }));
  }

  entriesUnder(_: Instance, domain: DomainName, prefixes: readonly string[]): Entry[] {
    this.#check(domain);
    return this.entries.filter(entry =>
      prefixes.some(prefix => prefixOf(hashPath(entry.path).high, prefix.length) === prefix),
    );
  }

  entriesAt(_: Instance, domain: DomainName, paths: readonly RelPath[]): Entry[] {
    this.#check(domain);
    return this.entries.filter(entry => paths.includes(entry.path));
  }

  changes(_: Instance, query: ChangesQuery, signal: AbortSignal): Promise<Changes> {
    this.polls.push(signal);
    return this.onPoll(query, signal);
  }

  async open(_: Instance, domain: DomainName, path: RelPath): Promise<ServedFile> {
    this.#check(domain);
    const file = this.files.get(path);
    if (!file) throw new Refusal(404, 'No such file', 'there is no such file here');
    this.opened++;
    const read = this.#read.bind(this);
    return {
      size: file.bytes.length,
      mtime: file.mtime,
      bytes: (start, end) => this.source?.(start, end) ?? read(file.bytes, start, end),
      close: () => {
        this.opened--;
      },
    };
  }

  async *bundle(_: Instance, domain: DomainName, files: readonly FileRef[]): AsyncGenerator<BundleItem> {
    this.#check(domain);
    for (const { path, size, mtime } of files) {
      const file = this.files.get(path);
      if (!file) yield { path, status: 404 };
      else if (file.bytes.length !== size || file.mtime !== mtime) yield { path, status: 412 };
      else yield { path, bytes: file.bytes };
    }
  }

  async *hashes(_: Instance, domain: DomainName, files: readonly FileRef[]): AsyncGenerator<HashItem> {
    this.#check(domain);
    for (const { path, size, mtime } of files) {
      const file = this.files.get(path);
      if (file?.bytes.length !== size || file.mtime !== mtime) yield { path, status: file ? 412 : 404 };
      else {
        if (size > 1) yield { path, at: 1 };
        yield { path, hash: createHash('sha256').update(file.bytes).digest('hex') };
      }
    }
  }

  async *#read(bytes: Uint8Array, start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; at += 65_536) {
      const chunk = bytes.subarray(at, Math.min(end, at + 65_536));
      this.taken += chunk.length;
      yield chunk;
    }
  }

  #check(domain: DomainName): void {
    if (this.refusal) throw this.refusal;
    if (domain !== ACME) throw new Refusal(503, 'Domain not served', 'this domain is not served here', 3);
  }
}
