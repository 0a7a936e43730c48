/**
 * Learning: what a peer has that this instance lacks, by its feed and, where that does not suffice, by digests.
 *
 *   connecting -> live        its digests were compared, its feed is followed
 *   live -> backoff           it failed, or answered what cannot be; tried again later
 *   misrouted, refused        it is somebody else, or refuses us: as backoff, with a name
 */
import { MAX_SKEW_MS, type Random } from '../core/clock.ts';
import { differenceOf } from '../core/difference.ts';
import { type Entry, isLive } from '../core/entry.ts';
import type { DomainName, RelPath } from '../core/path.ts';
import { resolve } from '../core/resolve.ts';
import { isExpired } from '../core/retention.ts';
import { newest } from '../core/version.ts';
import { descend, type Pair } from './descend.ts';
import { HEARTBEAT_MS } from './feed.ts';
import { type DomainLink, type DomainView, type Lacking, type LinkState, newLink } from './link.ts';
import { type Changes, type DomainState, type DomainStates, type Heard, type Peer, PeerError } from './peer.ts';
import { PutOff } from './put-off.ts';
import { hearingOf, Staleness, type StalenessOptions } from './staleness.ts';

/** The protocol versions that this program speaks: the newest, and the one before. */
export const PROTOCOLS: readonly number[] = [1];
/** From a question to the feed that was answered without news to the next one, at least; well below what a person notices. */
const NO_NEWS_MS = 20;
/**
 * Comparisons between two regular ones that a peer may bring about by saying that its feed begins anew, or that a domain has become
 * ready: enough for a start, and no more than a few a second of one that says nothing else.
 */
const DEMANDS_AT_MOST = 8;
/** How much later than planned roots are compared, if no heartbeat of the peer brings them before. */
const PATIENCE_MS = 1_500;
/** Paths that differ and are not wanted here, as many as are remembered for whoever asks what differs. */
const MAX_NOTED = 1_000;
/** Entries learned in one synchronous stretch: as many as an answer of the feed has. */
const SLICE = 4_000;
/** How often the clock of a peer and the way to it are measured: clocks drift by milliseconds a minute at most. */
const MEASURE_MS = 60_000;
/** First wait after a failure of the peer; it doubles … */
const BACKOFF_FIRST_MS = 500;
/** … up to this: a peer that comes back is heard of within seconds. */
const BACKOFF_AT_MOST_MS = 15_000;
/** A descent that found nothing to pull is repeated after so long, doubled each time, although no root has changed … */
const FRUITLESS_FIRST_MS = 30_000;
/** … up to this. */
const FRUITLESS_AT_MOST_MS = 10 * 60_000;

/** What a comparison found. */
interface Found {
  /** Entries that differ either way. */
  readonly differ: number;
  /** Those that are to be pulled. */
  readonly learned: number;
  /** Those that the peer lacks: the first of them. */
  readonly lacking: ReadonlyMap<RelPath, Lacking>;
  /** What lives here and the peer has no trace of. */
  readonly unknown: readonly RelPath[];
}

/** Heartbeats that wait until everything learned before them is applied, and newer ones behind them. */
interface Beats {
  readonly sequence: number;
  readonly heard: Heard;
  next?: { readonly sequence: number; readonly heard: Heard };
}

export interface LearnOptions extends Omit<StalenessOptions, 'peer'> {
  readonly peer: Peer;
  readonly site: string;
  readonly random: Random;
  readonly digestIntervalMs: number;
  /** When the peer last came further in this instance's feed, milliseconds since 1970; undefined: it is at the end, or has stood for long. */
  lastTaken(): number | undefined;
  /** Called after each failure of the peer: another one may be the better choice. */
  onFailure(): void;
}

