/** How many bytes travelled, for whom and of what kind. */
import type { Socket } from 'node:net';

/** Bytes of one kind that went one way. */
export interface Transfer {
  /** The other end. */
  readonly peer: number;
  /** Empty for what belongs to no single domain. */
  readonly domain: string;
  readonly direction: 'sent' | 'received';
  /**
   * `content`: bytes of files, single or bundled, as they are on disk. `index`: everything else, headers included, as it travels:
   * what is coded counts as the fewer bytes that it is on the wire.
   */
  readonly kind: 'content' | 'index';
  readonly bytes: number;
}

/** Told of content as it travels, and of the rest once per exchange. */
export type OnTransfer = (transfer: Transfer) => void;

/** Bytes both ways. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

/** Divides what keep-alive sockets carry among the exchanges that they serve one after the other. */
export class SocketMeter {
  readonly #seen = new WeakMap<Socket, Traffic>();

  /** What a socket carried since it was last asked about. */
  take(socket: Socket): Traffic {
    const before = this.#seen.get(socket) ?? { sent: 0, received: 0 };
    const now = { sent: socket.bytesWritten, received: socket.bytesRead };
    this.#seen.set(socket, now);
    return { sent: now.sent - before.sent, received: now.received - before.received };
  }
}

/** One exchange with a peer: content is told at once, the rest of the socket's traffic when it is over. */
export class Account {
  readonly #peer: number;
  readonly #domain: string;
  readonly #tell: OnTransfer;
  readonly #content = { sent: 0, received: 0 };
  /** Of bodies that are coded: bytes on the wire, and what they stand for. */
  readonly #coded = { sent: { wire: 0, plain: 0 }, received: { wire: 0, plain: 0 } };

  constructor(peer: number, domain: string, tell: OnTransfer) {
    this.#peer = peer;
    this.#domain = domain;
    this.#tell = tell;
  }

  content(direction: 'sent' | 'received', bytes: number): void {
    this.#content[direction] += bytes;
    this.#report(direction, 'content', bytes);
  }

  /** `plain` more bytes of a body travel coded, as `wire` bytes: its content has the same share of the one as of the other. */
  coded(direction: 'sent' | 'received', wire: number, plain: number): void {
    this.#coded[direction].wire += wire;
    this.#coded[direction].plain += plain;
  }

  /** Closes the account. Content that was counted but cut off on its way makes the rest 0, not negative. */
  settle(traffic: Traffic): void {
    for (const direction of ['sent', 'received'] as const) {
      const { wire, plain } = this.#coded[direction];
      const carried = this.#content[direction] * (plain > 0 ? wire / plain : 1);
      this.#report(direction, 'index', traffic[direction] - Math.round(carried));
    }
  }

  #report(direction: 'sent' | 'received', kind: 'content' | 'index', bytes: number): void {
    if (bytes > 0) this.#tell({ peer: this.#peer, domain: this.#domain, direction, kind, bytes });
  }
}
