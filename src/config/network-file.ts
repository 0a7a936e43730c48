/** The file that describes the network: read at the start, followed for as long as the program runs. */
import { type FileRead, type FollowTimes, followFile, readSmallFile } from './follow.ts';
import { type Parsed, parseNetwork } from './network.ts';

/**
 * The network description's file. What is invalid or cannot be read is answered as problems and nothing else: whoever runs a
 * network goes on with it.
 */
export class NetworkFile {
  readonly file: string;
  #last: FileRead = { failed: 'not read yet' };

  constructor(file: string) {
    this.file = file;
  }

  /** Reads the file now. Never throws. */
  load(): Parsed {
    this.#last = readSmallFile(this.file);
    return parseRead(this.#last);
  }

  /** Calls back with each change of the file since {@link load}, valid or not, until the signal aborts. */
  follow(report: (parsed: Parsed) => void, signal: AbortSignal, times?: FollowTimes): void {
    followFile(this.file, this.#last, read => report(parseRead(read)), signal, times);
  }
}

function parseRead(read: FileRead): Parsed {
  return 'failed' in read ? { problems: [{ path: '', message: read.failed }], warnings: [] } : parseNetwork(read.text);
}
