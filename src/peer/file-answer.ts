/** One file as an answer: its conditions, the part that is asked for, its bytes. */
import type { Serving } from '../sync/serve.ts';
import type { ServedFile } from '../sync/served-file.ts';
import { type Context, whenAborted } from './asked.ts';
import { conditional } from './conditional.ts';
import { formatHttpDate } from './http-date.ts';
import { pour } from './outflow.ts';
import { etagOf, stretchOf } from './preconditions.ts';
import { Problem } from './problem.ts';
import { OCTETS } from './protocol.ts';
import { domainOf, pathOf, plainOnly } from './questions.ts';
import { exactly, primed } from './streaming.ts';

/** Answers with a file, or the part of it that is asked for. */
export async function sendFile(ctx: Context, serving: Serving): Promise<void> {
  plainOnly(ctx);
  const path = pathOf(ctx.state.target.segments.slice(4).join('/'));
  const file = await serving.open(ctx.state.asking, domainOf(ctx), path);
  whenAborted(ctx.state.closed, () => file.close());
  const etag = etagOf(file);
  const modified = modifiedOf(file, Date.now());
  ctx.set({ ETag: etag, 'Accept-Ranges': 'bytes' });
  if (modified !== undefined) ctx.set('Last-Modified', formatHttpDate(modified)!);
  if (conditional(ctx, { etag, modified })) await sendContent(ctx, file, etag);
}

async function sendContent(ctx: Context, file: ServedFile, etag: string): Promise<void> {
  const { size } = file;
  // A range means something to a GET alone.
  const stretch = ctx.method === 'GET' ? stretchOf(ctx.req.headers, etag, size) : wholeOf(size);
  if (stretch.status === 416)
    throw new Problem(416, 'No such range', `the file has ${size} bytes: ask for some of these`, {
      'content-range': `bytes */${size}`,
    });
  const { status, start, end } = stretch;
  if (status === 206) ctx.set('Content-Range', `bytes ${start}-${end - 1}/${size}`);
  ctx.status = status;
  ctx.set('Content-Type', OCTETS);
  if (ctx.method === 'GET') {
    const onContent = (bytes: number) => ctx.state.account.content('sent', bytes);
    // The first bytes are read before the answer begins: what goes wrong until then still has a status.
    pour(ctx, await primed(exactly(file.bytes(start, end), end - start, onContent)));
  }
  ctx.length = end - start;
}

function wholeOf(size: number) {
  return { status: 200, start: 0, end: size } as const;
}

/**
 * The date to tell, cut to the second. None for one that HTTP cannot say, nor for one to come: nothing is told to have been
 * modified after it was sent.
 */
function modifiedOf(file: ServedFile, now: number): number | undefined {
  const second = Math.floor(file.mtime / 1000) * 1000;
  return file.mtime > now || formatHttpDate(second) === undefined ? undefined : second;
}
