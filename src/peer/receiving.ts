/** The body of an answer on its way in: at a pace, decoded, counted. */
import { decodeStream } from './coding.ts';
import { hurried, type Pace, paceInWords } from './pace.ts';
import type { Sent } from './sending.ts';
import type { Account } from './transfer.ts';

/**
 * The content of an answer, to be read once. Whoever stops reading gives the answer up.
 *
 * @param coding the answer's `Content-Encoding`
 * @param failed told of whatever ends it early; answers what to throw
 */
export async function* receive(
  { stream, read }: Sent,
  coding: string | undefined,
  pace: Pace,
  account: Account,
  failed: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  const slow = () =>
    stream.destroy(new TooSlow(`no progress: ${paceInWords(pace)}; look at the network and the load of that server`));
  const wire = hurried(stream, pace, slow);
  try {
    if (coding === undefined || coding === 'identity') yield* wire;
    else yield* decodeStream(wire, coding, (bytes, plain) => account.coded('received', bytes, plain));
  } catch (error) {
    throw failed(error);
  } finally {
    // Whoever had enough does not wait for what is on its way to be decoded.
    if (!stream.readableEnded) stream.destroy();
    read();
  }
}

/** The peer sends, but so little that it would hold a place for ever. */
class TooSlow extends Error {
  override readonly name = 'TooSlow';
}
