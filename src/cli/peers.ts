/** `dfsync peers`: who this instance pulls from, and how far both are with one another. */
import type { PeerStatus, RateStatus, Status } from '../ops/status.ts';
import { call } from './call.ts';
import { formatBytes, formatCount } from './demo-lines.ts';
import type { Paint, Tone } from './style.ts';
import { type Cell, formatSpan, paintOf, tableOf } from './table.ts';
import { type CallFlags, type Streams, telling } from './telling.ts';

const HEADS = [
  { name: 'peer' },
  { name: 'site' },
  { name: 'address' },
  { name: 'state' },
  { name: 'domain' },
  { name: 'lag', side: 'right' },
  { name: 'wanted', side: 'right' },
  { name: 'mismatched', side: 'right' },
  { name: 'to take', side: 'right' },
  { name: 'in', side: 'right' },
  { name: 'out', side: 'right' },
  { name: 'skew', side: 'right' },
  { name: 'reason' },
] as const;

/** Answers the exit code. */
export function peers(flags: CallFlags, streams: Streams): Promise<number> {
  return telling(
    async () => (await call<Status>(flags, 'GET', '/status')).peers,
    answer => peersText(answer, paintOf(streams.out)),
    flags,
    streams,
  );
}

/** A table: a row for each peer and domain. */
export function peersText(all: readonly PeerStatus[], paint: Paint): string[] {
  if (all.length === 0) return ['this instance has no peers at present'];
  return tableOf(HEADS, all.flatMap(rowsOf), paint);
}

function rowsOf(peer: PeerStatus): Cell[][] {
  const { untaken, traffic, skewMs } = peer;
  const who: Cell[] = [
    { text: peer.peer },
    { text: peer.site },
    { text: peer.address },
    { text: peer.state, tone: toneOf(peer.state) },
  ];
  const end: Cell[] = [
    { text: untaken === undefined ? '?' : formatCount(untaken), tone: untaken === 0 ? 'quiet' : 'plain' },
    rateCell(traffic?.received),
    rateCell(traffic?.sent),
    { text: skewMs === undefined ? '?' : `${(skewMs / 1000).toFixed(1)} s`, tone: 'quiet' },
  ];
  const domains = peer.domains.map(({ domain, lagSeconds, wanted, mismatched, state }): Cell[] => [
    { text: domain },
    { text: formatSpan(lagSeconds * 1000), tone: lagSeconds > 0 ? 'busy' : 'quiet' },
    { text: formatCount(wanted), tone: wanted > 0 ? 'busy' : 'quiet' },
    { text: formatCount(mismatched), tone: mismatched > 0 ? 'warning' : 'quiet' },
    ...end,
    { text: peer.reason ?? (state === 'serving' ? '' : `the domain is ${state} there`), tone: 'warning' },
  ]);
  const blank = Array.from({ length: 4 }, (): Cell => ({ text: '' }));
  const rows =
    domains.length > 0 ? domains : [[...blank, ...end, { text: peer.reason ?? '', tone: 'warning' } as Cell]];
  return rows.map(row => [...who, ...row]);
}

/** How fast bytes travel; less than a kilobyte a second is heartbeats. */
function rateCell(rate: RateStatus | undefined): Cell {
  if (rate === undefined) return { text: '?', tone: 'quiet' };
  return { text: `${formatBytes(rate.perSecond)}/s`, tone: rate.perSecond < 1000 ? 'quiet' : 'busy' };
}

function toneOf(state: PeerStatus['state']): Tone {
  switch (state) {
    case 'live':
      return 'good';
    case 'connecting':
      return 'busy';
    case 'standby':
    case 'not-served':
      return 'quiet';
    case 'backoff':
    case 'misrouted':
    case 'refused':
      return 'bad';
    default:
      return state satisfies never;
  }
}
