/** What went wrong with a peer, in words that fit one line of a log. */
import type { IncomingHttpHeaders } from 'node:http';
import { problemSchema } from './messages.ts';
import { MAX_PROBLEM_BYTES, PROBLEM } from './protocol.ts';

/** Longest piece of a peer's own words in a message of ours. */
const BRIEF = 200;

/** Text from outside, fit for one line of a log. */
export function brief(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length <= BRIEF ? line : `${line.slice(0, BRIEF)}…`;
}

/** Text from outside without our own secrets: whatever stands before a peer may tell back what it was sent. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((told, secret) => told.replaceAll(secret, '[secret]'), text);
}

/**
 * What a problem document says, as far as it can be read, and the protocols that are spoken there if it tells.
 *
 * @param secrets what it must not be told to have said: taken out before it is shortened, or a part of one would be left
 */
export async function problemIn(
  answer: { headers: IncomingHttpHeaders; body: AsyncIterable<Uint8Array> },
  secrets: readonly string[],
): Promise<{ says: string; protocols?: readonly number[] | undefined }> {
  if (!answer.headers['content-type']?.startsWith(PROBLEM)) return { says: 'without a reason' };
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body) {
      parts.push(chunk);
      length += chunk.length;
      if (length > MAX_PROBLEM_BYTES) break;
    }
    const said = problemSchema.partial().parse(JSON.parse(Buffer.concat(parts).toString('utf8')));
    const says = withoutSecrets(`${said.title ?? ''}: ${said.detail ?? ''}`, secrets);
    return { says: brief(says), protocols: said.protocols };
  } catch {
    return { says: 'without a reason that can be read' };
  }
}

/**
 * Why a request came to no answer, for an operator.
 *
 * @param secure whether it was asked in TLS
 */
export function reasonOf(error: unknown, secure: boolean): string {
  const { name, message } = error as Error;
  if (name === 'TimeoutError') return `no progress: ${message}`;
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return 'connection refused: is it running there?';
    case 'ECONNRESET':
      // A server says no more than this where it does not like a certificate, and one that speaks TLS where a client does not.
      return secure
        ? 'the connection was closed; where that goes on it does not accept our certificate: its log says why'
        : 'the answer broke off; where that goes on it may be asked in TLS only: its log says so';
    case 'ERR_HTTP_CONTENT_LENGTH_MISMATCH':
      return 'the answer broke off';
    case 'EPROTO':
      if (!message.includes('wrong version number')) return `TLS failed: ${brief(message)}`;
      return 'it speaks no TLS: start it with --tls-cert, --tls-key and --tls-ca, or all others without';
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired: renew it there, or set this clock';
    case 'CERT_NOT_YET_VALID':
      return 'its certificate is not valid yet: set the clocks';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return 'its certificate comes from no authority in our --tls-ca';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name cannot be resolved';
    default:
      return brief(message);
  }
}

/** The system's code of an error. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
