/**
 * Verifying: whether this instance and its peers have the same, told by the digests of both sides as they are now and, where that is
 * asked for, by hashes of all content.
 */
import type { Clock } from '../core/clock.ts';
import { type Difference, differenceOf } from '../core/difference.ts';
import type { DomainName, RelPath } from '../core/path.ts';
import { descend } from './descend.ts';
import type { Folder } from './folder.ts';
import { type FileRef, type HashItem, type Peer, PeerError } from './peer.ts';

/** What differs only because it is under way is equal a moment later: what differs is looked at again … */
const AGAIN_MS = 1_000;
/** … so often. */
const ROUNDS = 4;
/** Content is hashed in stretches of so many files … */
const FILES_AT_ONCE = 500;
/** … and bytes, on all sides at once. */
const BYTES_AT_ONCE = 256 * 1024 * 1024;
/** Of the first digits of path hashes: the files of a domain are taken in so many parts, for whose memory nobody has to care. */
const PARTS = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Somebody to compare with. */
export interface Other {
  readonly roleid: number;
  readonly peer: Peer;
}

/** A path that is not the same. */
export interface Found {
  readonly roleid: number;
  readonly path: RelPath;
  /** `content`: equal size and date, and other bytes. */
  readonly difference: Exclude<Difference, 'memory'> | 'content';
}

/** How a comparison with a peer ended. */
export interface Compared {
  readonly roleid: number;
  /** Paths that differ. */
  readonly different: number;
  /** Paths of which only what is remembered differs. */
  readonly memory: number;
  /** Files that changed while content was compared, so that nothing can be said of them. */
  readonly unchecked: number;
  /** Why there is nothing to compare with. */
  readonly reason?: string;
}

/** How far the hashing is. */
export interface Hashed {
  readonly files: number;
  readonly bytes: number;
}

export interface VerifyOptions {
  readonly folder: Folder;
  readonly others: readonly Other[];
  readonly clock: Clock;
  /** Hashes of files of this instance. */
  ownHashes(files: readonly FileRef[], signal: AbortSignal): AsyncIterable<HashItem>;
  onFound(found: Found): void;
  onHashed(hashed: Hashed): void;
}

/** Compares one domain; every peer is answered for. Rejects only with the signal's reason or with what fails on this side. */
export async function verify(is: VerifyOptions, content: boolean, signal: AbortSignal): Promise<Compared[]> {
  const compared = await Promise.all(is.others.map(other => compareIndex(is, other, signal)));
  if (!content) return compared;
  const tallies = new Map(compared.map(each => [each.roleid, { ...each }]));
  const asked = is.others.filter(({ roleid }) => tallies.get(roleid)!.reason === undefined);
  for await (const files of stretches(is.folder)) {
    signal.throwIfAborted();
    await compareContent(is, asked, files, tallies, signal);
  }
  return [...tallies.values()];
}

async function compareIndex(is: VerifyOptions, other: Other, signal: AbortSignal): Promise<Compared> {
  const { roleid } = other;
  try {
    const reason = notComparable(await other.peer.domains(signal), is.folder.domain);
    if (reason !== undefined) return { roleid, different: 0, memory: 0, unchecked: 0, reason };
    let found = await differences(is, other, signal);
    for (let round = 1; round < ROUNDS && found.shown.size > 0; round++) {
      await is.clock.sleep(AGAIN_MS, signal);
      const again = await differences(is, other, signal);
      // Only what was there before: what has come to differ since is under way like anything else.
      for (const path of again.shown.keys()) if (!found.shown.has(path)) again.shown.delete(path);
      found = again;
    }
    for (const [path, difference] of found.shown) is.onFound({ roleid, path, difference });
    return { roleid, different: found.shown.size, memory: found.memory, unchecked: 0 };
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    return { roleid, different: 0, memory: 0, unchecked: 0, reason: error.message };
  }
}

function notComparable({ domains }: Awaited<ReturnType<Peer['domains']>>, domain: DomainName): string | undefined {
  const state = domains.find(each => each.domain === domain)?.state ?? 'not served';
  return state === 'serving' || state === 'halted' ? undefined : `the domain is ${state} there; try again later`;
}

async function differences(
  { folder, clock }: VerifyOptions,
  { peer }: Other,
  signal: AbortSignal,
): Promise<{ shown: Map<RelPath, Exclude<Difference, 'memory'>>; memory: number }> {
  const shown = new Map<RelPath, Exclude<Difference, 'memory'>>();
  let memory = 0;
  for await (const pairs of descend(folder, peer, clock, signal))
    for (const { own, theirs } of pairs) {
      const difference = differenceOf(own, theirs);
      if (difference === 'memory') memory++;
      else shown.set((own ?? theirs)!.path, difference);
    }
  return { shown, memory };
}

/** The live files of a domain, some at a time. */
function* stretches(folder: Folder): Generator<FileRef[]> {
  let files: FileRef[] = [];
  let bytes = 0;
  for (const part of PARTS)
    for (const { path, kind, size, mtime } of folder.under([part])) {
      if (kind !== 'file') continue;
      files.push({ path, size, mtime });
      bytes += size;
      if (files.length < FILES_AT_ONCE && bytes < BYTES_AT_ONCE) continue;
      yield files;
      files = [];
      bytes = 0;
    }
  if (files.length > 0) yield files;
}

async function compareContent(
  is: VerifyOptions,
  others: readonly Other[],
  files: readonly FileRef[],
  tallies: ReadonlyMap<number, { different: number; unchecked: number; reason?: string }>,
  signal: AbortSignal,
): Promise<void> {
  const asked = others.filter(({ roleid }) => tallies.get(roleid)!.reason === undefined);
  const sizes = new Map(files.map(({ path, size }) => [path, size]));
  const own = collect(is.ownHashes(files, signal), (path, at) => is.onHashed(hashedOf(sizes, path, at)));
  const theirs = asked.map(({ roleid, peer }) =>
    collect(peer.hashes(is.folder.domain, files, signal)).catch((error: unknown) => {
      if (!(error instanceof PeerError)) throw error;
      tallies.get(roleid)!.reason = error.message;
      return new Map<RelPath, string>();
    }),
  );
  const [mine, ...hashes] = await Promise.all([own, ...theirs]);
  for (const [i, { roleid }] of asked.entries()) {
    const tally = tallies.get(roleid)!;
    if (tally.reason !== undefined) continue;
    for (const { path } of files) {
      const [here, there] = [mine!.get(path), hashes[i]!.get(path)];
      // What the index says differs was told by the comparison of the indexes.
      if (here === undefined || there === undefined) tally.unchecked++;
      else if (here !== there) {
        tally.different++;
        is.onFound({ roleid, path, difference: 'content' });
      }
    }
  }
}

/** A whole file counts once; what was told of a part of it is bytes alone. */
function hashedOf(sizes: ReadonlyMap<RelPath, number>, path: RelPath, at: { from: number; to?: number }): Hashed {
  return at.to === undefined ? { files: 1, bytes: sizes.get(path)! - at.from } : { files: 0, bytes: at.to - at.from };
}

async function collect(
  items: AsyncIterable<HashItem>,
  onProgress: (path: RelPath, at: { from: number; to?: number }) => void = () => {},
): Promise<Map<RelPath, string>> {
  const hashes = new Map<RelPath, string>();
  let from = 0;
  for await (const item of items) {
    if ('at' in item) {
      onProgress(item.path, { from, to: item.at });
      from = item.at;
      continue;
    }
    onProgress(item.path, { from });
    from = 0;
    if ('hash' in item) hashes.set(item.path, item.hash);
  }
  return hashes;
}
