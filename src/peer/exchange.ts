/** One question to a peer over HTTP, and the checks that every answer has to pass. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { PeerError } from '../sync/peer.ts';
import { Agents, type PeerTls } from './agents.ts';
import { Agreement, OtherProtocol } from './agreement.ts';
import { WireError } from './byte-reader.ts';
import { brief, codeOf, problemIn, reasonOf, withoutSecrets } from './failure.ts';
import { strangerIn } from './identity.ts';
import { PACE, type Pace } from './pace.ts';
import { MISDIRECTED, PROTOCOL_HEADER, PROTOCOLS, ROLEID_HEADER } from './protocol.ts';
import { receive } from './receiving.ts';
import { type Question, send, type Timeouts } from './sending.ts';
import { OTHER_CERTIFICATE } from './tls.ts';
import { Account, type OnTransfer, SocketMeter } from './transfer.ts';

const TIMEOUTS: Timeouts = { connect: 10_000, send: 30_000, response: 30_000, idle: 30_000 };

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
  /** Plain HTTP where not given. */
  readonly tls?: PeerTls;
  onTransfer?: OnTransfer;
  /** Versions of the protocol to speak; those of this program where not given. */
  readonly protocols?: readonly number[];
  readonly timeouts?: Partial<Timeouts>;
  readonly pace?: Pace;
}

/** An answer of the right peer with an expected status. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly account: Account;
  /** The content, decoded; to be read once; rejects with a {@link PeerError}. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The error for an answer whose content is not what the protocol says. */
  unexpected(what: string, cause?: unknown): PeerError;
  /** Gives the answer up, read or not. */
  discard(): void;
}

/** The sockets to one peer, and the version of the protocol that is spoken on them. */
export class Exchange {
  readonly #options: ExchangeOptions;
  /** The version of the protocol that questions are asked in. */
  readonly agreement: Agreement;
  readonly #pace: Pace;
  readonly #timeouts: Timeouts;
  readonly #agents: Agents;
  readonly #meter = new SocketMeter();

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#agents = new Agents(options.roleid, options.tls);
    this.agreement = new Agreement(options.protocols ?? PROTOCOLS);
    this.#pace = options.pace ?? PACE;
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
      return await this.#fresh(question, signal);
    } catch (error) {
      if (!(error instanceof OtherProtocol)) throw error;
      // The peer was replaced by another release since; what it speaks now was in its refusal.
      this.agreement.follow(error);
    }
    return await this.#fresh(question, signal);
  }

  /** Closes every socket. */
  close(): void {
    this.#agents.close();
  }

  async #fresh(question: Question, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#once(question, signal, true);
    } catch (error) {
      if (!(error instanceof StaleSocket)) throw error;
    }
    // The peer closed an idle socket at the moment it was used again: it saw nothing of the question.
    return await this.#once(question, signal, false);
  }

  /** @param again whether it may be asked again: then a kept socket that turns out to be closed is told as such */
  async #once(question: Question, signal: AbortSignal, again: boolean): Promise<Answer> {
    const { roleid, address, onTransfer } = this.#options;
    const account = new Account(roleid, question.domain, onTransfer ?? (() => {}));
    const protocol = question.unversioned ? undefined : this.agreement.version;
    const origin = `${this.#agents.scheme}://${address}`;
    const sockets = { origin, agent: this.#agents.current, meter: this.#meter, timeouts: this.#timeouts };
    const sent = send(question, this.#headers(protocol), sockets, account, signal);
    const giveUp = () => {
      sent.stream.destroy();
      sent.read();
    };
    let response: IncomingMessage;
    try {
      response = await sent.response;
    } catch (error) {
      if (again && sent.isStale(error) && !signal.aborted) throw new StaleSocket();
      giveUp();
      throw this.#failure(question, signal, error);
    }
    const { headers, statusCode: status = 0 } = response;
    const unexpected = (what: string, cause?: unknown) => this.#error(question, status, brief(what), cause);
    const failed = (error: unknown) => {
      giveUp();
      return error instanceof WireError ? unexpected(error.message, error) : this.#failure(question, signal, error);
    };
    const body = receive(sent, headers['content-encoding'], this.#pace, account, failed);
    const answer: Answer = { status, headers, account, body, unexpected, discard: giveUp };
    await this.#check(answer, question, protocol, signal);
    return answer;
  }

  #headers(protocol: number | undefined): Record<string, string> {
    const { self, tokens } = this.#options;
    const [token] = tokens();
    return {
      [ROLEID_HEADER]: String(self),
      ...(protocol !== undefined && { [PROTOCOL_HEADER]: String(protocol) }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
  }

  /** Whoever else answers, a proxy or another instance: nothing of it is believed. */
  async #check(answer: Answer, question: Question, protocol: number | undefined, signal: AbortSignal): Promise<void> {
    const stranger = strangerIn(answer, this.#options.roleid, protocol);
    const error = stranger
      ? this.#error(question, stranger.status, stranger.what)
      : await this.#statusError(answer, question, protocol);
    if (error === undefined) return;
    answer.discard();
    signal.throwIfAborted();
    throw error;
  }

  async #statusError(answer: Answer, question: Question, protocol: number | undefined): Promise<Error | undefined> {
    const { expected = [200] } = question;
    if (expected.includes(answer.status)) return undefined;
    const { says, protocols } = await problemIn(answer, this.#options.tokens());
    const refused = this.#error(question, answer.status, `${answer.status} ${says}`);
    if (answer.status === 400 && protocols !== undefined) {
      const meant = this.agreement.refusal(refused, protocol, protocols);
      if (meant !== undefined) return typeof meant === 'string' ? this.#error(question, 400, meant) : meant;
    }
    if (answer.status !== 401) return refused;
    const advice = 'make the first line of --token-file a token that the peer accepts';
    return this.#error(question, 401, `the peer refuses our token: ${says}; ${advice}`);
  }

  #failure(question: Question, signal: AbortSignal, error: unknown): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof PeerError) return error;
    if (codeOf(error) === OTHER_CERTIFICATE) {
      const what = `misrouted: ${(error as Error).message}; check its address and its certificate`;
      return this.#error(question, MISDIRECTED, what, error);
    }
    return this.#error(question, 0, reasonOf(error, this.#options.tls !== undefined), error);
  }

  #error({ target, body }: Question, status: number, what: string, cause?: unknown): PeerError {
    const { roleid, address, tokens } = this.#options;
    const method = body === undefined ? 'GET' : 'POST';
    const told = withoutSecrets(what, tokens());
    return new PeerError(status, `peer ${roleid} at ${address}, ${method} ${brief(target)}: ${told}`, { cause });
  }
}

/** A kept socket turned out to be closed. */
class StaleSocket extends Error {}
