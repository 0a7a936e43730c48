/** Requests, byte by byte, to every route: an answer that the protocol has, never 500, and nothing asked for that no tree may have. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { parsePath } from '../../src/core/path.ts';
import { ROUTES } from '../../src/peer/protocol.ts';
import { createPeerServer } from '../../src/peer/server.ts';
import type { Serving } from '../../src/sync/serve.ts';
import { ACME, InMemoryServing } from '../peer/in-memory-serving.ts';
import { bytesOf } from '../peer/network.ts';
import type { Running, Target } from './target.ts';

const END = 'host: x\r\ndfsync-roleid: 8\r\nconnection: close\r\n';
const BODY = JSON.stringify({ files: [{ path: 'd/a', size: 3, mtime: 1000 }] });
const QUERY: Record<string, string> = {
  digests: '?prefix=0,1a',
  entries: '?prefix=0a',
  changes: '?epoch=e&since=1&done=1&wait=0',
};
const TARGETS = Object.entries(ROUTES).map(
  ([name, route]) => route.replace(':domain', ACME).replace('*path', 'd/%C3%A4') + (QUERY[name] ?? ''),
);

export const routes: Target = {
  name: 'routes',
  share: 0.5,
  inputs: [
    ...TARGETS.map(target =>
      Buffer.from(`GET ${target} HTTP/1.1\r\n${END}range: bytes=0-1\r\nif-match: "1000-3"\r\n\r\n`),
    ),
    Buffer.from(`GET /v1/domains/${ACME}/entries?path=d%2Fa&path=b HTTP/1.1\r\n${END}accept-encoding: zstd\r\n\r\n`),
    Buffer.from(`POST /v1/domains/${ACME}/bundle HTTP/1.1\r\n${END}content-length: ${BODY.length}\r\n\r\n${BODY}`),
  ],
  async begin(): Promise<Running> {
    const errors: unknown[] = [];
    const store = new InMemoryServing();
    store.put('d/a', 'abc');
    store.put('d/ä', 'abc');
    const serving = guarded(store, errors);
    const server = createPeerServer(
      { serving, tokens: () => [], onError: error => errors.push(error) },
      { request: 500, headers: 300, check: 50 },
    );
    const { port } = await server.listen('127.0.0.1', 0);
    return {
      async run(input) {
        const socket = connect(port, '127.0.0.1');
        socket.end(input);
        const answer = (await bytesOf(socket).catch(() => Buffer.alloc(0))).toString('latin1');
        const [, status = ''] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
        assert.ok(
          answer === '' || /^(100|200|206|304|4\d\d|501|503)$/.test(status),
          `the answer ${answer.slice(0, 200)}`,
        );
        if (/^[45]/.test(status)) assert.match(answer, /^content-type: application\/problem\+json/im);
        assert.deepEqual(errors.splice(0), []);
        assert.equal(store.opened, 0, 'a file that stays open');
      },
      async [Symbol.asyncDispose]() {
        await server.close();
      },
    };
  },
};

/** The same serving side, which is never asked for what is no path. */
function guarded(store: InMemoryServing, errors: unknown[]): Serving {
  const check = (paths: readonly string[]) => {
    for (const path of paths)
      if (!('path' in parsePath(path))) errors.push(new Error(`asked for ${JSON.stringify(path)}`));
  };
  const { open, entriesAt, bundle } = store;
  store.open = (asking, domain, path) => {
    check([path]);
    return open.call(store, asking, domain, path);
  };
  store.entriesAt = (asking, domain, paths) => {
    check(paths);
    return entriesAt.call(store, asking, domain, paths);
  };
  store.bundle = (asking, domain, files) => {
    check(files.map(({ path }) => path));
    return bundle.call(store, asking, domain, files);
  };
  return store;
}
