/** The table of the live view, as wide as there is room. */
import { COLUMNS, type Column, LEFT_OUT, ON_THE_WAY } from './demo-columns.ts';
import type { Row } from './demo-picture.ts';
import type { Paint } from './style.ts';
import { cellsOf, pad } from './terminal-text.ts';

/** Between two columns. */
const GAP = '  ';
/** A longer name is cut even where there is room: the numbers should not be far from it. */
const LONGEST_NAME = 32;
const SHORTEST_NAME = 3;
/** Of a bar: less shows nothing, more says no more. */
const SHORTEST_BAR = 6;
const LONGEST_BAR = 24;
/** So that a column does not change its width with every answer. */
const ROOM_FOR: Partial<Record<Column['name'], string>> = {
  state: 'scanning',
  size: '99.9 kB',
  lag: '59 s',
  rate: '99.9 kB/s',
  progress: '100 %',
  'time left': 'estimating',
};

/** A column that has room. */
interface Laid {
  readonly column: Column;
  readonly cells: number;
  /** How many of these are for a bar and the blank after it. */
  readonly bar: number;
}

/** The head and one line for each row, none wider than so many cells. */
export function tableLines(rows: readonly Row[], cells: number, paint: Paint): string[] {
  const laid = layOut(rows, cells);
  const head = laid.map(({ column, cells, bar }) =>
    // The head of what is measured stands over the measure, from its left.
    paint('title', pad(nameOf(column, bar), cells, bar ? 'left' : column.side)),
  );
  return [head, ...rows.map(row => laid.map(at => cellOf(at, row, paint)))].map(line => line.join(GAP).trimEnd());
}

function cellOf({ column, cells, bar }: Laid, row: Row, paint: Paint): string {
  const said = column.text(row);
  const text = said === '' ? ' '.repeat(cells - bar) : paint(column.tone(row), pad(said, cells - bar, column.side));
  return bar ? `${barOf(row.progress?.share, bar - 1, paint)} ${text}` : text;
}

function barOf(share: number | undefined, cells: number, paint: Paint): string {
  if (share === undefined) return ' '.repeat(cells);
  const full = Math.floor(share * cells);
  return paint('busy', '█'.repeat(full)) + paint('quiet', '░'.repeat(cells - full));
}

function nameOf({ name }: Column, bar: number): string {
  return name === 'progress' && !bar ? 'done' : name;
}

/** What there is room for. */
function layOut(rows: readonly Row[], cells: number): Laid[] {
  const moves = rows.some(({ progress }) => progress);
  const all = moves ? [...COLUMNS, ...ON_THE_WAY] : COLUMNS;
  const without = new Set<string>();
  const columns = () => all.filter(({ name }) => !without.has(name));
  let longer = 0;
  const barOf = ({ name }: Column) => (name === 'progress' && !without.has('bar') ? SHORTEST_BAR + 1 + longer : 0);
  const widths = () => columns().map(column => widthOf(column, rows, barOf(column)));
  const excess = () => widths().reduce((sum, width) => sum + GAP.length + width, -GAP.length) - cells;

  for (const name of LEFT_OUT) if (excess() > 0) without.add(name);
  // What went first may be narrow enough for the room that the last one left.
  for (const name of LEFT_OUT.toReversed()) if (without.delete(name) && excess() > 0) without.add(name);
  longer = Math.min(LONGEST_BAR - SHORTEST_BAR, Math.max(0, -excess()));
  const shortened = shorten(columns(), widths(), Math.max(0, excess()));
  return columns().map((column, i) => ({ column, cells: shortened[i]!, bar: barOf(column) }));
}

function widthOf(column: Column, rows: readonly Row[], bar: number): number {
  const texts = [ROOM_FOR[column.name] ?? '', ...rows.map(column.text)];
  const widest = Math.max(cellsOf(nameOf(column, bar)), bar + Math.max(...texts.map(cellsOf)));
  return isName(column) ? Math.min(LONGEST_NAME, widest) : widest;
}

function isName({ name }: Column): boolean {
  return name === 'server' || name === 'domain';
}

/** Takes so many cells from the names, each from the longest. */
function shorten(columns: readonly Column[], widths: number[], excess: number): number[] {
  const names = columns.flatMap((column, i) => (isName(column) ? [i] : []));
  for (let left = excess; left > 0; left--) {
    const longest = names.reduce((a, b) => (widths[b]! > widths[a]! ? b : a));
    if (widths[longest]! <= SHORTEST_NAME) break;
    widths[longest]!--;
  }
  return widths;
}
