/**
 * When deletions are held at their origin: so many at once are a slip, a wrong mount or a broken program more often than a wish,
 * and an operator can say which. A hold that was not needed costs a command, a deletion that was not meant costs the files.
 */

/** From when on deletions are held. */
export interface HoldLimits {
  /** More than so many files … */
  readonly files: number;
  /** … that are more than this share of all: both within a minute. */
  readonly share: number;
  /** All files of a domain, if there were at least so many. */
  readonly all: number;
}

/** A clean-up of a hundred files, or of half a domain, is daily work; both together are not. */
export const HOLD_LIMITS: HoldLimits = { files: 100, share: 0.5, all: 10 };

/** What is gone of a domain's files; what was found again under another name is not. */
export interface Vanished {
  /** Files that the index knows as live: what is missing and what is held included. */
  readonly files: number;
  /** Missing, and about to be announced. */
  readonly missing: number;
  /** Held already. */
  readonly held: number;
  /** Those of them that have been held for less than a minute. */
  readonly heldLately: number;
  /** Announced as deleted within the last minute: they are not among `files` any more. */
  readonly announcedLately: number;
  /**
   * Nobody saw them go: a first look found them missing, or the volume was not the right one meanwhile. A mount that is not there
   * looks like this, so none left is enough, however few there were.
   */
  readonly unseen: boolean;
}

/** Why what is missing may not be announced until somebody says so, or undefined. */
export function holdReason(gone: Vanished, limits: HoldLimits = HOLD_LIMITS): string | undefined {
  if (gone.missing === 0) return undefined;
  const before = gone.files + gone.announcedLately;
  if (gone.missing + gone.held >= gone.files && (gone.unseen || before >= limits.all))
    return `none of its ${before} files is found any more`;
  const lately = gone.missing + gone.heldLately + gone.announcedLately;
  const were = before - (gone.held - gone.heldLately);
  return lately > limits.files && lately > limits.share * were
    ? `${lately} of its ${were} files went missing within a minute`
    : undefined;
}
