/** `dfsync release --domain D`: lets held deletions go out. */
import { call } from './call.ts';
import { type CallFlags, type Streams, telling } from './telling.ts';

/** Answers the exit code. */
export function release(flags: CallFlags & { readonly domain: string }, streams: Streams): Promise<number> {
  return telling(
    () => call<{ released: number }>(flags, 'POST', `/domains/${encodeURIComponent(flags.domain)}/release`),
    ({ released }) => [
      released === 0
        ? `${flags.domain}: no deletions are held on this instance`
        : `${flags.domain}: ${released} deletions are released, and go out to the other servers`,
    ],
    flags,
    streams,
  );
}
