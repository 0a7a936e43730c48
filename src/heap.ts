/** How much more memory than it needs the process may hold. */
import v8 from 'node:v8';

/**
 * The heap is collected when it has grown by so many percent. V8 lets it double or quadruple, which for an index of a million entries is
 * some hundred megabytes of garbage in a sidecar; collecting more often costs a few percent of the time of a scan.
 */
const GROWING_PERCENT = 30;
/** Half of the space for new objects, MB: V8 takes four times as much, and gives it back late. */
const SEMI_SPACE_MB = 8;

/** Keeps the heap close to what is alive. To be called before anything large is made; threads that start later do the same. */
export function keepHeapSmall(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
  v8.setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MB}`);
}
