/** One question to a peer over HTTP, and the checks that every answer has to pass. */
import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import got, { type Request } from 'got';
import { PeerError } from '../sync/peer.ts';
import { brief, codeOf, problemIn, reasonOf } from './failure.ts';
import { strangerIn } from './identity.ts';
import { PROTOCOL, PROTOCOL_HEADER, ROLEID_HEADER } from './protocol.ts';
import { Account, type OnTransfer, SocketMeter, type Traffic } from './transfer.ts';

/** Half of what a server takes from one peer at a time: polls, small and large transfers side by side. */
const MAX_SOCKETS = 16;
/** Below the server's keep-alive (65 s): whoever sends closes idle sockets first. */
const IDLE_SOCKET_MS = 30_000;

/** How long to wait for a peer, milliseconds. */
export interface Timeouts {
  /** For the connection: three tries of TCP. */
  readonly connect: number;
  /** For the first byte of an answer, above what was asked to be waited for. */
  readonly response: number;
  /** Between two bytes, the same. */
  readonly idle: number;
}

const TIMEOUTS: Timeouts = { connect: 10_000, response: 30_000, idle: 30_000 };

/** Who asks whom, and how. */
export interface ExchangeOptions {
  /** The roleid that is expected to answer. */
  readonly roleid: number;
  /** Our own. */
  readonly self: number;
  /** `host:port`. */
  readonly address: string;
  /** Bearer tokens: the first one is sent, asked for at every request. */
  tokens(): readonly string[];
  onTransfer?: OnTransfer;
  readonly timeouts?: Partial<Timeouts>;
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
}

/** An answer of the right peer with an expected status. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly account: Account;
  /** To be read once; rejects with a {@link PeerError}. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The error for an answer whose content is not what the protocol says. */
  unexpected(what: string, cause?: unknown): PeerError;
  /** Gives the answer up, read or not. */
  discard(): void;
}

/** The sockets to one peer. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #timeouts: Timeouts;
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    timeout: IDLE_SOCKET_MS,
    scheduling: 'lifo',
  });
  readonly #meter = new SocketMeter();

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#timeouts = { ...TIMEOUTS, ...options.timeouts };
  }

  /**
   * Asks, and answers once the headers are here and right.
   *
   * @throws {@link PeerError}; the signal's reason where it was aborted
   */
  async ask(question: Question, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted();
    try {
      return await this.#once(question, signal, true);
    } catch (error) {
      if (!(error instanceof StaleSocket)) throw error;
    }
    // The peer closed an idle socket at the moment it was used again: it saw nothing of the question.
    return await this.#once(question, signal, false);
  }

  /** Closes every socket. */
  close(): void {
    this.#agent.destroy();
  }

  /** @param again whether it may be asked again: then a kept socket that turns out to be closed is told as such */
  async #once(question: Question, signal: AbortSignal, again: boolean): Promise<Answer> {
    const sent = this.#send(question, signal);
    const failed = (error: unknown) => {
      sent.stream.destroy();
      sent.read();
      return this.#failure(question, signal, error);
    };
    let response: IncomingMessage;
    try {
      response = await sent.response;
    } catch (error) {
      if (again && sent.isStale(error) && !signal.aborted) throw new StaleSocket();
      throw failed(error);
    }
    const answer: Answer = {
      status: response.statusCode ?? 0,
      headers: response.headers,
      account: sent.account,
      body: readBody(sent.stream, sent.read, failed),
      unexpected: (what, cause) => this.#error(question, response.statusCode ?? 0, brief(what), cause),
      discard: () => {
        sent.stream.destroy();
        sent.read();
      },
    };
    await this.#check(answer, question, signal);
    return answer;
  }

  #send(question: Question, signal: AbortSignal) {
    const { roleid, address, onTransfer } = this.#options;
    const stream = got.stream(`http://${address}${question.target}`, this.#request(question, signal));
    // Given as an option the body is written in chunks, and the request destroyed where its answer begins before that has ended.
    if (question.body !== undefined) stream.end(question.body);
    const account = new Account(roleid, question.domain, onTransfer ?? (() => {}));
    const read = Promise.withResolvers<void>();
    const carried = Promise.withResolvers<Traffic>();
    // Content is accounted for as it is read, the rest once the socket is free and the reader done, whichever is later.
    void Promise.all([carried.promise, read.promise]).then(([traffic]) => account.settle(traffic));
    let request: ClientRequest | undefined;
    stream.on('request', (made: ClientRequest) => {
      request = made;
      made.once('socket', socket => made.once('close', () => carried.resolve(this.#meter.take(socket))));
    });
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      stream.once('response', (given: IncomingMessage) => resolve(given));
      // Stays on: an error after the headers, before anybody reads, must not end the process.
      stream.on('error', reject);
    });
    const isStale = (error: unknown) => request?.reusedSocket === true && codeOf(error) === 'ECONNRESET';
    return { stream, response, account, read: read.resolve, isStale };
  }

  #request({ body, headers, wait = 0 }: Question, signal: AbortSignal) {
    const { self, tokens } = this.#options;
    const { connect, response, idle } = this.#timeouts;
    const [token] = tokens();
    return {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        [ROLEID_HEADER]: String(self),
        [PROTOCOL_HEADER]: String(PROTOCOL),
        'user-agent': 'dfsync',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
        }),
        ...headers,
      },
      agent: { http: this.#agent },
      signal,
      retry: { limit: 0 },
      timeout: { lookup: connect, connect, response: response + wait, socket: idle + wait },
      decompress: false,
      followRedirect: false,
      throwHttpErrors: false,
      setHost: true,
    } as const;
  }

  /** Whoever else answers, a proxy or another instance: nothing of it is believed. */
  async #check(answer: Answer, question: Question, signal: AbortSignal): Promise<void> {
    const stranger = strangerIn(answer, this.#options.roleid);
    const error = stranger
      ? this.#error(question, stranger.status, stranger.what)
      : await this.#statusError(answer, question);
    if (error === undefined) return;
    answer.discard();
    signal.throwIfAborted();
    throw error;
  }

  async #statusError(answer: Answer, question: Question): Promise<PeerError | undefined> {
    const { expected = [200] } = question;
    if (expected.includes(answer.status)) return undefined;
    const said = await problemIn(answer);
    if (answer.status !== 401) return this.#error(question, answer.status, `${answer.status} ${said}`);
    const advice = 'make the first line of --token-file a token that the peer accepts';
    return this.#error(question, 401, `the peer refuses our token: ${said}; ${advice}`);
  }

  #failure(question: Question, signal: AbortSignal, error: unknown): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof PeerError) return error;
    return this.#error(question, 0, reasonOf(error), error);
  }

  #error({ target, body }: Question, status: number, what: string, cause?: unknown): PeerError {
    const { roleid, address } = this.#options;
    const method = body === undefined ? 'GET' : 'POST';
    return new PeerError(status, `peer ${roleid} at ${address}, ${method} ${brief(target)}: ${what}`, { cause });
  }
}

/** A kept socket turned out to be closed. */
class StaleSocket extends Error {}

async function* readBody(
  stream: Request,
  read: () => void,
  failed: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw failed(error);
  } finally {
    read();
  }
}
