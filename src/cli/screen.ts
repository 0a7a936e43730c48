/** The whole terminal as a screen that is redrawn in place, and given back as it was however the process ends. */
import process from 'node:process';
import type { WriteStream } from 'node:tty';

const ESC = '\u001b[';
/** The second screen, so that neither a resize nor a key that echoes can spoil what is above; no cursor, no wrapping. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;
/** A terminal that knows these shows what is between them at once; others ignore them. */
const BEGIN = `${ESC}?2026h`;
const END = `${ESC}?2026l`;
const CLEAR_LINE = `${ESC}K`;
const CLEAR_BELOW = `${ESC}J`;
/** They end the process without a word to it, unless somebody listens. */
const FATAL = ['SIGHUP', 'SIGQUIT'] as const;
/** Nobody reads faster; and a window that is pulled tells its size at every step. */
const DRAW_EVERY_MS = 250;
/** For a terminal that does not know its own size. */
const USUAL = { columns: 80, rows: 24 };

/** How many cells there are. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Whether to draw on an output: a terminal that can move its cursor, with somebody before it. */
export function isDrawable(out: NodeJS.WritableStream, env: NodeJS.ProcessEnv): out is WriteStream {
  const { TERM, CI } = env;
  return (out as Partial<WriteStream>).isTTY === true && !!TERM && TERM !== 'dumb' && (!CI || CI === 'false');
}

/** The size to draw in: that of the terminal, or less where `COLUMNS` or `LINES` says less. */
export function sizeOf(out: Partial<Size>, env: NodeJS.ProcessEnv): Size {
  const least = (known: number | undefined, wish: string | undefined, usual: number) => {
    const said = /^[1-9]\d{0,4}$/.test(wish ?? '') ? Number(wish) : undefined;
    return Math.min(known || (said ?? usual), said ?? Number.POSITIVE_INFINITY);
  };
  return {
    columns: least(out.columns, env.COLUMNS, USUAL.columns),
    rows: least(out.rows, env.LINES, USUAL.rows),
  };
}

/**
 * What turns a screen that shows one text into one that shows another; empty where they are the same. The cursor ends below
 * the text, so that a key that echoes does no harm.
 */
export function repaint(shown: readonly string[] | undefined, lines: readonly string[]): string {
  const to = (row: number) => (row === 0 ? `${ESC}H` : `${ESC}${row + 1};1H`);
  const changes = lines.flatMap((line, row) =>
    // Cleared first: after a line that fills its row, the clearing would take its last character.
    line === shown?.[row] ? [] : [`${to(row)}${CLEAR_LINE}${line}`],
  );
  if (changes.length === 0 && shown?.length === lines.length) return '';
  return `${BEGIN}${changes.join('')}${to(lines.length)}${CLEAR_BELOW}${END}`;
}

/** A terminal taken over, from {@link open} to {@link close}. */
export class Screen {
  readonly #out: WriteStream;
  readonly #render: (size: Size) => readonly string[];
  #isOpen = false;
  #lines: readonly string[] = [];
  /** What the terminal shows; unknown after a resize and after somebody else had it. */
  #shown: readonly string[] | undefined;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param render answers what is to be seen: lines no wider than the screen, and fewer than it has */
  constructor(out: WriteStream, render: (size: Size) => readonly string[]) {
    this.#out = out;
    this.#render = render;
  }

  open(): void {
    this.#enter();
    process.on('exit', this.#atExit);
    for (const signal of FATAL) process.on(signal, this.#atFatal);
    process.on('SIGTSTP', this.#suspend);
    process.on('SIGCONT', this.#resume);
    this.#out.on('resize', this.#repaint);
  }

  /** Something has changed: it is drawn now, or soon, and only what differs. */
  refresh(): void {
    if (this.#timer !== undefined || !this.#isOpen) return;
    const wait = this.#drawnAt + DRAW_EVERY_MS - performance.now();
    if (wait <= 0) this.#draw();
    else this.#timer = setTimeout(() => this.#draw(), wait);
  }

  /** Gives the terminal back, and leaves lines on it: by default the last ones shown. */
  close(lines = this.#lines): void {
    process.off('exit', this.#atExit);
    for (const signal of FATAL) process.off(signal, this.#atFatal);
    process.off('SIGTSTP', this.#suspend);
    process.off('SIGCONT', this.#resume);
    this.#out.off('resize', this.#repaint);
    this.#leave();
    this.#out.write(lines.map(line => `${line}\n`).join(''));
  }

  #draw(): void {
    this.#timer = undefined;
    this.#drawnAt = performance.now();
    this.#lines = this.#render(sizeOf(this.#out, process.env));
    const change = repaint(this.#shown, this.#lines);
    this.#shown = this.#lines;
    if (change) this.#out.write(change);
  }

  #enter(): void {
    if (!this.#isOpen) this.#out.write(ENTER);
    this.#isOpen = true;
    this.#shown = undefined;
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isOpen) this.#out.write(LEAVE);
    this.#isOpen = false;
  }

  readonly #repaint = () => {
    this.#shown = undefined;
    this.refresh();
  };

  readonly #atExit = () => this.close();

  readonly #atFatal = (signal: NodeJS.Signals) => {
    this.close();
    process.kill(process.pid, signal);
  };

  /** Ctrl-Z: the shell gets its terminal as it was. */
  readonly #suspend = () => {
    this.#leave();
    process.kill(process.pid, 'SIGSTOP');
  };

  readonly #resume = () => {
    this.#enter();
    this.refresh();
  };
}
