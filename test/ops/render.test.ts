import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLogger } from '../../src/ops/log.ts';
import { type LogRecord, messageOf, textLine } from '../../src/ops/render.ts';

const record = (fields: Record<string, unknown>): LogRecord => ({
  time: 0,
  level: 'info',
  event: 'it.happened',
  fields,
});

/** The line that the log makes of a record. */
function jsonLine({ level, event, fields }: LogRecord): string {
  let line = '';
  const output = { write: (text: string) => (line += text) };
  createLogger({ format: 'json', output, now: () => 0 })[level](event, fields);
  return line.trimEnd();
}

test('a text line is time, level, event and key=value', () => {
  const line = textLine(record({ peer: 'dfsync2', bytes: 10, name: 'a b', gone: undefined, list: ['x', 1], big: 5n }));
  assert.equal(line, '1970-01-01T00:00:00.000Z info  it.happened peer=dfsync2 bytes=10 name="a b" list=["x",1] big=5');
});

test('a json line begins with level, time and event, which no field can replace', () => {
  const line = jsonLine(record({ level: 'fake', time: 'fake', event: 'fake', path: 'a' }));
  assert.equal(line, '{"level":"info","time":"1970-01-01T00:00:00.000Z","event":"it.happened","path":"a"}');
});

test('whatever a file is called, its record is one line without anything a terminal obeys', () => {
  const nasty = fc.string({ unit: fc.nat(0xffff).map(code => String.fromCharCode(code)) });
  const obeyed = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
  fc.assert(
    fc.property(nasty, nasty, (path, key) => {
      const json = jsonLine(record({ path }));
      assert.doesNotMatch(json, obeyed);
      assert.equal(JSON.parse(json).path, path);
      assert.doesNotMatch(textLine(record({ path, [key]: path })), obeyed);
    }),
  );
});

test('a name cannot pass for further fields in a text line', () => {
  const line = textLine(record({ path: 'x peer=evil "q" \u001b[31m\udc80' }));
  assert.ok(line.endsWith(String.raw`path="x peer=evil \"q\" \u001b[31m\udc80"`), line);
});

test('secrets are not written, at any depth; the path of a token file is', () => {
  const fields = {
    token: 'hush',
    Authorization: 'Bearer hush',
    request: { headers: { cookie: 'hush' }, peerTokens: ['hush'] },
    tokenFile: '/etc/dfsync/token',
  };
  for (const line of [textLine(record(fields)), jsonLine(record(fields))]) {
    assert.doesNotMatch(line, /hush/);
    assert.match(line, /\/etc\/dfsync\/token/);
  }
});

test('an error is told with its causes, not with its stack', () => {
  const error = new Error('cannot pull', { cause: new Error('connect ECONNREFUSED', { cause: 'odd' }) });
  assert.equal(messageOf(error), 'cannot pull: connect ECONNREFUSED: odd');
  assert.match(jsonLine(record({ error })), /"error":"cannot pull: connect ECONNREFUSED: odd"/);
  const circle = new Error('a');
  circle.cause = new Error('b', { cause: circle });
  assert.equal(messageOf(circle).split(': ').length, 5);
});

test('what cannot be written does not throw', () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  assert.match(textLine(record({ loop })), /loop="\[cannot be written\]"/);
  assert.match(jsonLine(record({ loop })), /cannot be written/);
});
