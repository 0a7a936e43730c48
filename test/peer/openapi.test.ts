/** The OpenAPI document is valid by itself, and every answer is in it: each status that it lists is provoked on a real socket. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { parseEntry } from '../../src/peer/entry-format.ts';
import { MAX_REQUESTS_PER_PEER } from '../../src/peer/gate.ts';
import { templateOf } from '../../src/peer/openapi.ts';
import { OPERATIONS } from '../../src/peer/operations.ts';
import { MAX_BUNDLE_FILES } from '../../src/peer/protocol.ts';
import { peerRouter } from '../../src/peer/routes.ts';
import { createPeerServer, type PeerServer } from '../../src/peer/server.ts';
import { Refusal } from '../../src/sync/refusal.ts';
import {
  type Answered,
  assertDocumented,
  DOCUMENT,
  DOCUMENTED,
  type Documented,
  resolve,
  validatorOf,
  walk,
} from './document.ts';
import { CLIENT, fileEntry, InMemoryServing } from './in-memory-serving.ts';
import { bytesOf, NEVER, until } from './network.ts';

const text = z.string().min(1);
const ref = z.strictObject({ $ref: text });
const schema = z.union([ref, z.looseObject({})]);
const parameter = z.strictObject({
  name: text,
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean().optional(),
  description: text,
  schema,
});
const content = z.record(text, z.strictObject({ schema, 'x-line-schema': ref.optional() }));
const header = z.strictObject({ description: text, required: z.boolean().optional(), schema });
const response = z.strictObject({
  description: text,
  headers: z.record(text, z.union([ref, header])),
  content: content.optional(),
});
const operation = z.strictObject({
  operationId: text,
  summary: text,
  parameters: z.array(z.union([ref, parameter])),
  requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
  responses: z.record(z.string().regex(/^[1-5]\d\d$/), z.union([ref, response])),
});
/** As much of OpenAPI 3.1 as the document uses. */
const openapi = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d+$/),
  info: z.strictObject({
    title: text,
    version: text,
    description: text,
    license: z.strictObject({ name: text, identifier: text }),
  }),
  security: z.array(z.record(text, z.array(z.never()))),
  paths: z.record(
    z.string().startsWith('/v1/'),
    z.strictObject({
      parameters: z.array(ref),
      get: operation.optional(),
      head: operation.optional(),
      post: operation.optional(),
    }),
  ),
  components: z.strictObject({
    securitySchemes: z.record(text, z.strictObject({ type: z.literal('http'), scheme: text, description: text })),
    parameters: z.record(text, parameter),
    headers: z.record(text, header),
    responses: z.record(text, response),
    schemas: z.record(z.string().regex(/^[\w.-]+$/), schema),
  }),
});

