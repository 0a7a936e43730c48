/** What is no request, or never becomes one, does not reach the routes: answered by hand, in the same form. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { formatProblem, Problem } from './problem.ts';
import { MAX_HEADER_BYTES, PROBLEM, PROTOCOL_HEADER, ROLEID_HEADER } from './protocol.ts';

/** Who answers. */
export interface Answerer {
  readonly roleid: number;
  /** The version of the protocol that is named where none could be agreed upon. */
  readonly protocol: number;
}

/** Makes a server answer what its parser refuses. */
export function answerGarbage(server: Server, answerer: Answerer): void {
  const latest = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (request, response) => latest.set(request.socket, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const answer = latest.get(socket);
    // Within an answer that has begun, a problem would be read as a part of it.
    const isAnswering = answer?.headersSent === true && !answer.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) socket.destroy();
    else refuse(socket, answerer, problemOf(error.code));
  });
  server.on('connect', (_: IncomingMessage, socket: Duplex) =>
    refuse(
      socket.on('error', () => {}),
      answerer,
      new Problem(501, 'Not implemented', 'this is no proxy: CONNECT is not known'),
    ),
  );
}

function refuse(socket: Duplex, { roleid, protocol }: Answerer, problem: Problem): void {
  const body = formatProblem(problem);
  const headers = [
    `${ROLEID_HEADER}: ${roleid}`,
    `${PROTOCOL_HEADER}: ${protocol}`,
    `content-type: ${PROBLEM}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${headers.join('\r\n')}\r\n\r\n${body}`);
}

function problemOf(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem(
        431,
        'Request header fields too large',
        `line and headers have at most ${MAX_HEADER_BYTES} bytes`,
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem(408, 'Request timeout', 'the request did not arrive in time; ask again on a new connection');
    default:
      return new Problem(400, 'Malformed request', 'this is no HTTP/1.1; is it TLS? This port speaks plain HTTP');
  }
}
