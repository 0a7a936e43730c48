/** Calls a running instance on its operators' port. */
import got, { type Method, RequestError } from 'got';
import { TokenFile } from '../config/token.ts';

/** Whom to call. */
export interface Callee {
  readonly url: string;
  /** A file of bearer tokens; the first is sent. */
  readonly adminTokenFile?: string;
}

/** Exit code where an instance refuses, or cannot be reached. */
export const EXIT_REFUSED = 1;
/** Bringing a large tree back takes its time. */
const TIMEOUT_MS = 600_000;

/** Why a call came to nothing; the message says what to do. */
export class CallError extends Error {
  override readonly name = 'CallError';
}

/**
 * Asks, and answers what the instance says.
 *
 * @throws CallError
 */
export async function call<T>(callee: Callee, method: Method, path: string, body?: object): Promise<T> {
  const { url } = callee;
  const response = await got(`${url.replace(/\/+$/, '')}${path}`, {
    method,
    headers: authorization(callee),
    ...(body && { json: body }),
    throwHttpErrors: false,
    retry: { limit: 0 },
    followRedirect: false,
    timeout: { request: TIMEOUT_MS },
  }).catch((error: unknown) => {
    if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error;
    throw new CallError(
      `no answer from ${url}: ${error.message}; is dfsync running there? --url is the address of its --ops-listen`,
    );
  });
  const answer = jsonIn(response.body);
  if (response.statusCode === 200 && answer !== undefined) return answer as T;
  const detail =
    typeof answer?.detail === 'string' ? answer.detail : `HTTP ${response.statusCode}, which no dfsync says`;
  const hint = callee.adminTokenFile === undefined && response.statusCode === 401 ? ' (--admin-token-file FILE)' : '';
  throw new CallError(`${url} refuses: ${detail}${hint}`);
}

function authorization({ adminTokenFile }: Callee): Record<string, string> {
  if (adminTokenFile === undefined) return {};
  const read = new TokenFile(adminTokenFile).load();
  if ('problem' in read) throw new CallError(read.problem);
  return { authorization: `Bearer ${read.tokens.send}` };
}

function jsonIn(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
