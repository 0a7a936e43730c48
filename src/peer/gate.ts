/** Who may ask, and how much at once: everything between the socket and the routes. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Middleware } from 'koa';
import type { Instance } from '../core/topology.ts';
import { Refusal, type Serving } from '../sync/serve.ts';
import { Problem, sendProblem } from './problem.ts';
import { MAX_TARGET_BYTES, PROTOCOL, PROTOCOL_HEADER, PROTOCOLS, ROLEID_HEADER } from './protocol.ts';
import { parseTarget, type Target } from './target.ts';
import { Account, type OnTransfer, SocketMeter } from './transfer.ts';

/** What the gate finds out about a request. */
export interface Asked {
  readonly asking: Instance;
  readonly target: Target;
  readonly account: Account;
  /** Aborted once the answer has ended, one way or the other. */
  readonly closed: AbortSignal;
}

export type PeerMiddleware = Middleware<Asked>;

/** Requests of one peer at a time: twice the sockets that its client opens, so only what is no dfsync meets it. */
export const MAX_REQUESTS_PER_PEER = 32;
/** Bounded by the sockets above, so short: the peer's next slot is free in a moment. */
const BUSY_RETRY_S = 1;

/** Names this instance in every answer, and turns whatever is thrown into a problem document. */
export function answering(self: number, stopping: AbortSignal, onError: (error: unknown) => void): PeerMiddleware {
  return async (ctx, next) => {
    ctx.set(ROLEID_HEADER, String(self));
    ctx.set(PROTOCOL_HEADER, String(PROTOCOL));
    let problem: Problem | undefined;
    try {
      await next();
      if (ctx.status >= 400) problem = unrouted(ctx.status, ctx.method);
    } catch (error) {
      ctx.respond = false;
      // Nobody is there any more: whatever was thrown is only how the question was given up.
      if (ctx.res.closed) return;
      problem = problemOf(error, stopping);
      if (problem.status === 500) onError(error);
    }
    // A kept connection would hold the shutdown up until its idle timeout.
    if (stopping.aborted && !ctx.headerSent) ctx.set('Connection', 'close');
    if (problem === undefined) return;
    ctx.respond = false;
    sendProblem(ctx.res, problem);
  };
}

/** Lets through who has one of the tokens; everybody, where there are none. */
export function authenticated(tokens: () => readonly string[]): PeerMiddleware {
  return (ctx, next) => {
    const accepted = tokens();
    if (accepted.length > 0 && !isAccepted(ctx.get('Authorization'), accepted))
      throw new Problem(401, 'Unauthorized', 'a bearer token of this network is needed', {
        'www-authenticate': 'Bearer',
      });
    return next();
  };
}

/** Finds out who asks, in which protocol and for what. */
export function identified(serving: Serving): PeerMiddleware {
  return (ctx, next) => {
    const protocol = ctx.get(PROTOCOL_HEADER);
    if (protocol !== '' && !PROTOCOLS.includes(Number(protocol)))
      throw new Problem(
        400,
        'Protocol not spoken',
        `this instance speaks protocol ${PROTOCOLS.join(', ')}: bring both to one release`,
      );
    const roleid = ctx.get(ROLEID_HEADER);
    if (!/^\d{1,9}$/.test(roleid)) throw new Problem(400, 'Who asks?', `the header ${ROLEID_HEADER} names no roleid`);
    const asking = serving.admit(Number(roleid));
    ctx.state = { ...ctx.state, asking, target: targetOf(ctx.req.url ?? ''), closed: closedSignal(ctx.res) };
    return next();
  };
}

/** Bounds what one peer asks at the same time. */
export function bounded(most: number): PeerMiddleware {
  const active = new Map<number, number>();
  const change = (roleid: number, by: number) => {
    const count = (active.get(roleid) ?? 0) + by;
    if (count === 0) active.delete(roleid);
    else active.set(roleid, count);
  };
  return (ctx, next) => {
    const { asking, closed } = ctx.state;
    if ((active.get(asking.roleid) ?? 0) >= most)
      throw new Problem(503, 'Too many requests at once', `one peer may ask ${most} things at a time`, {
        'retry-after': `${BUSY_RETRY_S}`,
      });
    change(asking.roleid, 1);
    whenAborted(closed, () => change(asking.roleid, -1));
    return next();
  };
}

/** Accounts for what each exchange moves. */
export function metered(onTransfer: OnTransfer): PeerMiddleware {
  const meter = new SocketMeter();
  return (ctx, next) => {
    const { asking, target, closed } = ctx.state;
    const [, kind, domain = ''] = target.segments;
    const account = new Account(asking.roleid, kind === 'domains' ? domain : '', onTransfer);
    const { socket } = ctx.req;
    whenAborted(closed, () => account.settle(meter.take(socket)));
    ctx.state = { ...ctx.state, account };
    return next();
  };
}

/** Runs `then` once: when the signal aborts, or now where it has. */
export function whenAborted(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}

/** Compares hashes, so that neither length nor content of a token shows in the time it takes. */
function isAccepted(header: string, accepted: readonly string[]): boolean {
  const given = sha256(/^Bearer +(\S+) *$/i.exec(header)?.[1] ?? '');
  // No early exit: the position of a token in the list shows as little.
  return accepted.map(token => timingSafeEqual(given, sha256(token))).includes(true);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function targetOf(raw: string): Target {
  if (raw.length > MAX_TARGET_BYTES)
    throw new Problem(414, 'Target too long', `a target has at most ${MAX_TARGET_BYTES} bytes`);
  const target = parseTarget(raw);
  if ('refused' in target) throw new Problem(400, 'Malformed target', target.refused);
  return target;
}

function closedSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  if (response.closed) controller.abort();
  else response.once('close', () => controller.abort());
  return controller.signal;
}

function unrouted(status: number, method: string): Problem {
  return status === 405
    ? new Problem(405, 'Method not allowed', `this route has no ${method}`)
    : new Problem(status, 'No such route', 'nothing is served here');
}

function problemOf(error: unknown, stopping: AbortSignal): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Refusal) {
    const { status, title, message, retryAfter } = error;
    return new Problem(status, title, message, retryAfter === undefined ? {} : { 'retry-after': `${retryAfter}` });
  }
  if (stopping.aborted) return new Problem(503, 'Stopping', 'this instance is being stopped', { 'retry-after': '5' });
  return new Problem(500, 'Internal error', 'the log of this instance says more');
}
