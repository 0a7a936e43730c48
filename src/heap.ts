/** How much more memory than it needs the process may hold. */
import v8 from 'node:v8';

/** Megabytes of half of the space for new objects in threads that start later. What they make is gone at once. */
const SEMI_SPACE_MB = 8;
/**
 * The main thread keeps the space for new objects that it has once the program is loaded, some 15 MB. V8 would let it grow to four times
 * that and give nothing back; reading a cache of a million entries is none the slower without. The limit in megabytes is of no use here:
 * V8 looks at it only when a thread begins.
 */
const SEMI_SPACE_GROWTH_FACTOR = 1;
/**
 * A process that has come to rest gives back what it does not need: V8 collects its whole heap for that, which takes as much CPU time as
 * all else that it does in 40 seconds, and would do so twice.
 */
const COLLECTIONS_AT_REST = 1;
/**
 * From so many entries on memory counts for more than time: below, the garbage is some dozen megabytes, and collecting it more often
 * would make a first pull a fifth slower.
 */
export const LARGE_ENTRIES = 120_000;
/** What a cache of {@link LARGE_ENTRIES} takes on disk, about. */
export const LARGE_CACHE_BYTES = 10 * 1024 * 1024;
/**
 * Then the heap is collected when it has grown by so many percent. V8 lets it double or quadruple, which for an index of a million entries
 * is some hundred megabytes of garbage in a sidecar.
 */
const GROWING_PERCENT = 30;

/** For this thread and those that start later; to be called before anything large is made. */
export function limitNewSpace(): void {
  v8.setFlagsFromString(`--semi-space-growth-factor=${SEMI_SPACE_GROWTH_FACTOR}`);
  v8.setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MB}`);
  v8.setFlagsFromString(`--memory-reducer-gc-count=${COLLECTIONS_AT_REST}`);
}

/** Keeps the heap close to what is alive from now on. */
export function keepHeapSmall(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
}
