/** What a writer does next: values alone, from its chance. What stands on the disk then decides what comes of it. */
import type { Chance } from '../sim/random.ts';

/** One thing that a user does. Paths are relative to the domain's directory. */
export type Decision =
  /** Creates a file with its directories, or writes one anew in place. */
  | { readonly do: 'write'; readonly path: string; readonly size: number }
  | { readonly do: 'append'; readonly path: string }
  /** Other content of the same size: the date alone tells it. */
  | { readonly do: 'rewrite'; readonly path: string }
  /** As editors save: written beside, renamed over. */
  | { readonly do: 'save'; readonly path: string; readonly size: number }
  /** A former content with its former date and mode; `which`: how far back, from 0 (inclusive) to 1 (exclusive). */
  | { readonly do: 'restore'; readonly path: string; readonly which: number }
  | { readonly do: 'date'; readonly path: string; readonly agoMs: number }
  | { readonly do: 'chmod'; readonly path: string; readonly bits: number }
  /** A file, or a tree with all that is in it. */
  | { readonly do: 'rename'; readonly path: string; readonly to: string }
  /** The same. */
  | { readonly do: 'remove'; readonly path: string }
  | { readonly do: 'mkdir'; readonly path: string }
  | { readonly do: 'symlink'; readonly path: string }
  /** As an archive: files of one size and one old date. */
  | { readonly do: 'unpack'; readonly path: string; readonly size: number; readonly agoMs: number }
  /** What stands there goes; a file, or a tree, takes its place. */
  | { readonly do: 'replace'; readonly path: string; readonly size: number; readonly by: 'file' | 'tree' }
  /** A temporary file comes and goes. */
  | { readonly do: 'flash'; readonly path: string };

/** How often each is done. */
const WEIGHTS: Readonly<Record<Decision['do'], number>> = {
  write: 30,
  append: 6,
  rewrite: 6,
  save: 8,
  restore: 6,
  date: 3,
  chmod: 7,
  rename: 14,
  remove: 9,
  mkdir: 4,
  symlink: 4,
  unpack: 3,
  replace: 3,
  flash: 2,
};

/** Few names and little depth, so that writers meet. */
export const NAMES = ['a', 'b', 'c', 'd', 'e'];
const DEPTHS = { 1: 2, 2: 4, 3: 5 };
/** What takes trees away strikes deep more often than not, or nothing would ever grow. */
const DEEPER = { 1: 1, 2: 4, 3: 12 };
/** What a size can be: most files are small, some need a transfer of their own (above 256 KiB). */
const SIZES = { small: 70, middle: 25, large: 5 } as const;
const RANGES = { small: [40, 2_000], middle: [2_000, 60_000], large: [300_000, 1_500_000] } as const;
const DAY_MS = 86_400_000;
const BITS = [0o700, 0o710, 0o744, 0o750, 0o755, 0o777];

/** The next decision of a writer. */
export function decide(chance: Chance): Decision {
  const kind = chance.weighted(WEIGHTS);
  const path = pathOf(chance, kind === 'remove' || kind === 'replace' || kind === 'rename' ? DEEPER : DEPTHS);
  switch (kind) {
    case 'write':
    case 'save':
      return { do: kind, path, size: sizeOf(chance) };
    case 'append':
    case 'rewrite':
    case 'remove':
    case 'mkdir':
    case 'symlink':
    case 'flash':
      return { do: kind, path };
    case 'restore':
      return { do: kind, path, which: chance.next() };
    case 'date':
      return { do: kind, path, agoMs: chance.int(0, 300 * DAY_MS) };
    case 'chmod':
      return { do: kind, path, bits: chance.pick(BITS) };
    case 'rename':
      return { do: kind, path, to: pathOf(chance, DEPTHS) };
    case 'unpack':
      return { do: kind, path, size: chance.int(100, 2_000), agoMs: chance.int(DAY_MS, 300 * DAY_MS) };
    case 'replace':
      return { do: kind, path, size: sizeOf(chance), by: chance.chance(0.5) ? 'file' : 'tree' };
    default:
      return kind satisfies never;
  }
}

function pathOf(chance: Chance, depths: typeof DEPTHS): string {
  const depth = Number(chance.weighted(depths));
  return Array.from({ length: depth }, () => chance.pick(NAMES)).join('/');
}

function sizeOf(chance: Chance): number {
  const [from, to] = RANGES[chance.weighted(SIZES)];
  return chance.int(from, to);
}
