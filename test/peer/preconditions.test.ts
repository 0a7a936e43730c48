/** Conditional and range requests, as RFC 9110 has them: over a real socket, as an impatient proxy or curl would ask. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { formatHttpDate, parseHttpDate } from '../../src/peer/http-date.ts';
import { ask, network, until } from './network.ts';

const BASE = '/v1/domains/acme.example';
const CONTENT = '0123456789';
/** Two days after 1970 began, and a fraction that `Last-Modified` cannot say. */
const MTIME = 2 * 86_400_000 + 400;
const TAG = `"${MTIME}-10"`;
const [BEFORE, THEN, AFTER] = [-1, 0, 1].map(seconds => new Date(MTIME + seconds * 1000).toUTCString()) as [
  string,
  string,
  string,
];
const WHOLE = [200, CONTENT] as const;
const NOT_MODIFIED = [304, ''] as const;
const FAILED = [412] as const;

type Case = readonly [
  headers: Record<string, string>,
  status: number,
  text?: string | undefined,
  range?: string | undefined,
];

const CASES: Record<string, Record<string, Case>> = {
  'If-Match (13.1.1), compared strongly': {
    'the tag': [{ 'if-match': TAG }, ...WHOLE],
    'a list with the tag': [{ 'if-match': `"x" ,, ${TAG}` }, ...WHOLE],
    anything: [{ 'if-match': ' * ' }, ...WHOLE],
    'a weak form of the tag': [{ 'if-match': `W/${TAG}` }, ...FAILED],
    'another tag': [{ 'if-match': '"172800400-11"' }, ...FAILED],
    'the tag within another one': [{ 'if-match': `"a,${TAG},b"` }, ...FAILED],
    'a piece of another tag, between commas': [{ 'if-match': '"a,172800400-10,b"' }, ...FAILED],
    'what is no tag': [{ 'if-match': TAG.replaceAll('"', '') }, ...FAILED],
  },
  'If-None-Match (13.1.2), compared weakly': {
    'the tag': [{ 'if-none-match': TAG }, ...NOT_MODIFIED],
    'a weak form of the tag': [{ 'if-none-match': `W/${TAG}` }, ...NOT_MODIFIED],
    'a list with the tag': [{ 'if-none-match': `"x", W/"y",${TAG}` }, ...NOT_MODIFIED],
    anything: [{ 'if-none-match': '*' }, ...NOT_MODIFIED],
    'another tag': [{ 'if-none-match': '"other"' }, ...WHOLE],
  },
  'If-Modified-Since (13.1.3)': {
    'a second before': [{ 'if-modified-since': BEFORE }, ...WHOLE],
    'the date': [{ 'if-modified-since': THEN }, ...NOT_MODIFIED],
    'a second after': [{ 'if-modified-since': AFTER }, ...NOT_MODIFIED],
    'the date as RFC 850 wrote it': [{ 'if-modified-since': 'Saturday, 03-Jan-70 00:00:00 GMT' }, ...NOT_MODIFIED],
    'the date as asctime writes it': [{ 'if-modified-since': 'Sat Jan  3 00:00:00 1970' }, ...NOT_MODIFIED],
    'what is no date': [{ 'if-modified-since': '1970-01-03T00:00:00Z' }, ...WHOLE],
  },
  'If-Unmodified-Since (13.1.4)': {
    'a second before': [{ 'if-unmodified-since': BEFORE }, ...FAILED],
    'the date': [{ 'if-unmodified-since': THEN }, ...WHOLE],
    'a second after': [{ 'if-unmodified-since': AFTER }, ...WHOLE],
    'what is no date': [{ 'if-unmodified-since': 'yesterday' }, ...WHOLE],
  },
  'precedence (13.2.2)': {
    'If-Match holds: If-Unmodified-Since is not looked at': [
      { 'if-match': TAG, 'if-unmodified-since': BEFORE },
      ...WHOLE,
    ],
    'If-Match fails before If-None-Match': [{ 'if-match': '"x"', 'if-none-match': TAG }, ...FAILED],
    'If-Match holds, then If-None-Match': [{ 'if-match': TAG, 'if-none-match': TAG }, ...NOT_MODIFIED],
    'If-Unmodified-Since fails before If-None-Match': [
      { 'if-unmodified-since': BEFORE, 'if-none-match': TAG },
      ...FAILED,
    ],
    'If-None-Match holds: If-Modified-Since is not looked at': [
      { 'if-none-match': '"x"', 'if-modified-since': AFTER },
      ...WHOLE,
    ],
    'a range after a condition that fails': [{ range: 'bytes=4-', 'if-match': '"old"' }, ...FAILED],
    'no range for who has it': [{ range: 'bytes=4-', 'if-none-match': TAG }, ...NOT_MODIFIED],
    'a range that is none after a condition that holds': [
      { range: 'bytes=99-', 'if-match': TAG },
      416,
      undefined,
      'bytes */10',
    ],
  },
  'Range (14.1.2, 14.2)': {
    'from a byte on': [{ range: 'bytes=4-' }, 206, '456789', 'bytes 4-9/10'],
    'from byte to byte': [{ range: 'bytes=4-6' }, 206, '456', 'bytes 4-6/10'],
    'the first byte': [{ range: 'bytes=0-0' }, 206, '0', 'bytes 0-0/10'],
    'past the end': [{ range: 'bytes=4-99' }, 206, '456789', 'bytes 4-9/10'],
    'the last bytes': [{ range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
    'more last bytes than there are': [{ range: 'bytes=-30' }, 206, CONTENT, 'bytes 0-9/10'],
    'a unit in capitals': [{ range: 'Bytes=4-' }, 206, '456789', 'bytes 4-9/10'],
    'a list of one and nothing': [{ range: 'bytes= ,4-5 ,' }, 206, '45', 'bytes 4-5/10'],
    'after the end': [{ range: 'bytes=10-' }, 416, undefined, 'bytes */10'],
    'far after the end': [{ range: `bytes=${'9'.repeat(400)}-` }, 416, undefined, 'bytes */10'],
    'no last bytes': [{ range: 'bytes=-0' }, 416, undefined, 'bytes */10'],
    'backwards: no range': [{ range: 'bytes=6-4' }, ...WHOLE],
    'no numbers: no range': [{ range: 'bytes=-' }, ...WHOLE],
    'several ranges: all of it': [{ range: 'bytes=0-1,3-4' }, ...WHOLE],
    'another unit: ignored': [{ range: 'lines=1-2' }, ...WHOLE],
  },
  'If-Range (13.1.5)': {
    'the tag': [{ range: 'bytes=4-', 'if-range': TAG }, 206, '456789', 'bytes 4-9/10'],
    'another tag': [{ range: 'bytes=4-', 'if-range': '"old"' }, ...WHOLE],
    'a weak form of the tag': [{ range: 'bytes=4-', 'if-range': `W/${TAG}` }, ...WHOLE],
    'another tag: a range after the end does no harm': [{ range: 'bytes=99-', 'if-range': '"old"' }, ...WHOLE],
    'a date, even the right one: not certain enough to mix bytes': [{ range: 'bytes=4-', 'if-range': THEN }, ...WHOLE],
    'without a range': [{ 'if-range': '"old"' }, ...WHOLE],
  },
};

for (const [section, cases] of Object.entries(CASES))
  describe(`a file: ${section}`, () => {
    for (const [name, [headers, status, text, range]] of Object.entries(cases))
      it(name, { timeout: 10_000 }, async t => {
        const { port, serving } = await network(t);
        serving.put('f', CONTENT, MTIME);
        const answer = await ask(port, `${BASE}/files/f`, { headers });
        assert.equal(answer.status, status, answer.text);
        assert.equal(answer.headers['content-range'], range);
        assert.equal(answer.headers.etag, TAG);
        assert.equal(answer.headers['last-modified'], THEN);
        assert.equal(answer.headers['accept-ranges'], 'bytes');
        if (status < 400) assert.equal(answer.text, text);
        if (status === 200 || status === 206)
          assert.equal(answer.headers['content-length'], String(answer.text.length));
        await until(() => serving.opened === 0);
      });
  });

test('HEAD says what GET would, and knows no range', { timeout: 10_000 }, async t => {
  const { port, serving } = await network(t);
  serving.put('f', CONTENT, MTIME);
  const head = (headers: Record<string, string> = {}) => ask(port, `${BASE}/files/f`, { method: 'HEAD', headers });
  const { status, headers, text } = await head({ range: 'bytes=4-' });
  assert.deepEqual([status, headers['content-length'], headers['content-range'], text], [200, '10', undefined, '']);
  assert.deepEqual([headers.etag, headers['last-modified']], [TAG, THEN]);
  assert.equal((await head({ range: 'bytes=99-' })).status, 200);
  assert.equal((await head({ 'if-none-match': TAG })).status, 304);
  assert.equal((await head({ 'if-match': '"x"' })).status, 412);
  assert.equal((await ask(port, `${BASE}/files/none`, { method: 'HEAD', headers: { 'if-match': '"x"' } })).status, 404);
  await until(() => serving.opened === 0);
});

test('an empty file has no range but its last bytes, all of them', { timeout: 10_000 }, async t => {
  const { port, serving } = await network(t);
  serving.put('e', '', 1);
  for (const [range, status] of [
    [undefined, 200],
    ['bytes=0-', 416],
    ['bytes=-5', 200],
    ['bytes=-0', 416],
  ] as const) {
    const answer = await ask(port, `${BASE}/files/e`, { headers: { range } });
    assert.equal(answer.status, status, `${range}`);
    if (status === 200) assert.equal(answer.headers['content-length'], '0');
    else assert.equal(answer.headers['content-range'], 'bytes */0');
  }
});

test('a date that HTTP cannot say, or that is still to come, is not told and not compared', {
  timeout: 10_000,
}, async t => {
  const { port, serving } = await network(t);
  for (const mtime of [Date.now() + 3_600_000, -70_000_000_000_000, 253_402_300_800_000]) {
    serving.put('f', CONTENT, mtime);
    for (const headers of [{ 'if-modified-since': AFTER }, { 'if-unmodified-since': BEFORE }]) {
      const answer = await ask(port, `${BASE}/files/f`, { headers });
      assert.deepEqual([answer.status, answer.headers['last-modified']], [200, undefined], `${mtime}`);
    }
  }
});

const NOW = Date.UTC(2026, 5, 1);
const DATES: Record<string, string | undefined> = {
  'Sun, 06 Nov 1994 08:49:37 GMT': '1994-11-06T08:49:37.000Z',
  'Sunday, 06-Nov-94 08:49:37 GMT': '1994-11-06T08:49:37.000Z',
  'Sun Nov  6 08:49:37 1994': '1994-11-06T08:49:37.000Z',
  'Monday, 01-Jan-76 00:00:00 GMT': '2076-01-01T00:00:00.000Z',
  'Monday, 01-Jan-77 00:00:00 GMT': '1977-01-01T00:00:00.000Z',
  'Sat, 01 Jan 0000 00:00:00 GMT': '0000-01-01T00:00:00.000Z',
  'Sun, 31 Feb 1994 08:49:37 GMT': undefined,
  'Sun, 06 Nop 1994 08:49:37 GMT': undefined,
  'Sun, 06 Nov 1994 24:49:37 GMT': undefined,
  'Sun, 06 Nov 1994 08:49:37 CET': undefined,
  'Sun, 06 Nov 1994 08:49:37': undefined,
  '784111777': undefined,
  '': undefined,
};

test('dates are read in the three forms of HTTP, and in no other', () => {
  for (const [text, iso] of Object.entries(DATES)) {
    const ms = parseHttpDate(text, NOW);
    assert.equal(ms === undefined ? undefined : new Date(ms).toISOString(), iso, text);
  }
  for (const ms of [0, MTIME, NOW, Date.parse('0000-01-01T00:00:00Z')])
    assert.equal(parseHttpDate(formatHttpDate(ms)!, NOW), Math.floor(ms / 1000) * 1000);
});

test('what seldom changes is tagged: the same answer is not sent twice', { timeout: 10_000 }, async t => {
  const { port, serving } = await network(t);
  for (const target of ['/v1/domains', `${BASE}/digests?prefix=`]) {
    const first = await ask(port, target);
    const { etag } = first.headers;
    assert.match(etag!, /^"[\w-]{22}"$/);
    for (const tags of [etag!, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await ask(port, target, { headers: { 'if-none-match': tags } });
      assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', etag]);
      assert.equal(again.headers.vary, 'Accept-Encoding');
    }
    assert.equal((await ask(port, target, { headers: { 'if-match': '"other"' } })).status, 412);
    assert.equal((await ask(port, target, { headers: { 'if-match': etag } })).status, 200);
  }
  const { etag } = (await ask(port, '/v1/domains')).headers;
  const before = serving.domains();
  serving.domains = () => ({ ...before, sequence: before.sequence + 1 });
  const changed = await ask(port, '/v1/domains', { headers: { 'if-none-match': etag! } });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.etag, etag);
});
