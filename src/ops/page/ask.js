/** Questions to this instance, with the token that a person gave, if any. */

/** A refusal, or no answer at all: status 0. */
export class AskError extends Error {
  /**
   * @param {number} status of HTTP
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** What may be read with; forgotten with the page. @type {string | undefined} */
let readToken;

/** @param {string} token */
export function useToken(token) {
  readToken = token;
}

/**
 * The answer, whatever it holds.
 *
 * @param {string} path
 * @param {{ method?: string, body?: unknown, token?: string, signal?: AbortSignal }} [options] `token`: in the place of the one in use
 * @returns {Promise<Response>}
 */
export async function ask(path, { method = 'GET', body, token = readToken, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const text = body === undefined ? null : JSON.stringify(body);
  const answer = await fetch(path, { method, headers, body: text, cache: 'no-store', signal: signal ?? null }).catch(
    error => {
      throw new AskError(0, `this instance does not answer: ${error.message}`);
    },
  );
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => undefined);
  throw new AskError(answer.status, problem?.detail ?? `${answer.status} ${answer.statusText}`);
}

/**
 * The answer as JSON, and when it was given by the clock of the instance.
 *
 * @param {string} path
 * @param {Parameters<typeof ask>[1]} [options]
 * @returns {Promise<{ value: any, now: number }>}
 */
export async function askJson(path, options) {
  const answer = await ask(path, options);
  const value = await answer.json().catch(error => {
    throw new AskError(0, `the answer broke off: ${error.message}`);
  });
  return { value, now: Date.parse(answer.headers.get('Date') ?? '') || Date.now() };
}
