import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { CertificateFile, type CertificateRead, expiryTrouble } from '../../src/config/certificate.ts';
import { Authority, type Issued, withoutOpenssl } from '../support/certificates.ts';

const DAY_MS = 86_400_000;

describe('a certificate in files', { skip: withoutOpenssl, timeout: 60_000 }, () => {
  let authority: Authority;
  let good: Issued;
  before(() => {
    authority = new Authority();
    good = authority.issue('good', { names: 'URI:dfsync://1,DNS:n1', days: 30 });
  });

  function put(name: string, text: string, mode = 0o600): string {
    const file = join(authority.directory, name);
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  }

  it('says whom it names and when it ends', () => {
    const read = new CertificateFile(good).load();
    assert.ok('certificate' in read);
    const { names, expiresAt, ...texts } = read.certificate;
    assert.deepEqual(names, ['URI:dfsync://1', 'DNS:n1']);
    assert.ok(Math.abs(expiresAt - Date.now() - 30 * DAY_MS) < DAY_MS);
    const text = (file: string) => readFileSync(file, 'utf8');
    assert.deepEqual(texts, { cert: text(good.cert), key: text(good.key), ca: text(good.ca) });
  });

  it('ends with the authority that issued it, not with another one', () => {
    const short = new Authority('ends soon', 3);
    const issued = short.of(1, 300);
    const days = (ca: string) => {
      const read = new CertificateFile({ ...issued, ca }).load();
      assert.ok('certificate' in read);
      return Math.round((read.certificate.expiresAt - Date.now()) / DAY_MS);
    };
    assert.equal(days(short.ca), 3);
    assert.equal(days(authority.ca), 300);
    assert.equal(days(put('bundle', readFileSync(short.ca, 'utf8') + readFileSync(authority.ca, 'utf8'))), 3);
  });

  const cases: [name: string, files: () => Partial<Issued>, says: RegExp][] = [
    ['a file that is not there', () => ({ key: '/nowhere/key' }), /cannot read \/nowhere\/key: there is no such file/],
    [
      'a key that everybody may read',
      () => ({ key: put('open.key', readFileSync(good.key, 'utf8'), 0o644) }),
      /open\.key \(mode 644\); chmod 600/,
    ],
    ['the key of another one', () => ({ key: authority.of(2).key }), /is not that of .*good\.crt/],
    ['a certificate that is none', () => ({ cert: put('text', 'secret text') }), /text is no PEM of a CERTIFICATE/],
    [
      'a damaged certificate',
      () => ({ cert: put('cut', readFileSync(good.cert, 'utf8').replace(/\n[^\n]{20}/, '\n')) }),
      /cut is no PEM of a CERTIFICATE/,
    ],
    ['authorities that are none', () => ({ ca: put('none', '') }), /none is no PEM of a CERTIFICATE/],
    ['a key that is none', () => ({ key: put('bad.key', 'secret text') }), /bad\.key is no PEM of a PRIVATE KEY/],
    [
      'a key with a passphrase',
      () => ({ key: encrypted() }),
      /locked\.key is no PEM of a PRIVATE KEY \(without a pass/,
    ],
  ];
  for (const [name, files, says] of cases)
    it(`is refused: ${name}`, () => {
      const read = new CertificateFile({ ...good, ...files() }).load();
      assert.ok('problem' in read);
      assert.match(read.problem, says);
      assert.doesNotMatch(read.problem, /secret text|BEGIN/);
    });

  function encrypted(): string {
    const out = join(authority.directory, 'locked.key');
    execFileSync('openssl', ['pkcs8', '-topk8', '-in', good.key, '-passout', 'pass:secret', '-out', out]);
    return out;
  }

  it('is followed: the key first, then the certificate of it', async t => {
    const file = new CertificateFile(authority.of(3));
    assert.ok('certificate' in file.load());
    const stop = new AbortController();
    t.after(() => stop.abort());
    const { promise, resolve } = Promise.withResolvers<CertificateRead>();
    file.follow(read => 'certificate' in read && resolve(read), stop.signal, { quietMs: 20, pollMs: 3_600_000 });
    const { cert } = authority.of(3);
    const read = await promise;
    assert.ok('certificate' in read && read.certificate.cert === readFileSync(cert, 'utf8'));
  });
});

describe('the README', { skip: withoutOpenssl }, () => {
  it('makes a certificate that can be used', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const commands = readme.match(/^ {4}openssl .*$/gm) ?? [];
    assert.equal(commands.length, 5);
    const { directory } = new Authority();
    const said = execFileSync('sh', ['-e', '-c', commands.join('\n')], {
      cwd: directory,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    assert.match(said, /n1\.crt: OK.*URI:dfsync:\/\/1, DNS:n1/s);
    const [cert, key, ca] = ['n1.crt', 'n1.key', 'ca.crt'].map(name => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const read = new CertificateFile({ cert, key, ca }).load();
    assert.ok('certificate' in read, JSON.stringify(read));
    assert.deepEqual(read.certificate.names, ['URI:dfsync://1', 'DNS:n1']);
  });
});

describe('the end of a certificate', () => {
  const now = Date.parse('2026-06-01T00:00:00Z');
  for (const [name, days, says] of [
    ['far away', 15, undefined],
    ['near', 14, /ends on 2026-06-15T/],
    ['now', 0, /has ended on 2026-06-01T/],
    ['past', -1, /has ended on 2026-05-31T/],
  ] as const)
    it(`is ${says ? 'told' : 'not told'} when it is ${name}`, () => {
      const trouble = expiryTrouble(now + days * DAY_MS, now);
      if (says) assert.match(trouble ?? '', says);
      else assert.equal(trouble, undefined);
    });
});