export class Learner {
  readonly #is: LearnOptions;
  readonly links = new Map<DomainName, DomainLink>();
  state: LinkState = 'connecting';
  reason: string | undefined;
  lastContact: number | undefined;
  /** When all roots were compared last. */
  lastCompared: number | undefined;
  /** The peer's clock against ours, milliseconds. */
  skewMs: number | undefined;
  /** What the peer measured of the clocks of others, by roleid, against its own. */
  skews: Readonly<Record<number, number>> = {};
  /** From a question to its answer, milliseconds. */
  roundTripMs: number | undefined;
  /** Comparisons of a domain's roots since the start, by what they found. */
  readonly comparisons = { equal: 0, different: 0 };
  /** Failures since the start, by the state that they led to. */
  readonly failed = { backoff: 0, misrouted: 0, refused: 0 };
  failures = 0;
  #epoch = '';
  #cursor = 0;
  readonly #beats = new Map<DomainName, Beats>();
  readonly #started: number;
  readonly #staleness: Staleness;
  readonly #putOff = new PutOff();
  #poll = new AbortController();

  constructor(options: LearnOptions) {
    this.#is = options;
    this.#started = options.clock.now();
    this.#staleness = new Staleness({ ...options, peer: options.peer.roleid }, domain => this.#link(domain));
  }

  get roleid(): number {
    return this.#is.peer.roleid;
  }

  /** Follows the peer until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof PeerError)) throw error;
        this.#failed(error);
        const wait = Math.min(BACKOFF_AT_MOST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(this.failures - 1, 10));
        await this.#is.clock.sleep(wait * (0.5 + this.#is.random() / 2), signal);
      }
    }
  }

  /** Seconds for which this instance has been behind the peer in a domain; 0: it has everything and hears of news. */
  lagMs(domain: DomainName): number {
    const link = this.#link(domain);
    const now = this.#is.clock.now();
    if (this.state === 'live' && link.state === 'serving' && this.#wantedFrom(domain) === 0) {
      link.behindSince = undefined;
      return 0;
    }
    link.behindSince ??= this.lastContact ?? this.#started;
    return Math.max(0, now - link.behindSince);
  }

