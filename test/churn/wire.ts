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
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new Wire(listener, target);
  }

  set weather(weather: Weather) {
    this.#weather = weather;
    if (weather.is === 'cut') this.reset();
  }

  /** Resets all connections; new ones are taken. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.weather = { is: 'cut' };
    this.#listener.close();
  }

  #accept(client: Socket): void {
    this.#keep(client);
    if (this.#weather.is === 'cut') return void client.resetAndDestroy();
    const server = connect(this.#target, '127.0.0.1');
    this.#keep(server);
    client.on('close', () => server.destroy());
    server.on('close', () => client.end());
    client.pipe(this.#wire(client)).pipe(server);
    server.pipe(this.#wire(server)).pipe(client);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #wire(from: Socket): Transform {
    const wire = new Transform({
      transform: (chunk: Buffer, _, done) => void this.#pass(chunk, wire, from).then(() => done()),
    });
    return wire;
  }

  async #pass(chunk: Buffer, wire: Transform, from: Socket): Promise<void> {
    for (let at = 0; at < chunk.length && !from.destroyed; at += PIECE) {
      while (this.#weather.is === 'still' && !from.destroyed) await wait(STILL_MS);
      const piece = chunk.subarray(at, at + PIECE);
      if (this.#weather.is === 'narrow') await wait((piece.length / this.#weather.bytesPerSecond) * 1000);
      if (this.#weather.is === 'slow' && at === 0) await wait(this.#weather.delayMs);
      wire.push(piece);
    }
  }
}
