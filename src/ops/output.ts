/** Lines to a file descriptor, each written before the call returns. */
import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Where lines go. */
export interface LineOutput {
  write(line: string): unknown;
  readonly isTTY?: boolean;
}

/** How long to wait before a full pipe is tried again. */
const RETRY_MS = 5;

/**
 * An output that loses nothing at a crash. (`process.stdout` does: on a pipe whose reader is slower it keeps lines in memory.)
 * A reader that is slower holds the writer up; one that has gone away is no reason to stop synchronising, nor is a full disk.
 */
export function outputTo(fd: number): LineOutput {
  return {
    isTTY: isatty(fd),
    write: line => {
      const bytes = Buffer.from(line);
      for (let done = 0; done < bytes.length; ) {
        try {
          done += writeSync(fd, bytes, done);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
          pause(RETRY_MS);
        }
      }
    },
  };
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
