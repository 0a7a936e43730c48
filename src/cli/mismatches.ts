/** `dfsync mismatches`: what is not everywhere as it should be, since when, and why. */
import type { DomainMismatches, Mismatch } from '../ops/inspection.ts';
import { call } from './call.ts';
import type { Paint, Tone } from './style.ts';
import { type Cell, formatSpan, paintOf, tableOf } from './table.ts';
import { type CallFlags, type Streams, shown, telling } from './telling.ts';

const HEADS = [{ name: 'class' }, { name: 'since', side: 'right' }, { name: 'peers' }, { name: 'path' }] as const;

/** Answers the exit code. */
export function mismatches(flags: CallFlags & { readonly domain?: string }, streams: Streams): Promise<number> {
  const query = flags.domain === undefined ? '' : `?domain=${encodeURIComponent(flags.domain)}`;
  return telling(
    () => call<{ domains: readonly DomainMismatches[] }>(flags, 'GET', `/mismatches${query}`),
    ({ domains }) => domains.flatMap(domain => mismatchesText(domain, Date.now(), paintOf(streams.out))),
    flags,
    streams,
  );
}

/** A line about the domain, and a table of what differs. */
export function mismatchesText(
  { domain, state, reason, total, mismatches }: DomainMismatches,
  now: number,
  paint: Paint,
): string[] {
  const head = `${domain}: ${state}${reason === undefined ? '' : `, ${reason}`}, ${total} ${total === 1 ? 'path differs' : 'paths differ'}`;
  if (total === 0) return [paint('good', head)];
  const rows = mismatches.map(each => rowOf(each, now));
  const more = total - mismatches.length;
  return [head, ...tableOf(HEADS, rows, paint), ...(more > 0 ? [`and ${more} more`] : []), ''];
}

function rowOf({ path, class: name, since, problem, message, peers }: Mismatch, now: number): Cell[] {
  return [
    { text: problem ?? name, tone: toneOf(name) },
    { text: formatSpan(now - since) },
    { text: peers.join(', ') },
    { text: message === undefined ? shown(path) : `${shown(path)}: ${message}` },
  ];
}

function toneOf(name: Mismatch['class']): Tone {
  if (name === 'error') return 'bad';
  return name === 'held' ? 'warning' : 'busy';
}
