/** The table of values in the chart's README, made of the comments in values.yaml: `node test/chart/values-table.ts` writes it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, type Pair, parseDocument, type Scalar, type YAMLMap } from 'yaml';
import { CHART } from './rendered.ts';

export const README = join(CHART, 'README.md');
const [BEGIN, END] = ['<!-- values: made by test/chart/values-table.ts -->', '<!-- until here -->'];

/** A value with a comment. */
export interface Row {
  readonly path: string;
  readonly byDefault: unknown;
  readonly text: string;
}

/** The values of a file in its order, and the paths of those that no comment tells. */
export function readValues(yaml: string): { rows: Row[]; untold: string[] } {
  const rows: Row[] = [];
  const untold: string[] = [];
  const visit = (map: YAMLMap, above: string, before: string): void => {
    for (const [at, pair] of (map.items as Pair<Scalar<string>, unknown>[]).entries()) {
      const path = above + pair.key.value;
      const comment = pair.key.commentBefore ?? (at === 0 ? before : '');
      const text = /^ ?-- (.*)$/m.exec(comment)?.[1];
      const node = pair.value as { toJSON(): unknown };
      if (text !== undefined) rows.push({ path, byDefault: node.toJSON(), text });
      else if (isMap(node) && node.items.length > 0) visit(node, `${path}.`, node.commentBefore ?? '');
      else untold.push(path);
    }
  };
  const document = parseDocument(yaml);
  const contents = document.contents as YAMLMap;
  visit(contents, '', contents.commentBefore ?? '');
  return { rows, untold };
}

/** The README with its table made anew. */
export function withTable(readme: string, rows: readonly Row[]): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < 0) throw new Error(`${README} lacks the lines ${BEGIN} and ${END}`);
  const shown = (value: unknown) => (value === '' ? '' : `\`${JSON.stringify(value)}\``);
  const lines = rows.map(({ path, byDefault, text }) => `| \`${path}\` | ${shown(byDefault)} | ${text} |`);
  const table = ['| value | default | what |', '|---|---|---|', ...lines].join('\n');
  return `${readme.slice(0, begin)}${BEGIN}\n${table}\n${readme.slice(end)}`;
}

if (import.meta.main) {
  const { rows } = readValues(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  writeFileSync(README, withTable(readFileSync(README, 'utf8'), rows));
}
