/**
 * Intents and outcomes: what the journal says of an action before and after it. An intent without its outcome is left by a crash, see
 * `replay.ts`, or by a disk that does not say what became of it, see `failed-steps.ts`.
 */
import type { Entry } from '../core/entry.ts';
import type { RelPath } from '../core/path.ts';
import type { Action } from '../core/plan.ts';
import type { Truth } from './apply.ts';
import type { DomainIndex } from './index-store.ts';
import type { JournalRecord } from './journal.ts';
import { placeOf } from './scan.ts';

/** Something that is about to be made true of one path. */
export type Intent = Extract<JournalRecord, { will: Entry }>;
/** What moves with a directory: new entries, and the tombstones of their old paths. */
export type Moves = Extract<JournalRecord, { moves: unknown }>['moves'];

/**
 * What is about to be made true.
 *
 * @param directory the domain's, relative to the volume's root
 */
export function intentsOf(action: Action, directory: string): JournalRecord[] {
  switch (action.do) {
    case 'record':
      return [];
    case 'rename':
      return [{ will: action.entry, moved: placeOf(directory, action.source.path) }, { will: action.tombstone }];
    case 'move':
      return [{ moves: [action, ...action.below].map(({ entry, tombstone }) => [entry, tombstone]) }];
    case 'fetch':
    case 'symlink':
      return [{ will: action.entry, staged: true }, ...action.below.map(will => ({ will }))];
    case 'remove':
    case 'mkdir':
    case 'chmod':
      return [{ will: action.entry }];
    default:
      return action satisfies never;
  }
}

/** The same, each path by itself. */
export function singleIntentsOf(action: Action, directory: string): Intent[] {
  return intentsOf(action, directory).flatMap(record =>
    'will' in record ? record : 'moves' in record ? singlesOf(record.moves, directory) : [],
  );
}

/** What a directory that is about to be moved means for each path. */
export function singlesOf(moves: Moves, directory: string): Intent[] {
  return moves.flatMap(([will, gone]) => [{ will, moved: placeOf(directory, gone.path) }, { will: gone }]);
}

/** An intent that came to nothing must not be finished by a later start: what is true of its path still is. */
export function voidOf({ will: { path } }: Intent, index: DomainIndex): JournalRecord {
  const entry = index.get(path);
  const kept = index.kept(path);
  return entry ? recordOf({ entry, ...(kept && { kept }) }) : { drop: path };
}

/** What came true of an action. */
export function outcomesOf(action: Action, truths: readonly Truth[]): JournalRecord[] {
  if (action.do !== 'move') return truths.map(truth => outcomeOf(truth, action));
  return [{ moved: action.entry.path }, ...truths.filter(({ kept }) => kept).map(recordOf)];
}

/** What became true: in few bytes where it is just what was meant. */
function outcomeOf(truth: Truth, action: Action): JournalRecord {
  const { entry, identity, kept } = truth;
  return action.do !== 'record' && entry === action.entry && identity && !kept
    ? { did: [[entry.path, identity.inode, identity.birth]] }
    : recordOf(truth);
}

/** Neighbours that came true as they were meant, in one line. */
export function gathered(records: readonly JournalRecord[]): JournalRecord[] {
  const lines: JournalRecord[] = [];
  let open: (readonly [RelPath, number, number])[] | undefined;
  for (const record of records) {
    if (!('did' in record)) {
      lines.push(record);
      open = undefined;
    } else if (open) open.push(...record.did);
    else {
      open = [...record.did];
      lines.push({ did: open });
    }
  }
  return lines;
}

/** Something that is true from now on. */
export function recordOf({ entry, identity, kept }: Truth): JournalRecord {
  return { is: entry, ...(identity && { identity }), ...(kept && { kept }) };
}

/** What peers' entries an action makes true. */
export function learnedOf(action: Action): Entry[] {
  switch (action.do) {
    case 'rename':
      return [action.entry, action.tombstone];
    case 'move':
      return [action, ...action.below].flatMap(({ entry, tombstone }) => [entry, tombstone]);
    default:
      return [action.entry];
  }
}
