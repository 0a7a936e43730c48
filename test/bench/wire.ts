/** A wire in front of an instance that counts what passes, both ways. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Relays connections to a port on 127.0.0.1. */
export class Wire {
  readonly port: number;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  #bytes = 0;

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.port = (listener.address() as AddressInfo).port;
    listener.on('connection', client => this.#join(client, connect(target, '127.0.0.1')));
  }

  static async to(target: number): Promise<Wire> {
    const listener = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new Wire(listener, target);
  }

  /** Bytes that passed in both directions, headers of HTTP included, those of TCP not. */
  get bytes(): number {
    return this.#bytes;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
  }

  #join(client: Socket, server: Socket): void {
    server.setNoDelay();
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', chunk => {
        this.#bytes += chunk.length;
      });
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.end();
      });
    }
  }
}
