/** The secrets that this instance was given, as their files say now; the only place that holds them. */
import { TokenFile, type TokenRead, type Tokens } from './config/token.ts';
import type { OpsTokens } from './ops/access.ts';
import type { Logger } from './ops/log.ts';

/** Where the secrets are; what is not named is not there. */
export interface CredentialFiles {
  /** Bearer tokens between peers. */
  readonly tokenFile?: string;
  /** Bearer tokens of operators who may look. */
  readonly readTokenFile?: string;
  /** Bearer tokens of operators who may do everything. */
  readonly adminTokenFile?: string;
}

/** Why a secret cannot be used; the message is for the operator and contains none. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

export class Credentials {
  readonly #log: Logger;
  readonly #peers: FollowedTokens | undefined;
  readonly #read: FollowedTokens | undefined;
  readonly #admin: FollowedTokens | undefined;

  /** @throws CredentialError where a file that is named cannot be used */
  constructor({ tokenFile, readTokenFile, adminTokenFile }: CredentialFiles, log: Logger) {
    this.#log = log;
    const tokens = (file: string | undefined) => (file === undefined ? undefined : new FollowedTokens(file));
    this.#peers = tokens(tokenFile);
    this.#read = tokens(readTokenFile);
    this.#admin = tokens(adminTokenFile);
  }

  /** Takes what the files say from now on; a file that cannot be used is logged, and what it said before stays in use. */
  follow(signal: AbortSignal): void {
    for (const followed of [this.#peers, this.#read, this.#admin]) followed?.follow(this.#log, signal);
  }

  /** What peers send and are asked for: the first is sent, all are accepted; empty where there is no token file. */
  get peerTokens(): readonly string[] {
    return this.#peers?.tokens.accept ?? [];
  }

  /** What operators are asked for. */
  get opsTokens(): OpsTokens {
    return { read: this.#read?.tokens.accept ?? [], admin: this.#admin?.tokens.accept ?? [] };
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
      log.error('token.refused; the tokens so far stay in use', { problem: read.problem });
      return;
    }
    this.#tokens = read.tokens;
    log.info('token.applied', { file: this.#file.file, accepted: read.tokens.accept.length });
  }
}
