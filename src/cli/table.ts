/** Tables for people: as wide as their text, in colour where that is seen. */
import process from 'node:process';
import { COLOURED, type Paint, type Tone, UNCOLOURED } from './style.ts';
import { cellsOf, pad } from './terminal-text.ts';

/** One cell: its text, and what that is about. */
export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

/** A column: its head, and the side on which its texts begin. */
export interface Head {
  readonly name: string;
  readonly side?: 'left' | 'right';
}

/** Between two columns. */
const GAP = '  ';
/** Colours that a terminal has to have. */
const COLOURS = 16;

/** The colours of an output; `NO_COLOR` and `FORCE_COLOR` are heeded. */
export function paintOf(out: NodeJS.WritableStream, env: NodeJS.ProcessEnv = process.env): Paint {
  const { isTTY, hasColors } = out as Partial<NodeJS.WriteStream>;
  const coloured =
    isTTY && hasColors ? hasColors.call(out, COLOURS, env) : !!env.FORCE_COLOR && env.FORCE_COLOR !== '0';
  return coloured ? COLOURED : UNCOLOURED;
}

/** The head and a line for each row. The last column is as long as it likes: it holds paths and reasons. */
export function tableOf(heads: readonly Head[], rows: readonly (readonly Cell[])[], paint: Paint): string[] {
  const widths = heads.map((head, i) => Math.max(cellsOf(head.name), ...rows.map(row => cellsOf(row[i]!.text))));
  const line = (cells: readonly Cell[]) =>
    cells
      .map(({ text, tone = 'plain' }, i) => {
        const isLast = i === heads.length - 1 && heads[i]!.side !== 'right';
        return paint(tone, isLast ? text : pad(text, widths[i]!, heads[i]!.side ?? 'left'));
      })
      .join(GAP)
      .trimEnd();
  return [line(heads.map(({ name }) => ({ text: name, tone: 'title' }))), ...rows.map(line)];
}

/** How long something took, or is ago. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d`;
}
