/** Errors as RFC 9457 problem documents. */
import type { ServerResponse } from 'node:http';
import { PROBLEM } from './protocol.ts';

/** Why the wire itself refuses a request; what the serving side refuses is a `Refusal`. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, title: string, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.title = title;
    this.headers = headers;
  }
}

/** The document: `type` is a fragment made of the title, as there is no page to point to. */
export function formatProblem(status: number, title: string, detail: string): string {
  const type = `about:blank#${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
  return JSON.stringify({ type, title, status, detail });
}

/** Answers with a problem; where an answer is under way already, cuts it off so that nobody takes it for whole. */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = formatProblem(problem.status, problem.title, problem.message);
  response.writeHead(problem.status, {
    ...problem.headers,
    'content-type': PROBLEM,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
