/** `dfsync redate`: gives an instance's own changes a date of now, after a clock that ran ahead was put right. */
import { call } from './call.ts';
import { type CallFlags, type Streams, telling } from './telling.ts';

/** Answers the exit code. */
export function redate(flags: CallFlags & { readonly domain?: string }, streams: Streams): Promise<number> {
  const { domain } = flags;
  return telling(
    () => call<{ redated: Record<string, number> }>(flags, 'POST', '/redate', domain === undefined ? {} : { domain }),
    ({ redated }) =>
      Object.entries(redated).map(([name, count]) => `${name}: ${count} entries were dated in the future`),
    flags,
    streams,
  );
}
