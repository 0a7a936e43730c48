/** `dfsync healthcheck`: whether the instance of this container is alive, for HEALTHCHECK. */
import got, { RequestError } from 'got';
import { EXIT_REFUSED } from './call.ts';
import type { Streams } from './telling.ts';

/** Docker gives a check thirty seconds; an instance that is alive takes milliseconds. */
const TIMEOUT_MS = 10_000;

/** Asks `/livez`. Answers the exit code: 0 where it is alive; what is wrong with it, or in the way, goes to `err`. */
export async function healthcheck({ url }: { readonly url: string }, { out, err }: Streams): Promise<number> {
  try {
    const answer = await got(`${url.replace(/\/+$/, '')}/livez?verbose`, {
      throwHttpErrors: false,
      retry: { limit: 0 },
      followRedirect: false,
      timeout: { request: TIMEOUT_MS },
      // No secret is sent, and a certificate hardly names the loopback address.
      https: { rejectUnauthorized: false },
    });
    const isAlive = answer.statusCode === 200;
    (isAlive ? out : err).write(`${answer.body.trimEnd()}\n`);
    return isAlive ? 0 : EXIT_REFUSED;
  } catch (error) {
    if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error;
    err.write(
      `dfsync: no answer from ${url}: ${error.message}; is dfsync running there? --url is the address of its --ops-listen\n`,
    );
    return EXIT_REFUSED;
  }
}
