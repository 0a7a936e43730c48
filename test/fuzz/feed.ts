/** Feed, digests, entries, greeting: what a peer answers is parsed to what the core may trust, or refused with its name. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hashEntry } from '../../src/core/digest.ts';
import { type Entry, isEqual } from '../../src/core/entry.ts';
import { parsePath } from '../../src/core/path.ts';
import { merge } from '../../src/core/resolve.ts';
import { sameVersion } from '../../src/core/version.ts';
import { PeerClient } from '../../src/peer/client.ts';
import { PeerError } from '../../src/sync/peer.ts';
import { ACME, fileEntry } from '../peer/in-memory-serving.ts';
import { honest, NEVER } from '../peer/network.ts';
import type { Running, Target } from './target.ts';

const LINK = { ...fileEntry('d/l'), kind: 'symlink', target: '../x' };
const RENAMED = { ...fileEntry('d/\udcff'), version: { 1: 5, 2: 9 }, from: { path: 'old', version: { 1: 5 } } };
const STATE = {
  domain: ACME,
  state: 'serving',
  digest: '0123456789abcdef',
  entries: 1,
  files: 1,
  bytes: 2,
  heard: { 3: 4 },
};
const SELF = { roleid: 7, name: 'n', site: 's', version: '1', epoch: 'e', clock: 1, protocols: [1] };
const CHANGES = [fileEntry('a'), LINK, RENAMED].map(entry => ({ domain: ACME, entry }));
const RIGHT: readonly unknown[] = [
  { epoch: 'e', sequence: 3, reset: false, changes: CHANGES, compare: [ACME], heard: { [ACME]: { 1: 5 } } },
  { epoch: 'e', sequence: 3, reset: false, changes: [], states: [STATE], heard: {} },
  { epoch: 'e', sequence: 3, domains: [STATE] },
  { nodes: [{ prefix: 'a', digest: '0123456789abcdef', count: 3 }] },
  SELF,
];
const LINES = [fileEntry('a', 3), LINK, RENAMED].map(entry => `${JSON.stringify(entry)}\n`).join('');

export const feed: Target = {
  name: 'feed',
  share: 0.5,
  inputs: [...RIGHT.map(each => Buffer.from(JSON.stringify(each))), Buffer.from(LINES)],
  async begin(): Promise<Running> {
    let body: Uint8Array = Buffer.alloc(0);
    const server = createServer((_, response) => response.writeHead(200, honest).end(body));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = new PeerClient({ roleid: 7, self: 8, address, tokens: () => [] });
    const questions: (() => Promise<readonly Entry[]>)[] = [
      async () =>
        (await client.changes({ epoch: 'e', since: 0, done: 0, wait: 0 }, NEVER)).changes.map(each => each.entry),
      async () => await client.entriesUnder(ACME, [''], NEVER),
      async () => none(await client.digests(ACME, [''], NEVER)),
      async () => none(await client.domains(NEVER)),
      async () => none(await client.self(NEVER)),
    ];
    return {
      async run(input) {
        body = input;
        for (const ask of questions) {
          const entries = await ask().catch((error: unknown): readonly Entry[] => {
            if (!(error instanceof PeerError)) throw error;
            assert.match(error.message, /^peer 7 at /);
            assert.doesNotMatch(error.message, /\p{Cc}/u);
            return [];
          });
          for (const entry of entries) trust(entry);
        }
      },
      async [Symbol.asyncDispose]() {
        client.close();
        server.closeAllConnections();
        server.close();
      },
    };
  },
};

/** What the core does with an entry, and what it may expect of one. */
function trust(entry: Entry): void {
  assert.ok('path' in parsePath(entry.path), `a path ${JSON.stringify(entry.path)}`);
  if (entry.from) assert.ok('path' in parsePath(entry.from.path));
  assert.ok(Number.isSafeInteger(entry.size) && entry.size >= 0 && Number.isSafeInteger(entry.mtime));
  assert.ok((entry.mode & ~0o777) === 0);
  const { high, low } = hashEntry(entry);
  assert.ok(Number.isInteger(high) && Number.isInteger(low));
  const other = { ...fileEntry(entry.path), path: entry.path };
  const [one, two] = [merge(entry, other), merge(other, entry)];
  assert.ok(isEqual(one, two) && sameVersion(one.version, two.version), 'the order depends on the side');
  assert.deepEqual(JSON.parse(JSON.stringify(entry)), entry);
}

function none(_: unknown): readonly Entry[] {
  return [];
}
