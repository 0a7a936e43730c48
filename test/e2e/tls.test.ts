/** A network of processes whose instances know each other by certificates alone, and a change of the authority while it runs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Authority, type Issued, withoutOpenssl } from '../support/certificates.ts';
import { Command } from './command.ts';
import type { Instance } from './instance.ts';
import { TestNetwork } from './network.ts';
import { freePort } from './ports.ts';

const SHAPE = {
  sites: { north: ['n1', 'n2'], south: ['s1'] },
  domains: { acme: ['north', 'south'], local: ['north'] },
};

describe('instances with certificates', { skip: withoutOpenssl, timeout: 300_000 }, () => {
  let authority: Authority;
  let successor: Authority;
  let network: TestNetwork;
  const shown = new Map<string, Issued>();

  before(async () => {
    authority = new Authority('first');
    successor = new Authority('second');
    network = await TestNetwork.create(SHAPE, ({ name, roleid, root }) => {
      // The one by its roleid, the other by its server's name.
      const names = name === 'n2' ? 'DNS:n2' : `URI:dfsync://${roleid}`;
      const issued = authority.issue(name, { names });
      const ca = join(root, '..', `${name}.ca`);
      copyFileSync(issued.ca, ca);
      shown.set(name, { ...issued, ca });
      return ['--tls-cert', issued.cert, '--tls-key', issued.key, '--tls-ca', ca];
    });
    network.get('n1').write('acme/first.txt', 'from the north');
    network.get('n1').write('local/secret.txt', 'stays in the north');
    await network.start();
  });
  after(() => network.close());

  /** Asks by hand, as an attacker with the certificate of an instance would. */
  async function ask(to: Instance, by: string, roleid: number, path: string) {
    const { cert, key, ca } = shown.get(by)!;
    const [mine, own, trusted] = [cert, key, ca].map(file => readFileSync(file, 'utf8'));
    const tls = { cert: mine, key: own, ca: trusted, checkServerIdentity: () => undefined, agent: false } as const;
    const headers = { 'dfsync-roleid': String(roleid) };
    const asked = request({ host: '127.0.0.1', port: to.place.port, path, headers, ...tls }).end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return { status: answer.statusCode, text: Buffer.concat(await answer.toArray()).toString() };
  }

  test('become equal, within a site and across', async () => {
    await network.converge('acme');
    await network.converge('local');
    network.get('s1').write('acme/second.txt', 'from the south');
    await network.converge('acme');
    // One that started before its peer has failed once, and tries again.
    for (const instance of network.instances)
      await instance.until('all of its peers to be live', async () =>
        (await instance.status()).peers.every(({ state }) => state === 'live'),
      );
  });

  test('the certificate of one site gets nothing of a domain that its site does not serve', async () => {
    const gateway = network.get('n1');
    const { roleid } = network.get('s1').place;
    assert.equal((await ask(gateway, 's1', roleid, '/v1/domains/acme.example/files/first.txt')).status, 200);
    assert.doesNotMatch((await ask(gateway, 's1', roleid, '/v1/domains')).text, /local/);
    for (const what of ['digests?prefix=', 'entries?prefix=', 'entries?path=secret.txt', 'files/secret.txt']) {
      const answer = await ask(gateway, 's1', roleid, `/v1/domains/local.example/${what}`);
      assert.equal(answer.status, 404, what);
      assert.doesNotMatch(answer.text, /stays in the north/);
      // Who says to be of the north is asked for the certificate of that one.
      const claim = await ask(gateway, 's1', network.get('n2').place.roleid, `/v1/domains/local.example/${what}`);
      assert.equal(claim.status, 403, what);
      assert.match(claim.text, /Another certificate/);
    }
    const { roleid: n2 } = network.get('n2').place;
    assert.equal((await ask(gateway, 'n2', n2, '/v1/domains/local.example/files/secret.txt')).status, 200);
  });

  test('the expiry of the certificate is a metric and a line of the probe', async () => {
    const instance = network.get('n1');
    const sample = (await instance.metrics()).find(
      ({ name }) => name === 'dfsync_certificate_expiry_timestamp_seconds',
    );
    assert.equal(sample?.labels.use, 'peers');
    assert.ok(Math.abs(sample.value - Date.now() / 1000 - 365 * 86_400) < 2 * 86_400);
    const answer = await fetch(`http://127.0.0.1:${instance.place.opsPort}/readyz?verbose`);
    assert.match(await answer.text(), /^\[\+\] certificate of peers: ends on /m);
  });

  test('the authority is replaced while they run, and they stay equal', async () => {
    const applied = async (times: number) => {
      for (const instance of network.instances)
        await instance.until(
          `certificate ${times} of it`,
          () => instance.log.split('certificate.applied').length > times,
        );
    };
    for (const { ca } of shown.values()) appendFileSync(ca, readFileSync(successor.ca));
    await applied(1);
    for (const [name, { cert, key }] of shown) {
      const { roleid } = network.get(name).place;
      const issued = successor.issue(name, { names: `URI:dfsync://${roleid}` });
      copyFileSync(issued.key, key);
      copyFileSync(issued.cert, cert);
    }
    await applied(2);
    for (const { ca } of shown.values()) writeFileSync(ca, readFileSync(successor.ca));
    await applied(3);
    network.get('s1').write('acme/third.txt', 'under the second authority');
    network.get('n2').write('acme/fourth.txt', 'under the second authority, too');
    await network.converge('acme');
    await network.stop();
  });

  const alone = (issued: Issued, opsPort: number) => {
    const { place } = network.get('n1');
    return new Command([
      ...['run', '--config', place.config, '--roleid', '1', '--root', place.root],
      ...['--listen', `0.0.0.0:${place.port}`, '--ops-listen', `127.0.0.1:${opsPort}`],
      ...['--tls-cert', issued.cert, '--tls-key', issued.key, '--tls-ca', issued.ca],
    ]);
  };

  test('certificates alone are enough to listen beyond loopback', async () => {
    const opsPort = await freePort();
    const command = alone(shown.get('n1')!, opsPort);
    await network.until('it to be ready', () => fetch(`http://127.0.0.1:${opsPort}/readyz`).then(({ ok }) => ok));
    command.signal('SIGTERM');
    assert.equal((await command.exited).code, 0, command.output);
  });

  test('the certificate of another instance ends the start, with what is missing', async () => {
    const command = alone(successor.of(99), await freePort());
    assert.equal((await command.exited).code, 2, command.output);
    assert.match(command.output, /names URI:dfsync:\/\/99; peers take URI:dfsync:\/\/1 or DNS:n1 for this instance/);
    assert.doesNotMatch(command.output, /^\s+at /m, 'no stack trace');
  });
});
