/** A TCP relay in front of an instance: the wire between two sites, which a test can cut, hold and measure. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Relays connections to a port on 127.0.0.1. */
export class Relay {
  readonly port: number;
  readonly #target: number;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  #isCut = false;
  #holdAt = Number.POSITIVE_INFINITY;
  #passed = 0;

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.#target = target;
    this.port = (listener.address() as AddressInfo).port;
    listener.on('connection', client => this.#accept(client));
  }

  static async to(target: number): Promise<Relay> {
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new Relay(listener, target);
  }

  /** Bytes that went from the instance to those who connected. */
  get passed(): number {
    return this.#passed;
  }

  get isHeld(): boolean {
    return this.#passed >= this.#holdAt;
  }

  /** Resets every connection, and every new one until {@link heal}. */
  cut(): void {
    this.#isCut = true;
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  heal(): void {
    this.#isCut = false;
  }

  /** Lets `bytes` more pass, then nothing, with the connections open: a transfer stands still in its middle. */
  holdAfter(bytes: number): void {
    this.#holdAt = this.#passed + bytes;
  }

  release(): void {
    this.#holdAt = Number.POSITIVE_INFINITY;
    for (const pair of this.#pairs) pair.server.resume();
  }

  close(): void {
    this.cut();
    this.#listener.close();
  }

  #accept(client: Socket): void {
    if (this.#isCut) return void client.destroy();
    const pair = { client, server: connect(this.#target, '127.0.0.1') };
    this.#pairs.add(pair);
    client.on('data', chunk => void pair.server.write(chunk));
    pair.server.on('data', chunk => this.#pass(chunk, pair));
    client.on('drain', () => !this.isHeld && pair.server.resume());
    for (const socket of [client, pair.server]) socket.on('error', () => {});
    client.on('close', () => pair.server.destroy());
    pair.server.on('close', () => {
      // What the instance sent before it closed is still to be written.
      client.end();
      this.#pairs.delete(pair);
    });
  }

  #pass(chunk: string | Buffer, { client, server }: Pair): void {
    this.#passed += chunk.length;
    if (!client.write(chunk) || this.isHeld) server.pause();
  }
}