  /** Takes entries that the peer gave outside of feed and digests. */
  learnOf(domain: DomainName, entries: readonly Entry[]): void {
    const view = this.#is.domains().get(domain);
    if (view && this.#staleness.mayLearn(domain))
      for (const entry of entries) this.#learn(domain, view, entry, this.#cursor);
  }

  /** Judges who was away for too long; what was said before that came out is not heard then. */
  judge(domain: DomainName): void {
    this.#staleness.judge(domain);
    if (!this.#staleness.mayHear(domain)) this.#beats.delete(domain);
  }

  /** What the peer has heard, as far as it is to be believed, and up to when it may have forgotten deletions. */
  heardBy(domain: DomainName): ReturnType<Staleness['heardBy']> {
    return this.#staleness.heardBy(domain);
  }

  /** What lives here and the peer has no trace of. Throws a PeerError. */
  async unknownTo(domain: DomainName, signal: AbortSignal): Promise<readonly RelPath[]> {
    const view = this.#is.domains().get(domain);
    return view ? (await this.#descend(domain, view, new Map(), this.#cursor, signal)).unknown : [];
  }

  /** The domains that are pulled from this peer. */
  sharedDomains(): Iterable<DomainName> {
    return this.#is.domains().keys();
  }

  /** Compares at once: a domain has become ready here. What the feed told of it until then was passed over. */
  poke(): void {
    for (const link of this.links.values()) link.compared = false;
    this.#poll.abort();
  }

  /** Something wanted from this peer may be done: heartbeats may have arrived with it. */
  settled(): void {
    for (const [domain, beats] of this.#beats) {
      const view = this.#is.domains().get(domain);
      if (view && view.wants.doneUpTo(this.#is.peer.roleid, this.#cursor) < beats.sequence) continue;
      if (view) this.#staleness.hear(domain, view, beats.heard);
      this.#beats.delete(domain);
      // Added again it comes up again in this very loop.
      if (beats.next) this.#beats.set(domain, beats.next);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, digestIntervalMs } = this.#is;
    let measureAt = 0;
    let compareAt = 0;
    let isDemanded = false;
    let demands = 0;
    let either = signal;
    while (!signal.aborted) {
      if (clock.now() >= measureAt) {
        await this.#greet(signal);
        measureAt = clock.now() + MEASURE_MS;
      }
      const isDue = clock.now() >= compareAt;
      if (isDue || isDemanded || this.#poll.signal.aborted) {
        if (isDue) demands = 0;
        this.#poll = new AbortController();
        either = AbortSignal.any([signal, this.#poll.signal]);
        await this.#compare(signal);
        compareAt = clock.now() + digestIntervalMs;
        this.#live();
      }
      const asked = clock.now();
      const answer = await this.#ask(Math.max(0, compareAt - asked) + this.#patience(), signal, either);
      isDemanded = false;
      if (!answer) continue;
      this.lastContact = clock.now();
      if (answer.reset || answer.changes.length === 0) await this.#pace(asked, signal);
      if (answer.reset) this.#forget();
      else await this.#take(answer, signal);
      if (answer.reset || (answer.compare && answer.compare.length > 0)) {
        isDemanded = ++demands <= DEMANDS_AT_MOST;
        // Without a cursor there is nothing to ask for until then.
        if (answer.reset && !isDemanded) await clock.sleep(Math.max(0, compareAt - clock.now()), signal);
      } else if (answer.states) {
        await this.#compareStates({ ...answer, domains: answer.states }, signal);
        compareAt = clock.now() + digestIntervalMs;
      }
    }
  }

  /** The next heartbeat brings the roots with it: it is worth a moment of waiting. */
  #patience(): number {
    return this.#is.digestIntervalMs >= HEARTBEAT_MS ? PATIENCE_MS : 0;
  }

  async #greet(signal: AbortSignal): Promise<void> {
    const { peer, clock } = this.#is;
    const asked = clock.now();
    const self = await peer.self(signal);
    const answered = clock.now();
    if (self.roleid !== peer.roleid)
      throw new PeerError(421, `it says that it is roleid ${self.roleid}: one address must lead to one instance`);
    if (!self.protocols.some(version => PROTOCOLS.includes(version)))
      throw new PeerError(
        505,
        `it speaks protocol ${self.protocols.join(', ')}, this instance ${PROTOCOLS.join(', ')}: update the older one`,
      );
    this.roundTripMs = answered - asked;
    // What it said was true about halfway.
    this.skewMs = self.clock - (asked + answered) / 2;
    this.skews = self.skews ?? {};
  }

  /** The next stretch of the feed, or undefined where a comparison is due first: `either` is aborted then, too. */
  async #ask(wait: number, signal: AbortSignal, either: AbortSignal): Promise<Changes | undefined> {
    const query = { epoch: this.#epoch, since: this.#cursor, done: this.#done(), wait };
    try {
      return await this.#is.peer.changes(query, either);
    } catch (error) {
      if (either.aborted && !signal.aborted) return undefined;
      throw error;
    }
  }

  /** A peer that answers at once without news must not be asked a thousand times a second. */
  async #pace(asked: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#is;
    // The clock may have been set back meanwhile.
    const wait = Math.min(NO_NEWS_MS, asked + NO_NEWS_MS - clock.now());
    if (wait > 0) await clock.sleep(wait, signal);
  }

  /** The cursor is worth nothing any more. */
  #forget(): void {
    this.#epoch = '';
    this.#beats.clear();
    for (const link of this.links.values()) link.compared = false;
  }

  #live(): void {
    if (this.state !== 'live') this.#is.onEvent('peer is live', { peer: this.#is.peer.roleid });
    this.state = 'live';
    this.reason = undefined;
    this.failures = 0;
    this.lastContact = this.#is.clock.now();
  }

  #failed(error: PeerError): void {
    const state =
      error.status === 421 ? 'misrouted' : error.status === 401 || error.status === 403 ? 'refused' : 'backoff';
    if (state !== this.state || error.message !== this.reason)
      this.#is.onEvent('peer failed; it is tried again', {
        peer: this.#is.peer.roleid,
        state,
        reason: error.message,
        next: 'look at its log, and at Troubleshooting for the state',
      });
    for (const domain of this.links.keys()) this.lagMs(domain);
    this.state = state;
    this.reason = error.message;
    this.failed[state]++;
    this.failures++;
    for (const domain of this.links.keys()) this.lagMs(domain);
    this.#is.onFailure();
  }

