/** Which version of the protocol is spoken with a peer. */
import { PeerError } from '../sync/peer.ts';
import { WireError } from './byte-reader.ts';
import { commonProtocol, withoutCommon } from './protocol.ts';

/** The peer refused a question because it does not speak the version that it was asked in, but another one of ours. */
export class OtherProtocol extends PeerError {
  readonly common: number;

  constructor(refused: PeerError, common: number) {
    super(refused.status, refused.message);
    this.common = common;
  }
}

/** What both ends are known to speak; until anything is known of the peer, the newest version of ours. */
export class Agreement {
  readonly #ours: readonly number[];
  #version: number;

  constructor(ours: readonly number[]) {
    this.#ours = ours;
    this.#version = Math.max(...ours);
  }

  /** The version to ask in. */
  get version(): number {
    return this.#version;
  }

  /**
   * Takes the versions that the peer says it speaks.
   *
   * @throws {@link WireError} where we speak none of them
   */
  take(theirs: readonly number[]): void {
    const common = commonProtocol(this.#ours, theirs);
    if (common === undefined) throw new WireError(withoutCommon(this.#ours, theirs));
    this.#version = common;
  }

  /** Takes what a refusal said. */
  follow({ common }: OtherProtocol): void {
    this.#version = common;
  }

  /** What a refusal means whose sender speaks these versions, if it is about them: another is to be asked in, or none can be. */
  refusal(
    refused: PeerError,
    asked: number | undefined,
    theirs: readonly number[],
  ): OtherProtocol | string | undefined {
    const common = commonProtocol(this.#ours, theirs);
    if (common === undefined) return withoutCommon(this.#ours, theirs);
    return asked === undefined || common === asked ? undefined : new OtherProtocol(refused, common);
  }
}
