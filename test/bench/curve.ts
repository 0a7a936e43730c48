/** Measured points of a quantity over a size, and their file. */

/** One point. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line of a chart: what it is of, and its points from left to right. */
export interface Line {
  readonly label: string;
  readonly points: readonly Point[];
}

/** A chart: one quantity over one size. */
export interface Chart {
  /** Name of its file. */
  readonly name: string;
  readonly title: string;
  /** What is on each axis, with the unit. */
  readonly x: string;
  readonly y: string;
  /** The first one is dfsync. */
  readonly lines: readonly Line[];
}

/** All points of all charts, one a row. */
export function csvOf(charts: readonly Chart[]): string {
  const rows = charts.flatMap(({ name, x, y, lines }) =>
    lines.flatMap(({ label, points }) => points.map(point => [name, label, x, point.x, y, point.y])),
  );
  return [['chart', 'line', 'x is', 'x', 'y is', 'y'], ...rows].map(row => `${row.map(cell).join(',')}\n`).join('');
}

function cell(value: string | number): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  return /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
