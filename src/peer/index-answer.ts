/** Answers about the index, as JSON. */
import { createHash } from 'node:crypto';
import type { Context } from './asked.ts';
import { codedTag, MIN_CODED_BYTES } from './coding.ts';
import { conditional } from './conditional.ts';
import { codingOf, sendWhole } from './outflow.ts';
import { JSON_TYPE } from './protocol.ts';

/** Answers with what changes with every question, or would never be asked for twice. */
export async function sendJson(ctx: Context, value: unknown): Promise<void> {
  const body = Buffer.from(JSON.stringify(value));
  await sendWhole(ctx, JSON_TYPE, body, codingOf(ctx, body.length >= MIN_CODED_BYTES));
}

/** Answers with what may be the same the next time: tagged, and left out for whoever has it. */
export async function sendTaggedJson(ctx: Context, value: unknown): Promise<void> {
  const body = Buffer.from(JSON.stringify(value));
  const coding = codingOf(ctx, body.length >= MIN_CODED_BYTES);
  const etag = codedTag(tagOf(body), coding);
  ctx.set('ETag', etag);
  if (conditional(ctx, { etag })) await sendWhole(ctx, JSON_TYPE, body, coding);
}

/** 128 bits of the content's hash: two answers with one tag do not happen. */
function tagOf(body: Buffer): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}
