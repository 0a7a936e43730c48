/** The table, as Markdown: what the README shows. */
import { type Row, ratioOf, verdictOf } from './row.ts';
import { showFigure, showLimit } from './table.ts';

/** One line for each row; no notes. */
export function renderMarkdown(rows: readonly Row[]): string {
  const lines = rows.map(row => [
    row.title,
    row.measured ? showFigure(row.measured) : '-',
    row.against ? `${row.against.what}: ${showFigure(row.against)}` : '',
    ratioOf(row)?.toFixed(2) ?? '',
    showLimit(row.limit, row.measured),
    verdictOf(row),
  ]);
  const head = ['work', 'dfsync', 'against', 'ratio', 'at most', ''];
  return [head, head.map(() => '---'), ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}
