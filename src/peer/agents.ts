/** The sockets to one peer; under TLS new ones whenever our own certificate has become another. */
import type { Agent } from 'node:http';
import { IntakeAgent } from './intake.ts';
import { type TlsIdentity, type TlsSource, tlsAgent } from './tls.ts';

/** Half of what a server takes from one peer at a time: polls, small and large transfers side by side. */
const MAX_SOCKETS = 16;
/** Below the server's keep-alive (65 s): whoever sends closes idle sockets first. */
const IDLE_SOCKET_MS = 30_000;

const OPTIONS = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS, scheduling: 'lifo' } as const;

/** Our certificate, and the name of the server that is expected to show one. */
export interface PeerTls {
  readonly source: TlsSource;
  readonly server: string;
}

export class Agents {
  readonly #roleid: number;
  readonly #tls: PeerTls | undefined;
  #identity: TlsIdentity | undefined;
  #agent: Agent;
  /** The one before: its transfers under way end by themselves, its idle sockets within {@link IDLE_SOCKET_MS}. */
  #former: Agent | undefined;

  /** @param roleid the instance that is asked; plain HTTP without `tls` */
  constructor(roleid: number, tls: PeerTls | undefined) {
    this.#roleid = roleid;
    this.#tls = tls;
    this.#identity = tls?.source.current;
    this.#agent = this.#make();
  }

  get scheme(): 'http' | 'https' {
    return this.#tls ? 'https' : 'http';
  }

  /** What the next question is sent by. */
  get current(): Agent {
    const identity = this.#tls?.source.current;
    if (this.#identity === identity) return this.#agent;
    this.#identity = identity;
    this.#former?.destroy();
    this.#former = this.#agent;
    this.#agent = this.#make();
    return this.#agent;
  }

  /** Closes every socket. */
  close(): void {
    this.#former?.destroy();
    this.#agent.destroy();
  }

  #make(): Agent {
    if (!this.#tls || !this.#identity) return new IntakeAgent(OPTIONS);
    return tlsAgent(OPTIONS, this.#identity, { roleid: this.#roleid, server: this.#tls.server });
  }
}
