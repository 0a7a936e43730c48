/** What a replica did, as plain values: the source of metrics about it. */
import type { Operation } from '../core/operation.ts';

/** Why a scan began. `lost-events`: the watcher asked for it; `retry`: the one before did not count, or failed. */
export const SCAN_TRIGGERS = ['start', 'interval', 'lost-events', 'retry'] as const;
export type ScanTrigger = (typeof SCAN_TRIGGERS)[number];

/** How it ended. `objected`: volume or domain were not those that were started with, so what was missing did not count. */
export const SCAN_RESULTS = ['ok', 'objected', 'failed'] as const;
export type ScanResult = (typeof SCAN_RESULTS)[number];

export type ReplicaReport =
  /** Changes made on this server. */
  | { readonly did: 'change'; readonly operations: Readonly<Partial<Record<Operation, number>>> }
  /** A difference that a scan found and no event had announced. */
  | { readonly did: 'drift'; readonly operation: Operation }
  | { readonly did: 'scan'; readonly trigger: ScanTrigger; readonly result: ScanResult; readonly ms: number }
  /** The cache was written, or not. */
  | { readonly did: 'flush'; readonly result: 'ok' | 'failed' };
