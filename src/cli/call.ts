/** Calls a running instance on its operators' port. */
import type { IncomingMessage } from 'node:http';
import type { Agent } from 'node:https';
import { createInterface } from 'node:readline';
import got, { type Method, RequestError } from 'got';
import { TokenFile } from '../config/token.ts';
import { agentTrusting } from './trust.ts';

/** Whom to call. */
export interface Callee {
  readonly url: string;
  /** A file of bearer tokens; the first is sent. */
  readonly adminTokenFile?: string;
  /** The same of those who may only look; not sent where there is an admin token. */
  readonly readTokenFile?: string;
  /** Its certificate, where that is to be trusted although it does not name the host of the URL, or comes from nobody known. */
  readonly opsTlsCert?: string;
}

/** Exit code where an instance refuses, or cannot be reached. */
export const EXIT_REFUSED = 1;
/** For the connection. */
const CONNECT_MS = 10_000;
/** Between two bytes: an instance says every ten seconds that it is at it, however long that takes. */
const SILENCE_MS = 60_000;
/** For the first line of an answer in lines. */
const RESPONSE_MS = 30_000;

/** Why a call came to nothing; the message says what to do. */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** Nobody was there, or the answer did not come whole. */
  readonly isUnanswered: boolean;

  constructor(message: string, isUnanswered = false) {
    super(message);
    this.isUnanswered = isUnanswered;
  }
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
    ...trusting(callee),
    ...(body && { json: body }),
    throwHttpErrors: false,
    retry: { limit: 0 },
    followRedirect: false,
    timeout: { connect: CONNECT_MS, socket: SILENCE_MS },
  }).catch((error: unknown) => {
    if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error;
    throw unanswered(url, error);
  });
  const answer = jsonIn(response.body);
  if (response.statusCode === 200 && answer !== undefined) return answer as T;
  throw refusal(callee, response.statusCode, answer);
}

/**
 * Asks, and answers line by line what the instance says while it works.
 *
 * @throws CallError
 */
export async function* linesOf<T>(callee: Callee, method: 'GET' | 'POST', path: string): AsyncGenerator<T> {
  const { url } = callee;
  const stream = got.stream(`${url.replace(/\/+$/, '')}${path}`, {
    method,
    headers: authorization(callee),
    ...trusting(callee),
    throwHttpErrors: false,
    retry: { limit: 0 },
    followRedirect: false,
    timeout: { connect: CONNECT_MS, response: RESPONSE_MS, socket: SILENCE_MS },
  });
  if (method === 'POST') stream.end();
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      stream.once('response', resolve).once('error', reject);
    });
    const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
    const failed = new Promise<never>((_, reject) => stream.once('error', reject));
    failed.catch(() => {});
    const iterator = lines[Symbol.asyncIterator]();
    const status = response.statusCode ?? 0;
    for (;;) {
      const next = await Promise.race([iterator.next(), failed]);
      if (next.done) return;
      const parsed = jsonIn(next.value);
      if (status !== 200) throw refusal(callee, status, parsed);
      if (parsed) yield parsed as T;
    }
  } catch (error) {
    if (error instanceof CallError || !(error instanceof Error)) throw error;
    throw unanswered(url, error);
  } finally {
    stream.destroy();
  }
}

function unanswered(url: string, { message }: Error): CallError {
  return new CallError(
    `no answer from ${url}: ${message}; is dfsync running there? --url is the address of its --ops-listen`,
    true,
  );
}

function refusal(callee: Callee, status: number, answer: Record<string, unknown> | undefined): CallError {
  const detail = typeof answer?.detail === 'string' ? answer.detail : `HTTP ${status}, which no dfsync says`;
  const hint = callee.adminTokenFile === undefined && status === 401 ? ' (--admin-token-file FILE)' : '';
  return new CallError(`${callee.url} refuses: ${detail}${hint}`);
}

function authorization({ adminTokenFile, readTokenFile }: Callee): Record<string, string> {
  const file = adminTokenFile ?? readTokenFile;
  if (file === undefined) return {};
  const read = new TokenFile(file).load();
  if ('problem' in read) throw new CallError(read.problem);
  return { authorization: `Bearer ${read.tokens.send}` };
}

function trusting({ url, opsTlsCert }: Callee): { agent?: { https: Agent } } {
  if (opsTlsCert === undefined || !url.startsWith('https:')) return {};
  try {
    return { agent: { https: agentTrusting(opsTlsCert) } };
  } catch (error) {
    throw new CallError(
      `the certificate ${opsTlsCert} cannot be used: ${(error as Error).message}; --ops-tls-cert is a PEM file, the one that the instance shows`,
    );
  }
}

function jsonIn(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