describe('the document', () => {
  it('has the form of OpenAPI 3.1', () => {
    openapi.parse(DOCUMENT);
    for (const requirement of DOCUMENT.security)
      for (const name of Object.keys(requirement)) assert.ok(name in DOCUMENT.components.securitySchemes);
  });

  it('names each operation once', () => {
    const ids = DOCUMENTED.map(({ id }) => id);
    assert.deepEqual([...new Set(ids)], ids);
  });

  it('has references that lead somewhere, and no component that nobody refers to', () => {
    const used = new Set<string>();
    for (const [node] of walk(DOCUMENT)) if (resolve(node) !== node) used.add(node.$ref);
    const { securitySchemes: _, ...components } = DOCUMENT.components;
    for (const [kind, members] of Object.entries<object>(components))
      for (const name of Object.keys(members)) {
        assert.ok(used.has(`#/components/${kind}/${name}`), `${kind}/${name} is of no use`);
      }
  });

  it('declares exactly the parameters that a target has', () => {
    for (const [template, item] of Object.entries<{ parameters: object[] }>(DOCUMENT.paths)) {
      const declared = item.parameters.map(resolve).filter(({ in: place }) => place === 'path');
      assert.deepEqual(
        declared.map(({ name }) => name),
        [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      );
      assert.ok(declared.every(({ required }) => required === true));
    }
  });

  it('has every route of the router with its methods, and no other', () => {
    const routes = peerRouter(new InMemoryServing(), NEVER).stack.flatMap(({ path, methods }) =>
      methods.map(method => `${method} ${templateOf(String(path))}`),
    );
    assert.deepEqual(DOCUMENTED.map(({ method, template }) => `${method} ${template}`).sort(), routes.sort());
    assert.equal(OPERATIONS.length, Object.keys(DOCUMENT.paths).length);
  });
});

/** What a request is made of, besides the operation. */
interface Extra {
  readonly method?: string;
  readonly headers?: Record<string, string | undefined>;
  readonly query?: string;
  readonly body?: string;
  /** Another path in the domain than that of a file which is there. */
  readonly path?: string;
}

/** A server of the whole API, and what it is made to answer. */
class Api {
  readonly serving = new InMemoryServing();
  readonly #server: PeerServer;
  /** The same with so little time for a question that 408 need not be waited for. */
  readonly #hasty: PeerServer;
  #port = 0;
  #hastyPort = 0;

  constructor() {
    this.serving.put('dir/a b', '0123456789');
    this.serving.entries = [
      fileEntry('a'),
      { ...fileEntry('l'), kind: 'symlink', target: 'a', size: 0, mtime: 0, mode: 0 },
    ];
    const polled = this.serving.onPoll;
    this.serving.onPoll = async (query, signal) => ({
      ...(await polled(query, signal)),
      changes: this.serving.entries.map(entry => ({ domain: 'acme.example' as never, entry })),
      heard: { 'acme.example': { 3: 4 } },
    });
    const routes = { serving: this.serving, tokens: () => ['right'] };
    this.#server = createPeerServer(routes);
    this.#hasty = createPeerServer(routes, { headers: 50, request: 50, check: 20 });
  }

  async open(): Promise<void> {
    this.#port = (await this.#server.listen('127.0.0.1', 0)).port;
    this.#hastyPort = (await this.#hasty.listen('127.0.0.1', 0)).port;
  }

  async close(): Promise<void> {
    await Promise.all([this.#server.close(), this.#hasty.close()]);
  }

  targetOf({ template }: Documented, path = 'dir/a%20b'): string {
    return template.replace('{domain}', 'acme.example').replace('{path}', path);
  }

  async ask(of: Documented, extra: Extra = {}): Promise<Answered> {
    const method = extra.method ?? of.method;
    const body =
      extra.body ??
      (method === 'POST'
        ? '{"files":[{"path":"dir/a b","size":10,"mtime":1000},{"path":"b","size":1,"mtime":1}]}'
        : undefined);
    const headers = { 'dfsync-roleid': `${CLIENT}`, authorization: 'Bearer right', ...extra.headers };
    const sent = request({
      host: '127.0.0.1',
      port: this.#port,
      path: `${this.targetOf(of, extra.path)}${extra.query ?? ''}`,
      method,
      agent: false,
      headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<
        string,
        string
      >,
    });
    sent.end(body);
    const response = await new Promise<import('node:http').IncomingMessage>((answered, failed) => {
      sent.once('response', answered).once('error', failed);
    });
    return { status: response.statusCode ?? 0, headers: response.headers, body: await bytesOf(response) };
  }

  /** A request that never ends, by hand: node's client would not send half of one. */
  async unfinished(of: Documented): Promise<Answered> {
    const socket = connect(this.#hastyPort, '127.0.0.1');
    socket.write(`${of.method} ${this.targetOf(of)} HTTP/1.1\r\nhost: x\r\n`);
    const [head = '', ...body] = (await bytesOf(socket)).toString().split('\r\n\r\n');
    const [line = '', ...fields] = head.split('\r\n');
    const headers = Object.fromEntries(fields.map(field => field.split(': ') as [string, string]));
    return { status: Number(line.split(' ')[1]), headers, body: Buffer.from(body.join('\r\n\r\n')) };
  }

  /** An answer while something is in the serving side's place. */
  async during(change: Partial<InMemoryServing>, asked: () => Promise<Answered>): Promise<Answered> {
    const before = Object.fromEntries(
      Object.keys(change).map(key => [key, Object.getOwnPropertyDescriptor(this.serving, key)]),
    );
    Object.assign(this.serving, change);
    try {
      return await asked();
    } finally {
      for (const [key, was] of Object.entries(before)) {
        if (was) Object.defineProperty(this.serving, key, was);
        else delete (this.serving as unknown as Record<string, unknown>)[key];
      }
    }
  }

  /** An answer while the peer asks all that it may at a time. */
  async crowded(asked: () => Promise<Answered>): Promise<Answered> {
    const gate = Promise.withResolvers<void>();
    const changes = DOCUMENTED.find(({ id }) => id === 'changes')!;
    // Its own count: a poll of an earlier case may still be on its way. One whose asker went away holds nothing any more.
    const held = new Set<AbortSignal>();
    const onPoll: InMemoryServing['onPoll'] = async (_, closed) => {
      held.add(closed);
      closed.addEventListener('abort', () => held.delete(closed));
      await gate.promise;
      return { epoch: '', sequence: 0, reset: true, changes: [], heard: {} };
    };
    // One that is refused has met an earlier case's exchange, which ends by itself.
    const poll = async (): Promise<void> => {
      while ((await this.ask(changes)).status === 503);
    };
    return await this.during({ onPoll }, async () => {
      const polls = Array.from({ length: MAX_REQUESTS_PER_PEER }, poll);
      await until(() => held.size === MAX_REQUESTS_PER_PEER);
      const answer = await asked();
      gate.resolve();
      await Promise.all(polls);
      return answer;
    });
  }
}

const refusal = (status: 404 | 409) => new Refusal(status, 'Refused', 'for the test');
const withHeaders = (headers: Record<string, string | undefined>) => (api: Api, of: Documented) =>
  api.ask(of, { headers });
const fail = () => {
  throw new Error('for the test');
};

/** How each status comes about, with any operation that lists it. */
const PROVOKED: Record<number, (api: Api, of: Documented) => Promise<Answered>> = {
  200: (api, of) => api.ask(of),
  206: withHeaders({ range: 'bytes=2-3' }),
  304: withHeaders({ 'if-none-match': '*' }),
  400: withHeaders({ 'dfsync-roleid': undefined }),
  401: withHeaders({ authorization: 'Bearer wrong' }),
  403: withHeaders({ 'dfsync-roleid': '99' }),
  404: (api, of) => api.during({ refusal: refusal(404) }, () => api.ask(of)),
  405: (api, of) => api.ask(of, { method: 'DELETE' }),
  406: withHeaders({ 'accept-encoding': 'gzip, identity;q=0' }),
  408: (api, of) => api.unfinished(of),
  409: (api, of) => api.during({ open: () => Promise.reject(refusal(409)) }, () => api.ask(of)),
  412: withHeaders({ 'if-match': '"another"' }),
  413: (api, of) =>
    api.ask(of, {
      body: JSON.stringify({ files: Array(MAX_BUNDLE_FILES + 1).fill({ path: 'a', size: 1, mtime: 1 }) }),
    }),
  414: (api, of) => api.ask(of, { query: `?x=${'a'.repeat(17_000)}` }),
  415: withHeaders({ 'content-type': 'text/plain' }),
  416: withHeaders({ range: 'bytes=99-' }),
  417: withHeaders({ expect: 'a miracle' }),
  431: withHeaders({ 'x-long': 'a'.repeat(40_000) }),
  500: (api, of) => api.during({ admit: fail }, () => api.ask(of)),
  501: (api, of) => api.ask(of, { method: 'PROPFIND' }),
  503: (api, of) => api.crowded(() => api.ask(of)),
};

describe('every documented answer is given, as it is documented', () => {
  const api = new Api();
  before(() => api.open());
  after(() => api.close());
  for (const documented of DOCUMENTED)
    it(`${documented.id}: ${documented.statuses.join(', ')}`, { timeout: 30_000 }, async () => {
      for (const status of documented.statuses) {
        const answer = await PROVOKED[status]!(api, documented);
        assert.equal(answer.status, status, `${documented.id} ${status}: ${answer.body.toString('latin1')}`);
        assertDocumented(documented, answer);
      }
    });

  for (const documented of DOCUMENTED.filter(({ method }) => method !== 'HEAD'))
    it(`${documented.id}: what provokes others provokes nothing else here`, { timeout: 30_000 }, async () => {
      for (const [status, provoke] of Object.entries(PROVOKED))
        if (!documented.statuses.includes(Number(status))) assertDocumented(documented, await provoke(api, documented));
    });

  it('and in zstd, where that is asked for', { timeout: 30_000 }, async () => {
    api.serving.entries = Array.from({ length: 200 }, (_, i) => fileEntry(`${i}`));
    api.serving.put('dir/a b', 'x'.repeat(5000));
    for (const documented of DOCUMENTED.filter(({ method }) => method !== 'HEAD')) {
      const body = '{"files":[{"path":"dir/a b","size":5000,"mtime":1000}]}';
      const query = documented.id === 'digests' ? `?prefix=${'0,'.repeat(200)}0` : '';
      const extra = documented.method === 'POST' ? { body } : { query };
      const answer = await api.ask(documented, { ...extra, headers: { 'accept-encoding': 'zstd' } });
      const long = ['openapi', 'digests', 'entries', 'changes', 'bundle'].includes(documented.id);
      assert.equal(answer.headers['content-encoding'], long ? 'zstd' : undefined, documented.id);
      assertDocumented(documented, answer);
    }
  });

  it('whatever is asked, the answer is one of them, or says that there is no such route', {
    timeout: 60_000,
  }, async () => {
    const documented = fc.constantFrom(...DOCUMENTED);
    const some = <T>(...values: T[]) => fc.constantFrom(...values);
    const headers = fc.record(
      {
        'dfsync-roleid': some(`${CLIENT}`, '99', 'x', ''),
        'dfsync-protocol': some('1', '2', '01', 'x'),
        authorization: some('Bearer right', 'Basic x'),
        range: some('bytes=1-2', 'bytes=0-', 'bytes=-1', 'bytes=20-', 'x'),
        'if-match': some('*', '"1000-10"', '"x"', 'x'),
        'if-none-match': some('*', '"1000-10"', '"x"', 'x'),
        'if-range': some('"1000-10"', '"x"'),
        'accept-encoding': some('zstd', '*;q=0', 'identity;q=0', 'br', ''),
        'content-type': some('application/json', 'text/plain'),
        'content-encoding': some('gzip', 'identity'),
        expect: some('100-continue', 'x'),
      },
      { requiredKeys: [] },
    );
    const extra = fc.record(
      {
        method: some('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'TRACE', 'PROPFIND'),
        headers,
        query: some('', '?prefix=a', '?prefix=zz', '?path=a&path=b', '?path=..', '?since=1&since=2', '?wait=x', '?%'),
        path: some('dir/a%20b', 'none', '%2f', '..', '%00', 'x//y', ''),
        body: some('', '{', '[]', '{"files":[]}', '{"files":[{"path":"..","size":1,"mtime":1}]}'),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(documented, extra, async (of, how) => {
        const asked =
          how.body !== undefined && how.method !== 'POST' && of.method !== 'POST' ? { ...how, body: '' } : how;
        const answer = await api.ask(of, asked);
        const method = how.method ?? of.method;
        const same = DOCUMENTED.filter(({ template }) => template === of.template);
        const isUnknown = answer.status === 404 && /No such route/.test(answer.body.toString());
        if (isUnknown || (method === 'HEAD' && answer.status === 404)) return;
        const found = same.find(one => one.method === method) ?? same.find(one => one.method !== 'HEAD')!;
        assertDocumented({ ...found, method }, answer);
      }),
      { numRuns: 500 },
    );
  });

  it('the document itself is served as it is', { timeout: 10_000 }, async () => {
    const answer = await api.ask(DOCUMENTED.find(({ id }) => id === 'openapi')!);
    assert.deepEqual(JSON.parse(answer.body.toString()), DOCUMENT);
  });
});

describe('the schema of an entry', () => {
  const entrySchema = validatorOf({ $ref: '#/components/schemas/Entry' }, 'open');

  it('refuses what parsing refuses, but for what it cannot say of the bytes of paths', () => {
    /** Mostly what an entry has there, sometimes anything. */
    const mostly = <T>(usual: fc.Arbitrary<T>, ...odd: unknown[]) =>
      fc.oneof({ weight: 12, arbitrary: usual }, fc.constantFrom(...odd, null, 'x', -1, 0.5, 2 ** 60, {}, []));
    const writer = mostly(fc.nat(99_999).map(String), '01', '').map(String);
    const version = mostly(
      fc.dictionary(writer, mostly(fc.nat(2e12), '1'), { minKeys: 0, maxKeys: 9, noNullPrototype: true }),
    );
    const name = mostly(fc.string(), 'a/b', '..', '', '/a', 'a\0', '\udc80', '\udcc3\udcbc');
    const raw = fc.record(
      {
        path: name,
        kind: mostly(fc.constantFrom('file', 'directory', 'symlink', 'tombstone'), 'device'),
        size: mostly(fc.nat()),
        mtime: mostly(fc.integer()),
        mode: mostly(fc.nat(0o777), 0o1000),
        target: name,
        version,
        from: mostly(fc.record({ path: name, version }, { noNullPrototype: true })),
        more: fc.anything(),
      },
      { requiredKeys: ['path', 'kind', 'size', 'mtime', 'mode', 'version'], noNullPrototype: true },
    );
    let taken = 0;
    fc.assert(
      fc.property(raw, value => {
        const parsed = parseEntry(value);
        const valid = entrySchema.safeParse(value).success;
        if ('entry' in parsed) taken++;
        if ('entry' in parsed) assert.ok(valid, 'parsing takes what the schema refuses');
        else if (valid) assert.match(parsed.refused, /^(a path|a name|\.dfsync is private|a symlink's target)/);
      }),
      { numRuns: 3000 },
    );
    assert.ok(taken > 100, `only ${taken} were entries at all`);
  });
});
