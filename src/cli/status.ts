/** `dfsync status`: the instance and its domains. */
import type { DomainStatus, Status } from '../ops/status.ts';
import { call } from './call.ts';
import { toneOf } from './demo-columns.ts';
import { formatBytes, formatCount } from './demo-lines.ts';
import type { Paint, Tone } from './style.ts';
import { type Cell, formatSpan, paintOf, tableOf } from './table.ts';
import { type CallFlags, type Streams, shown, telling } from './telling.ts';

const HEADS = [
  { name: 'domain' },
  { name: 'state' },
  { name: 'files', side: 'right' },
  { name: 'size', side: 'right' },
  { name: 'wanted', side: 'right' },
  { name: 'errors', side: 'right' },
  { name: 'held', side: 'right' },
  { name: 'lag', side: 'right' },
  { name: 'reason' },
] as const;

/** Answers the exit code. */
export function status(flags: CallFlags, streams: Streams): Promise<number> {
  return telling(
    () => call<Status>(flags, 'GET', '/status'),
    answer => statusText(answer, paintOf(streams.out)),
    flags,
    streams,
  );
}

/** A few lines about the instance, and a table of its domains. */
export function statusText({ instance, domains, peers, unmapped }: Status, paint: Paint): string[] {
  const { name, roleid, server, site, version, state, reason, watch, config, certificates } = instance;
  const up = peers.filter(peer => peer.up).length;
  const warn = (text: string) => paint('warning', text);
  return [
    `${name} (roleid ${roleid}) on ${server} of ${site}, dfsync ${version}: ${paint(toneOfInstance(state), state)}${reason === undefined ? '' : `, ${reason}`}`,
    `${up} of ${peers.length} peers are up; changes are noticed by ${watch.kind}`,
    ...(watch.degraded === undefined ? [] : [warn(`only scans find changes: ${watch.degraded}`)]),
    ...config.problems.map(problem => warn(`the newest network description is not in force: ${problem}`)),
    ...certificates.flatMap(({ use, trouble }) =>
      trouble === undefined ? [] : [warn(`certificate of ${use}: ${trouble}`)],
    ),
    '',
    ...(domains.length === 0
      ? ['no domain is served']
      : tableOf(
          HEADS,
          domains.map(domain => rowOf(domain, peers)),
          paint,
        )),
    ...(unmapped.length > 0 ? ['', `not synchronised, no domain maps them: ${unmapped.map(shown).join(', ')}`] : []),
  ];
}

function rowOf(domain: DomainStatus, peers: Status['peers']): Cell[] {
  const lags = peers.flatMap(peer => peer.domains.filter(at => at.domain === domain.domain)).map(at => at.lagSeconds);
  const lag = Math.max(0, ...lags) * 1000;
  const held = domain.held?.deletions ?? 0;
  return [
    { text: domain.domain },
    { text: domain.state, tone: toneOf(domain.state) },
    { text: formatCount(domain.files) },
    { text: formatBytes(domain.bytes) },
    number(domain.wanted, 'busy'),
    number(domain.items.length, 'bad'),
    number(held, 'warning'),
    { text: formatSpan(lag), tone: lag > 0 ? 'busy' : 'quiet' },
    { text: domain.reason ?? domain.held?.reason ?? staleText(domain), tone: 'warning' },
  ];
}

function staleText({ stale }: DomainStatus): string {
  return stale ? `a stale replica: ${stale.peers.join(', ')} pull nothing from it` : '';
}

function number(count: number, tone: Tone): Cell {
  return { text: formatCount(count), tone: count === 0 ? 'quiet' : tone };
}

function toneOfInstance(state: Status['instance']['state']): Tone {
  if (state === 'running') return 'good';
  return state === 'waiting-for-lock' ? 'bad' : 'busy';
}
