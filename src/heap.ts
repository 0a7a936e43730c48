/** How much more memory than it needs the process may hold. */
import v8 from 'node:v8';

/**
 * Half of the space for new objects, MB. V8 takes twice as much by itself, commits four times that, and gives it back late; a first pull
 * is none the slower for it.
 */
const SEMI_SPACE_MB = 8;
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

/** For the whole process, and for threads that start later; to be called before anything large is made. */
export function limitNewSpace(): void {
  v8.setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MB}`);
}

/** Keeps the heap close to what is alive from now on. */
export function keepHeapSmall(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
}
