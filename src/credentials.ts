/** The secrets that this instance was given, as their files say now; the only place that holds them. */
import {
  type Certificate,
  CertificateFile,
  type CertificateFiles,
  type CertificateRead,
  expiryTrouble,
} from './config/certificate.ts';
import { TokenFile, type TokenRead, type Tokens } from './config/token.ts';
import { isNamed, namesOf } from './core/certificate.ts';
import type { Instance } from './core/topology.ts';
import type { OpsTokens } from './ops/access.ts';
import type { Logger } from './ops/log.ts';
import type { CertificateStatus } from './ops/status.ts';

/** Where the secrets are; what is not named is not there. */
export interface CredentialFiles {
  /** Bearer tokens between peers. */
  readonly tokenFile?: string;
  /** Bearer tokens of operators who may look. */
  readonly readTokenFile?: string;
  /** Bearer tokens of operators who may look and act. */
  readonly adminTokenFile?: string;
  /** Certificate, key and authorities between peers: all three or none. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  /** Certificate and key of the operators' port: both or none. */
  readonly opsTlsCert?: string;
  readonly opsTlsKey?: string;
}

/** Why a secret cannot be used; the message is for the operator and contains none. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

/** How often it is looked whether a certificate ends soon, which is said in days. */
const EXPIRY_CHECK_MS = 12 * 3_600_000;

export class Credentials {
  readonly #peerTokens: FollowedTokens | undefined;
  readonly #readTokens: FollowedTokens | undefined;
  readonly #adminTokens: FollowedTokens | undefined;
  /** What this instance shows its peers, and whom it trusts; undefined: no TLS. */
  readonly peers: FollowedCertificate | undefined;
  /** What the operators' port shows; undefined: no TLS. */
  readonly operators: FollowedCertificate | undefined;
  readonly #log: Logger;

  /** @throws CredentialError where a file that is named cannot be used */
  constructor(files: CredentialFiles, log: Logger) {
    this.#log = log;
    const tokens = (file: string | undefined) => (file === undefined ? undefined : new FollowedTokens(file));
    this.#peerTokens = tokens(files.tokenFile);
    this.#readTokens = tokens(files.readTokenFile);
    this.#adminTokens = tokens(files.adminTokenFile);
    const { tlsCert: cert, tlsKey: key, tlsCa: ca, opsTlsCert, opsTlsKey } = files;
    if (cert !== undefined && key !== undefined && ca !== undefined)
      this.peers = new FollowedCertificate('peers', { cert, key, ca });
    else if (cert !== undefined || key !== undefined || ca !== undefined)
      throw new CredentialError('TLS between peers needs all three: --tls-cert FILE, --tls-key FILE and --tls-ca FILE');
    if (opsTlsCert !== undefined && opsTlsKey !== undefined)
      this.operators = new FollowedCertificate('operators', { cert: opsTlsCert, key: opsTlsKey });
    else if (opsTlsCert !== undefined || opsTlsKey !== undefined)
      throw new CredentialError("TLS of the operators' port needs both: --ops-tls-cert FILE and --ops-tls-key FILE");
  }

