/** `dfsync trash list` and `dfsync trash restore PATH`. */
import type { Recovered, TrashedItem } from '../ops/actions.ts';
import type { Status } from '../ops/status.ts';
import { call } from './call.ts';
import { type CallFlags, itemText, recoveredText, type Streams, telling } from './telling.ts';

interface Listing {
  readonly domain: string;
  readonly total: number;
  readonly items: readonly TrashedItem[];
}

/** Lists the trash of a domain, or of all, newest first. Answers the exit code. */
export function listTrash(flags: CallFlags & { readonly domain?: string }, streams: Streams): Promise<number> {
  return telling(
    () => listings(flags),
    all => all.flatMap(listingText),
    flags,
    streams,
  );
}

/** Brings a path back; what is below it too, as far as it does not live. Answers the exit code. */
export function restoreFromTrash(
  path: string,
  flags: CallFlags & { readonly domain: string; readonly item?: string; readonly dryRun?: boolean },
  streams: Streams,
): Promise<number> {
  const { domain, item, dryRun = false } = flags;
  const wish = { path: path.replace(/\/+$/, ''), dryRun, ...(item !== undefined && { version: item }) };
  return telling(
    () => call<Recovered>(flags, 'POST', `/domains/${encodeURIComponent(domain)}/restore`, wish),
    recoveredText,
    flags,
    streams,
  );
}

async function listings(flags: CallFlags & { readonly domain?: string }): Promise<Listing[]> {
  const domains =
    flags.domain === undefined
      ? (await call<Status>(flags, 'GET', '/status')).domains.map(({ domain }) => domain)
      : [flags.domain];
  const all: Listing[] = [];
  for (const domain of domains) all.push(await call(flags, 'GET', `/domains/${encodeURIComponent(domain)}/trash`));
  return all;
}

function listingText({ domain, total, items }: Listing): string[] {
  const more = total - items.length;
  return [
    ...items.map(itemText),
    ...(more > 0 ? [`and ${more} older ones`] : []),
    `${domain}: ${total} in the trash of this instance`,
  ];
}
