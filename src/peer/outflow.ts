/** Bodies on their way out: coded where that is asked for, at the pace of the reader, who has to keep one. */
import { Readable } from 'node:stream';
import { type Context, whenAborted } from './asked.ts';
import {
  type Coding,
  chooseCoding,
  encodeStream,
  encodeWhole,
  MIN_CODED_BYTES,
  parseAcceptEncoding,
  shrinks,
} from './coding.ts';
import { deadline, Patience, paced, paceInWords } from './pace.ts';
import { Problem } from './problem.ts';
import { begun } from './streaming.ts';

/** The coding that an answer has to be in, worthwhile or not; 406 where there is none. Says that there is a choice. */
export function codingOf(ctx: Context, worthwhile: boolean): Coding {
  ctx.vary('Accept-Encoding');
  const coding = chooseCoding(parseAcceptEncoding(ctx.get('Accept-Encoding')), worthwhile);
  if (coding !== undefined) return coding;
  throw new Problem(
    406,
    'Coding not acceptable',
    'this can be had in zstd or as it is: accept one of zstd and identity',
  );
}

/** Answers with a body that is there. */
export async function sendWhole(ctx: Context, type: string, body: Buffer, coding: Coding): Promise<void> {
  const wire = await encodeWhole(body, coding);
  describe(ctx, type, coding);
  if (coding !== 'identity') ctx.state.account.coded('sent', wire.length, body.length);
  const patience = new Patience(ctx.state.pace);
  patience.grant(wire.length);
  deadline(patience.leftMs, ctx.state.closed, () => cutOff(ctx));
  ctx.body = wire;
}

/** Answers with a body that is made as it is read, coded where that is asked for and gains anything. */
export async function sendStream(ctx: Context, type: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  const ifShort = codingOf(ctx, false);
  const { whole, head, stream } = await begun(source, MIN_CODED_BYTES);
  if (whole !== undefined) return await sendWhole(ctx, type, whole, ifShort);
  const coding = codingOf(ctx, true) === 'zstd' && (await shrinks(head)) ? 'zstd' : ifShort;
  describe(ctx, type, coding);
  flow(ctx, stream, coding);
}

/** Answers with the bytes of a stream, as fast as they are taken and not too slowly. */
export function flow(ctx: Context, source: AsyncIterableIterator<Uint8Array>, coding: Coding): void {
  const { account, pace, closed } = ctx.state;
  const onCoded = (wire: number, plain: number) => account.coded('sent', wire, plain);
  const wire = coding === 'identity' ? source : encodeStream(source, onCoded);
  ctx.body = Readable.from(
    paced(wire, pace, closed, () => cutOff(ctx)),
    { objectMode: false },
  );
  // Of what nobody began to read, no generator on the way would close its source.
  whenAborted(closed, () => void Promise.resolve(source.return?.()).catch(() => {}));
}

/**
 * Answers with plain bytes whose memory is used again: the next ones are asked for when these are the kernel's. Begins once whoever
 * else has to do with the answer is done with its headers.
 */
export function pour(ctx: Context, source: AsyncIterableIterator<Uint8Array>): void {
  const { pace, closed } = ctx.state;
  ctx.respond = false;
  const bytes = paced(source, pace, closed, () => cutOff(ctx));
  setImmediate(async () => {
    try {
      for await (const chunk of bytes) if (!(await isWritten(ctx, chunk))) return;
      ctx.res.end();
    } catch (error) {
      // Cut off, so that what was sent is not taken for all of it.
      ctx.res.destroy();
      ctx.app.emit('error', error);
    }
  });
}

/** Resolves when the kernel has the bytes, or with false when nobody is there any more to take them. */
function isWritten({ res, state: { closed } }: Context, bytes: Uint8Array): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const gone = () => resolve(false);
  if (closed.aborted) return Promise.resolve(false);
  closed.addEventListener('abort', gone, { once: true });
  res.write(bytes, error => {
    closed.removeEventListener('abort', gone);
    resolve(!error);
  });
  return promise;
}

/** A reader took too little for an answer to be held for him any longer. */
export class SlowReader extends Error {
  override readonly name = 'SlowReader';
}

function cutOff(ctx: Context): void {
  const { asking, pace } = ctx.state;
  const what = `instance ${asking.roleid} took ${paceInWords(pace)} of an answer, which was cut off`;
  ctx.app.emit('error', new SlowReader(`${what}; look at the network and the load of that server`));
  ctx.res.destroy();
}

function describe(ctx: Context, type: string, coding: Coding): void {
  ctx.status = 200;
  ctx.set('Content-Type', type);
  if (coding !== 'identity') ctx.set('Content-Encoding', coding);
}
