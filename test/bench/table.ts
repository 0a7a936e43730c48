/** The table, as text. */
import { type Figure, type Limit, type Row, ratioOf, verdictOf } from './row.ts';

const HEAD = ['work', 'dfsync', 'against', '', 'ratio', 'at most', ''] as const;
/** Columns of numbers. */
const RIGHT = new Set([1, 2, 4, 5]);
/** Notes are broken here: a terminal of 120 columns shows them whole. */
const WIDTH = 116;

/** The rows with their notes below. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map(row => [
    row.title,
    row.measured ? showFigure(row.measured) : '-',
    row.against ? showFigure(row.against) : '',
    row.against?.what ?? '',
    showRatio(ratioOf(row)),
    showLimit(row.limit, row.measured),
    verdictOf(row),
  ]);
  const widths = HEAD.map((head, i) => Math.max(head.length, ...cells.map(line => line[i]!.length)));
  const lines = [HEAD, widths.map(width => '-'.repeat(width)), ...cells].map(line =>
    line
      .map((cell, i) => (RIGHT.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  const notes = rows.flatMap(row => [
    ...(row.failure === undefined ? [] : [`FAILED ${row.title}: ${row.failure}`]),
    ...(row.notes ?? []).flatMap(note => wrap(`${row.title}: ${note}`)),
  ]);
  return [...lines, '', ...notes].join('\n');
}

/** A value with its unit, in three digits or so, and the spread of its rounds. */
export function showFigure({ value, unit, spread }: Figure): string {
  const range = spread && spread[0] !== spread[1] ? ` (${digits(spread[0])}-${digits(spread[1])})` : '';
  return `${digits(value)} ${unit}${range}`;
}

/** A number as people read it: three digits where it is small, whole where it is large. */
export function digits(value: number): string {
  if (value === 0) return '0';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

function showRatio(ratio: number | undefined): string {
  return ratio === undefined ? '' : `${ratio.toFixed(2)} x`;
}

/** What a row allows, as it was said. */
export function showLimit(limit: Limit | undefined, measured: Figure | undefined): string {
  const absolute = limit?.absolute === undefined ? [] : [`${digits(limit.absolute)} ${measured?.unit ?? ''}`.trim()];
  const ratio = limit?.ratio === undefined ? [] : [`${limit.ratio.toFixed(1)} x`];
  return [...absolute, ...ratio].join(' or ');
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `   ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
