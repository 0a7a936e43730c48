/** Every answer says who gives it and in which protocol, and whatever is thrown on the way becomes a problem document. */
import { Refusal } from '../sync/refusal.ts';
import type { PeerMiddleware } from './asked.ts';
import { Problem, sendProblem } from './problem.ts';
import { PROTOCOL_HEADER, ROLEID_HEADER } from './protocol.ts';

/** Methods that are known, although few routes have them. */
const KNOWN_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Who answers. */
export interface Answering {
  readonly roleid: number;
  /** Versions of the protocol that are spoken. */
  readonly protocols: readonly number[];
  /** Aborted once this instance is being stopped. */
  readonly stopping: AbortSignal;
  /** Told of what should never happen. */
  onError(error: unknown): void;
}

/** Names this instance in every answer, and turns whatever is thrown into a problem document. */
export function answering({ roleid, protocols, stopping, onError }: Answering): PeerMiddleware {
  return async (ctx, next) => {
    ctx.set(ROLEID_HEADER, String(roleid));
    ctx.set(PROTOCOL_HEADER, String(spokenIn(ctx.get(PROTOCOL_HEADER), protocols) ?? Math.min(...protocols)));
    let problem: Problem | undefined;
    try {
      await next();
    } catch (error) {
      ctx.respond = false;
      // Nobody is there any more: whatever was thrown is only how the question was given up.
      if (ctx.res.closed) return;
      problem = problemOf(error, stopping);
      if (problem.status === 500) onError(error);
    }
    // A kept connection would hold the shutdown up until its idle timeout.
    if (stopping.aborted && !ctx.headerSent) ctx.set('Connection', 'close');
    if (problem !== undefined) sendProblem(ctx.res, problem);
  };
}

/** The version that a request is in, where it is spoken here; the oldest one where it says none. */
export function spokenIn(header: string, protocols: readonly number[]): number | undefined {
  return header === '' ? Math.min(...protocols) : protocols.find(version => String(version) === header);
}

/** What no route takes. */
export function unrouted(): PeerMiddleware {
  return ctx => {
    const { matched = [] } = ctx as unknown as { matched?: { methods: string[] }[] };
    const allow = [...new Set(matched.flatMap(({ methods }) => methods))].sort().join(', ');
    if (allow === '')
      throw new Problem(404, 'No such route', 'nothing is served here; GET /v1/openapi.json lists what is');
    if (!KNOWN_METHODS.includes(ctx.method))
      throw new Problem(501, 'Method not implemented', `nothing here has ${ctx.method}; this target has ${allow}`, {
        allow,
      });
    throw new Problem(405, 'Method not allowed', `this target has no ${ctx.method}, but ${allow}`, { allow });
  };
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
