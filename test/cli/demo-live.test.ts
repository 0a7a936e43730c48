import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { cellsOf } from '../../src/cli/terminal-text.ts';
import { NO_TERMINAL, Terminal } from './terminal.ts';

const SIZE = { columns: 80, rows: 40 };
const CTRL_C = '\u0003';
/** Select Graphic Rendition: a colour, or bold, or the end of it. */
const SGR = '\u001b[1m';
const FRAME_BEGIN = '\u001b[?2026h';

describe('the demonstration on a terminal', { skip: NO_TERMINAL }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'dfsync-demo-live-test-'));
  let terminal: Terminal;
  after(() => rmSync(scratch, { recursive: true, force: true }));
  afterEach(() => terminal.hangUp());

  const start = (args: string[] = [], env: NodeJS.ProcessEnv = {}) => {
    terminal = new Terminal(['src/main.ts', 'demo', ...args], SIZE, { TMPDIR: scratch, ...env });
  };
  const shows = (pattern: RegExp) => terminal.until(`${pattern}`, () => terminal.shown.lines.join('\n').match(pattern));

  it('draws the network in place, in the size of the window; Ctrl-C leaves its last state and ends well', async () => {
    start();
    const [, directory] = await shows(/^volumes +(\S+): n1, n2, s1, s2$/m);
    assert.deepEqual([terminal.shown.isSecond, terminal.shown.hasCursor], [true, false]);
    const [, files] = await shows(/^dfsync demo {2}everybody has the same\n[\s\S]*^s2 +common +in-sync +(\d+) /m);
    const more = Number(files) + 1;
    writeFileSync(join(directory!, 'n1', 'common', 'hello.txt'), 'hello');
    await shows(new RegExp(`^s2 +common +in-sync +${more} `, 'm'));
    await shows(new RegExp(` s2 common: ${more} files \\(\\+1\\), `));

    const [taken, ...frames] = terminal.output.split(FRAME_BEGIN);
    assert.ok(taken!.includes('\u001b[?25l'), 'the cursor is hidden first of all');
    assert.ok(frames.length > 2, `${frames.length} frames`);
    for (const frame of frames) {
      assert.ok(frame.startsWith('\u001b[') && /^[\d;]*H/.test(frame.slice(2)), 'a frame begins with a movement');
      assert.doesNotMatch(frame, /\n/, 'nothing scrolls');
    }

    terminal.resize({ columns: 40, rows: 12 });
    await shows(/^server +domain +state +lag +mismatch$/m);
    const { lines } = terminal.shown;
    assert.ok(lines.length < 12, lines.join('\n'));
    for (const line of lines) assert.ok(cellsOf(line) <= 40, line);

    terminal.type(CTRL_C);
    assert.equal(await terminal.exited, 0);
    const end = terminal.shown;
    assert.deepEqual([end.isSecond, end.hasCursor], [false, true]);
    const text = end.lines.join('\n');
    assert.match(
      text,
      /^dfsync demo {2}everybody has the same\n\nserver [\s\S]*\ns2 +acme +in-sync [\s\S]*\nstopping \.\.\.\n/,
    );
    assert.match(text, new RegExp(`\nstopped; ${directory} is removed$`));
    assert.ok(!existsSync(directory!));
  });

  it('shows how far a first pull has come, and for how long yet', async () => {
    start(['--files', '6000']);
    await shows(
      /^server .* progress +time left$[\s\S]*^(n2|s1|s2) +common +syncing .* [█░]{6,} +\d+ % +(\d+ s|estimating)$/m,
    );
    terminal.type(CTRL_C);
    assert.equal(await terminal.exited, 0);
  });

  it('gives the terminal back at SIGTERM', async () => {
    start();
    await shows(/^n1 +starting/m);
    process.kill(terminal.pid, 'SIGTERM');
    assert.equal(await terminal.exited, 0);
    assert.deepEqual([terminal.shown.isSecond, terminal.shown.hasCursor], [false, true]);
    assert.match(terminal.shown.lines.at(-1)!, /^stopped; /);
  });

  const colours: [name: string, env: NodeJS.ProcessEnv, coloured: boolean][] = [
    ['by default', {}, true],
    ['with NO_COLOR', { NO_COLOR: '1' }, false],
    ['with FORCE_COLOR on a terminal that has none', { TERM: 'xterm-mono', FORCE_COLOR: '1' }, true],
    ['with FORCE_COLOR=0', { FORCE_COLOR: '0' }, false],
  ];
  for (const [name, env, coloured] of colours)
    it(`is ${coloured ? '' : 'not '}in colour ${name}`, async () => {
      start([], env);
      await shows(/^n1 +starting/m);
      assert.equal(terminal.output.includes(SGR), coloured);
      terminal.type(CTRL_C);
      assert.equal(await terminal.exited, 0);
      if (!coloured) assert.doesNotMatch(terminal.output.replaceAll('\u001b', '^'), /\^\[[\d;]*m/);
    });

  const plain: [name: string, env: NodeJS.ProcessEnv][] = [
    ['a dumb terminal', { TERM: 'dumb' }],
    ['a terminal of a CI', { CI: 'true' }],
  ];
  for (const [name, env] of plain)
    it(`tells in plain lines on ${name}`, async () => {
      start([], env);
      await shows(/^dfsync demo: two sites [\s\S]*^Ctrl-C stops everything/m);
      terminal.type(CTRL_C);
      assert.equal(await terminal.exited, 0);
      assert.doesNotMatch(terminal.output.replaceAll('\u001b', '^'), /\^\[/);
    });
});
