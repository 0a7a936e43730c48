/** Comparing with a peer by digests: down the tree where it differs, then entry by entry. */
import type { Clock } from '../core/clock.ts';
import { differing, MAX_PREFIX } from '../core/digest.ts';
import { type Entry, isEqual } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import { sameVersion } from '../core/version.ts';
import type { Folder } from './folder.ts';
import { type Peer, TooMuch } from './peer.ts';

/** A node of the digest tree with so few entries is compared entry by entry: a few kilobytes. */
const LEAF_ENTRIES = 32;
/** Prefixes in one question. */
const PREFIXES_AT_ONCE = 256;
/** Entries asked for in one question: some megabytes. */
const ENTRIES_AT_ONCE = 20_000;
/** So many fit into one answer, however long their paths. */
const ENTRIES_THAT_FIT = 500;
/** Entries compared in one synchronous stretch. */
const SLICE = 2_000;

/** A path whose entries are not the same, or that only one side knows. */
export interface Pair {
  readonly own: Entry | undefined;
  readonly theirs: Entry | undefined;
}

/** A node whose entries are compared one by one. */
interface Leaf {
  readonly prefix: string;
  readonly count: number;
  /** Whether the peer has anything in it: else there is nothing to ask for. */
  readonly isThere: boolean;
}

/** Everything that differs in a domain, some at a time; a peer that does not answer is a PeerError. */
export async function* descend(
  folder: Pick<Folder, 'domain' | 'children' | 'under'>,
  peer: Pick<Peer, 'digests' | 'entriesUnder'>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Pair[]> {
  let level: string[] = [''];
  let most = ENTRIES_AT_ONCE;
  while (level.length > 0) {
    const next: string[] = [];
    const leaves: Leaf[] = [];
    for (let i = 0; i < level.length; i += PREFIXES_AT_ONCE) {
      const prefixes = level.slice(i, i + PREFIXES_AT_ONCE);
      const theirs = await peer.digests(folder.domain, prefixes, signal);
      const mine = folder.children(prefixes);
      const here = new Set(mine.map(({ prefix }) => prefix));
      const there = new Set(theirs.map(({ prefix }) => prefix));
      for (const { prefix, count } of differing(mine, theirs)) {
        const isThere = there.has(prefix);
        // Of what only one side has, everything differs.
        const few = isThere && here.has(prefix) ? LEAF_ENTRIES : most;
        if (count <= few || prefix.length >= MAX_PREFIX) leaves.push({ prefix, count, isThere });
        else next.push(prefix);
      }
    }
    const groups = grouped(leaves, most);
    for (let group = groups.shift(); group; group = groups.shift())
      try {
        yield await compareLeaves(folder, peer, group, clock, signal);
      } catch (error) {
        if (!(error instanceof TooMuch) || most === ENTRIES_THAT_FIT) throw error;
        most = ENTRIES_THAT_FIT;
        const left = [group, ...groups.splice(0)].flat();
        const isLarge = ({ prefix, count }: Leaf) => count > most && prefix.length < MAX_PREFIX;
        next.push(...left.filter(isLarge).map(({ prefix }) => prefix));
        groups.push(
          ...grouped(
            left.filter(leaf => !isLarge(leaf)),
            most,
          ),
        );
      }
    level = next;
  }
}

async function compareLeaves(
  folder: Pick<Folder, 'domain' | 'under'>,
  peer: Pick<Peer, 'entriesUnder'>,
  leaves: readonly Leaf[],
  clock: Clock,
  signal: AbortSignal,
): Promise<Pair[]> {
  const prefixes = leaves.map(({ prefix }) => prefix);
  const asked = leaves.flatMap(({ prefix, isThere }) => (isThere ? prefix : []));
  const theirs = asked.length > 0 ? await peer.entriesUnder(folder.domain, asked, signal) : [];
  const mine = new Map<RelPath, Entry>();
  for (const entry of folder.under(prefixes)) mine.set(entry.path, entry);
  const pairs: Pair[] = [];
  for (const [i, entry] of theirs.entries()) {
    if (i % SLICE === SLICE - 1) await clock.yield();
    const own = mine.get(entry.path);
    mine.delete(entry.path);
    if (!own || !isEqual(own, entry) || !sameVersion(own.version, entry.version)) pairs.push({ own, theirs: entry });
  }
  for (const own of mine.values()) pairs.push({ own, theirs: undefined });
  // Where nothing was asked for, nothing was waited for either.
  if (asked.length === 0) await clock.yield();
  return pairs;
}

/** Leaves in groups of so many entries at most, or of one. */
function grouped(leaves: readonly Leaf[], most: number): Leaf[][] {
  const groups: Leaf[][] = [];
  let count = Number.POSITIVE_INFINITY;
  for (const leaf of leaves) {
    if (count + leaf.count > most || groups.at(-1)!.length >= PREFIXES_AT_ONCE) {
      groups.push([]);
      count = 0;
    }
    groups.at(-1)!.push(leaf);
    count += leaf.count;
  }
  return groups;
}
