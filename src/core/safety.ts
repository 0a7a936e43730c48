/** What stops a domain rather than let it do harm. Pure predicates over what is known; each answer names the reason and the next step. */

/** What is known just before changes are made or announced. */
export interface Circumstances {
  /** Why the volume or the domain's root is not the one that was started with. */
  readonly volume: string | undefined;
  /** The lock on the volume was lost. */
  readonly lockLost: boolean;
  /** Share of the volume that is free, 0 to 1. */
  readonly freeRatio: number;
  readonly minFreeRatio: number;
  /** Size of the volume, bytes. */
  readonly totalBytes: number;
  /** Why an operator has it wait. */
  readonly paused?: string | undefined;
}

/** What can stop a domain. */
export const HALTS = ['volume', 'lock', 'space'] as const;
export type Halt = (typeof HALTS)[number];

/** What stops a domain now, or undefined. */
export function haltOf(now: Circumstances): Halt | undefined {
  if (now.volume !== undefined) return 'volume';
  if (now.lockLost) return 'lock';
  return now.freeRatio < now.minFreeRatio ? 'space' : undefined;
}

/** Why nothing may be pulled into a domain now, or undefined. */
export function objection(now: Circumstances): string | undefined {
  const halt = haltOf(now);
  switch (halt) {
    case undefined:
      return now.paused;
    case 'volume':
      return now.volume;
    case 'lock':
      return 'the lock on the volume was lost; another process may write to it: restart this instance';
    case 'space':
      return `only ${percent(now.freeRatio)} of the volume is free, less than the floor of ${percent(now.minFreeRatio)}: free some space, or lower options.minFree`;
    default:
      return halt satisfies never;
  }
}

/** Why there is no room for so many bytes more, although the domain may be pulled; undefined: there is. */
export function lacksRoom(bytes: number, { freeRatio, minFreeRatio, totalBytes }: Circumstances): string | undefined {
  const room = Math.floor(Math.max(0, freeRatio - minFreeRatio) * totalBytes);
  if (!(bytes > room)) return undefined;
  return `it takes ${bytes} bytes more, and ${room} are free above the floor of ${percent(minFreeRatio)}: free some space, or lower options.minFree`;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
