import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { hasToken, isLocal, isLoopback } from '../../src/ops/access.ts';

const request = (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;

test('addresses of this host', () => {
  for (const address of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', '::ffff:127.1.2.3'])
    assert.equal(isLoopback(address), true, address);
  for (const address of ['10.0.0.1', '128.0.0.1', '::', '::2', '::ffff:10.0.0.1', 'fe80::1', '0.0.0.0', '', undefined])
    assert.equal(isLoopback(address), false, String(address));
});

test('what a proxy on this host forwards is not local', () => {
  assert.equal(isLocal(request({})), true);
  assert.equal(isLocal(request({ 'x-forwarded-for': '127.0.0.1' })), false);
  assert.equal(isLocal(request({ forwarded: 'for=127.0.0.1' })), false);
  assert.equal(isLocal(request({}, '10.0.0.1')), false);
});

test('one of the tokens, whole, as bearer', () => {
  const tokens = ['first-token', 'second'];
  const has = (authorization: string) => hasToken(request({ authorization }), tokens);
  for (const good of ['Bearer first-token', 'bearer second', 'Bearer  second ']) assert.equal(has(good), true, good);
  for (const bad of [
    '',
    'Bearer',
    'Bearer ',
    'Bearer third',
    'Bearer first',
    'Bearer second x',
    'Basic second',
    'second',
  ])
    assert.equal(has(bad), false, bad);
  assert.equal(hasToken(request({}), tokens), false);
  assert.equal(hasToken(request({ authorization: 'Bearer second' }), []), false);
});
