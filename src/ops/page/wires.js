/** The lines of the map, drawn behind its cards wherever these happen to stand. */
import { morph, svg, the } from './dom.js';

/** Room between a row's edge and the line beside it. */
const BULGE = 26;
/** Length of an arrow's head. */
const HEAD = 7;

/** @typedef {{ x: number, y: number }} Point */
/** @typedef {{ left: number, right: number, y: number, side: 'left' | 'right', card: DOMRect }} Row */

/** @param {readonly import('./map.js').Drawn[]} wires */
export function drawWires(wires) {
  const map = /** @type {HTMLElement} */ (the('map'));
  const sheet = map.querySelector('.wires');
  if (!sheet) return;
  const origin = map.getBoundingClientRect();
  const rows = rowsOf(map, origin);
  const lines = wires.flatMap(wire => {
    const [a, b] = [rows.get(wire.a), rows.get(wire.b)];
    return a && b ? [lineOf(wire, a, b)] : [];
  });
  sheet.setAttribute('viewBox', `0 0 ${origin.width} ${origin.height}`);
  morph(sheet, lines);
}

/** Where each server stands, by roleid. @param {HTMLElement} map @param {DOMRect} origin @returns {Map<number, Row>} */
function rowsOf(map, origin) {
  const cards = [...map.querySelectorAll('.site')];
  const first = Math.min(...cards.map(card => card.getBoundingClientRect().left));
  return new Map(
    cards.flatMap(card => {
      const place = card.getBoundingClientRect();
      const side = place.left > first + 1 ? 'right' : 'left';
      return [...card.querySelectorAll('li')].map(row => {
        const { top, height } = row.getBoundingClientRect();
        const y = top + height / 2 - origin.top;
        return /** @type {[number, Row]} */ ([
          Number(row.dataset.roleid),
          { left: place.left - origin.left, right: place.right - origin.left, y, side, card: place },
        ]);
      });
    }),
  );
}

/** @param {import('./map.js').Drawn} wire @param {Row} a @param {Row} b */
function lineOf(wire, a, b) {
  const { from, to, bend } = wire.crosses ? between(a, b) : within(a, b);
  const middle = {
    x: (from.x + 3 * bend[0].x + 3 * bend[1].x + to.x) / 8,
    y: (from.y + 3 * bend[0].y + 3 * bend[1].y + to.y) / 8,
  };
  return svg(
    'g',
    { class: `wire ${wire.state}` },
    svg('path', { d: `M${at(from)} C${at(bend[0])} ${at(bend[1])} ${at(to)}` }),
    svg('path', {
      class: 'head',
      d: [wire.toA && head(from, bend[0]), wire.toB && head(to, bend[1])].filter(Boolean).join(' '),
    }),
    wire.crosses &&
      wire.label !== undefined &&
      svg('text', { x: middle.x.toFixed(1), y: (middle.y - 5).toFixed(1) }, wire.label),
  );
}

/** Within a card the line runs beside the rows. @param {Row} a @param {Row} b @returns {{ from: Point, to: Point, bend: [Point, Point] }} */
function within(a, b) {
  const inward = a.side === 'left' ? 1 : -1;
  const x = (a.side === 'left' ? a.left : a.right) + inward * (BULGE + 4);
  const bent = x - inward * Math.min(BULGE * 1.2, 8 + Math.abs(b.y - a.y) / 3);
  return {
    from: { x, y: a.y },
    to: { x, y: b.y },
    bend: [
      { x: bent, y: a.y },
      { x: bent, y: b.y },
    ],
  };
}

/** @param {Row} a @param {Row} b @returns {{ from: Point, to: Point, bend: [Point, Point] }} */
function between(a, b) {
  if (a.right < b.left || b.right < a.left) {
    const [from, to] =
      a.right < b.left
        ? [
            { x: a.right, y: a.y },
            { x: b.left, y: b.y },
          ]
        : [
            { x: a.left, y: a.y },
            { x: b.right, y: b.y },
          ];
    const middle = (from.x + to.x) / 2;
    return {
      from,
      to,
      bend: [
        { x: middle, y: from.y },
        { x: middle, y: to.y },
      ],
    };
  }
  // One card above the other: around them at the right.
  const bent = Math.max(a.right, b.right) + BULGE;
  return {
    from: { x: a.right, y: a.y },
    to: { x: b.right, y: b.y },
    bend: [
      { x: bent, y: a.y },
      { x: bent, y: b.y },
    ],
  };
}

/** The head of an arrow that comes from a point of the curve. @param {Point} tip @param {Point} from */
function head(tip, from) {
  const way = Math.atan2(tip.y - from.y, tip.x - from.x);
  const wing = (/** @type {number} */ turn) =>
    at({ x: tip.x - HEAD * Math.cos(way + turn), y: tip.y - HEAD * Math.sin(way + turn) });
  return `M${wing(0.5)} L${at(tip)} L${wing(-0.5)} Z`;
}

/** @param {Point} point */
function at({ x, y }) {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}
