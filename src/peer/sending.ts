/** One request on a kept socket: what is sent, and what of the socket's traffic belongs to it. */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import type { Agent as SecureAgent } from 'node:https';
import got, { type Request } from 'got';
import { codeOf } from './failure.ts';
import type { Account, SocketMeter, Traffic } from './transfer.ts';

/** How long to wait for a peer, milliseconds. */
export interface Timeouts {
  /** For the connection: three tries of TCP. */
  readonly connect: number;
  /** For a question to be taken, a mebibyte at most. */
  readonly send: number;
  /** For the headers of an answer, above what was asked to be waited for. */
  readonly response: number;
  /** Between two bytes, the same. */
  readonly idle: number;
}

/** What is asked. */
export interface Question {
  readonly target: string;
  /** Whom the bytes are accounted to; empty for what belongs to no single domain. */
  readonly domain: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON; a question with a body is a POST. */
  readonly body?: string;
  /** How long the peer was asked to wait for news, milliseconds. */
  readonly wait?: number;
  /** Statuses that are an answer; others reject. */
  readonly expected?: readonly number[];
  /** Asked in no particular version of the protocol: the question that finds out which ones are spoken. */
  readonly unversioned?: true;
}

/** A request under way. */
export interface Sent {
  readonly stream: Request;
  /** The answer's headers; rejects where none came. */
  readonly response: Promise<IncomingMessage>;
  /** To be called once whoever reads the answer is done with it. */
  read(): void;
  /** Whether an error says no more than that a kept socket was closed before it was used again. */
  isStale(error: unknown): boolean;
}

/** What all requests to a peer share. */
export interface Sockets {
  /** `http://host:port`, or `https:` with an agent that speaks TLS. */
  readonly origin: string;
  readonly agent: Agent;
  readonly meter: SocketMeter;
  readonly timeouts: Timeouts;
}

/** Sends a question; its bytes go to the account once socket and reader are done. */
export function send(
  question: Question,
  headers: Readonly<Record<string, string>>,
  { origin, agent, meter, timeouts }: Sockets,
  account: Account,
  signal: AbortSignal,
): Sent {
  const { target, body, wait = 0 } = question;
  const { connect, send, response, idle } = timeouts;
  const stream = got.stream(`${origin}${target}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'user-agent': 'dfsync',
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      }),
      ...headers,
      ...question.headers,
    },
    agent: { http: agent, https: agent as SecureAgent },
    signal,
    retry: { limit: 0 },
    timeout: { lookup: connect, connect, secureConnect: connect, send, response: response + wait, socket: idle + wait },
    decompress: false,
    followRedirect: false,
    throwHttpErrors: false,
    setHost: true,
  });
  // Given as an option the body is written in chunks, and the request destroyed where its answer begins before that has ended.
  if (body !== undefined) stream.end(body);
  const read = Promise.withResolvers<void>();
  const carried = Promise.withResolvers<Traffic>();
  // Content is accounted for as it is read, the rest once the socket is free and the reader done, whichever is later.
  void Promise.all([carried.promise, read.promise]).then(([traffic]) => account.settle(traffic));
  let request: ClientRequest | undefined;
  stream.on('request', (made: ClientRequest) => {
    request = made;
    made.once('socket', socket => made.once('close', () => carried.resolve(meter.take(socket))));
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    stream.once('response', (given: IncomingMessage) => resolve(given));
    // Stays on: an error after the headers, before anybody reads, must not end the process.
    stream.on('error', reject);
  });
  const isStale = (error: unknown) => request?.reusedSocket === true && codeOf(error) === 'ECONNRESET';
  return { stream, response: answered, read: read.resolve, isStale };
}