  /**
   * Takes what the files say from now on; what cannot be used is logged, and what was said before stays in use.
   *
   * @param self who a certificate between peers has to name, once that is known
   */
  follow(self: () => Instance | undefined, signal: AbortSignal): void {
    for (const tokens of [this.#peerTokens, this.#readTokens, this.#adminTokens]) tokens?.follow(this.#log, signal);
    this.peers?.follow(self, this.#log, signal);
    this.operators?.follow(() => undefined, this.#log, signal);
    const check = () => this.#warnOfExpiry();
    const timer = setInterval(check, EXPIRY_CHECK_MS);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
    check();
  }

  /** What peers send and are asked for: the first is sent, all are accepted; empty where there is no token file. */
  get peerTokens(): readonly string[] {
    return this.#peerTokens?.tokens.accept ?? [];
  }

  /** What operators are asked for. */
  get opsTokens(): OpsTokens {
    return { read: this.#readTokens?.tokens.accept ?? [], admin: this.#adminTokens?.tokens.accept ?? [] };
  }

  /** Whether somebody who was not given a secret of ours can be kept from asking as a peer. */
  get isGuarded(): boolean {
    return this.#peerTokens !== undefined || this.peers !== undefined;
  }

  /** The certificates in use. */
  certificates(now: number): CertificateStatus[] {
    return [this.peers, this.operators].flatMap(each => each?.status(now) ?? []);
  }

  #warnOfExpiry(): void {
    for (const { use, file, trouble } of this.certificates(Date.now()))
      if (trouble !== undefined)
        this.#log.warn('certificate.expiry', {
          use,
          file,
          trouble,
          next: 'put a new one in its place; it is read again',
        });
  }
}

/** A file of tokens that has said some at least once. */
class FollowedTokens {
  readonly #file: TokenFile;
  #tokens: Tokens;

  constructor(file: string) {
    this.#file = new TokenFile(file);
    const read = this.#file.load();
    if ('problem' in read) throw new CredentialError(read.problem);
    this.#tokens = read.tokens;
  }

  get tokens(): Tokens {
    return this.#tokens;
  }

  follow(log: Logger, signal: AbortSignal): void {
    this.#file.follow(read => this.#take(read, log), signal);
  }

  #take(read: TokenRead, log: Logger): void {
    if ('problem' in read) {
      log.error('token.refused; the tokens so far stay in use', {
        problem: read.problem,
        next: 'correct the file; it is read again at once',
      });
      return;
    }
    this.#tokens = read.tokens;
    log.info('token.applied', { file: this.#file.file, accepted: read.tokens.accept.length });
  }
}

/** A certificate that could be used at least once. */
class FollowedCertificate {
  readonly #use: CertificateStatus['use'];
  readonly #file: CertificateFile;
  #current: Certificate;
  readonly #tell = new Set<(certificate: Certificate) => void>();

  constructor(use: CertificateStatus['use'], files: CertificateFiles) {
    this.#use = use;
    this.#file = new CertificateFile(files);
    const read = this.#file.load();
    if ('problem' in read) throw new CredentialError(read.problem);
    this.#current = read.certificate;
  }

  get current(): Certificate {
    return this.#current;
  }

  /** Tells of each new certificate until the signal aborts. */
  onChange(tell: (certificate: Certificate) => void, signal: AbortSignal): void {
    this.#tell.add(tell);
    signal.addEventListener('abort', () => this.#tell.delete(tell), { once: true });
  }

  status(now: number): CertificateStatus {
    const { names, expiresAt } = this.#current;
    const trouble = expiryTrouble(expiresAt, now);
    return { use: this.#use, file: this.#file.files.cert, names, expiresAt, ...(trouble !== undefined && { trouble }) };
  }

  /** Why no peer would accept a certificate from an instance; undefined where it names that one. */
  objection({ names }: Certificate, self: Instance): string | undefined {
    if (isNamed(names, self)) return undefined;
    const named =
      names.length > 0 ? names.join(', ') : 'nobody (it has no alternative name that is a URI or a DNS name)';
    return `certificate: ${this.#file.files.cert} names ${named}; peers take ${namesOf(self).join(' or ')} for this instance: issue one that has it in subjectAltName`;
  }

  follow(self: () => Instance | undefined, log: Logger, signal: AbortSignal): void {
    this.#file.follow(read => this.#take(read, self(), log), signal);
  }

  #take(read: CertificateRead, self: Instance | undefined, log: Logger): void {
    const problem = 'problem' in read ? read.problem : this.#unusable(read.certificate, self);
    if (problem !== undefined || 'problem' in read) {
      log.error('certificate.refused; the one so far stays in use', {
        use: this.#use,
        problem,
        next: 'correct the files; they are read again at once',
      });
      return;
    }
    this.#current = read.certificate;
    for (const tell of this.#tell) tell(read.certificate);
    const { file, expiresAt } = this.status(Date.now());
    log.info('certificate.applied', { use: this.#use, file, expires: new Date(expiresAt).toISOString() });
  }

  #unusable(certificate: Certificate, self: Instance | undefined): string | undefined {
    if (certificate.expiresAt <= Date.now()) return `certificate: ${expiryTrouble(certificate.expiresAt, Date.now())}`;
    return self && this.objection(certificate, self);
  }
}
