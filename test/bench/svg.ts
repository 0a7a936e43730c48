/** Draws a chart as SVG: both axes logarithmic, so that a straight line is a power of the size. */
import type { Chart, Line, Point } from './curve.ts';
import { digits } from './table.ts';

const WIDTH = 560;
const HEIGHT = 320;
const LEFT = 64;
/** Room for the labels of the lines. */
const RIGHT = 130;
const TOP = 40;
const BOTTOM = 48;
/** Two labels closer than this, in pixels, are moved apart. */
const LABEL_APART = 14;
/** Up to so many powers of ten have ticks between them. */
const FEW_DECADES = 2;

/** On white and on black paper: the reader's system says which. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 14px; font-weight: 600 }
  .tick { fill: #59636e }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .line { fill: none; stroke-width: 2 }
  .a .line { stroke: #0969da } .a circle, .a text { fill: #0969da }
  .b .line { stroke: #bc4c00; stroke-dasharray: 5 3 } .b circle, .b text { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .tick { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .a .line { stroke: #58a6ff } .a circle, .a text { fill: #58a6ff }
    .b .line { stroke: #f0883e } .b circle, .b text { fill: #f0883e }
  }`;

/** The text of the picture. Points at or below zero cannot be shown and are left out. */
export function svgOf({ title, x, y, lines }: Chart): string {
  const shown = lines.map(line => ({ ...line, points: line.points.filter(point => point.x > 0 && point.y > 0) }));
  const points = shown.flatMap(line => line.points);
  const across = steps(
    points.map(point => point.x),
    LEFT,
    WIDTH - RIGHT,
  );
  const up = decades(
    points.map(point => point.y),
    HEIGHT - BOTTOM,
    TOP,
  );
  const parts = [
    `<text class="title" x="${LEFT}" y="20">${escaped(title)}</text>`,
    ...up.ticks.map(at => horizontal(at, up.place(at))),
    ...across.ticks.map(at => vertical(at, across.place(at))),
    `<text class="tick" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escaped(x)}</text>`,
    `<text class="tick" x="${-(TOP + HEIGHT - BOTTOM) / 2}" y="14" transform="rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
    ...drawn(shown, across.place, up.place),
  ];
  const box = `xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"`;
  return `<svg ${box} role="img" aria-label="${escaped(title)}">\n<style>${STYLE}\n</style>\n${parts.join('\n')}\n</svg>\n`;
}

interface Axis {
  readonly ticks: readonly number[];
  place(value: number): number;
}

/** A logarithmic axis from the first to the last value, with a tick at each of them. */
export function steps(values: readonly number[], from: number, to: number): Axis {
  const ticks = [...new Set(values)].sort((a, b) => a - b);
  const low = ticks[0] ?? 1;
  return { ticks, place: placing(low, Math.max(ticks.at(-1) ?? 1, 2 * low), from, to) };
}

/** A logarithmic axis over whole powers of ten; where these are few, with ticks between them. */
export function decades(values: readonly number[], from: number, to: number): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const between = high - low > FEW_DECADES ? [1] : [1, 2, 5];
  const ticks = Array.from({ length: high - low }, (_, i) => between.map(factor => factor * 10 ** (low + i))).flat();
  return { ticks: [...ticks, 10 ** high], place: placing(10 ** low, 10 ** high, from, to) };
}

function placing(low: number, high: number, from: number, to: number): (value: number) => number {
  return value => from + (Math.log(value / low) / Math.log(high / low)) * (to - from);
}

function horizontal(value: number, at: number): string {
  return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(at)}" y2="${px(at)}"/><text class="tick" x="${LEFT - 6}" y="${px(at + 4)}" text-anchor="end">${digits(value)}</text>`;
}

function vertical(value: number, at: number): string {
  const foot = HEIGHT - BOTTOM;
  return `<line class="grid" x1="${px(at)}" x2="${px(at)}" y1="${TOP}" y2="${foot}"/><text class="tick" x="${px(at)}" y="${foot + 16}" text-anchor="middle">${digits(value)}</text>`;
}

function drawn(lines: readonly Line[], x: (value: number) => number, y: (value: number) => number): string[] {
  const ends: number[] = [];
  return lines
    .filter(({ points }) => points.length > 0)
    .map(({ label, points }, i) => {
      const last = points.at(-1)!;
      const labelAt = freeOf(y(last.y), ends);
      ends.push(labelAt);
      const path = points.map((point: Point) => `${px(x(point.x))},${px(y(point.y))}`).join(' ');
      const dots = points.map(point => `<circle cx="${px(x(point.x))}" cy="${px(y(point.y))}" r="3"/>`).join('');
      const text = `<text x="${px(x(last.x) + 8)}" y="${px(labelAt + 4)}">${escaped(label)} ${digits(last.y)}</text>`;
      return `<g class="${i === 0 ? 'a' : 'b'}"><polyline class="line" points="${path}"/>${dots}${text}</g>`;
    });
}

/** A height for a label that does not cover another one. */
function freeOf(wanted: number, taken: readonly number[]): number {
  const near = taken.find(other => Math.abs(other - wanted) < LABEL_APART);
  return near === undefined ? wanted : near + (wanted >= near ? LABEL_APART : -LABEL_APART);
}

function px(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
