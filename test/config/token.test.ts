import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseTokens, TokenFile, type TokenRead } from '../../src/config/token.ts';

describe('tokens', () => {
  for (const [name, text, accept] of [
    ['one line', 'abc\n', ['abc']],
    ['no newline at the end', 'abc', ['abc']],
    ['several: the first is sent', 'new\nold\n', ['new', 'old']],
    ['comments, blank lines and line ends of Windows', '# since May\r\n\r\n  abc \r\n#old\r\n', ['abc']],
  ] as const)
    it(`are read: ${name}`, () =>
      assert.deepEqual(parseTokens('f', { text, mode: 0o600 }), { tokens: { send: accept[0], accept } }));

  for (const [name, text, mode, message] of [
    ['an empty file', '', 0o600, /f has no token/],
    ['comments only', '# abc\n', 0o600, /f has no token/],
    ['a blank inside', 'ok\nsecret word\n', 0o600, /line 2 of f/],
    ['other letters', 'секрет', 0o600, /line 1 of f/],
    ['a line without end', 'x'.repeat(1025), 0o600, /line 1 of f/],
    ['a file that everybody may read', 'abc', 0o644, /mode 644.*chmod 600/],
    ['a file that everybody may write', 'abc', 0o602, /chmod 600/],
  ] as const)
    it(`are refused: ${name}`, () => {
      const read = parseTokens('f', { text, mode });
      assert.ok('problem' in read);
      assert.match(read.problem, message);
      assert.ok(!/secret word|секрет|xxx|abc/.test(read.problem), 'a message tells no secret');
    });

  it('may be readable for the group, as a Kubernetes secret with fsGroup is', () =>
    assert.ok('tokens' in parseTokens('f', { text: 'abc', mode: 0o440 })));
});

// What is waited for and never comes fails here.
describe('the token file', { timeout: 30_000 }, () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'dfsync-token-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  it('says where it is missing', () => {
    const read = new TokenFile(join(directory, 'none')).load();
    assert.ok('problem' in read && /token file: cannot read .*none: there is no such file/.test(read.problem));
  });

  it('is followed: another token, then other permissions', async () => {
    const file = join(directory, 'token');
    writeFileSync(file, 'one\n', { mode: 0o600 });
    const tokens = new TokenFile(file);
    assert.deepEqual(tokens.load(), { tokens: { send: 'one', accept: ['one'] } });
    const stop = new AbortController();
    const reports: TokenRead[] = [];
    let wake = () => {};
    const follow = (read: TokenRead) => {
      reports.push(read);
      wake();
    };
    const until = async (wanted: (read: TokenRead) => boolean) => {
      while (!reports.some(wanted))
        await new Promise<void>(resolve => {
          wake = resolve;
        });
    };
    tokens.follow(follow, stop.signal, { quietMs: 20, pollMs: 3_600_000 });
    writeFileSync(file, 'two\none\n');
    await until(read => 'tokens' in read && read.tokens.send === 'two' && read.tokens.accept.includes('one'));
    chmodSync(file, 0o644);
    await until(read => 'problem' in read);
    stop.abort();
  });
});
