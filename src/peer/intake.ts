/** Sockets that are read in large pieces: what a peer sends is copied from the kernel a mebibyte at a time, not 64 KiB. */
import { Agent, type ClientRequestArgs } from 'node:http';
import type { Socket } from 'node:net';

/** Bytes of one read. A quarter of it took a quarter longer for a large file on loopback. */
const READ_BYTES = 1024 * 1024;

/** Where every socket reads into: a read and what is done with it are one step, which no other read comes between. */
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** An agent whose sockets read in large pieces. */
export class IntakeAgent extends Agent {
  override createConnection(...[options, then]: Parameters<Agent['createConnection']>) {
    return super.createConnection({ ...options, onread: { buffer, callback: take } } as ClientRequestArgs, then);
  }
}

/**
 * Hands a piece on. The parser of HTTP copies what it passes on before it returns, so it may have the buffer itself; where nobody
 * takes the piece at once, a copy waits. Not pushed but emitted, because a stream that was told to pause by whom it pushed to
 * reads once more, ahead.
 */
function take(this: Socket, length: number, into: Uint8Array): boolean {
  const piece = into.subarray(0, length);
  const isTakenAtOnce = this.readableFlowing === true && this.readableLength === 0 && this.listenerCount('data') > 0;
  if (!isTakenAtOnce) return this.push(Buffer.from(piece));
  this.emit('data', piece);
  return true;
}
