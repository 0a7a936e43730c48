/** What a terminal shows after some output: as much of its language as this program speaks. */

/** What is to be seen. */
export interface Shown {
  /** Without blanks at their ends, and without empty ones at the end. */
  readonly lines: readonly string[];
  readonly hasCursor: boolean;
  /** It is the second screen, which has no past. */
  readonly isSecond: boolean;
}

/** One of a terminal's two screens, large enough. */
class Grid {
  row = 0;
  column = 0;
  lines: string[] = [];

  get #line(): string {
    return (this.lines[this.row] ?? '').padEnd(this.column);
  }

  put(character: string): void {
    if (character === '\r') this.column = 0;
    else if (character === '\n') this.row++;
    else {
      const line = this.#line;
      this.lines[this.row] = line.slice(0, this.column) + character + line.slice(this.column + 1);
      this.column++;
    }
  }

  obey(command: string, parameters: string): void {
    if (command === 'H') {
      const [row, column] = parameters.split(';').map(Number);
      this.row = (row || 1) - 1;
      this.column = (column || 1) - 1;
    } else if (command === 'K' || command === 'J') {
      this.lines[this.row] = this.#line.slice(0, this.column);
      if (command === 'J') this.lines.length = this.row + 1;
    } else if (command !== 'm') throw new Error(`a terminal was told ${parameters}${command}`);
  }
}

/** The end of what a terminal was told. */
export function shownBy(output: string): Shown {
  const first = new Grid();
  let second: Grid | undefined;
  let hasCursor = true;
  const [start, ...rest] = output.split('\u001b[');
  for (const character of start!) first.put(character);
  for (const told of rest) {
    const [, parameters, command, text] = /^([?\d;]*)([A-Za-z])(.*)$/s.exec(told)!;
    if (parameters === '?1049') second = command === 'h' ? new Grid() : undefined;
    else if (parameters === '?25') hasCursor = command === 'h';
    else if (!parameters!.startsWith('?')) (second ?? first).obey(command!, parameters!);
    for (const character of text!) (second ?? first).put(character);
  }
  const lines = Array.from((second ?? first).lines, line => (line ?? '').trimEnd());
  return {
    lines: lines.slice(0, lines.findLastIndex(line => line !== '') + 1),
    hasCursor,
    isSecond: second !== undefined,
  };
}
