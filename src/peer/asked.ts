/** What is known of a request once it is through the gate. */
import type { RouterContext } from '@koa/router';
import type { Middleware } from 'koa';
import type { Instance } from '../core/topology.ts';
import type { Pace } from './pace.ts';
import type { Target } from './target.ts';
import type { Account } from './transfer.ts';

/** What the gate finds out about a request. */
export interface Asked {
  readonly asking: Instance;
  readonly target: Target;
  readonly account: Account;
  /** How fast an answer has to be taken. */
  readonly pace: Pace;
  /** Aborted once the answer has ended, one way or the other. */
  readonly closed: AbortSignal;
}

export type PeerMiddleware = Middleware<Asked>;

/** A request that came through the gate. */
export type Context = RouterContext<Asked>;

/** Runs `then` once: when the signal aborts, or now where it has. */
export function whenAborted(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}
