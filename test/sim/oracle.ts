/**
 * The causality oracle: from what users did and saw on each node it says which final states are wrong, without knowing any rule of
 * the engine. It knows no clocks and no versions, so it cannot share a mistake with them.
 *
 * How a simulated world feeds it:
 *
 * 1. Every change that a *user* makes at a path is one event: {@link record} with what stood there on that node's disk just before
 *    (looked up on the disk, whoever put it there) and what stands there after. What engines do is never recorded.
 * 2. One user operation may be many events with one `operation` number: `rm -r` is a deletion of every path that the user's disk had
 *    there, deepest first; a rename is a deletion at the old and a creation at the new path, for everything below too; a file that
 *    takes a directory's place deletes everything below. A tree that several nodes hold from the start is recorded once.
 * 3. Content is told apart by an id that the world writes into each new file (`content`); a chmod, touch or rename keeps it. Two
 *    files of one path with different ids need another size or date: the engine takes equal ones for the same, as it should. Going
 *    back to an earlier state of a path (content, date and mode restored) is an event like any other.
 * 4. After quiet and equality of all nodes of a domain: {@link judge} with the one final tree, the content ids of all files in the
 *    trashes of all nodes (and in staging nothing), and the ids of events that are excused: changes that a node was made to forget,
 *    such as a deletion while it was down, with the cache lost before it started again.
 */

/** What stands at a path; undefined: nothing. */
export type State =
  | { readonly kind: 'file'; readonly content: string; readonly mtime: number; readonly mode: number }
  | { readonly kind: 'directory'; readonly mode: number }
  | { readonly kind: 'symlink'; readonly target: string };

/** What a user does at one path. */
export interface UserChange {
  readonly node: number;
  /** The same for all events of one command. */
  readonly operation: number;
  readonly path: string;
  readonly before: State | undefined;
  readonly after: State | undefined;
}

/** A {@link UserChange} in its history. */
export interface UserEvent extends UserChange {
  /** Its place in the history. */
  readonly id: number;
  /** Events of this path that the user surely had seen, the event itself not included: its causal past. */
  readonly past: ReadonlySet<number>;
  /** Events that he may have seen as well: what stood there could have come from more than one. */
  readonly maybe: ReadonlySet<number>;
}

/** Everything that users did, in order. */
export interface History {
  readonly events: readonly UserEvent[];
}

/** What is wrong with the final state of a path. */
export interface Violation {
  readonly rule: /** What somebody had seen and changed stands there again. */
    | 'lost update'
    /** What somebody had seen and deleted stands there again. */
    | 'resurrection'
    /** Nothing stands there, and nobody deleted it. */
    | 'vanished'
    /** What stands there was made by nobody. */
    | 'invented'
    /** The content of a file that lost is neither in the tree nor in a trash. */
    | 'content lost';
  readonly path: string;
  readonly final: State | undefined;
  /** The event that was not honoured, where there is one. */
  readonly event?: UserEvent;
}

export const NO_HISTORY: History = { events: [] };

/** The history with one more event; itself where nothing changed. */
export function record(history: History, change: UserChange): History {
  if (isSame(change.before, change.after)) return history;
  const seen = change.before ? standing(history, change.path, change.before) : absent(history, change);
  return { events: [...history.events, { ...change, id: history.events.length, ...seen }] };
}

/** Everything wrong with a tree on which all nodes agree; empty: every event was honoured or lost to a concurrent one. */
export function judge(
  history: History,
  final: ReadonlyMap<string, State>,
  trash: ReadonlySet<string>,
  excused: ReadonlySet<number> = new Set(),
): Violation[] {
  const kept = new Set(trash);
  for (const state of final.values()) if (state.kind === 'file') kept.add(state.content);
  const paths = new Set([...history.events.map(event => event.path), ...final.keys()]);
  return [...paths].flatMap(path => [
    ...judgeState(history, path, final, excused),
    ...lostContents(history, path, final.get(path), kept, excused),
  ]);
}

/** A violation for people. */
export function describeViolation({ rule, path, final, event }: Violation): string {
  const against = event && `; event ${event.id} on node ${event.node} left ${show(event.after)}`;
  return `${rule}: ${path} ends as ${show(final)}${against ?? ''}`;
}

/** What a user has seen who sees a state: the events that made it, and their past. */
function standing(history: History, path: string, state: State): Pick<UserEvent, 'past' | 'maybe'> {
  const events = history.events.filter(event => event.path === path);
  const makers = events.filter(event => isSame(event.after, state));
  if (makers.length === 0) return split(events, () => 'maybe');
  // A state that was restored has several makers: only what all of them knew was surely seen.
  return split(events, ({ id }) => {
    if (makers.every(maker => maker.id === id || maker.past.has(id))) return 'past';
    return makers.some(maker => maker.id === id || maker.past.has(id) || maker.maybe.has(id)) ? 'maybe' : undefined;
  });
}

/** Where nothing stands, a user surely knows what happened there last on his own disk; any deletion may have come since. */
function absent(history: History, { node, path }: UserChange): Pick<UserEvent, 'past' | 'maybe'> {
  const events = history.events.filter(event => event.path === path);
  const own = events.findLast(event => event.node === node);
  return split(events, event => (event === own || own?.past.has(event.id) ? 'past' : 'maybe'));
}

