/** How much more memory than it needs the process may hold. */
import v8 from 'node:v8';

/**
 * Megabytes of half of the space for new objects in threads that start later: what they make is gone at once. The main thread's grows as
 * V8 likes, and is given back at rest: without that it would be collected ten times as often, for a tenth of the time of a first pull.
 */
const SEMI_SPACE_MB = 8;
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
export function limitHeap(): void {
  v8.setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MB}`);
  v8.setFlagsFromString(`--memory-reducer-gc-count=${COLLECTIONS_AT_REST}`);
}

/** Keeps the heap close to what is alive from now on. */
export function keepHeapSmall(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
}
