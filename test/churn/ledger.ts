/**
 * The ledger: every change that a writer made in a domain, what he had seen, when it was, and whether his instance was there to see
 * it. At the end it says what is wrong with the tree that all agree on, and accounts for every last write that is not in it.
 *
 * What came after what it takes from the oracle of the simulator, which knows no clocks; which of two concurrent writes is newer,
 * from the one clock of this machine.
 */
import {
  describeViolation,
  type History,
  judge,
  NO_HISTORY,
  pardonOf,
  record,
  type State,
  type UserChange,
  type UserEvent,
} from '../sim/oracle.ts';
import type { Decision } from './decision.ts';

/**
 * A change counts from when its instance notices it. On a busy machine, for a path that changes all the time, and while much goes
 * missing that can be so long after it was made.
 */
const NOTICE_MS = 5_000;

/** When no instance looked at what is written on a node; milliseconds since 1970. */
export interface Downtime {
  readonly node: number;
  readonly from: number;
  readonly to: number;
}

/** What a ledger says at the end. */
export interface Account {
  readonly violations: readonly string[];
  /** Last writes that are not in the tree, and why that is as it should be. */
  readonly lost: readonly { readonly event: UserEvent; readonly reason: string }[];
}

/** The state in which all instances ended. */
export interface Ending {
  readonly tree: ReadonlyMap<string, State>;
  /** Hashes of all files in the trashes. */
  readonly trash: ReadonlySet<string>;
  readonly downtimes: readonly Downtime[];
}

export class Ledger {
  #history: History = NO_HISTORY;
  /** When each event was, by its id. */
  readonly #times: number[] = [];
  readonly #decisions: { readonly node: number; readonly decision: Decision }[] = [];
  /** Which content a path had with a size and date: dfsync takes what has both for the same. */
  readonly #dated = new Map<string, string>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get events(): readonly UserEvent[] {
    return this.#history.events;
  }

  /** Begins an operation; answers its number. */
  begin(node: number, decision: Decision): number {
    return this.#decisions.push({ node, decision }) - 1;
  }

  record(change: UserChange): void {
    this.#history = record(this.#history, change);
    if (this.#times.length < this.#history.events.length) this.#times.push(this.#now());
  }

  /** The first date from `mtime` on that a path has not had with that size and another content. */
  freeDate(path: string, size: number, mtime: number, content: string): number {
    const key = (date: number) => `${size} ${date} ${path}`;
    let date = mtime;
    while ((this.#dated.get(key(date)) ?? content) !== content) date++;
    this.#dated.set(key(date), content);
    return date;
  }

  close({ tree, trash, downtimes }: Ending): Account {
    const violations = judge(this.#history, tree, trash).map(
      violation => `${describeViolation(violation)}\n${this.story(violation.path)}`,
    );
    const lost: { event: UserEvent; reason: string }[] = [];
    for (const event of this.#lastWrites()) {
      if (isSame(event.after, tree.get(event.path))) continue;
      const reason = this.#reasonOf(event, tree, downtimes);
      if (reason === undefined)
        violations.push(`lost to an older one: event ${event.id} at ${event.path}\n${this.story(event.path)}`);
      else lost.push({ event, reason });
    }
    return { violations, lost };
  }

  /** Everything that happened at a path, for people. */
  story(path: string): string {
    return this.events
      .filter(event => event.path === path)
      .map(({ id, node, operation, past, before, after }) => {
        const { decision } = this.#decisions[operation]!;
        const at = new Date(this.#times[id]!).toISOString().slice(11, -1);
        return `  ${at} event ${id} on node ${node}: ${JSON.stringify(decision)}\n      ${show(before)} -> ${show(after)}; had seen ${[...past].join(' ') || 'nothing'}`;
      })
      .join('\n');
  }

  /** Those that nobody who had seen them has changed. */
  #lastWrites(): UserEvent[] {
    const seen = new Set(this.events.flatMap(({ past }) => [...past]));
    return this.events.filter(({ id }) => !seen.has(id));
  }

  /** Why a last write may be lost; undefined: it may not. */
  #reasonOf(event: UserEvent, tree: ReadonlyMap<string, State>, downtimes: readonly Downtime[]): string | undefined {
    const at = this.#times[event.id]!;
    const makers = this.events.filter(({ path, after }) => path === event.path && isSame(after, tree.get(event.path)));
    const won = Math.max(...makers.map(({ id }) => this.#times[id]!));
    if (won >= at) return 'a newer one won';
    const isUnseen = downtimes.some(({ node, from, to }) => node === event.node && from - NOTICE_MS <= at && at <= to);
    if (isUnseen)
      return 'made while its instance was down or dying: ordered by its date, or right after what it changed';
    if (this.#isBackAgain(event)) return 'what it changed was put back as it was before anybody looked: no change';
    if (won >= at - NOTICE_MS) return `the winner was made less than ${NOTICE_MS / 1000} s before, and noticed later`;
    return pardonOf(this.#history, event, tree);
  }

  /** The same node had the same there shortly before. */
  #isBackAgain({ id, node, path, after }: UserEvent): boolean {
    return this.events.some(
      other =>
        other.path === path &&
        other.node === node &&
        other.id < id &&
        this.#times[id]! - this.#times[other.id]! < NOTICE_MS &&
        isSame(other.before, after),
    );
  }
}

function isSame(a: State | undefined, b: State | undefined): boolean {
  return show(a) === show(b);
}

function show(state: State | undefined): string {
  switch (state?.kind) {
    case undefined:
      return 'nothing';
    case 'file':
      return `file ${state.content} of ${new Date(state.mtime).toISOString()} ${state.mode.toString(8)}`;
    case 'directory':
      return `directory ${state.mode.toString(8)}`;
    case 'symlink':
      return `symlink ${state.target}`;
    default:
      return state satisfies never;
  }
}
