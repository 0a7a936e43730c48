import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Instance } from '../src/core/topology.ts';
import { CredentialError, Credentials } from '../src/credentials.ts';
import { createLogger, SILENT } from '../src/ops/log.ts';
import { until } from './e2e/until.ts';
import { Authority, type Issued, withoutOpenssl } from './support/certificates.ts';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dfsync-credentials-'));
});
after(() => rmSync(directory, { recursive: true }));

function put(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

describe('tokens of operators', () => {
  it('are none where no file is named', () => {
    const credentials = new Credentials({}, SILENT);
    assert.deepEqual([credentials.peerTokens, credentials.opsTokens], [[], { read: [], admin: [] }]);
  });

  for (const flag of ['tokenFile', 'readTokenFile', 'adminTokenFile'] as const)
    it(`that cannot be read are an error that names the file: ${flag}`, () => {
      const missing = join(directory, `no ${flag}`);
      assert.throws(
        () => new Credentials({ [flag]: missing }, SILENT),
        error => error instanceof CredentialError && error.message.includes(missing),
      );
    });

  it('are followed; what cannot be used is refused, logged without its content, and the old ones stay', async t => {
    const lines: string[] = [];
    const log = createLogger({ output: { write: line => lines.push(line) } });
    const readTokenFile = put('read', 'reader-1\n');
    const adminTokenFile = put('admin', 'chief-1\n');
    const credentials = new Credentials({ readTokenFile, adminTokenFile }, log);
    assert.deepEqual(credentials.opsTokens, { read: ['reader-1'], admin: ['chief-1'] });
    const stop = new AbortController();
    t.after(() => stop.abort());
    credentials.follow(() => undefined, stop.signal);
    put('admin', 'chief-2\nchief-1\n');
    await until('the new token', () => credentials.opsTokens.admin.length === 2);
    assert.deepEqual(credentials.opsTokens, { read: ['reader-1'], admin: ['chief-2', 'chief-1'] });
    put('read', 'reader with blanks\n');
    await until('the refusal', () => lines.some(line => line.includes('token.refused')));
    assert.deepEqual(credentials.opsTokens.read, ['reader-1']);
    assert.doesNotMatch(lines.join(''), /reader-1|reader with|chief-/);
    assert.match(lines.join(''), new RegExp(`token\\.applied.*${adminTokenFile}.*"accepted":2`));
  });
});

describe('certificates', { skip: withoutOpenssl, timeout: 60_000 }, () => {
  const self = { roleid: 1, server: 'n1' } as Instance;
  let authority: Authority;
  before(() => {
    authority = new Authority();
  });
  const filesOf = ({ cert, key, ca }: Issued) => ({ tlsCert: cert, tlsKey: key, tlsCa: ca });

  for (const [name, flags, says] of [
    [
      'a certificate without its key',
      { tlsCert: 'c', tlsCa: 'a' },
      /all three: --tls-cert FILE, --tls-key FILE and --tls-ca FILE/,
    ],
    ['no authorities', { tlsCert: 'c', tlsKey: 'k' }, /all three/],
    ["a key of the operators' port alone", { opsTlsKey: 'k' }, /both: --ops-tls-cert FILE and --ops-tls-key FILE/],
    ['a file that is not there', { opsTlsCert: '/nowhere', opsTlsKey: 'k' }, /\/nowhere: there is no such file/],
  ] as const)
    it(`are refused: ${name}`, () =>
      assert.throws(
        () => new Credentials(flags, SILENT),
        error => error instanceof CredentialError && says.test(error.message),
      ));

  it('guard the port of peers as tokens do', () => {
    assert.equal(new Credentials({}, SILENT).isGuarded, false);
    assert.equal(new Credentials({ tokenFile: put('token', 'x') }, SILENT).isGuarded, true);
    assert.equal(new Credentials(filesOf(authority.of(1)), SILENT).isGuarded, true);
  });

  it('have to name the instance', () => {
    const { peers } = new Credentials(filesOf(authority.of(2)), SILENT);
    assert.match(
      peers!.objection(peers!.current, self) ?? '',
      /names URI:dfsync:\/\/2; peers take URI:dfsync:\/\/1 or DNS:n1/,
    );
    assert.equal(peers!.objection(peers!.current, { ...self, roleid: 2 }), undefined);
  });

  it('are followed; what no peer would accept is refused and logged, and the old one stays', async t => {
    const lines: string[] = [];
    const log = createLogger({ output: { write: line => lines.push(line) } });
    const credentials = new Credentials(filesOf(authority.of(1)), log);
    const followed = credentials.peers!;
    const stop = new AbortController();
    t.after(() => stop.abort());
    credentials.follow(() => self, stop.signal);
    let told = 0;
    followed.onChange(() => told++, stop.signal);
    const first = followed.current;
    for (const [bad, says] of [
      [{ names: 'URI:dfsync://2' }, /names URI:dfsync:\/\/2/],
      [{ names: 'URI:dfsync://1', days: -1 }, /has ended/],
    ] as const) {
      authority.issue('role1', bad);
      await until('the refusal', () => lines.some(line => line.includes('certificate.refused') && says.test(line)));
      assert.equal(followed.current, first);
    }
    authority.of(1, 5);
    await until('the new one', () => followed.current !== first);
    assert.equal(told, 1);
    assert.match(lines.join(''), /certificate\.applied.*"use":"peers"/);
  });

  it('that end soon are warned of at the start, and shown', async t => {
    const lines: string[] = [];
    const log = createLogger({ output: { write: line => lines.push(line) } });
    const { cert, key } = authority.of(1, 3);
    const credentials = new Credentials({ opsTlsCert: cert, opsTlsKey: key }, log);
    const stop = new AbortController();
    t.after(() => stop.abort());
    credentials.follow(() => self, stop.signal);
    assert.match(lines.join(''), /"level":"warn".*"event":"certificate\.expiry","use":"operators".*ends on/);
    const [shown] = credentials.certificates(Date.now());
    assert.deepEqual([shown?.use, shown?.file, shown?.names], ['operators', cert, ['URI:dfsync://1']]);
    assert.match(shown?.trouble ?? '', /ends on/);
  });
});
