/** The routes of the operators' port on which something is done. */
import type Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { mayAdmin, mayRead, type OpsTokens } from './access.ts';
import { ActionError, type Actions } from './actions.ts';
import { IDLE_TIMEOUT_MS } from './listener.ts';
import type { Logger } from './log.ts';
import { problemOf, refuse } from './problem.ts';

/** A path has less than 4 KiB, and three times as much as JSON. */
const MAX_BODY_BYTES = 64 * 1024;

/** How often whoever waits is told, in the time after which he would be cut off. */
const TICKS = 3;

const time = z.number().int().nonnegative();
const dryRun = z.boolean().default(false);
const undoBody = z
  .strictObject({
    since: time.optional().describe('milliseconds since 1970'),
    ago: time.optional().describe('milliseconds before now, by the clock of this instance'),
    held: z.boolean().optional().describe('only what is held'),
    dryRun,
  })
  .refine(
    ({ since, ago, held }) => [since !== undefined, ago !== undefined, held === true].filter(Boolean).length === 1,
    'say one of since, ago and held',
  );
const restoreBody = z.strictObject({
  path: z.string(),
  version: z
    .string()
    .regex(/^\d+\.\d+$/)
    .optional(),
  dryRun,
});
const domainBody = z.strictObject({ domain: z.string().optional() });

/**
 * Adds them. To look takes what looking takes, to act an admin token.
 *
 * @param idleMs after so long a connection on which nothing is said is closed
 */
export function addActions(
  router: Router,
  actions: Actions,
  tokens: () => OpsTokens,
  log: Logger,
  idleMs = IDLE_TIMEOUT_MS,
): void {
  const acting = (act: (ctx: Context) => Promise<object>) => answering(act, log, idleMs / TICKS);
  router
    .get(
      '/domains/:domain/trash',
      mayRead(tokens),
      acting(ctx => actions.trash(domainOf(ctx))),
    )
    .post(
      '/domains/:domain/release',
      mayAdmin(tokens),
      acting(async ctx => actions.release(domainOf(ctx))),
    )
    .post(
      '/domains/:domain/accept-local',
      mayAdmin(tokens),
      acting(ctx => actions.accept(domainOf(ctx), 'local')),
    )
    .post(
      '/domains/:domain/accept-remote',
      mayAdmin(tokens),
      acting(ctx => actions.accept(domainOf(ctx), 'remote')),
    )
    .post(
      '/domains/:domain/undo',
      mayAdmin(tokens),
      acting(async ctx => {
        const { since, ago, dryRun } = await bodyOf(ctx, undoBody);
        return actions.undo(domainOf(ctx), { since: ago === undefined ? since : Date.now() - ago, dryRun });
      }),
    )
    .post(
      '/domains/:domain/restore',
      mayAdmin(tokens),
      acting(async ctx => actions.restore(domainOf(ctx), await bodyOf(ctx, restoreBody))),
    )
    .post(
      '/redate',
      mayAdmin(tokens),
      acting(async ctx => actions.redate((await bodyOf(ctx, domainBody)).domain)),
    )
    .post(
      '/rescan',
      mayAdmin(tokens),
      acting(async ctx => actions.rescan((await bodyOf(ctx, domainBody)).domain)),
    )
    .post(
      '/pause',
      mayAdmin(tokens),
      acting(async ctx => actions.pause((await bodyOf(ctx, domainBody)).domain)),
    )
    .post(
      '/resume',
      mayAdmin(tokens),
      acting(async ctx => actions.resume((await bodyOf(ctx, domainBody)).domain)),
    );
}

function domainOf(ctx: Context): string {
  return (ctx as unknown as { params: Record<string, string> }).params.domain ?? '';
}

/**
 * Whatever an operator had done, or tried to, is in the log. While it is being done he is told so (102), which every client passes over:
 * the connection stays, and what comes of it has its own status.
 */
function answering(act: (ctx: Context) => Promise<object>, log: Logger, tickMs: number): Middleware {
  return async ctx => {
    const from = ctx.ip;
    // HTTP/1.0 has no answer before the answer.
    const isTold = ctx.req.httpVersion === '1.1';
    const tick = setInterval(() => isTold && !ctx.res.destroyed && ctx.res.writeProcessing(), tickMs);
    try {
      ctx.body = await act(ctx);
    } catch (error) {
      if (!(error instanceof ActionError)) throw error;
      refuse(ctx, problemOf(error.status, error.message));
    } finally {
      clearInterval(tick);
    }
    if (ctx.method === 'POST') log.info('ops.action', { action: ctx.path, from, status: ctx.status });
  };
}

/** What a request says in JSON; nothing at all counts as an empty object. */
async function bodyOf<T extends z.ZodType>(ctx: Context, schema: T): Promise<z.infer<T>> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Refused, it is still to be answered: the connection must not end here.
  for await (const chunk of ctx.req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new ActionError(400, `the body has more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  const parsed = schema.safeParse(jsonIn(Buffer.concat(chunks).toString('utf8')));
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new ActionError(400, said.join('; '));
}

function jsonIn(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new ActionError(400, 'the body is no JSON');
  }
}