function split(
  events: readonly UserEvent[],
  seen: (event: UserEvent) => 'past' | 'maybe' | undefined,
): Pick<UserEvent, 'past' | 'maybe'> {
  const ids = (as: 'past' | 'maybe') => new Set(events.filter(event => seen(event) === as).map(event => event.id));
  return { past: ids('past'), maybe: ids('maybe') };
}

function judgeState(
  history: History,
  path: string,
  finals: ReadonlyMap<string, State>,
  excused: ReadonlySet<number>,
): Violation[] {
  const final = finals.get(path);
  const events = history.events.filter(event => event.path === path);
  const makers = events.filter(event => isSame(event.after, final));
  if (final === undefined && isCoveredByFile(history, path)) return [];
  if (makers.length === 0) return [{ rule: final ? 'invented' : 'vanished', path, final }];
  const honours = (event: UserEvent) =>
    excused.has(event.id) || isSame(event.after, final) || pardonOf(history, event, finals) !== undefined;
  // One maker that nobody has changed since is enough: a state may be restored, or made twice.
  const broken = makers.map(maker => events.find(event => event.past.has(maker.id) && !honours(event)));
  if (broken.includes(undefined)) return [];
  const event = broken.at(-1)!;
  return [{ rule: event.after ? 'lost update' : 'resurrection', path, final, event }];
}

/** Why an event may be lost, or a path be empty, although nobody made it so knowingly; undefined: it may not. */
export function pardonOf(
  history: History,
  event: UserEvent,
  finals: ReadonlyMap<string, State>,
): 'a file or symlink won over a directory above' | 'the directory was revived' | undefined {
  const final = finals.get(event.path);
  if (final === undefined)
    return isCoveredByFile(history, event.path) ? 'a file or symlink won over a directory above' : undefined;
  if (final.kind !== 'directory') return undefined;
  return isRevived(history, event, finals) || lostToRevived(history, event, finals)
    ? 'the directory was revived'
    : undefined;
}

/** Live contents that nobody has changed knowingly must be somewhere. */
function lostContents(
  history: History,
  path: string,
  final: State | undefined,
  kept: ReadonlySet<string>,
  excused: ReadonlySet<number>,
): Violation[] {
  const events = history.events.filter(event => event.path === path);
  return events
    .filter(({ id, past, after }) => {
      if (after?.kind !== 'file' || kept.has(after.content)) return false;
      // A chmod or touch that was forgotten leaves a content to whoever made it.
      const isMade = !events.some(maker => past.has(maker.id) && contentOf(maker) === after.content);
      if (excused.has(id) && !isMade) return false;
      return !events.some(event => event.past.has(id) || event.maybe.has(id));
    })
    .map(event => ({ rule: 'content lost', path, final, event }));
}

function contentOf({ after }: UserEvent): string | undefined {
  return after?.kind === 'file' ? after.content : undefined;
}

/** A file or symlink that wins over a directory takes everything below away, with nobody deleting that. */
function isCoveredByFile(history: History, path: string): boolean {
  return history.events.some(
    ({ path: above, after }) => after && after.kind !== 'directory' && path.startsWith(`${above}/`),
  );
}

/**
 * A directory may come back, as its sender has it, with something below it that whoever deleted it had not seen. This excuses the
 * deletion and all that it had seen; it does not excuse the loss of a concurrent chmod.
 */
function isRevived(history: History, event: UserEvent, finals: ReadonlyMap<string, State>): boolean {
  const below = `${event.path}/`;
  const alive = [...finals.keys()].some(path => path.startsWith(below));
  const deletions = history.events.filter(
    ({ id, path, after, past }) => path === event.path && !after && (id === event.id || past.has(event.id)),
  );
  return deletions.some(deletion => alive || hasUnseenBelow(history, deletion));
}

/**
 * What lost to a concurrent deletion stays lost when that directory comes back. A chmod of it does so only where somebody else made
 * what brings it back: the directory has the mode of that one.
 */
function lostToRevived(
  history: History,
  { id, node, path, past, after }: UserEvent,
  finals: ReadonlyMap<string, State>,
): boolean {
  return history.events.some(
    other =>
      other.path === path &&
      !other.after &&
      !past.has(other.id) &&
      !other.past.has(id) &&
      isRevived(history, other, finals) &&
      (after?.kind !== 'directory' || hasUnseenBelow(history, other, maker => maker !== node)),
  );
}

function hasUnseenBelow(history: History, deletion: UserEvent, by: (node: number) => boolean = () => true): boolean {
  const siblings = history.events.filter(({ operation }) => operation === deletion.operation);
  return history.events.some(
    ({ id, node, path, after }) =>
      after &&
      by(node) &&
      path.startsWith(`${deletion.path}/`) &&
      !siblings.some(sibling => sibling.path === path && sibling.past.has(id)),
  );
}

function isSame(a: State | undefined, b: State | undefined): boolean {
  return show(a) === show(b);
}

function show(state: State | undefined): string {
  switch (state?.kind) {
    case undefined:
      return 'nothing';
    case 'file':
      return `file ${state.content} of ${state.mtime}, mode ${state.mode.toString(8)}`;
    case 'directory':
      return `directory, mode ${state.mode.toString(8)}`;
    case 'symlink':
      return `symlink to ${state.target}`;
    default:
      return state satisfies never;
  }
}
