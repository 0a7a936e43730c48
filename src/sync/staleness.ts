/**
 * Staleness: whether a peer was away for so long that it may hold what was deleted and is forgotten, or this instance was; and what is
 * to be believed of what a peer says that it has heard.
 */
import { type Clock, MAX_SKEW_MS } from '../core/clock.ts';
import type { DomainName } from '../core/path.ts';
import { type Hearing, isOutOfTouch, leaps, missedOrigin } from '../core/retention.ts';
import type { DomainLink, DomainView, OutOfTouch } from './link.ts';
import type { DomainState, Heard } from './peer.ts';

export interface StalenessOptions {
  /** The roleid of the peer. */
  readonly peer: number;
  readonly self: number;
  readonly clock: Clock;
  /** How long deletions are remembered. */
  readonly retentionMs: number;
  /** Enabled instances that serve a domain: what others have missed of them counts. */
  serving(domain: DomainName): Iterable<number>;
  /** Roleids of the network as it is now: of nobody else is a heartbeat believed. */
  origins(): ReadonlySet<number>;
  /** Domains shared with the peer's site, as they are now. */
  domains(): ReadonlyMap<DomainName, DomainView>;
  onEvent(event: string, fields: Record<string, unknown>): void;
  onWarning(event: string, fields: Record<string, unknown>): void;
}

export class Staleness {
  readonly #is: StalenessOptions;
  readonly #link: (domain: DomainName) => DomainLink;

  /** @param link what is known of the peer's side of a domain: what is judged is told there */
  constructor(options: StalenessOptions, link: (domain: DomainName) => DomainLink) {
    this.#is = options;
    this.#link = link;
  }

  /**
   * Judges by what the peer last said whether it, or this instance, was away for so long that it may hold what was deleted and is
   * forgotten. Such a peer is not pulled from; such an instance does not pass for one that has heard of everything.
   */
  judge(domain: DomainName): void {
    const { self, clock, retentionMs, peer } = this.#is;
    const view = this.#is.domains().get(domain);
    const link = this.#link(domain);
    link.judged = true;
    const theirs = link.hearing;
    if (!view || !theirs) {
      this.#judged(domain, link, undefined, undefined);
      return;
    }
    const { heard, attendance } = view.folder;
    const own: Hearing = { roleid: self, heard, ...attendance };
    const origins = [...this.#is.serving(domain)];
    const judging = { ...own, ...view.anticipated };
    const missed = missedOrigin(theirs, judging, origins, clock.now(), retentionMs);
    const away = isOutOfTouch(own, theirs, origins, clock.now(), retentionMs);
    const outOfTouch = away ? (link.outOfTouch ?? { since: heard.get(peer), unknown: undefined }) : undefined;
    this.#judged(domain, link, missed, outOfTouch);
  }

  /** What the peer has heard, as far as it is to be believed, and up to when it may have forgotten deletions. */
  heardBy(domain: DomainName): { readonly beats: [origin: number, at: number][]; readonly forgotten: number } {
    const { heard = [], forgotten = 0 } = this.#link(domain).hearing ?? {};
    return { beats: this.#beatsOf(Object.fromEntries(heard)), forgotten };
  }

  /** Whether what the peer has heard holds no leap that was not known when it was judged; else it is heard after the next comparison. */
  isForeseen(domain: DomainName, heard: Heard): boolean {
    const { clock, retentionMs } = this.#is;
    const own = this.#is.domains().get(domain)?.folder.heard;
    const judged = this.#link(domain).hearing?.heard;
    if (!own || !judged) return true;
    const beats = this.#beatsOf(heard);
    const open = new Set(leaps(judged, beats, clock.now(), retentionMs));
    return !leaps(own, beats, clock.now(), retentionMs).some(origin => open.has(origin));
  }

  #judged(domain: DomainName, link: DomainLink, missed: number | undefined, outOfTouch: OutOfTouch | undefined): void {
    const { peer, onWarning, onEvent } = this.#is;
    if (missed !== undefined && link.missed === undefined) {
      this.#is.domains().get(domain)?.wants.strikeAll(peer);
      onWarning('a peer is a stale replica: nothing is pulled from it', {
        domain,
        peer,
        reason: `it has not heard of roleid ${missed} for most of the retention, and may hold what was deleted and is forgotten`,
        next: `there: dfsync accept-remote --domain ${domain} moves to the trash what only it has, dfsync accept-local --domain ${domain} spreads that`,
      });
    } else if (missed === undefined && link.missed !== undefined)
      onEvent('a peer is no stale replica any more', { domain, peer });
    // What was passed over until now is found by a comparison.
    if (missed !== link.missed) Object.assign(link, { compared: false, fruitless: undefined });
    link.missed = missed;
    link.outOfTouch = outOfTouch;
    if (missed !== undefined) link.state = 'stale-replica';
  }

  /** A comparison found so many paths that live here and that the peer has no trace of. */
  foundUnknown(domain: DomainName, unknown: number): void {
    const link = this.#link(domain);
    if (!link.outOfTouch) return;
    if (unknown > 0 && !link.outOfTouch.unknown)
      this.#is.onWarning('this instance is a stale replica: its peers do not pull from it', {
        domain,
        peer: this.#is.peer,
        reason: `it has not heard of that peer for most of the retention, and has ${unknown} paths that the peer has no trace of: new here, or deleted there and forgotten`,
        next: `dfsync accept-remote --domain ${domain} moves them to the trash, dfsync accept-local --domain ${domain} spreads them`,
      });
    link.outOfTouch.unknown = unknown;
  }

  /** Before it is known who was away for how long, nothing is taken over; the comparison finds it. */
  mayLearn(domain: DomainName): boolean {
    const link = this.#link(domain);
    return link.judged && link.missed === undefined;
  }

  /** Out of touch, this instance has heard of what the peer has heard only if it holds nothing that the peer does not know. */
  mayHear(domain: DomainName): boolean {
    const { outOfTouch } = this.#link(domain);
    return this.mayLearn(domain) && (outOfTouch === undefined || outOfTouch.unknown === 0);
  }

  /** Takes over what the peer has heard: everything learned of it before is applied here. */
  hear(domain: DomainName, { folder }: DomainView, heard: Heard): void {
    folder.hear(this.#beatsOf(heard));
    folder.forgot(this.#link(domain).hearing?.forgotten ?? 0);
  }

  /** What is to be believed of it: beyond our clock it would hide every lag until then, and of strangers it is no use to anybody. */
  #beatsOf(heard: Heard): [origin: number, at: number][] {
    const latest = this.#is.clock.now() + MAX_SKEW_MS;
    const origins = this.#is.origins();
    return Object.entries(heard)
      .map(([origin, at]): [number, number] => [Number(origin), at])
      .filter(([origin, at]) => at <= latest && origins.has(origin));
  }
}

/** What a peer has heard, as it says with the state of a domain. */
export function hearingOf(roleid: number, state: DomainState | undefined): Hearing | undefined {
  if (!state?.attendance) return undefined;
  const heard = new Map(Object.entries(state.heard).map(([origin, at]) => [Number(origin), at]));
  return { roleid, heard, ...state.attendance };
}
