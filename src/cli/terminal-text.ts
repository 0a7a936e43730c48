/** Text in the cells of a terminal: how many it takes, and how to make it take no more. */
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';

/** Every one of these takes one cell. */
const PLAIN = /^[ -~]*$/;
const ELLIPSIS = '…';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** Node's line editor knows where the cursor is after a prompt, by the tables of Unicode that Node is built with. */
const editor = createInterface({ input: new PassThrough(), terminal: false });

/** The cells that a text without control characters takes: two for each wide character, none for a combining one. */
export function cellsOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  editor.setPrompt(text);
  return editor.getCursorPos().cols;
}

/** The text in at most so many cells; what is cut off leaves an ellipsis. */
export function fit(text: string, cells: number): string {
  if (cellsOf(text) <= cells) return text;
  return cells < 1 ? '' : `${head(text, cells - 1)}${ELLIPSIS}`;
}

/** The text in exactly so many cells, at one side of them. */
export function pad(text: string, cells: number, side: 'left' | 'right'): string {
  const fitted = fit(text, cells);
  const blanks = ' '.repeat(Math.max(0, cells - cellsOf(fitted)));
  return side === 'left' ? fitted + blanks : blanks + fitted;
}

/** The text as lines of at most so many cells, broken at blanks; a word that is longer is broken anywhere. */
export function wrap(text: string, cells: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(' ')) {
    if (cellsOf(line ? `${line} ${word}` : word) <= cells) {
      line = line ? `${line} ${word}` : word;
      continue;
    }
    if (line) lines.push(line);
    while (cellsOf(word) > cells) {
      // At least one character, or this would never end.
      const start = head(word, cells) || [...word][0]!;
      lines.push(start);
      word = word.slice(start.length);
    }
    line = word;
  }
  return line || lines.length === 0 ? [...lines, line] : lines;
}

/** As much of the text's start as so many cells hold, in whole characters as people see them. */
function head(text: string, cells: number): string {
  let start = '';
  let taken = 0;
  for (const { segment } of graphemes.segment(text)) {
    taken += cellsOf(segment);
    if (taken > cells) break;
    start += segment;
  }
  return start;
}