  /** Takes a stretch of the feed. */
  async #take(answer: Changes, signal: AbortSignal): Promise<void> {
    for (const [i, { domain, entry }] of answer.changes.entries()) {
      if (i > 0 && i % SLICE === 0) await this.#is.clock.yield();
      const view = this.#is.domains().get(domain);
      if (!view?.folder.ready || !this.#staleness.mayLearn(domain)) continue;
      // Nothing gives way here unless it must: what was announced together is planned together.
      if (view.wants.isFull) await view.wants.room(signal);
      this.#learn(domain, view, entry, answer.sequence);
    }
    this.#cursor = answer.sequence;
    for (const [name, heard] of Object.entries(answer.heard)) {
      if (!this.#staleness.mayHear(name as DomainName) || !this.#staleness.isForeseen(name as DomainName, heard))
        continue;
      const waiting = this.#beats.get(name as DomainName);
      const beats = { sequence: answer.sequence, heard };
      if (waiting) waiting.next = beats;
      else this.#beats.set(name as DomainName, beats);
    }
    this.settled();
  }

  /** Compares the roots of all domains, and descends where they differ. */
  async #compare(signal: AbortSignal): Promise<void> {
    const states = await this.#is.peer.domains(signal);
    this.lastContact = this.#is.clock.now();
    await this.#compareStates(states, signal);
  }

