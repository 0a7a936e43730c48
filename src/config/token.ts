/** The secret that peers, or operators, share: a file of bearer tokens. */
import { type FileRead, type FollowTimes, followFile, readSmallFile } from './follow.ts';

/** Tokens in use. Two at a time let a token be changed server by server. */
export interface Tokens {
  /** The first one: what this instance sends. */
  readonly send: string;
  /** Every one: what it accepts. */
  readonly accept: readonly string[];
}

/** Tokens, or why there are none; a message never contains a token. */
export type TokenRead = { readonly tokens: Tokens } | { readonly problem: string };

/** Header fields of servers and proxies end at 8 KiB and less. */
const MAX_TOKEN = 1024;

const TOKEN = new RegExp(`^[\\x21-\\x7e]{1,${MAX_TOKEN}}$`);

/**
 * A file of tokens: one per line, the first is sent, all are accepted; blank lines and lines that start with # are left out.
 */
export class TokenFile {
  readonly file: string;
  #last: FileRead = { failed: 'not read yet' };

  constructor(file: string) {
    this.file = file;
  }

  /** Reads the file now. Never throws. */
  load(): TokenRead {
    this.#last = readSmallFile(this.file);
    return parseTokens(this.file, this.#last);
  }

  /** Calls back with each change since {@link load} until the signal aborts; on a problem the tokens so far stay in use. */
  follow(report: (read: TokenRead) => void, signal: AbortSignal, times?: FollowTimes): void {
    followFile(this.file, this.#last, read => report(parseTokens(this.file, read)), signal, times);
  }
}

/** The tokens of a file that was read. */
export function parseTokens(file: string, read: FileRead): TokenRead {
  if ('failed' in read) return { problem: `token file: ${read.failed}` };
  // The group may read: Kubernetes gives a secret to a process that is not root by its fsGroup.
  if ((read.mode & 0o007) !== 0)
    return {
      problem: `token file: everybody on this machine may use ${file} (mode ${read.mode.toString(8)}); chmod 600 it, or set the secret's defaultMode to 0440`,
    };
  const lines = read.text.split(/\r?\n/).map(line => line.trim());
  const isToken = (line: string) => line !== '' && !line.startsWith('#');
  const bad = lines.findIndex(line => isToken(line) && !TOKEN.test(line));
  if (bad >= 0)
    return {
      problem: `token file: line ${bad + 1} of ${file} is no token: at most ${MAX_TOKEN} visible ASCII characters, no blanks`,
    };
  const accept = lines.filter(isToken);
  const [send] = accept;
  if (send === undefined)
    return { problem: `token file: ${file} has no token; write one line, e.g. of "openssl rand -hex 32"` };
  return { tokens: { send, accept } };
}
