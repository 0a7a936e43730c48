/** How much more memory than it needs the process may hold. */
import v8 from 'node:v8';

/**
 * From so many entries on memory counts for more than time: below, what V8 takes by itself is some hundred megabytes, and collecting
 * garbage more often would make a first pull a third slower.
 */
export const LARGE_ENTRIES = 250_000;
/** What a cache of {@link LARGE_ENTRIES} takes on disk, about. */
export const LARGE_CACHE_BYTES = 20 * 1024 * 1024;

/**
 * The heap is collected when it has grown by so many percent. V8 lets it double or quadruple, which for an index of a million entries is
 * some hundred megabytes of garbage in a sidecar.
 */
const GROWING_PERCENT = 30;
/** Half of the space for new objects, MB: V8 takes four times as much, and gives it back late. */
const SEMI_SPACE_MB = 8;

/** Keeps the heap close to what is alive from now on; threads that start later do the same. */
export function keepHeapSmall(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
  v8.setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MB}`);
}
