/** The peer API: each route parses a question, asks the serving side and formats its answer. */
import Router from '@koa/router';
import Koa from 'koa';
import { MAX_PREFIX } from '../core/digest.ts';
import { Refusal } from '../sync/refusal.ts';
import type { Serving } from '../sync/serve.ts';
import { answering, unrouted } from './answering.ts';
import type { Asked, Context } from './asked.ts';
import { formatBundle } from './bundle-format.ts';
import { formatEntries } from './entry-format.ts';
import { sendFile } from './file-answer.ts';
import { authenticated, bounded, counted, identified, MAX_REQUESTS_PER_PEER, metered, wellFormed } from './gate.ts';
import { formatHashes } from './hash-format.ts';
import { sendJson, sendTaggedJson } from './index-answer.ts';
import { changesQuerySchema, prefixesSchema } from './messages.ts';
import { openapiDocument } from './openapi.ts';
import { flow, sendStream } from './outflow.ts';
import { PACE, type Pace } from './pace.ts';
import { BUNDLE, NDJSON, ROUTES } from './protocol.ts';
import { bundleIn, domainOf, hashedIn, parse, pathOf, plainOnly, readJson, single } from './questions.ts';
import { primed } from './streaming.ts';
import type { TlsSource } from './tls.ts';
import type { OnTransfer } from './transfer.ts';

/** What the routes stand on. */
export interface PeerRoutes {
  readonly serving: Serving;
  /** Bearer tokens that are accepted; none: no token is needed. Asked at every request. */
  tokens(): readonly string[];
  /** Our certificate, its key and the authorities that peers' certificates come from; plain HTTP where not given. */
  readonly tls?: TlsSource;
  /** Told of TLS handshakes that failed. */
  onHandshakeRefused?(from: string, reason: string): void;
  onTransfer?: OnTransfer;
  /** Told of each request that was answered, by the pattern of its route; `none`: no route takes it. */
  onRequest?(route: string, status: number): void;
  /** Told of what should never happen, where the peer sees no more than 500, and of readers that are cut off. */
  onError?(error: unknown): void;
  /** How fast answers have to be taken. */
  readonly pace?: Pace;
}

/** The peer API as a koa application; `stopping` ends open polls. It speaks what the serving side says that it speaks. */
export function peerApp(routes: PeerRoutes, stopping: AbortSignal): Koa<Asked> {
  const { serving, tokens, onTransfer = () => {}, onRequest = () => {}, onError = () => {}, pace = PACE } = routes;
  const { roleid, protocols } = serving.self();
  const app = new Koa<Asked>();
  app.on('error', error => {
    if (!isBrokenOff(error)) onError(error);
  });
  app.use(counted(onRequest));
  app.use(answering({ roleid, protocols, stopping, onError }));
  app.use(wellFormed());
  app.use(authenticated(tokens));
  app.use(identified(serving, protocols, pace));
  app.use(metered(onTransfer));
  app.use(bounded(MAX_REQUESTS_PER_PEER));
  app.use(peerRouter(serving, stopping).routes());
  app.use(unrouted());
  return app;
}

/** The routes alone. */
export function peerRouter(serving: Serving, stopping: AbortSignal): Router<Asked> {
  const router = new Router<Asked>({ sensitive: true, strict: true });
  const document = openapiDocument(serving.self().version);
  router.get(ROUTES.openapi, ctx => sendTaggedJson(ctx, document));
  router.get(ROUTES.self, ctx => sendJson(ctx, serving.self()));
  router.get(ROUTES.domains, ctx => sendTaggedJson(ctx, serving.domains(ctx.state.asking)));
  router.get(ROUTES.digests, async ctx => {
    const prefixes = parse(prefixesSchema(MAX_PREFIX - 1), single(ctx, 'prefix') ?? '', 'prefix');
    await sendTaggedJson(ctx, { nodes: serving.digests(ctx.state.asking, domainOf(ctx), prefixes) });
  });
  router.get(ROUTES.entries, ctx => sendEntries(ctx, serving));
  router.get(ROUTES.changes, async ctx => {
    const asked = Object.fromEntries([...ctx.state.target.query.keys()].map(name => [name, single(ctx, name)]));
    const query = parse(changesQuerySchema, asked, 'query');
    await sendJson(ctx, await serving.changes(ctx.state.asking, query, AbortSignal.any([stopping, ctx.state.closed])));
  });
  router.get(ROUTES.file, ctx => sendFile(ctx, serving));
  router.post(ROUTES.bundle, ctx => sendBundle(ctx, serving, stopping));
  router.post(ROUTES.hashes, ctx => sendHashes(ctx, serving, stopping));
  return router;
}

async function sendEntries(ctx: Context, serving: Serving): Promise<void> {
  const paths = ctx.state.target.query.get('path');
  const entries =
    paths === undefined
      ? serving.entriesUnder(
          ctx.state.asking,
          domainOf(ctx),
          parse(prefixesSchema(MAX_PREFIX), single(ctx, 'prefix') ?? '', 'prefix'),
        )
      : serving.entriesAt(ctx.state.asking, domainOf(ctx), paths.map(pathOf));
  await sendStream(ctx, NDJSON, formatEntries(entries));
}

async function sendBundle(ctx: Context, serving: Serving, stopping: AbortSignal): Promise<void> {
  const files = bundleIn(await readJson(ctx));
  const { asking, account, closed } = ctx.state;
  const items = serving.bundle(asking, domainOf(ctx), files, AbortSignal.any([stopping, closed]));
  await sendStream(
    ctx,
    BUNDLE,
    formatBundle(items, bytes => account.content('sent', bytes)),
  );
}

/** Uncoded and unhurried: each line goes out as it is made, so that a large file is seen to go on. */
async function sendHashes(ctx: Context, serving: Serving, stopping: AbortSignal): Promise<void> {
  plainOnly(ctx);
  const files = hashedIn(await readJson(ctx));
  const { asking, closed } = ctx.state;
  const items = serving.hashes(asking, domainOf(ctx), files, AbortSignal.any([stopping, closed]));
  const lines = await primed(formatHashes(items));
  ctx.status = 200;
  ctx.set('Content-Type', NDJSON);
  flow(ctx, lines, 'identity');
}

/** An answer that ended on its way because the peer went, or the file changed: it is the receiver that reports it. */
function isBrokenOff(error: NodeJS.ErrnoException): boolean {
  if (error instanceof Refusal || error.name === 'AbortError') return true;
  return ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes(error.code ?? '');
}
