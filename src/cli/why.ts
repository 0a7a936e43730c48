/** `dfsync why PATH`: what every instance has at a path, which wins and by what rule, and what keeps it from being everywhere. */
import type { Opinion, Why } from '../ops/inspection.ts';
import { call } from './call.ts';
import { formatBytes } from './demo-lines.ts';
import { encodePath, pathOf } from './path-argument.ts';
import type { Paint } from './style.ts';
import { type Cell, paintOf, tableOf } from './table.ts';
import { type CallFlags, type Streams, shown, telling } from './telling.ts';

const HEADS = [
  { name: 'instance' },
  { name: 'site' },
  { name: 'kind' },
  { name: 'size', side: 'right' },
  { name: 'date' },
  { name: 'mode' },
  { name: 'changed by' },
  { name: 'at' },
  { name: 'verdict' },
] as const;

/** Answers the exit code. */
export function why(path: string, flags: CallFlags & { readonly domain?: string }, streams: Streams): Promise<number> {
  const given = pathOf(path);
  const full = flags.domain === undefined ? given.replace(/^(\.?\/)+/, '') : `${flags.domain}/${given}`;
  return telling(
    () => call<Why>(flags, 'GET', `/why/${encodePath(full)}`),
    answer => whyText(answer, paintOf(streams.out)),
    flags,
    streams,
  );
}

/** What it means, then what everybody has. */
export function whyText({ domain, path, says, disk, opinions }: Why, paint: Paint): string[] {
  const { kind, size, mtime, mode } = disk;
  const stands = [
    kind,
    ...(size === undefined ? [] : [`${size} bytes`]),
    ...(mtime === undefined ? [] : [date(mtime)]),
    ...(mode === undefined ? [] : [octal(mode)]),
  ];
  return [
    paint('title', `${shown(path)} of ${domain}`),
    ...says.map(sentence => `  ${shown(sentence)}`),
    `  on this disk: ${stands.join(', ')}`,
    '',
    ...tableOf(HEADS, opinions.map(rowOf), paint),
  ];
}

function rowOf({ peer, site, self, entry, writer, changedAt, error, wins, rule }: Opinion): Cell[] {
  const who: Cell[] = [{ text: self ? `${peer} (this one)` : peer }, { text: site }];
  const blank = Array.from({ length: 6 }, (): Cell => ({ text: '' }));
  if (error !== undefined) return [...who, ...blank, { text: error, tone: 'warning' }];
  if (!entry) return [...who, ...blank, { text: 'knows nothing of it', tone: 'quiet' }];
  const { kind, size, mtime, mode, target } = entry;
  const isFile = kind === 'file';
  return [
    ...who,
    { text: target === undefined ? kind : `${kind} -> ${shown(target)}` },
    { text: isFile ? formatBytes(size) : '' },
    { text: isFile || kind === 'tombstone' ? date(mtime) : '' },
    { text: kind === 'tombstone' || kind === 'symlink' ? '' : octal(mode) },
    { text: writer ?? '' },
    { text: changedAt ? date(changedAt) : '' },
    wins ? { text: 'wins', tone: 'good' } : { text: `loses: ${rule ?? 'equal'}`, tone: 'warning' },
  ];
}

function date(ms: number): string {
  return new Date(ms).toISOString();
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
