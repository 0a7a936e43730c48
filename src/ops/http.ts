/** The operators' port: metrics, probes, the status with its page, and the description. */
import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import { hasToken, mayRead, type OpsTokens } from './access.ts';
import { addActions } from './action-routes.ts';
import type { Actions } from './actions.ts';
import type { Events } from './events.ts';
import { type Health, healthText, livez, readyz, startupz } from './health.ts';
import { addInspection } from './inspect-routes.ts';
import type { Inspection } from './inspection.ts';
import { type Listener, type ListenerTls, listen } from './listener.ts';
import { type Logger, SILENT } from './log.ts';
import type { Metrics } from './metrics.ts';
import { addPage } from './page.ts';
import { type Problem, problemOf, refuse } from './problem.ts';
import type { Vitals } from './pulse.ts';
import type { Status } from './status.ts';

/** What the operators' port shows. */
export interface OpsSources {
  status(): Status;
  vitals(): Vitals;
  readonly metrics: Pick<Metrics, 'render' | 'contentType' | 'requested'>;
  /** The description in force: what this program made of it, and the document as it was read. */
  config(): { readonly network: object; readonly document: unknown };
  /** Asked for each request, so that a token can be replaced while running. */
  tokens(): OpsTokens;
  /** Plain HTTP where there is none. */
  readonly tls?: ListenerTls | undefined;
  readonly actions: Actions;
  readonly inspection: Inspection;
  readonly events: Pick<Events, 'attach'>;
  readonly log?: Logger;
  /** After so many milliseconds a connection that moves no byte is closed. */
  readonly idleMs?: number;
}

const ROUTES =
  '/ (the status page), /metrics, /livez, /readyz, /startupz, /status, /config, /mismatches, /why/PATH, /verify, /events, /domains/DOMAIN/trash';
/** Seconds after which there may be room for one more who listens. */
const BUSY_RETRY_S = '30';

/**
 * Opens the operators' port. Beyond this host only the metrics and the probes are open; all else needs a token.
 *
 * @throws ListenError where the port cannot be had
 */
export function openOps(sources: OpsSources, host: string, port: number): Promise<Listener> {
  const log = sources.log ?? SILENT;
  const failed = (error: Error) =>
    log.error('ops.listener', {
      error,
      next: 'too many open files: raise the limit (ulimit -n), or close what asks here',
    });
  return listen(opsApp(sources, log).callback(), host, port, failed, sources.tls, sources.idleMs);
}

function opsApp(sources: OpsSources, log: Logger): Koa {
  const router = new Router()
    .get('/metrics', async ctx => {
      const text = await sources.metrics.render();
      ctx.type = sources.metrics.contentType;
      ctx.body = text;
    })
    .get(
      '/livez',
      probe('livez', () => livez(sources.status(), sources.vitals(), Date.now())),
    )
    .get(
      '/readyz',
      probe('readyz', () => readyz(sources.status(), Date.now())),
    )
    .get(
      '/startupz',
      probe('startupz', () => startupz(sources.status(), Date.now())),
    )
    .get('/status', mayRead(sources.tokens), ctx => {
      ctx.body = sources.status();
    })
    .get('/config', mayRead(sources.tokens), ctx => {
      const { network, document } = sources.config();
      // The document may hold secrets of other roles of the platform; what is ours of it has none.
      ctx.body = hasToken(ctx.req, sources.tokens().admin) ? { network, document } : { network };
    });
  router.get('/events', mayRead(sources.tokens), ctx => {
    if (ctx.method === 'HEAD') {
      ctx.type = 'text/event-stream';
      ctx.body = '';
    } else if (sources.events.attach(ctx.res, ctx.get('Last-Event-ID') || undefined)) ctx.respond = false;
    else {
      ctx.set('Retry-After', BUSY_RETRY_S);
      refuse(ctx, problemOf(503, 'as many as may listen at a time already do; close one of them'));
    }
  });
  addInspection(router, sources.inspection, sources.tokens, log);
  addActions(router, sources.actions, sources.tokens, log, sources.idleMs);
  addPage(router);
  const app = new Koa();
  app.on('error', error => log.debug('ops.connection', { error }));
  app.use(counted((route, status) => sources.metrics.requested('operators', route, status)));
  app.use(problems(log));
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** Tells of each request once it is over, by the pattern of its route. */
function counted(tell: (route: string, status: number) => void): Middleware {
  return (ctx, next) => {
    const matched = ctx as { readonly _matchedRoute?: string };
    ctx.res.once('close', () => tell(matched._matchedRoute ?? 'none', ctx.res.statusCode));
    return next();
  };
}

/** Every answer that is an error, thrown or not, becomes a problem document. */
function problems(log: Logger): Middleware {
  return async (ctx, next) => {
    ctx.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    try {
      const malformed = malformedIn(ctx);
      if (malformed) return refuse(ctx, malformed);
      await next();
      if (ctx.body !== undefined || ctx.respond === false) return;
      if (ctx.status === 404) refuse(ctx, problemOf(404, `nothing is here; try ${ROUTES}`));
      else if (ctx.status === 405) refuse(ctx, problemOf(405, `this is asked by ${ctx.response.get('Allow')}`));
      else if (ctx.status === 501) refuse(ctx, problemOf(501, 'nothing here is asked by this method'));
    } catch (error) {
      // What went wrong may name files: it is for the log, not for whoever asks.
      log.error('ops.failed', { path: ctx.path, error, next: 'report it with the lines before' });
      refuse(ctx, problemOf(500, 'the answer could not be made; the log has the reason'));
    }
  };
}

/** What HTTP demands of a request, and node leaves to us. */
function malformedIn({ req }: Context): Problem | undefined {
  const hosts = req.headersDistinct.host?.length ?? 0;
  if (hosts > 1 || (hosts === 0 && req.httpVersion === '1.1'))
    return problemOf(400, `a request has one Host header, this one ${hosts}`);
  const { expect = '100-continue' } = req.headers;
  if (expect.toLowerCase() !== '100-continue') return problemOf(417, 'nothing but 100-continue can be expected here');
  return undefined;
}

function probe(name: string, read: () => Health): Middleware {
  return ctx => {
    const health = read();
    ctx.status = health.ok ? 200 : 503;
    ctx.type = 'text/plain; charset=utf-8';
    ctx.body = healthText(name, health, 'verbose' in ctx.query);
  };
}
