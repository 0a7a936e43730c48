/** What a work of the benchmark is made of. */
import type { Row } from './row.ts';

/** A program that a work needs, and the Debian package that has it. */
export type Program = 'rsync' | 'find' | 'inotifywait' | 'flock' | 'sync';

/** What a work takes from the file system at its peak. */
export interface Room {
  readonly bytes: number;
  readonly files: number;
}

/** What every work is given. */
export interface Bench {
  /** Where it may write; it goes away at the end. */
  readonly directory: string;
  readonly rounds: number;
  /** Sizes are multiplied by this; 1 for figures that count. */
  readonly scale: number;
  /** The names that were asked for. */
  readonly wanted: ReadonlySet<string>;
  /** Says how far it is, to a person who waits. */
  say(line: string): void;
}

/** A work: one or several rows that are measured together. */
export interface Work {
  /** The names of its rows. */
  readonly names: readonly string[];
  readonly title: string;
  readonly programs: readonly Program[];
  room(scale: number, rounds: number): Room;
  run(bench: Bench): Promise<Row[]>;
}

/** A count of the full size, at the scale of this run. */
export function scaled(count: number, { scale }: Pick<Bench, 'scale'>, atLeast = 1): number {
  return Math.max(atLeast, Math.round(count * scale));
}
