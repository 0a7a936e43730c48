import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { isDrawable, repaint, type Size, sizeOf } from '../../src/cli/screen.ts';
import { NO_TERMINAL, Terminal } from './terminal.ts';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const at = (row: number) => (row === 1 ? '\u001b[H' : `\u001b[${row};1H`);
const frame = (...parts: string[]) => `\u001b[?2026h${parts.join('')}\u001b[?2026l`;
const K = '\u001b[K';
const J = '\u001b[J';

describe('a screen', () => {
  const outputs: [name: string, isTTY: boolean, env: NodeJS.ProcessEnv, drawable: boolean][] = [
    ['a terminal', true, { TERM: 'xterm' }, true],
    ['a pipe', false, { TERM: 'xterm' }, false],
    ['a dumb terminal', true, { TERM: 'dumb' }, false],
    ['a terminal that nobody named', true, {}, false],
    ['a terminal of a CI', true, { TERM: 'xterm', CI: 'true' }, false],
    ['a terminal that is said to be of none', true, { TERM: 'xterm', CI: 'false' }, true],
  ];
  for (const [name, isTTY, env, drawable] of outputs)
    it(`is${drawable ? '' : ' not'} drawn on ${name}`, () =>
      assert.equal(isDrawable({ isTTY } as unknown as NodeJS.WritableStream, env), drawable));

  const sizes: [name: string, known: Partial<Size>, env: NodeJS.ProcessEnv, columns: number, rows: number][] = [
    ['is that of the terminal', { columns: 100, rows: 30 }, {}, 100, 30],
    ['is the usual one where that is unknown', { columns: 0, rows: 0 }, {}, 80, 24],
    ['is what the environment says where that is unknown', {}, { COLUMNS: '100', LINES: '50' }, 100, 50],
    ['is less where the environment says so', { columns: 100, rows: 30 }, { COLUMNS: '60' }, 60, 30],
    ['is not more than there is', { columns: 100, rows: 30 }, { COLUMNS: '200', LINES: '50' }, 100, 30],
    ['is nothing that is no number', { columns: 100, rows: 30 }, { COLUMNS: 'wide', LINES: '0' }, 100, 30],
  ];
  for (const [name, known, env, columns, rows] of sizes)
    it(`its size ${name}`, () => assert.deepEqual(sizeOf(known, env), { columns, rows }));

  const paints: [name: string, shown: string[] | undefined, lines: string[], written: string][] = [
    ['at first everything is drawn', undefined, ['a', 'b'], frame(at(1), K, 'a', at(2), K, 'b', at(3), J)],
    ['later only what differs', ['a', 'b', 'c'], ['a', 'B', 'c'], frame(at(2), K, 'B', at(4), J)],
    ['what is too much goes', ['a', 'b'], ['a'], frame(at(2), J)],
    ['what is new comes', ['a'], ['a', 'b'], frame(at(2), K, 'b', at(3), J)],
    ['what is the same is not drawn', ['a', 'b'], ['a', 'b'], ''],
  ];
  for (const [name, shown, lines, written] of paints) it(name, () => assert.equal(repaint(shown, lines), written));
});

describe('a terminal with a screen on it', { skip: NO_TERMINAL }, () => {
  const size = { columns: 40, rows: 10 };
  let terminal: Terminal;
  afterEach(() => terminal.hangUp());
  /** A program that shows its size, and does something at the next key. */
  const show = (then: string) => {
    terminal = new Terminal(
      [
        '--input-type=module',
        '-e',
        `import { Screen } from "./src/cli/screen.ts";
        const screen = new Screen(process.stdout, ({ columns, rows }) => ["one", columns + " by " + rows]);
        screen.open(); screen.refresh();
        process.stdin.once("data", () => { ${then} });`,
      ],
      size,
    );
  };
  const first = frame(at(1), K, 'one', at(2), K, '40 by 10', at(3), J);
  const left = `${LEAVE}one\r\n40 by 10\r\n`;

  it('is given back by a program that ends well', async () => {
    show('screen.close(["last"]); process.exit(0)');
    await terminal.until('the first frame', () => terminal.output.includes(first));
    terminal.type('\n');
    assert.equal(await terminal.exited, 0);
    assert.equal(terminal.output, `${ENTER}${first}\r\n${LEAVE}last\r\n`);
  });

  const ends: [name: string, then: string, code: number, told: RegExp][] = [
    ['crashes', 'throw new Error("broken")', 1, /Error: broken/],
    ['exits', 'process.exit(3)', 3, /^$/],
    ['is hung up on', 'process.kill(process.pid, "SIGHUP")', 128 + 1, /^$/],
    ['is quit', 'process.kill(process.pid, "SIGQUIT")', 128 + 3, /^$/],
  ];
  for (const [name, then, code, told] of ends)
    it(`is given back, with what was last seen, by a program that ${name}`, async () => {
      show(then);
      await terminal.until('the first frame', () => terminal.output.includes(first));
      terminal.type('\n');
      assert.equal(await terminal.exited, code);
      const [before, after] = terminal.output.split(left);
      assert.equal(before, `${ENTER}${first}\r\n`);
      assert.match(after!, told);
    });

  it('is drawn anew, in its new size, when that changes', async () => {
    show('process.exit(0)');
    await terminal.until('the first frame', () => terminal.output.includes(first));
    terminal.resize({ columns: 30, rows: 8 });
    const second = frame(at(1), K, 'one', at(2), K, '30 by 8', at(3), J);
    await terminal.until('the second frame', () => terminal.output.includes(second));
    terminal.type('\n');
    assert.equal(await terminal.exited, 0);
    assert.equal(terminal.output.slice(0, (ENTER + first + second).length), ENTER + first + second);
  });

  it('is given back for the time of Ctrl-Z', async () => {
    show('process.exit(0)');
    await terminal.until('the first frame', () => terminal.output.includes(first));
    terminal.type('\u001a');
    await terminal.until('the program to go on', () => {
      terminal.wake();
      return terminal.output.split(first).length === 3;
    });
    terminal.type('\n');
    assert.equal(await terminal.exited, 0);
    assert.equal(terminal.output, `${ENTER}${first}^Z${LEAVE}${ENTER}${first}\r\n${left}`);
  });
});
