/** Errors as RFC 9457 has them. */
import { STATUS_CODES } from 'node:http';
import type { Context } from 'koa';

export const PROBLEM_TYPE = 'application/problem+json';

/** Why a request was not answered. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

/** The problem document of an HTTP status. */
export function problemOf(status: number, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
}

/** Answers a request with a problem document. */
export function refuse(ctx: Context, problem: Problem): void {
  ctx.status = problem.status;
  ctx.body = JSON.stringify(problem);
  ctx.type = PROBLEM_TYPE;
}