  async #compareStates(states: DomainStates, signal: AbortSignal): Promise<void> {
    if (states.epoch !== this.#epoch) {
      this.#forget();
      // Another life of the peer may have lost what the former one announced; whatever it has is found by the comparison.
      for (const { wants } of this.#is.domains().values()) wants.strikeAll(this.#is.peer.roleid);
      this.#epoch = states.epoch;
      // What follows is compared with the state at this sequence or a later one; the feed tells what comes after it.
      this.#cursor = states.sequence;
    }
    const known = new Map(states.domains.map(state => [state.domain, state]));
    const now = this.#is.clock.now();
    const lastTaken = this.#is.lastTaken();
    const mayPutOff =
      this.#putOff.isGranted(this.#placeOf(lastTaken), now, this.#is.digestIntervalMs) && this.state === 'live';
    let isPutOff = false;
    for (const [domain, view] of this.#is.domains()) {
      const link = this.#link(domain);
      const state = known.get(domain);
      link.state = state?.state ?? 'not-served';
      link.hearing = hearingOf(this.#is.peer.roleid, state);
      if (state?.state === 'serving' && view.folder.ready) this.judge(domain);
      if (state?.state !== 'serving' || !view.folder.ready) link.compared = false;
      // While changes are under way the roots differ for a reason that is known.
      else if (
        state.digest !== view.folder.digest &&
        link.compared &&
        mayPutOff &&
        (lastTaken !== undefined || states.sequence !== this.#cursor || view.wants.countOf(this.#is.peer.roleid) > 0)
      )
        isPutOff = true;
      else await this.#compareDomain(domain, view, state, states.sequence, signal);
    }
    this.#putOff.note(isPutOff, now);
    this.lastCompared = this.#is.clock.now();
  }

  async #compareDomain(
    domain: DomainName,
    view: DomainView,
    state: DomainState,
    sequence: number,
    signal: AbortSignal,
  ): Promise<void> {
    const link = this.#link(domain);
    const roots = `${state.digest} ${view.folder.digest}`;
    if (state.digest === view.folder.digest) {
      this.comparisons.equal++;
      link.compared = true;
      link.mismatched = 0;
      link.lacking = new Map();
      link.mismatchedSince = undefined;
      link.fruitless = undefined;
      // Nothing is here that the peer does not know: so there is nothing that it may have forgotten.
      this.#staleness.foundUnknown(domain, 0);
      // What was wanted of it and is not here, it does not have any more.
      view.wants.strikeAll(this.#is.peer.roleid);
      this.#staleness.hear(domain, view, state.heard);
      return;
    }
    this.comparisons.different++;
    link.mismatchedSince ??= this.#is.clock.now();
    if (link.compared && link.fruitless?.roots === roots && link.fruitless.until > this.#is.clock.now()) return;
    const found = await this.#descend(domain, view, link.lacking, sequence, signal);
    link.compared = true;
    link.mismatched = found.differ;
    link.lacking = found.lacking;
    this.#staleness.foundUnknown(domain, found.unknown.length);
    const wait = Math.min(
      FRUITLESS_AT_MOST_MS,
      link.fruitless?.roots === roots ? link.fruitless.wait * 2 : FRUITLESS_FIRST_MS,
    );
    link.fruitless = found.learned > 0 ? undefined : { roots, wait, until: this.#is.clock.now() + wait };
  }

  /** Goes down the digest tree where it differs. */
  async #descend(
    domain: DomainName,
    view: DomainView,
    before: ReadonlyMap<RelPath, Lacking>,
    sequence: number,
    signal: AbortSignal,
  ): Promise<Found> {
    const { clock, peer } = this.#is;
    const lacking = new Map<RelPath, Lacking>();
    const unknown: RelPath[] = [];
    let compared = 0;
    let differ = 0;
    let learned = 0;
    for await (const pairs of descend(view.folder, peer, clock, signal))
      for (const pair of pairs) {
        if (++compared % SLICE === 0) await clock.yield();
        // The one forgets it a little sooner than the other.
        if (this.#isPast(pair)) continue;
        differ++;
        if (isLive(pair.own) && !pair.theirs) unknown.push(pair.own.path);
        if (pair.theirs && view.wants.isFull) await view.wants.room(signal);
        if (pair.theirs && this.#learn(domain, view, pair.theirs, sequence)) learned++;
        else if (lacking.size < MAX_NOTED) note(pair, before, clock.now(), lacking);
      }
    return { differ, learned, lacking, unknown };
  }

  /** Whether nothing lives on either side, and what is known there of a deletion has expired. */
  #isPast({ own, theirs }: Pair): boolean {
    const { clock, retentionMs } = this.#is;
    return [own, theirs].every(entry => !entry || isExpired(entry, clock.now(), retentionMs));
  }

  /** One entry of the peer: wanted, where it wins here. Answers whether it is. */
  #learn(domain: DomainName, { folder, wants }: DomainView, entry: Entry, sequence: number): boolean {
    const { clock, peer, site } = this.#is;
    const now = clock.now();
    if (!this.#staleness.mayLearn(domain)) return false;
    if (folder.ignores(entry.path)) return false;
    if (isExpired(entry, now, this.#is.retentionMs) && !isLive(folder.get(entry.path))) return false;
    if (newest(entry.version).stamp > now + MAX_SKEW_MS) {
      const message = `peer ${peer.roleid} has it with a date ${Math.round((newest(entry.version).stamp - now) / 60_000)} min ahead of this clock: put the clocks right`;
      folder.problems.report(entry.path, 'clock', message, now);
      return false;
    }
    folder.problems.clear(entry.path, 'clock', 'gone');
    if (resolve(folder.get(entry.path), entry).do === 'nothing') return false;
    this.lagMs(domain);
    wants.add(entry, { roleid: peer.roleid, site }, sequence, now);
    const link = this.#link(domain);
    link.behindSince ??= now;
    return true;
  }

  #done(): number {
    let done = this.#cursor;
    for (const { wants } of this.#is.domains().values())
      done = Math.min(done, wants.doneUpTo(this.#is.peer.roleid, this.#cursor));
    return Math.max(0, done);
  }

  /** How far this instance is with the peer, and the peer with it: another than before where one of them gets on. */
  #placeOf(lastTaken: number | undefined): string {
    const wanted = [...this.#is.domains().keys()].map(domain => this.#wantedFrom(domain));
    return [this.#cursor, ...wanted, lastTaken].join();
  }

  #wantedFrom(domain: DomainName): number {
    return this.#is.domains().get(domain)?.wants.countOf(this.#is.peer.roleid) ?? 0;
  }

  #link(domain: DomainName): DomainLink {
    let link = this.links.get(domain);
    if (!link) {
      link = newLink(this.#started);
      this.links.set(domain, link);
    }
    return link;
  }
}

/** Remembers what the peer lacks, and since when. */
function note(
  { own, theirs }: Pair,
  before: ReadonlyMap<RelPath, Lacking>,
  now: number,
  lacking: Map<RelPath, Lacking>,
): void {
  const difference = differenceOf(own, theirs);
  // What shows in no directory is nobody's concern, and what only the peer has is refused here for a reason that is listed.
  if (!own || difference === 'memory') return;
  const known = before.get(own.path);
  lacking.set(own.path, known?.difference === difference ? known : { difference, since: now });
}
