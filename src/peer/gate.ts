/** Who may ask, and how much at once: everything between the socket and the routes. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Serving } from '../sync/serve.ts';
import { spokenIn } from './answering.ts';
import { type PeerMiddleware, whenAborted } from './asked.ts';
import { roleidHeaderSchema } from './messages.ts';
import type { Pace } from './pace.ts';
import { Problem } from './problem.ts';
import { MAX_TARGET_BYTES, PROTOCOL_HEADER, ROLEID_HEADER } from './protocol.ts';
import { parseTarget, type Target } from './target.ts';
import { impersonation } from './tls.ts';
import { Account, type OnTransfer, SocketMeter } from './transfer.ts';

/** Requests of one peer at a time: twice the sockets that its client opens, so only what is no dfsync meets it. */
export const MAX_REQUESTS_PER_PEER = 32;
/** Why whatever an answer needed is given up. One for all: each would take a stack otherwise, and every answer ends. */
const CLOSED = new DOMException('the answer has ended', 'AbortError');
/** Bounded by the sockets above, so short: the peer's next slot is free in a moment. */
const BUSY_RETRY_S = 1;

/** Tells of each request once it is over. */
export function counted(onRequest: (route: string, status: number) => void): PeerMiddleware {
  return (ctx, next) => {
    const matched = ctx as { readonly _matchedRoute?: string };
    ctx.res.once('close', () => onRequest(matched._matchedRoute ?? 'none', ctx.res.statusCode));
    return next();
  };
}

/** Lets through what is HTTP as the standard has it: one host, and no expectation that nobody here meets. */
export function wellFormed(): PeerMiddleware {
  return (ctx, next) => {
    const hosts = ctx.req.headersDistinct.host?.length ?? 0;
    if (hosts > 1 || (hosts === 0 && ctx.req.httpVersion === '1.1'))
      throw new Problem(400, 'Malformed request', `a request has one Host header, this one ${hosts}`);
    const expected = ctx.get('Expect');
    if (expected !== '' && expected.toLowerCase() !== '100-continue')
      throw new Problem(417, 'Expectation failed', 'nothing but 100-continue can be expected here');
    return next();
  };
}

/** Lets through who has one of the tokens; everybody, where there are none. */
export function authenticated(tokens: () => readonly string[]): PeerMiddleware {
  return (ctx, next) => {
    const accepted = tokens();
    if (accepted.length > 0 && !isAccepted(ctx.get('Authorization'), accepted))
      throw new Problem(
        401,
        'Unauthorized',
        'a bearer token of this network is needed: Authorization: Bearer TOKEN, one of those in --token-file',
        {
          'www-authenticate': 'Bearer',
          // A stranger holds no socket.
          connection: 'close',
        },
      );
    return next();
  };
}

/** Finds out who asks, in which protocol and for what. */
export function identified(serving: Serving, protocols: readonly number[], pace: Pace): PeerMiddleware {
  return (ctx, next) => {
    const protocol = ctx.get(PROTOCOL_HEADER);
    if (spokenIn(protocol, protocols) === undefined) throw notSpoken(protocol, protocols);
    const roleid = ctx.get(ROLEID_HEADER);
    if (!roleidHeaderSchema.safeParse(roleid).success)
      throw new Problem(400, 'Who asks?', `the header ${ROLEID_HEADER} has to name the roleid of the asking instance`);
    const asking = serving.admit(Number(roleid));
    const pretence = impersonation(ctx.req, asking);
    if (pretence !== undefined) throw new Problem(403, 'Another certificate', pretence);
    ctx.state = { ...ctx.state, asking, target: targetOf(ctx.req.url ?? ''), pace, closed: closedSignal(ctx.res) };
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
      throw new Problem(
        503,
        'Too many requests at once',
        `one peer may ask ${most} things at a time; ask again when one of them is answered`,
        {
          'retry-after': `${BUSY_RETRY_S}`,
        },
      );
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
  if (response.closed) controller.abort(CLOSED);
  else response.once('close', () => controller.abort(CLOSED));
  return controller.signal;
}

/** Says what is spoken in a form for programs too: whoever asks finds the common version in it. */
function notSpoken(asked: string, protocols: readonly number[]): Problem {
  const spoken = protocols.join(', ');
  const older = Math.max(...protocols) < Number(asked) ? 'this instance' : 'the asking instance';
  const detail = /^\d{1,9}$/.test(asked)
    ? `protocol ${asked} was asked in, this instance speaks ${spoken}: ask in one of these, or update ${older}, which is the older one`
    : `the header ${PROTOCOL_HEADER} names no version; this instance speaks ${spoken}`;
  return new Problem(400, 'Protocol not spoken', detail, {}, protocols);
}
