/** A row of the table: what was measured, against what, and how much it may be. */
import { median } from './median.ts';

export type Unit = 's' | 'ms' | 'MB' | 'KB' | 'B';

/** A measured value; the lowest and the highest of several rounds where there were several. */
export interface Figure {
  readonly value: number;
  readonly unit: Unit;
  readonly spread?: readonly [lowest: number, highest: number];
}

/** At most this many of its unit, or this many times what it is held against; with both, whichever is more. */
export interface Limit {
  readonly absolute?: number;
  readonly ratio?: number;
}

/** One row. */
export interface Row {
  /** The name by which `--only` selects it. */
  readonly name: string;
  readonly title: string;
  /** Absent where it failed. */
  readonly measured?: Figure;
  readonly against?: Figure & { readonly what: string };
  readonly limit?: Limit;
  /** How it was measured and what else was seen, a line each. */
  readonly notes?: readonly string[];
  /** Why what was measured is worth nothing: the work was not done. */
  readonly failure?: string;
}

export type Verdict = 'ok' | 'missed' | 'FAILED' | '';

/** The median of some rounds. */
export function figure(rounds: readonly number[], unit: Unit): Figure {
  const value = median(rounds);
  return rounds.length > 1 ? { value, unit, spread: [Math.min(...rounds), Math.max(...rounds)] } : { value, unit };
}

/** The median of some rounds in milliseconds, in seconds. */
export function seconds(rounds: readonly number[]): Figure {
  return figure(
    rounds.map(ms => ms / 1000),
    's',
  );
}

/** The most that a row allows, in the unit of what was measured; undefined where there is nothing to hold it against. */
export function allowed({ limit, against }: Row): number | undefined {
  const ratio = limit?.ratio !== undefined && against ? limit.ratio * against.value : undefined;
  if (limit?.absolute === undefined) return ratio;
  return Math.max(limit.absolute, ratio ?? 0);
}

/** How a row ended; empty where nothing is demanded. */
export function verdictOf(row: Row): Verdict {
  if (row.failure !== undefined || row.measured === undefined) return 'FAILED';
  const most = allowed(row);
  return most === undefined ? '' : row.measured.value <= most ? 'ok' : 'missed';
}

/** How many times what it is held against. */
export function ratioOf({ measured, against }: Row): number | undefined {
  return measured && against && against.value > 0 ? measured.value / against.value : undefined;
}
