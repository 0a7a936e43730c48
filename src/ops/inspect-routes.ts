/** The routes of the operators' port on which something is looked into. */
import type Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { fromBytes } from '../core/path.ts';
import { mayAdmin, mayRead, type OpsTokens } from './access.ts';
import { ActionError } from './actions.ts';
import type { Inspection, VerifyLine } from './inspection.ts';
import type { Logger } from './log.ts';
import { problemOf, refuse } from './problem.ts';

const NDJSON = 'application/x-ndjson';
/** Between two lines of a verification: whoever waits sees that it goes on, and no connection is idle. */
const TICK_MS = 10_000;

/** Adds them. Reading all content takes an admin token: it keeps every disk of the network busy. */
export function addInspection(router: Router, inspection: Inspection, tokens: () => OpsTokens, log: Logger): void {
  router
    .get(
      '/mismatches',
      mayRead(tokens),
      refusing(ctx => {
        ctx.body = { domains: inspection.mismatches(domainIn(ctx)) };
      }),
    )
    .get(
      '/why/*path',
      mayRead(tokens),
      refusing(async ctx => {
        ctx.body = await inspection.why(pathIn(ctx, '/why/'), goneSignal(ctx));
      }),
    )
    .get(
      '/verify',
      mayRead(tokens),
      refusing(ctx => verifying(ctx, inspection, false, log)),
    )
    .post(
      '/verify',
      mayAdmin(tokens),
      refusing(ctx => verifying(ctx, inspection, 'content' in ctx.query, log)),
    );
}

function refusing(answer: (ctx: Context) => void | Promise<void>): Middleware {
  return async ctx => {
    try {
      await answer(ctx);
    } catch (error) {
      if (!(error instanceof ActionError)) throw error;
      refuse(ctx, problemOf(error.status, error.message));
    }
  };
}

/** The answer begins with the first line, so that what cannot be done at all is refused as anything else is. */
async function verifying(ctx: Context, inspection: Inspection, content: boolean, log: Logger): Promise<void> {
  if (ctx.method === 'HEAD') {
    ctx.type = NDJSON;
    ctx.body = '';
    return;
  }
  const begin = () => {
    if (ctx.respond === false) return;
    ctx.respond = false;
    ctx.res.writeHead(200, { 'Content-Type': NDJSON });
  };
  const tell = (line: VerifyLine) => {
    begin();
    if (!ctx.res.destroyed) ctx.res.write(`${JSON.stringify(line)}\n`);
  };
  // An empty line means nothing, and keeps the connection.
  const tick = setInterval(() => ctx.respond === false && ctx.res.write('\n'), TICK_MS);
  try {
    await inspection.verify({ domain: domainIn(ctx), content }, tell, goneSignal(ctx));
    begin();
    ctx.res.end();
  } catch (error) {
    if (ctx.respond !== false) throw error;
    // Within an answer that has begun there is no other way to say that it is none.
    ctx.res.destroy();
    if (!ctx.req.destroyed) log.error('ops.failed', { path: ctx.path, error, next: 'report it with the lines before' });
  } finally {
    clearInterval(tick);
  }
}

function domainIn(ctx: Context): string | undefined {
  const { domain } = ctx.query;
  return typeof domain === 'string' && domain !== '' ? domain : undefined;
}

/** The bytes of the target, decoded once: a router's parameter turns `..%2f` into `../` and keeps `%ff`. */
function pathIn(ctx: Context, prefix: string): string {
  const [target = ''] = (ctx.req.url ?? '').split('?');
  const raw = target.slice(prefix.length);
  const bytes = raw.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return fromBytes(Buffer.from(bytes, 'latin1'));
}

/** Aborted when nobody waits for the answer any more. */
function goneSignal(ctx: Context): AbortSignal {
  const gone = new AbortController();
  ctx.res.once('close', () => gone.abort());
  return gone.signal;
}
