/** The live view of the demonstration: lines of text, made from a picture of the network and nothing else. */
import { escapeUnsafe } from '../ops/render.ts';
import type { Event } from './demo-events.ts';
import type { Row } from './demo-picture.ts';
import { tableLines } from './demo-table.ts';
import type { Size } from './screen.ts';
import type { Paint, Tone } from './style.ts';
import { cellsOf, fit, wrap } from './terminal-text.ts';

/** Older events do not help any more. */
const MOST_EVENTS = 8;
/** A reason that takes more lines is read in `/status`. */
const MOST_REASON_LINES = 3;
/** Fewer rows than these, and the view is not about the network any more. */
const FEWEST_ROWS = 3;

/** With so many lines to spare there is one for air below the title. */
const AIRY = 5;

/** Something that a person may want to know or do; the label stands before it. */
export interface Hint {
  readonly label: string;
  readonly text: string;
}

/** What is to be seen. */
export interface View {
  readonly rows: readonly Row[];
  readonly everybodyHasTheSame: boolean;
  readonly events: readonly Event[];
  /** The last one stays where there is little room, on one line. */
  readonly hints: readonly Hint[];
}

/** The view in fewer lines than the screen has, and none wider. Where there is not room for all, the network goes first. */
export function viewLines(view: View, { columns, rows: height }: Size, paint: Paint): string[] {
  const room = Math.max(1, height - 1);
  let left = room;
  /** The lines, where there is room for all of them. */
  const take = (...lines: string[]): string[] => {
    if (lines.length > left) return [];
    left -= lines.length;
    return lines;
  };
  const labels = Math.max(0, ...view.hints.map(({ label }) => cellsOf(label))) + 2;
  const hints = view.hints.map(hint => hintLines(hint, labels, columns - labels, paint));
  const reasons = view.rows.flatMap(row => reasonLines(row, columns, paint));

  const title = take(titleLine(view, columns, paint));
  const lastHint = take(...(hints.pop()?.slice(0, 1) ?? []));
  const most = Math.max(Math.min(left, FEWEST_ROWS + 1), left - reasons.length);
  const table = take(...foldedTable(view.rows, columns, most, paint));
  const shownReasons = take(...reasons.slice(0, left));
  const aboveHints = lastHint.length > 0 ? take('') : [];
  const shownHints = hints.flatMap(lines => take(...lines));
  const belowTitle = left > AIRY ? take('') : [];
  const events = view.events.slice(-MOST_EVENTS).slice(-left + 1);
  const shownEvents =
    left > 1 && events.length > 0 ? ['', ...events.map(event => eventLine(event, columns, paint))] : [];
  return [title, belowTitle, table, shownReasons, aboveHints, shownHints, lastHint, shownEvents].flat();
}

function titleLine({ rows, everybodyHasTheSame }: View, cells: number, paint: Paint): string {
  const title = 'dfsync demo';
  const [tone, text] = summaryOf(rows, everybodyHasTheSame);
  return `${paint('title', fit(title, cells))}  ${paint(tone, fit(text, cells - title.length - 2))}`.trimEnd();
}

function summaryOf(rows: readonly Row[], everybodyHasTheSame: boolean): [Tone, string] {
  const count = (tells: (row: Row) => boolean) => rows.filter(tells).length;
  const silent = new Set(rows.filter(({ state }) => state === 'no answer').map(({ instance }) => instance)).size;
  const halted = count(({ state }) => state === 'halted');
  const same = count(({ state }) => state === 'in-sync');
  if (rows.every(({ directory, state }) => directory === '' && state === 'starting')) return ['busy', 'starting'];
  const parts = [
    ...(halted > 0 ? [`${halted} halted`] : []),
    ...(silent > 0 ? [`${silent} ${silent === 1 ? 'server does' : 'servers do'} not answer`] : []),
    everybodyHasTheSame ? 'everybody has the same' : `${same} of ${rows.length} in sync`,
  ];
  return [halted + silent > 0 ? 'bad' : everybodyHasTheSame ? 'good' : 'busy', parts.join(', ')];
}

/** The table in so many lines, its head included: what is least interesting is folded into one. */
function foldedTable(rows: readonly Row[], cells: number, most: number, paint: Paint): string[] {
  if (rows.length < most) return tableLines(rows, cells, paint);
  const ranked = rows.toSorted((a, b) => interestOf(b) - interestOf(a));
  const shown = new Set(ranked.slice(0, Math.max(0, most - 2)));
  const folded = rows.filter(row => !shown.has(row));
  const unsettled = folded.filter(({ state }) => state !== 'in-sync').length;
  const rest = unsettled === 0 ? 'all in sync' : `${unsettled} of them not in sync`;
  const lines = tableLines(
    rows.filter(row => shown.has(row)),
    cells,
    paint,
  );
  return [...lines, paint('quiet', fit(`… and ${folded.length} more, ${rest}`, cells))].slice(0, most);
}

/** Which rows somebody would miss. */
function interestOf({ state, mismatched, lagSeconds, rate }: Row): number {
  if (state === 'halted' || state === 'no answer') return 5;
  if (state !== 'in-sync') return 4;
  return mismatched > 0 ? 3 : lagSeconds > 0 ? 2 : rate > 0 ? 1 : 0;
}

function reasonLines({ instance, directory, state, reason }: Row, cells: number, paint: Paint): string[] {
  if (reason === undefined) return [];
  const text = escapeUnsafe([instance, directory, `${state}:`, reason].filter(Boolean).join(' '));
  const lines = wrap(text, cells);
  const shown = lines.slice(0, MOST_REASON_LINES);
  if (lines.length > shown.length) shown.push(fit(`${shown.pop()} …`, cells));
  return shown.map(line => paint('bad', line));
}

function eventLine({ at, text }: Event, cells: number, paint: Paint): string {
  const time = new Date(at).toTimeString().slice(0, 8);
  return `${paint('quiet', fit(time, cells))}  ${fit(escapeUnsafe(text), cells - time.length - 2)}`;
}

function hintLines({ label, text }: Hint, labelCells: number, cells: number, paint: Paint): string[] {
  return wrap(text, Math.max(1, cells)).map((line, i) =>
    i === 0 ? paint('quiet', label.padEnd(labelCells)) + line : ' '.repeat(labelCells) + line,
  );
}
