/** The wire to an instance, with weather on it: delayed, throttled, standing still, reset, or cut. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';

/** What happens to everything that passes, both ways. */
export type Weather =
  | { readonly is: 'clear' }
  | { readonly is: 'slow'; readonly delayMs: number }
  | { readonly is: 'narrow'; readonly bytesPerSecond: number }
  /** Connections stay open, and nothing passes. */
  | { readonly is: 'still' }
  /** Connections are reset, and new ones too. */
  | { readonly is: 'cut' };

export const CLEAR: Weather = { is: 'clear' };

/** Pieces of a narrow wire: small enough to notice when the weather changes. */
const PIECE = 4_096;
/** How often a still wire looks whether it has changed. */
const STILL_MS = 50;

export class Wire {
  readonly port: number;
  readonly #target: number;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  #weather: Weather = CLEAR;

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.#target = target;
    this.port = (listener.address() as AddressInfo).port;
    listener.on('connection', client => this.#accept(client));
  }

  /** A wire to a port on 127.0.0.1. */
  static async to(target: number): Promise<Wire> {
    const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new Wire(listener, target);
  }

  set weather(weather: Weather) {
    this.#weather = weather;
    if (weather.is === 'cut') this.reset();
  }

  /** Resets all connections; new ones are taken. */
  reset(): void {
    for (const socket of [...this.#sockets]) socket.resetAndDestroy();
  }

  close(): void {
    this.weather = { is: 'cut' };
    this.#listener.close();
  }

  #accept(client: Socket): void {
    this.#keep(client);
    if (this.#weather.is === 'cut') return void client.resetAndDestroy();
    const server = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
    this.#keep(server);
    const lines = [this.#line(), this.#line()];
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const)
      socket.on('close', broken => {
        if (!broken) return;
        other.resetAndDestroy();
        for (const line of lines) line.destroy();
      });
    client.pipe(lines[0]!).pipe(server);
    server.pipe(lines[1]!).pipe(client);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #line(): Transform {
    const line = new Transform({
      transform: (chunk: Buffer, _, done) => void this.#pass(chunk, line).then(() => done()),
    });
    return line.on('error', () => {});
  }

  async #pass(chunk: Buffer, line: Transform): Promise<void> {
    for (let at = 0; at < chunk.length && !line.destroyed; at += PIECE) {
      while (this.#weather.is === 'still' && !line.destroyed) await wait(STILL_MS);
      const piece = chunk.subarray(at, at + PIECE);
      if (this.#weather.is === 'narrow') await wait((piece.length / this.#weather.bytesPerSecond) * 1000);
      if (this.#weather.is === 'slow' && at === 0) await wait(this.#weather.delayMs);
      line.push(piece);
    }
  }
}
