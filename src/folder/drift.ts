/**
 * Drift: differences that a scan found and that no event had announced. What a scan meets a moment before its event comes is none, so
 * each is told only once no event of its path has come for a while.
 */
import type { Operation } from '../core/operation.ts';
import { isBelow, type RelPath } from '../core/path.ts';

/** Events are a queue: on a busy machine one may come seconds after the change. */
const GRACE_MS = 10_000;
/** So many are waited for; of more than that a scan after lost events consists. */
const MAX_WAITING = 10_000;

export class Drift {
  readonly #waiting = new Map<RelPath, { readonly operation: Operation; readonly at: number }>();
  readonly #onDrift: (operation: Operation) => void;

  constructor(onDrift: (operation: Operation) => void) {
    this.#onDrift = onDrift;
  }

  /** A scan found a difference at a path. */
  found(path: RelPath, operation: Operation, now: number): void {
    if (this.#waiting.size >= MAX_WAITING) this.#onDrift(operation);
    else if (!this.#waiting.has(path)) this.#waiting.set(path, { operation, at: now });
  }

  /** An event of a path came, or something was applied there; `deep`: it stands for all that is below. */
  announced(path: RelPath, deep = false): void {
    if (this.#waiting.size === 0) return;
    this.#waiting.delete(path);
    if (deep) for (const below of this.#waiting.keys()) if (isBelow(below, path)) this.#waiting.delete(below);
  }

  /** Tells what was waited for long enough. */
  tell(now: number): void {
    for (const [path, { operation, at }] of this.#waiting) {
      if (now - at < GRACE_MS) break;
      this.#waiting.delete(path);
      this.#onDrift(operation);
    }
  }
}
