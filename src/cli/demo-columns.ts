/** The columns of the live view: what stands in them, and which are left out first where there is not room for all. */
import { escapeUnsafe } from '../ops/render.ts';
import { formatBytes, formatCount } from './demo-lines.ts';
import type { Row } from './demo-picture.ts';
import type { Tone } from './style.ts';

/** One column. */
export interface Column {
  readonly name:
    | 'server'
    | 'domain'
    | 'state'
    | 'files'
    | 'size'
    | 'lag'
    | 'mismatch'
    | 'rate'
    | 'progress'
    | 'time left';
  readonly side: 'left' | 'right';
  readonly text: (row: Row) => string;
  readonly tone: (row: Row) => Tone;
}

/** The least important first: a column, or the bar of the progress without its percentage. The others always stay. */
export const LEFT_OUT: readonly (Column['name'] | 'bar')[] = [
  'size',
  'rate',
  'lag',
  'files',
  'mismatch',
  'bar',
  'time left',
  'progress',
];

const PLAIN = () => 'plain' as const;
const BUSY = () => 'busy' as const;

/** A number of a domain; an instance that has none has no numbers. What is nothing, or old, is quiet. */
function number(
  name: Column['name'],
  value: (row: Row) => number,
  text: (value: number) => string,
  tone: Tone,
): Column {
  return {
    name,
    side: 'right',
    text: row => (row.directory === '' ? '' : text(value(row))),
    tone: row => (value(row) === 0 || row.state === 'no answer' ? 'quiet' : tone),
  };
}

/** Those that are always of interest, from left to right. */
export const COLUMNS: readonly Column[] = [
  { name: 'server', side: 'left', text: row => escapeUnsafe(row.instance), tone: PLAIN },
  { name: 'domain', side: 'left', text: row => escapeUnsafe(row.directory), tone: PLAIN },
  { name: 'state', side: 'left', text: row => row.state, tone: row => toneOf(row.state) },
  number('files', row => row.files, formatCount, 'plain'),
  number('size', row => row.bytes, formatBytes, 'plain'),
  number('lag', row => row.lagSeconds, formatDuration, 'plain'),
  number('mismatch', row => row.mismatched, formatCount, 'warning'),
  number(
    'rate',
    row => row.rate,
    rate => `${formatBytes(rate)}/s`,
    'busy',
  ),
];

/** Those for the time while much is on its way. At the end, so that nothing moves when they go. */
export const ON_THE_WAY: readonly Column[] = [
  { name: 'progress', side: 'right', text: ({ progress }) => percentOf(progress?.share), tone: BUSY },
  {
    name: 'time left',
    side: 'right',
    text: ({ progress }) => (progress ? leftOf(progress.remainingMs) : ''),
    tone: BUSY,
  },
];

/** What a state means. */
export function toneOf(state: Row['state']): Tone {
  switch (state) {
    case 'in-sync':
      return 'good';
    case 'halted':
    case 'no answer':
    case 'waiting-for-lock':
      return 'bad';
    case 'unserved':
    case 'disabled':
    case 'unlisted':
    case 'alone':
      return 'quiet';
    default:
      return 'busy';
  }
}

function percentOf(share: number | undefined): string {
  if (share === undefined) return '';
  // What is not done is not a hundred.
  return `${share < 1 ? Math.min(99, Math.floor(share * 100)) : 100} %`;
}

function leftOf(remainingMs: number | undefined): string {
  return remainingMs === undefined ? 'estimating' : formatDuration(Math.ceil(remainingMs / 1000));
}

/** A time for people. */
function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
