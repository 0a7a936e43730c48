/** What V8 is told: how much more memory than it needs the process may hold, and when a function is worth compiling. */
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
/**
 * Calls after which a function is compiled by the quicker of the two compilers that optimise. V8 takes 400, which what a heartbeat calls
 * has come to after some minutes: at rest each minute spent a tenth of its CPU time on compiling functions that run for less until the
 * next day. Where there is work to do so many calls are a matter of a moment.
 */
const CALLS_WORTH_COMPILING = 4_000;

/** For this thread and those that start later; to be called before anything large is made. */
export function limitHeap(): void {
  v8.setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MB}`);
  v8.setFlagsFromString(`--memory-reducer-gc-count=${COLLECTIONS_AT_REST}`);
}

/** For the whole process, from now on. */
export function compileLate(): void {
  v8.setFlagsFromString(`--invocation-count-for-maglev=${CALLS_WORTH_COMPILING}`);
}

/** Keeps the heap close to what is alive from now on. */
export function keepHeapSmall(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
}
