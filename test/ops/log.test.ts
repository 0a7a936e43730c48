import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { createLogger, type LogOptions } from '../../src/ops/log.ts';
import { PER_WINDOW, WINDOW_MS } from '../../src/ops/repeat.ts';

function capture(options: LogOptions & { isTTY?: boolean } = {}) {
  const lines: string[] = [];
  const clock = { now: 0 };
  const output = { write: (line: string) => lines.push(line), isTTY: options.isTTY ?? false };
  return { lines, clock, log: createLogger({ output, now: () => clock.now, ...options }) };
}

test('json by default, text on a terminal, and either when asked for', () => {
  const shapes = [
    [{}, /^\{.*\}\n$/],
    [{ isTTY: true }, /^1970\S+ info {2}up\n$/],
    [{ isTTY: true, format: 'json' }, /^\{.*\}\n$/],
    [{ format: 'text' }, /^1970\S+ info {2}up\n$/],
  ] as const;
  for (const [options, shape] of shapes) {
    const { log, lines } = capture(options);
    log.info('up');
    assert.match(lines.join(''), shape);
  }
});

test('levels below the chosen one are left out', () => {
  const { log, lines } = capture({ level: 'warn' });
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d');
  assert.deepEqual(
    lines.map(line => JSON.parse(line).level),
    ['warn', 'error'],
  );
});

test('a child adds its fields to every record, and a record may refine them', () => {
  const { log, lines } = capture();
  log.child({ peer: 'p' }).child({ domain: 'd' }).info('pulled', { domain: 'e', files: 2 });
  const { peer, domain, files } = JSON.parse(lines[0]!);
  assert.deepEqual({ peer, domain, files }, { peer: 'p', domain: 'e', files: 2 });
});

test('one and the same record is written a few times a minute, then counted', () => {
  const { log, lines, clock } = capture();
  for (let i = 0; i < PER_WINDOW + 20; i++) log.warn('disk.full', { free: 0 });
  assert.equal(lines.length, PER_WINDOW);
  log.warn('disk.full', { free: 1 });
  assert.equal(lines.length, PER_WINDOW + 1, 'another record is not held back');
  clock.now = WINDOW_MS;
  log.info('other');
  const [told, other] = lines.slice(-2).map(line => JSON.parse(line));
  assert.deepEqual([told.event, told.free, told.suppressed, other.event], ['disk.full', 0, 20, 'other']);
  log.warn('disk.full', { free: 0 });
  assert.equal(JSON.parse(lines.at(-1)!).suppressed, undefined, 'a new minute begins');
});

test('a clock that was set back does not silence a record', () => {
  const { log, lines, clock } = capture();
  clock.now = 1e9;
  for (let i = 0; i < PER_WINDOW + 1; i++) log.warn('disk.full');
  clock.now = 0;
  log.warn('disk.full');
  assert.deepEqual(
    lines.slice(PER_WINDOW).map(line => JSON.parse(line).suppressed),
    [1, undefined],
  );
});

test('the end of the process tells what was held back', () => {
  const { log, lines } = capture();
  for (let i = 0; i < PER_WINDOW + 2; i++) log.info('same');
  log.flush();
  assert.equal(JSON.parse(lines.at(-1)!).suppressed, 2);
});

test('what is remembered about repetitions is bounded', () => {
  const { log, lines } = capture();
  for (let i = 0; i < 5000; i++) log.info('file', { i });
  log.info('file', { i: 0 });
  assert.equal(lines.length, 5001);
});

/** A process that logs 3000 lines of 100 characters: more than any pipe holds. */
function script(before: string, after: string): string {
  return `import { createLogger } from './src/ops/log.ts';
    ${before}
    const log = createLogger();
    for (let i = 0; i < 3000; i++) log.info('line', { i, text: 'x'.repeat(100) });
    ${after}`;
}

const NODE = ['--input-type=module-typescript', '-e'];

for (const [name, before] of [
  ['blocks', ''],
  ['does not block', "process.stdout.write('');"],
] as const) {
  test(`a process that is killed after a line has written it, on a pipe that ${name}`, () => {
    const kill = "process.kill(process.pid, 'SIGKILL');";
    const run = spawnSync(process.execPath, [...NODE, script(before, kill)], { encoding: 'utf8' });
    assert.equal(run.signal, 'SIGKILL', run.stderr);
    const lines = run.stdout.trimEnd().split('\n');
    assert.equal(lines.length, 3000);
    assert.equal(JSON.parse(lines.at(-1)!).i, 2999);
  });
}

test('a reader of the log that goes away ends nothing', () => {
  const run = spawnSync(
    'sh',
    ['-c', '"$0" "$@" | head -n 1', process.execPath, ...NODE, script('', "console.error('done');")],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(JSON.parse(run.stdout).i, 0);
  assert.equal(run.stderr, 'done\n');
});
