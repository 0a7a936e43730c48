/** `dfsync pause` and `dfsync resume`: whether an instance pulls. */
import { call } from './call.ts';
import { type CallFlags, type Streams, telling } from './telling.ts';

type Flags = CallFlags & { readonly domain?: string };

/** Answers the exit code. */
export function pause(flags: Flags, streams: Streams): Promise<number> {
  return telling(
    () => call<{ paused: readonly string[] }>(flags, 'POST', '/pause', wishOf(flags)),
    ({ paused }) =>
      paused.length === 0
        ? ['it was paused before']
        : paused.map(
            domain =>
              `${domain}: nothing is pulled until dfsync resume, over restarts too; others still pull from here`,
          ),
    flags,
    streams,
  );
}

/** Answers the exit code. */
export function resume(flags: Flags, streams: Streams): Promise<number> {
  return telling(
    () => call<{ resumed: readonly string[] }>(flags, 'POST', '/resume', wishOf(flags)),
    ({ resumed }) =>
      resumed.length === 0 ? ['nothing was paused'] : resumed.map(domain => `${domain}: pulling goes on`),
    flags,
    streams,
  );
}

function wishOf({ domain }: Flags): object {
  return domain === undefined ? {} : { domain };
}
