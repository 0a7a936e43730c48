/** `dfsync verify`: whether this instance and all its peers have the same, with `--content` byte by byte. */
import type { UnaskedInstance, VerifyLine, VerifyProgress, VerifyResult } from '../ops/inspection.ts';
import { CallError, EXIT_REFUSED, linesOf } from './call.ts';
import { formatBytes, formatCount } from './demo-lines.ts';
import { Progress } from './progress.ts';
import type { Paint } from './style.ts';
import { type Cell, paintOf, tableOf } from './table.ts';
import { type CallFlags, type Streams, shown, telling } from './telling.ts';

const HEADS = [
  { name: 'domain' },
  { name: 'peer' },
  { name: 'different', side: 'right' },
  { name: 'not told', side: 'right' },
  { name: 'verdict' },
] as const;

/** What `verify` is told. */
export interface VerifyFlags extends CallFlags {
  readonly domain?: string;
  readonly content?: boolean;
}

/** Answers the exit code: 1 where anything differs, or could not be compared. */
export function verify(flags: VerifyFlags, streams: Streams): Promise<number> {
  const { domain, content = false, json = false } = flags;
  const query = [
    ...(domain === undefined ? [] : [`domain=${encodeURIComponent(domain)}`]),
    ...(content ? ['content'] : []),
  ];
  const progress = new Progress(streams.err);
  const paint = paintOf(streams.out);
  const run = async (): Promise<VerifyResult> => {
    for await (const line of linesOf<VerifyLine>(flags, content ? 'POST' : 'GET', `/verify?${query.join('&')}`)) {
      if ('result' in line) return line.result;
      if ('progress' in line) progress.show(progressText(line.progress), line.progress.bytes);
      else {
        progress.clear();
        streams.out.write(`${json ? JSON.stringify(line) : differenceText(line.difference, paint)}\n`);
      }
    }
    throw new CallError(`${flags.url} broke off before the verification had ended; its log says why`);
  };
  return telling(
    () => run().finally(() => progress.clear()),
    result => resultText(result, content, paint),
    flags,
    streams,
    ({ equal }) => (equal ? 0 : EXIT_REFUSED),
  );
}

function progressText({ domain, phase, files, ofFiles, bytes, ofBytes }: VerifyProgress): string {
  switch (phase) {
    case 'scan':
      return `${domain}: scanning ${formatCount(ofFiles)} files`;
    case 'index':
      return `${domain}: comparing with its peers`;
    case 'content':
      return `${domain}: ${formatCount(files)} of ${formatCount(ofFiles)} files, ${formatBytes(bytes)} of ${formatBytes(ofBytes)}`;
    default:
      return phase satisfies never;
  }
}

function differenceText(difference: Extract<VerifyLine, { difference: unknown }>['difference'], paint: Paint): string {
  const { domain, path, peer, class: name } = difference;
  return `${paint('warning', name.padEnd(7))}  ${domain}  ${peer === '' ? 'held here' : peer}  ${shown(path)}`;
}

function resultText({ equal, domains }: VerifyResult, content: boolean, paint: Paint): string[] {
  const rows = domains.flatMap(({ domain, reason, peers }): Cell[][] => [
    ...(reason === undefined
      ? []
      : [[{ text: domain }, { text: '' }, { text: '' }, { text: '' }, { text: reason, tone: 'bad' } as const]]),
    ...peers.map((peer): Cell[] => [
      { text: domain },
      { text: peer.peer },
      { text: formatCount(peer.different), tone: peer.different > 0 ? 'bad' : 'quiet' },
      { text: formatCount(peer.unchecked), tone: peer.unchecked > 0 ? 'warning' : 'quiet' },
      verdictOf(peer),
    ]),
  ]);
  const files = domains.reduce((sum, each) => sum + (content ? each.hashed : each.files), 0);
  const what = `${formatCount(files)} files${content ? ', all content read' : ''}`;
  return [
    ...tableOf(HEADS, rows, paint),
    ...domains.flatMap(({ domain, unasked }) => unasked.map(each => unaskedText(domain, each))),
    equal ? paint('good', `equal: ${what}`) : paint('bad', `not equal, or not all could be compared: ${what}`),
  ];
}

function unaskedText(domain: string, { server, site, askOn }: UnaskedInstance): string {
  return `${domain}: ${server} of ${site} is not compared, there is no link from here: verify on ${askOn.join(' or ')}`;
}

function verdictOf({ reason, different, memory, unchecked }: VerifyResult['domains'][number]['peers'][number]): Cell {
  if (reason !== undefined) return { text: reason, tone: 'bad' };
  if (different > 0) return { text: 'different', tone: 'bad' };
  if (unchecked > 0)
    return {
      text: 'some files changed meanwhile, or may not be read: see dfsync mismatches, and verify again',
      tone: 'warning',
    };
  if (memory > 0) return { text: `equal; what is remembered of ${formatCount(memory)} paths differs`, tone: 'good' };
  return { text: 'equal', tone: 'good' };
}
