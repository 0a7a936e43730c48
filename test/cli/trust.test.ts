/** Commands reach an instance whose operators' port has TLS: by its own certificate, whatever that names. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runCommand } from '../e2e/command.ts';
import { sampleStatus } from '../ops/status-sample.ts';
import { Authority, type Issued, withoutOpenssl } from '../support/certificates.ts';

describe('an instance that operators ask in TLS', { skip: withoutOpenssl }, () => {
  let issued: Issued;
  let other: Issued;
  let url: string;
  const authority = withoutOpenssl ? undefined : new Authority();
  const server = createServer((_, answer) => answer.end(JSON.stringify(sampleStatus())));
  before(async () => {
    issued = authority!.issue('ops', { names: 'DNS:ops.example' });
    // Of the same authority, and it names the host.
    other = authority!.issue('other', { names: 'IP:127.0.0.1' });
    server.setSecureContext({ cert: readFileSync(issued.cert), key: readFileSync(issued.key) });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    url = `https://127.0.0.1:${port}`;
  });
  after(() => server.close());
  const status = (...args: string[]) => runCommand('status', '--url', url, ...args);

  it('is trusted by its certificate, alone or first of a chain', async () => {
    const chain = join(authority!.directory, 'chain.crt');
    writeFileSync(chain, readFileSync(issued.cert, 'utf8') + readFileSync(authority!.ca, 'utf8'));
    for (const cert of [issued.cert, chain]) {
      const { code, output } = await status('--ops-tls-cert', cert);
      assert.equal(code, 0, output);
      assert.match(output, /dfsync1 \(roleid 1\)/);
    }
  });

  it('is not trusted without, nor by another one, nor by its authority for another host', async () => {
    for (const args of [[], ['--ops-tls-cert', other.cert], ['--ops-tls-cert', authority!.ca]]) {
      const { code, output } = await status(...args);
      assert.equal(code, 1, output);
      assert.match(output, /^dfsync: no answer from https:.*(certificate|altnames)/, args.join(' '));
    }
  });

  it('says which file is no certificate', async () => {
    const { code, output } = await status('--ops-tls-cert', issued.key);
    assert.equal(code, 1);
    assert.match(output, /^dfsync: the certificate \S+ops\.key cannot be used: .*; --ops-tls-cert is a PEM file/);
  });
});
