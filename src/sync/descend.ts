/** Comparing with a peer by digests: down the tree where it differs, then entry by entry. */
import type { Clock } from '../core/clock.ts';
import { differing, MAX_PREFIX } from '../core/digest.ts';
import { type Entry, isEqual } from '../core/entry.ts';
import { sameVersion } from '../core/version.ts';
import type { Folder } from './folder.ts';
import type { Peer } from './peer.ts';

/** A node of the digest tree with so few entries is compared entry by entry: a few kilobytes. */
const LEAF_ENTRIES = 32;
/** Prefixes in one question. */
const PREFIXES_AT_ONCE = 256;
/** Entries asked for in one question: bounds the memory of both sides. */
const ENTRIES_AT_ONCE = 20_000;
/** Entries compared in one synchronous stretch. */
const SLICE = 2_000;

/** A path whose entries are not the same, or that only one side knows. */
export interface Pair {
  readonly own: Entry | undefined;
  readonly theirs: Entry | undefined;
}

/** Everything that differs in a domain, some at a time; a peer that does not answer is a PeerError. */
export async function* descend(
  folder: Pick<Folder, 'domain' | 'children' | 'under'>,
  peer: Pick<Peer, 'digests' | 'entriesUnder'>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Pair[]> {
  let level: string[] = [''];
  while (level.length > 0) {
    const next: string[] = [];
    const leaves: { prefix: string; count: number }[] = [];
    for (let i = 0; i < level.length; i += PREFIXES_AT_ONCE) {
      const prefixes = level.slice(i, i + PREFIXES_AT_ONCE);
      const theirs = await peer.digests(folder.domain, prefixes, signal);
      const mine = folder.children(prefixes);
      const filled = new Set(mine.map(node => node.prefix));
      for (const node of differing(mine, theirs)) {
        const isLeaf = node.count <= LEAF_ENTRIES || node.prefix.length >= MAX_PREFIX || !filled.has(node.prefix);
        if (isLeaf) leaves.push(node);
        else next.push(node.prefix);
      }
    }
    for (const prefixes of grouped(leaves)) yield await compareLeaves(folder, peer, prefixes, clock, signal);
    level = next;
  }
}

async function compareLeaves(
  folder: Pick<Folder, 'domain' | 'under'>,
  peer: Pick<Peer, 'entriesUnder'>,
  prefixes: readonly string[],
  clock: Clock,
  signal: AbortSignal,
): Promise<Pair[]> {
  const theirs = await peer.entriesUnder(folder.domain, prefixes, signal);
  const mine = new Map(folder.under(prefixes).map(entry => [entry.path, entry]));
  const pairs: Pair[] = [];
  for (const [i, entry] of theirs.entries()) {
    if (i % SLICE === SLICE - 1) await clock.yield();
    const own = mine.get(entry.path);
    mine.delete(entry.path);
    if (!own || !isEqual(own, entry) || !sameVersion(own.version, entry.version)) pairs.push({ own, theirs: entry });
  }
  for (const own of mine.values()) pairs.push({ own, theirs: undefined });
  return pairs;
}

/** Prefixes in groups whose entries fit into one answer. */
function grouped(leaves: readonly { prefix: string; count: number }[]): string[][] {
  const groups: string[][] = [];
  let count = Number.POSITIVE_INFINITY;
  for (const leaf of leaves) {
    if (count + leaf.count > ENTRIES_AT_ONCE || groups.at(-1)!.length >= PREFIXES_AT_ONCE) {
      groups.push([]);
      count = 0;
    }
    groups.at(-1)!.push(leaf.prefix);
    count += leaf.count;
  }
  return groups;
}
