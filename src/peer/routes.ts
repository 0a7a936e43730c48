/** The peer API: each route parses a question, asks the serving side and formats its answer. */
import { Readable } from 'node:stream';
import Router from '@koa/router';
import Koa from 'koa';
import { MAX_PREFIX } from '../core/digest.ts';
import { Refusal, type ServedFile, type Serving } from '../sync/serve.ts';
import { formatBundle } from './bundle-format.ts';
import { formatEntries } from './entry-format.ts';
import {
  type Asked,
  answering,
  authenticated,
  bounded,
  identified,
  MAX_REQUESTS_PER_PEER,
  metered,
  whenAborted,
} from './gate.ts';
import { decide, etagOf } from './preconditions.ts';
import { Problem } from './problem.ts';
import { BUNDLE, changesQuerySchema, NDJSON, prefixesSchema, ROUTES } from './protocol.ts';
import { bundleIn, type Context, domainOf, parse, pathOf, readJson, single } from './questions.ts';
import { exactly, primed } from './streaming.ts';
import type { OnTransfer } from './transfer.ts';

/** What the routes stand on. */
export interface PeerRoutes {
  readonly serving: Serving;
  /** Bearer tokens that are accepted; none: no token is needed. Asked at every request. */
  tokens(): readonly string[];
  onTransfer?: OnTransfer;
  /** Told of what should never happen: the peer sees no more than 500. */
  onError?(error: unknown): void;
}

/** The peer API as a koa application; `stopping` ends open polls. */
export function peerApp({ serving, tokens, onTransfer, onError }: PeerRoutes, stopping: AbortSignal): Koa<Asked> {
  const app = new Koa<Asked>();
  app.on('error', error => {
    if (!isBrokenOff(error)) onError?.(error);
  });
  app.use(answering(serving.self().roleid, stopping, onError ?? (() => {})));
  app.use(authenticated(tokens));
  app.use(identified(serving));
  app.use(metered(onTransfer ?? (() => {})));
  app.use(bounded(MAX_REQUESTS_PER_PEER));
  const router = peerRouter(serving, stopping);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function peerRouter(serving: Serving, stopping: AbortSignal): Router<Asked> {
  const router = new Router<Asked>({ sensitive: true, strict: true });
  router.get(ROUTES.self, ctx => {
    ctx.body = serving.self();
  });
  router.get(ROUTES.domains, ctx => {
    ctx.body = serving.domains(ctx.state.asking);
  });
  router.get(ROUTES.digests, ctx => {
    const prefixes = parse(prefixesSchema(MAX_PREFIX - 1), single(ctx, 'prefix') ?? '', 'prefix');
    ctx.body = { nodes: serving.digests(ctx.state.asking, domainOf(ctx), prefixes) };
  });
  router.get(ROUTES.entries, ctx => sendEntries(ctx, serving));
  router.get(ROUTES.changes, async ctx => {
    const asked = Object.fromEntries([...ctx.state.target.query.keys()].map(name => [name, single(ctx, name)]));
    const query = parse(changesQuerySchema, asked, 'query');
    ctx.body = await serving.changes(ctx.state.asking, query, AbortSignal.any([stopping, ctx.state.closed]));
  });
  router.get(ROUTES.file, ctx => sendFile(ctx, serving));
  router.post(ROUTES.bundle, ctx => sendBundle(ctx, serving, stopping));
  return router;
}

function sendEntries(ctx: Context, serving: Serving): void {
  const paths = ctx.state.target.query.get('path');
  const entries =
    paths === undefined
      ? serving.entriesUnder(
          ctx.state.asking,
          domainOf(ctx),
          parse(prefixesSchema(MAX_PREFIX), single(ctx, 'prefix') ?? '', 'prefix'),
        )
      : serving.entriesAt(ctx.state.asking, domainOf(ctx), paths.map(pathOf));
  ctx.type = NDJSON;
  ctx.body = Readable.from(formatEntries(entries), { objectMode: false });
}

async function sendFile(ctx: Context, serving: Serving): Promise<void> {
  const path = pathOf(ctx.state.target.segments.slice(4).join('/'));
  const file = await serving.open(ctx.state.asking, domainOf(ctx), path);
  whenAborted(ctx.state.closed, () => file.close());
  const verdict = decide(ctx.req.headers, file);
  ctx.set({ ETag: etagOf(file), 'Accept-Ranges': 'bytes', ...lastModified(file) });
  switch (verdict.status) {
    case 304:
      ctx.status = 304;
      return;
    case 412:
      throw new Problem(412, 'Another version', `the file here is ${etagOf(file)}`);
    case 416:
      throw new Problem(416, 'No such range', `the file has ${file.size} bytes`, {
        'content-range': `bytes */${file.size}`,
      });
    case 206:
      ctx.set('Content-Range', `bytes ${verdict.start}-${verdict.end - 1}/${file.size}`);
      break;
    case 200:
      break;
    default:
      verdict satisfies never;
  }
  await sendContent(ctx, file, verdict);
}

async function sendContent(
  ctx: Context,
  file: ServedFile,
  range: { status: number; start: number; end: number },
): Promise<void> {
  const { status, start, end } = range;
  ctx.status = status;
  ctx.type = 'application/octet-stream';
  if (ctx.method === 'GET') {
    const onContent = (bytes: number) => ctx.state.account.content('sent', bytes);
    // The first bytes are read before the answer begins: what goes wrong until then still has a status.
    ctx.body = Readable.from(await primed(exactly(file.bytes(start, end), end - start, onContent)), {
      objectMode: false,
    });
  }
  ctx.length = end - start;
}

async function sendBundle(ctx: Context, serving: Serving, stopping: AbortSignal): Promise<void> {
  const files = bundleIn(await readJson(ctx));
  const { asking, account, closed } = ctx.state;
  const items = serving.bundle(asking, domainOf(ctx), files, AbortSignal.any([stopping, closed]));
  const chunks = await primed(formatBundle(items, bytes => account.content('sent', bytes)));
  ctx.type = BUNDLE;
  ctx.body = Readable.from(chunks, { objectMode: false });
}

/** An answer that ended on its way because the peer went, or the file changed: it is the receiver that reports it. */
function isBrokenOff(error: NodeJS.ErrnoException): boolean {
  if (error instanceof Refusal || error.name === 'AbortError') return true;
  return ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes(error.code ?? '');
}

/** Nothing for a date that HTTP cannot say. */
function lastModified(file: ServedFile): { 'Last-Modified'?: string } {
  const date = new Date(file.mtime);
  return Number.isNaN(date.getTime()) ? {} : { 'Last-Modified': date.toUTCString() };
}
