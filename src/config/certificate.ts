/** A certificate with its key, and the authorities to trust: files that are read together and followed. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { namesIn } from '../core/certificate.ts';
import { type FileRead, type FollowTimes, followFile, isSame, readSmallFile } from './follow.ts';

/** Files in PEM. */
export interface CertificateFiles {
  /** The certificate, then those between it and its authority, if any. */
  readonly cert: string;
  readonly key: string;
  /** The authorities whose certificates are trusted; absent where nobody is asked for one. */
  readonly ca?: string;
}

/** What the files say. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** Empty where nobody is asked for a certificate. */
  readonly ca: string;
  /** Whom it names ({@link namesIn}). */
  readonly names: readonly string[];
  /** When it, or what it was issued by, ends; ms since 1970. */
  readonly expiresAt: number;
}

/** A certificate, or why there is none; a message contains nothing of a key. */
export type CertificateRead = { readonly certificate: Certificate } | { readonly problem: string };

type Reads = { readonly [name in keyof CertificateFiles]: FileRead };

const NAMES = ['cert', 'key', 'ca'] as const;
const ABSENT: FileRead = { failed: 'not asked for' };

/** The files of a certificate. */
export class CertificateFile {
  readonly files: CertificateFiles;
  #last: Reads = { cert: { failed: 'not read yet' }, key: { failed: 'not read yet' } };

  constructor(files: CertificateFiles) {
    this.files = files;
  }

  /** Reads the files now. Never throws. */
  load(): CertificateRead {
    const { cert, key, ca } = this.files;
    this.#last = {
      cert: readSmallFile(cert),
      key: readSmallFile(key),
      ...(ca !== undefined && { ca: readSmallFile(ca) }),
    };
    return parseCertificate(this.files, this.#last);
  }

  /** Calls back with what all of them say, each time that one has changed since {@link load}, until the signal aborts. */
  follow(report: (read: CertificateRead) => void, signal: AbortSignal, times?: FollowTimes): void {
    // All of them are read anew: they mean something together only, and one change may be told by each.
    const look = () => {
      const before = this.#last;
      const read = this.load();
      if (NAMES.some(name => !isSame(before[name] ?? ABSENT, this.#last[name] ?? ABSENT))) report(read);
    };
    for (const name of NAMES) {
      const [file, last] = [this.files[name], this.#last[name]];
      if (file !== undefined && last !== undefined) followFile(file, last, look, signal, times);
    }
  }
}

/** The certificate of files that were read. */
export function parseCertificate(files: CertificateFiles, reads: Reads): CertificateRead {
  for (const read of [reads.cert, reads.key, reads.ca])
    if (read !== undefined && 'failed' in read) return { problem: `certificate: ${read.failed}` };
  const { cert, key, ca } = reads as { [name in keyof CertificateFiles]: Exclude<FileRead, { failed: string }> };
  // The group may read: Kubernetes gives a secret to a process that is not root by its fsGroup.
  if ((key.mode & 0o007) !== 0)
    return {
      problem: `certificate: everybody on this machine may use ${files.key} (mode ${key.mode.toString(8)}); chmod 600 it, or set the secret's defaultMode to 0440`,
    };
  const chain = certificatesIn(cert.text);
  const trusted = ca && certificatesIn(ca.text);
  const [own] = chain ?? [];
  if (chain === undefined || own === undefined) return notPem(files.cert, 'CERTIFICATE');
  if (ca && !trusted?.length) return notPem(files.ca!, 'CERTIFICATE');
  const owned = keyIn(key.text);
  if (owned === undefined) return notPem(files.key, 'PRIVATE KEY (without a passphrase)');
  if (!own.checkPrivateKey(owned))
    return {
      problem: `certificate: the key ${files.key} is not that of ${files.cert}; where only one of the two is replaced yet, replace the other`,
    };
  const certificate = {
    cert: cert.text,
    key: key.text,
    ca: ca?.text ?? '',
    names: namesIn(own.subjectAltName),
    expiresAt: endOf(chain, trusted ?? []),
  };
  return { certificate };
}

/** Renewals are made by people, too: two weeks leave time for one who is on holiday. */
const WARN_BEFORE_MS = 14 * 86_400_000;

/** What is to be said of the end of a certificate (ms since 1970), if it is near. */
export function expiryTrouble(expiresAt: number, now: number): string | undefined {
  const date = new Date(expiresAt).toISOString();
  if (expiresAt <= now) return `it, or what it was issued by, has ended on ${date}`;
  if (expiresAt - now > WARN_BEFORE_MS) return undefined;
  return `it, or what it was issued by, ends on ${date}`;
}

/** Every certificate of a text, undefined where one of them is none. */
function certificatesIn(text: string): X509Certificate[] | undefined {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map(block => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

function keyIn(text: string): ReturnType<typeof createPrivateKey> | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    // What it says may quote the file.
    return undefined;
  }
}

/** A chain ends with the first of its members that does. Of several authorities of one name, as in a renewal, the last one counts. */
function endOf(chain: readonly X509Certificate[], trusted: readonly X509Certificate[]): number {
  const issuers = trusted.filter(authority => chain.some(each => each.checkIssued(authority)));
  const ends = chain.map(validTo);
  return Math.min(...ends, ...(issuers.length > 0 ? [Math.max(...issuers.map(validTo))] : []));
}

function validTo({ validTo }: X509Certificate): number {
  return Date.parse(validTo);
}

function notPem(file: string, what: string): CertificateRead {
  return {
    problem: `certificate: ${file} is no PEM of a ${what}; look at it with "openssl x509 -text -noout -in FILE" or "openssl pkey -noout -in FILE"`,
  };
}
