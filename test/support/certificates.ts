/** A certificate authority of a test, made by openssl in a directory that goes away with the process. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsIdentity } from '../../src/peer/tls.ts';

/** Why tests with certificates cannot run here, for `skip`. */
export const withoutOpenssl: string | false = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'no openssl here';
  }
})();

/** Files of a certificate. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  /** The authority that issued it. */
  readonly ca: string;
}

/** What a certificate is to say. */
export interface Subject {
  /** As openssl has them: `URI:dfsync://1,DNS:n1`; none where empty. */
  readonly names: string;
  readonly days?: number;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export class Authority {
  readonly directory: string;

  constructor(name = 'test network', days = 3650) {
    this.directory = mkdtempSync(join(tmpdir(), 'dfsync-ca-'));
    process.on('exit', () => rmSync(this.directory, { recursive: true, force: true }));
    this.#openssl(
      'req',
      '-x509',
      ...KEY,
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      '-days',
      `${days}`,
      '-subj',
      `/CN=${name}`,
    );
  }

  get ca(): string {
    return join(this.directory, 'ca.crt');
  }

  /** Issues a certificate; under a name that was used before its files are replaced. */
  issue(name: string, { names, days = 365 }: Subject): Issued {
    const [request, extensions] = [`${name}.csr`, `${name}.ext`];
    this.#openssl('req', ...KEY, '-keyout', `${name}.key.new`, '-out', request, '-subj', `/CN=${name}`);
    const usage = 'extendedKeyUsage=serverAuth,clientAuth\n';
    writeFileSync(join(this.directory, extensions), names === '' ? usage : `${usage}subjectAltName=${names}\n`);
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', `${days}`];
    this.#openssl('x509', '-req', '-in', request, ...signed, '-extfile', extensions, '-out', `${name}.crt.new`);
    const [cert, key] = [join(this.directory, `${name}.crt`), join(this.directory, `${name}.key`)];
    chmodSync(`${key}.new`, 0o600);
    renameSync(`${key}.new`, key);
    renameSync(`${cert}.new`, cert);
    return { cert, key, ca: this.ca };
  }

  /** The certificate of an instance. */
  of(roleid: number, days?: number): Issued {
    return this.issue(`role${roleid}`, { names: `URI:dfsync://${roleid}`, ...(days !== undefined && { days }) });
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.directory, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

/** What the files say. */
export function identityOf({ cert, key, ca }: Issued): TlsIdentity {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8'), ca: readFileSync(ca, 'utf8') };
}
