/** Mutual TLS on real sockets: who is let in, who is believed, and what a new certificate changes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { before, describe, type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import type { TlsIdentity, TlsSource } from '../../src/peer/tls.ts';
import { PeerError } from '../../src/sync/peer.ts';
import { Authority, identityOf, withoutOpenssl } from '../support/certificates.ts';
import { CLIENT, SERVER } from './in-memory-serving.ts';
import { clientAt, honest, impostor, NEVER, network, until } from './network.ts';

/** A certificate that a test replaces. */
class Held implements TlsSource {
  current: TlsIdentity;
  readonly #tell: ((identity: TlsIdentity) => void)[] = [];

  constructor(identity: TlsIdentity) {
    this.current = identity;
  }

  onChange(tell: (identity: TlsIdentity) => void): void {
    this.#tell.push(tell);
  }

  replace(identity: TlsIdentity): void {
    this.current = identity;
    for (const tell of this.#tell) tell(identity);
  }
}

const SERVER_NAME = 'n7';

describe('mutual TLS', { skip: withoutOpenssl, timeout: 60_000 }, () => {
  let ours: Authority;
  let theirs: Authority;
  let server: TlsIdentity;
  let client: TlsIdentity;
  before(() => {
    ours = new Authority('ours');
    theirs = new Authority('theirs');
    server = identityOf(ours.of(SERVER));
    client = identityOf(ours.of(CLIENT));
  });

  async function open(t: TestContext, shown: TlsIdentity = server, tokens: readonly string[] = []) {
    const refused: [from: string, reason: string][] = [];
    const held = new Held(shown);
    const onHandshakeRefused = (from: string, reason: string) => refused.push([from, reason]);
    const made = await network(t, { tls: held, onHandshakeRefused, tokens: () => tokens });
    const as = (identity: TlsIdentity | TlsSource, options: { roleid?: number; tokens?: () => string[] } = {}) => {
      const source = 'current' in identity ? identity : new Held(identity);
      return clientAt(t, made.port, { tls: { source, server: SERVER_NAME }, ...options });
    };
    return { ...made, held, refused, as };
  }

  const rejects = (asked: Promise<unknown>, status: number, says: RegExp) =>
    assert.rejects(asked, (error: unknown) => {
      assert.ok(error instanceof PeerError, String(error));
      assert.match(error.message, says);
      assert.equal(error.status, status);
      return true;
    });

  test('both ends with a certificate of their own: answered', async t => {
    const { as } = await open(t);
    assert.equal((await as(client).self(NEVER)).roleid, SERVER);
  });

  test('a token is needed besides, where there is one', async t => {
    const { as } = await open(t, server, ['right']);
    await rejects(as(client).self(NEVER), 401, /token/);
    await as(client, { tokens: () => ['right'] }).self(NEVER);
  });

  test('the certificate of another instance: 403, whatever the request says', async t => {
    const { as } = await open(t);
    await rejects(
      as(identityOf(ours.of(99))).self(NEVER),
      403,
      /is of URI:dfsync:\/\/99, not of roleid 8.*URI:dfsync:\/\/8/,
    );
  });

  for (const [what, names] of [
    ['no names', ''],
    ['a wildcard', 'DNS:*,DNS:*.n7'],
    ['a name that only contains the right one', 'URI:dfsync://80,URI:dfsync://8/x,DNS:x.dfsync'],
  ] as const)
    test(`a certificate with ${what} is nobody's, on either end`, async t => {
      const { as } = await open(t);
      await rejects(as(identityOf(ours.issue('odd', { names }))).self(NEVER), 403, /Another certificate/);
      const odder = identityOf(ours.issue('odder', { names: names.replaceAll('8', '7') }));
      await rejects((await open(t, odder)).as(client).self(NEVER), 421, /misrouted: the certificate there is of/);
    });

  test('the name of the server stands for the instance on it', async t => {
    const { as } = await open(t, identityOf(ours.issue('named', { names: `DNS:${SERVER_NAME}` })));
    await as(client).self(NEVER);
  });

  test('the certificate of another instance than the one that is meant: misrouted, before anything is asked', async t => {
    const { as, serving } = await open(t);
    let asked = 0;
    const { self } = serving;
    serving.self = () => {
      asked++;
      return self.call(serving);
    };
    await rejects(as(client, { roleid: 3 }).self(NEVER), 421, /misrouted: .* is of URI:dfsync:\/\/7, not of 3/);
    assert.equal(asked, 0);
  });

  test('a certificate of another authority is accepted by neither end, and each says why', async t => {
    const { as, refused } = await open(t);
    const stranger = identityOf(theirs.of(CLIENT));
    await rejects(as({ ...stranger, ca: server.ca }).self(NEVER), 0, /does not accept our certificate/);
    await until(() => refused.length > 0);
    assert.deepEqual(refused[0], ['127.0.0.1', 'its certificate is not accepted: UNABLE_TO_VERIFY_LEAF_SIGNATURE']);
    await rejects(as(stranger).self(NEVER), 0, /comes from no authority in our --tls-ca/);
  });

  test('an expired certificate is accepted by neither end', async t => {
    const { as, refused } = await open(t);
    await rejects(as(identityOf(ours.of(CLIENT, -1))).self(NEVER), 0, /does not accept our certificate/);
    await until(() => refused.length > 0);
    assert.match(refused[0]![1], /CERT_HAS_EXPIRED/);
    await rejects((await open(t, identityOf(ours.of(SERVER, -1)))).as(client).self(NEVER), 0, /has expired/);
  });

  test('no certificate, no TLS, an older TLS: refused', async t => {
    const { port, refused } = await open(t);
    const anonymous = request({
      port,
      host: '127.0.0.1',
      path: '/v1/self',
      ca: server.ca,
      checkServerIdentity: () => undefined,
    });
    await assert.rejects(once(anonymous.end(), 'response'));
    await until(() => refused.some(([, reason]) => reason === 'it shows no certificate'));
    await rejects(clientAt(t, port).self(NEVER), 0, /may be asked in TLS only/);
    await until(() => refused.some(([, reason]) => reason === 'it speaks no TLS'));
    const older = connect({
      port,
      host: '127.0.0.1',
      ...client,
      maxVersion: 'TLSv1.2',
      checkServerIdentity: () => undefined,
    });
    await assert.rejects(once(older, 'secureConnect'), /protocol version/i);
  });

  test('a peer that speaks no TLS is told as such', async t => {
    const port = await impostor(t, (_, response) => response.writeHead(200, honest).end('{}'));
    const asking = clientAt(t, port, { tls: { source: new Held(client), server: SERVER_NAME } });
    await rejects(asking.self(NEVER), 0, /it speaks no TLS: start it with --tls-cert/);
  });

  test('a new certificate is shown at once, on either end', async t => {
    const { as, held } = await open(t);
    const source = new Held(client);
    const asking = as(source);
    await asking.self(NEVER);
    const both = server.ca + readCa(theirs);
    held.replace({ ...server, ca: both });
    source.replace({ ...identityOf(theirs.of(CLIENT)), ca: both });
    await asking.self(NEVER);
    held.replace({ ...identityOf(theirs.of(SERVER)), ca: both });
    await asking.self(NEVER);
  });

  test('an authority that is trusted no more ends connections that it let in', async t => {
    const { port, held, serving } = await open(t);
    const polled = Promise.withResolvers<void>();
    const news = Promise.withResolvers<void>();
    serving.onPoll = async query => {
      polled.resolve();
      await news.promise;
      return { epoch: query.epoch, sequence: query.since, reset: false, changes: [], heard: {} };
    };
    const socket = connect({ port, host: '127.0.0.1', ...client, checkServerIdentity: () => undefined });
    await once(socket, 'secureConnect');
    let text = '';
    socket.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
    const head = `host: x\r\ndfsync-roleid: ${CLIENT}\r\n\r\n`;
    socket.write(`GET /v1/changes?epoch=e1&since=0&done=0&wait=9000 HTTP/1.1\r\n${head}`);
    await polled.promise;
    held.replace({ ...identityOf(theirs.of(SERVER)), ca: readCa(theirs) });
    news.resolve();
    await once(socket, 'close');
    assert.match(text, /^HTTP\/1\.1 200 .*"changes":\[\]/s);
  });
});

function readCa(authority: Authority): string {
  return identityOf(authority.of(1)).ca;
}
