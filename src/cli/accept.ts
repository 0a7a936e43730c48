/** `dfsync accept-local|accept-remote --domain D`: decides about a stale replica. */
import type { Accepted } from '../ops/actions.ts';
import { call } from './call.ts';
import { type CallFlags, type Streams, shown, telling } from './telling.ts';

/** Answers the exit code. */
export function accept(
  side: 'local' | 'remote',
  flags: CallFlags & { readonly domain: string },
  streams: Streams,
): Promise<number> {
  return telling(
    () => call<Accepted>(flags, 'POST', `/domains/${encodeURIComponent(flags.domain)}/accept-${side}`),
    answer => (side === 'local' ? localText(answer) : remoteText(answer)),
    flags,
    streams,
  );
}

function localText({ domain, peers }: Accepted): string[] {
  return [`${domain}: what this instance has goes out again, to ${peers.join(', ')} and from there`];
}

function remoteText({ domain, peers, trashed, failed }: Accepted): string[] {
  return [
    ...failed.map(({ path, reason }) => `failed    ${shown(path)}: ${reason}`),
    `${domain}: ${trashed} paths of which ${peers.join(', ')} had no trace went to the trash of this instance`,
    failed.length > 0
      ? `${domain}: ${failed.length} could not, so it is a stale replica still; heal them and say it again`
      : `${domain}: it is in touch with the others again`,
  ];
}
