/** Errors as RFC 9457 problem documents. */
import type { ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { problemSchema } from './messages.ts';
import { PROBLEM } from './protocol.ts';

/** Why the wire itself refuses a request; what the serving side refuses is a `Refusal`. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Versions of the protocol that are spoken here, where the one asked for is not. */
  readonly protocols: readonly number[] | undefined;

  constructor(
    status: number,
    title: string,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
    protocols?: readonly number[],
  ) {
    super(detail);
    this.status = status;
    this.title = title;
    this.headers = headers;
    this.protocols = protocols;
  }
}

/** The document: `type` is a fragment made of the title, as there is no page to point to. */
export function formatProblem({ status, title, message, protocols }: Problem): string {
  const type = `about:blank#${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
  const document: z.input<typeof problemSchema> = { type, title, status, detail: message };
  return JSON.stringify(protocols === undefined ? document : { ...document, protocols });
}

/** Answers with a problem; where an answer is under way already, cuts it off so that nobody takes it for whole. */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = formatProblem(problem);
  // What was said of an answer that is not given after all.
  for (const name of ['content-encoding', 'content-range', 'vary']) response.removeHeader(name);
  response.writeHead(problem.status, {
    ...problem.headers,
    'content-type': PROBLEM,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
