import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { adminRefusal, hasToken, isLocal, isLoopback, type OpsTokens, readRefusal } from '../../src/ops/access.ts';

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
  for (const host of ['localhost', 'localhost:9420', '127.0.0.1:9420', '[::1]:9420', '10.0.0.1'])
    assert.equal(isLocal(request({ host })), true, host);
  for (const host of ['evil.example', 'evil.example:9420', 'localhost.evil.example', ''])
    assert.equal(isLocal(request({ host })), false, `a page of ${host} made to lead here`);
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

const BOTH: OpsTokens = { read: ['reader'], admin: ['chief'] };
const NONE: OpsTokens = { read: [], admin: [] };
const HERE = '::1';
const THERE = '10.0.0.1';

for (const [name, address, token, tokens, toRead, toAct] of [
  ['the host itself', HERE, undefined, BOTH, undefined, 401],
  ['the host itself, where there are no tokens', HERE, undefined, NONE, undefined, 403],
  ['the host itself with a read token', HERE, 'reader', BOTH, undefined, 403],
  ['the host itself with an admin token', HERE, 'chief', BOTH, undefined, undefined],
  ['somebody else', THERE, undefined, BOTH, 401, 401],
  ['somebody else, where there are no tokens', THERE, 'chief', NONE, 401, 403],
  ['somebody else with a wrong token', THERE, 'thief', BOTH, 401, 401],
  ['somebody else with a read token', THERE, 'reader', BOTH, undefined, 403],
  ['somebody else with a read token, where nobody may act', THERE, 'reader', { ...BOTH, admin: [] }, undefined, 403],
  ['somebody else with an admin token', THERE, 'chief', BOTH, undefined, undefined],
  [
    'somebody else with an admin token, where there is no other',
    THERE,
    'chief',
    { ...BOTH, read: [] },
    undefined,
    undefined,
  ],
] as const)
  test(`${name}: to read ${toRead ?? 'is granted'}, to act ${toAct ?? 'is granted'}`, () => {
    const asking = request(token === undefined ? {} : { authorization: `Bearer ${token}` }, address);
    assert.equal(readRefusal(asking, tokens)?.status, toRead);
    assert.equal(adminRefusal(asking, tokens)?.status, toAct);
  });

test('a refusal says what to do', () => {
  assert.match(readRefusal(request({}, THERE), NONE)!.detail, /from the host itself.*--read-token-file FILE/);
  assert.match(adminRefusal(request({}, HERE), NONE)!.detail, /--admin-token-file FILE/);
});
