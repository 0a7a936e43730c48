/** What the output of inotifywait says. */
import { fromBytes } from '../core/path.ts';
import type { Hint } from './watch-source.ts';

/** One record: the names of an event's bits, and the bytes of the path. */
export interface InotifyEvent {
  /** `CREATE,ISDIR`, `CLOSE_WRITE,CLOSE`, `Q_OVERFLOW`, … */
  readonly what: ReadonlySet<string>;
  /** Absolute; empty for an overflow. A watched directory itself ends with a slash. */
  readonly path: Buffer;
}

/** Cuts a stream of `events NUL path NUL …` into records, wherever its chunks end. */
export class InotifyParser {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): InotifyEvent[] {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const events: InotifyEvent[] = [];
    let start = 0;
    for (;;) {
      const middle = bytes.indexOf(0, start);
      const end = middle < 0 ? -1 : bytes.indexOf(0, middle + 1);
      if (end < 0) break;
      const what = bitsOf(bytes.toString('latin1', start, middle));
      events.push({ what, path: bytes.subarray(middle + 1, end) });
      start = end + 1;
    }
    this.#rest = bytes.subarray(start);
    return events;
  }
}

/** The few combinations that there are. */
const combinations = new Map<string, ReadonlySet<string>>();

function bitsOf(names: string): ReadonlySet<string> {
  let bits = combinations.get(names);
  if (!bits) {
    bits = new Set(names.split(','));
    combinations.set(names, bits);
  }
  return bits;
}

/** The path of an event relative to the root (`''`: the root itself), given the bytes of the root's own path. */
export function relativePath(path: Buffer, root: Buffer): string {
  const end = path.at(-1) === SLASH ? path.length - 1 : path.length;
  return fromBytes(path.subarray(root.length + 1, Math.max(end, root.length + 1)));
}

/** What an event at a path means. */
export function hintOf(what: ReadonlySet<string>, path: string): Hint {
  const isDirectory = what.has('ISDIR');
  const movedIn = what.has('MOVED_TO');
  return {
    path,
    closed: !isDirectory && (movedIn || what.has('CLOSE_WRITE')),
    deep: isDirectory && (movedIn || what.has('CREATE')),
  };
}

const SLASH = 47;
