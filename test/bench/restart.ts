/** An instance with a full cache starts again beside a peer that is equal. */

import { longestBlock } from './event-loop.ts';
import { exchanged, inSync, startInstance, stopInstance } from './network.ts';
import { memoryOf } from './process-tree.ts';
import { settleDisk } from './rounds.ts';
import type { Standing } from './standing.ts';

/** One restart. */
export interface Restart {
  /** Milliseconds from the start of the process until it is ready. */
  readonly readyMs: number;
  /** Milliseconds from the start of the process until both say that they are equal; absent where there is no peer. */
  readonly inSyncMs?: number;
  readonly contentBytes: number;
  /** Bytes of everything else, both directions, as the instance counts them. */
  readonly indexBytes: number;
  /** The same and the headers of HTTP, as counted between the two. */
  readonly wireBytes: number;
  /** Milliseconds of the longest block of its event loop. */
  readonly blockMs: number;
  /** Kilobytes, the sum of the highest of each process. */
  readonly highest: number;
}

/** Stops the origin and starts it, once a round. */
export async function restartRounds({ bench, network, origin }: Standing, withPeer: boolean): Promise<Restart[]> {
  const restarts: Restart[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    const complaint = await stopInstance(origin);
    if (complaint !== undefined) throw new Error(complaint);
    settleDisk();
    const onWire = () => network.instances.reduce((sum, { name }) => sum + network.wire(name).bytes, 0);
    const before = onWire();
    const start = performance.now();
    // Each look costs the instance time; so much is a hundredth of a start with a million files.
    const ready = await startInstance(origin, 50);
    const synced = withPeer ? await inSync(network.instances, 20) : undefined;
    // First: every scrape begins a new span of this metric.
    const blockMs = await longestBlock(origin);
    restarts.push({
      readyMs: ready - start,
      ...(synced !== undefined && { inSyncMs: synced - start }),
      contentBytes: await exchanged(origin, { kind: 'content' }),
      indexBytes: await exchanged(origin, { kind: 'index' }),
      wireBytes: onWire() - before,
      blockMs,
      highest: memoryOf(origin.pid).highest,
    });
    const { readyMs, inSyncMs } = restarts.at(-1)!;
    bench.say(
      `ready after ${Math.round(readyMs)} ms${inSyncMs === undefined ? '' : `, in sync after ${Math.round(inSyncMs)} ms`}`,
    );
  }
  return restarts;
}
