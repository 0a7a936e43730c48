/** How the commands that call an instance tell what came of it: in words, or as JSON for programs. */
import type { Recovered, TrashedItem } from '../ops/actions.ts';
import { CallError, type Callee, EXIT_REFUSED } from './call.ts';

/** Said to every such command. */
export interface CallFlags extends Callee {
  readonly json?: boolean;
}

/** Where a command writes. */
export interface Streams {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream;
}

/** Runs a call and tells its answer; answers the exit code. */
export async function telling<T>(
  run: () => Promise<T>,
  inWords: (answer: T) => readonly string[],
  { json }: CallFlags,
  { out, err }: Streams,
  exitCode: (answer: T) => number = answer => (hasFailed(answer) ? EXIT_REFUSED : 0),
): Promise<number> {
  try {
    const answer = await run();
    const lines = json ? [JSON.stringify(answer)] : inWords(answer);
    for (const line of lines) out.write(`${line}\n`);
    return exitCode(answer);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    err.write(`dfsync: ${error.message}\n`);
    return EXIT_REFUSED;
  }
}

/** What came back, or would, one line each, and the sum. */
export function recoveredText({ domain, dryRun, held, recovered, items, failed }: Recovered): string[] {
  const reasons = new Map(failed.map(({ path, reason }) => [path, reason]));
  const back = items.filter(({ path }) => !reasons.has(path));
  const unlisted = recovered - back.length;
  return [
    ...back.map(item => `${item.undoes === 'deletion' ? 'deleted ' : 'replaced'}  ${itemText(item)}`),
    ...(unlisted > 0 ? [`and ${unlisted} more`] : []),
    ...failed.map(({ path, reason }) => `failed    ${shown(path)}: ${reason}`),
    `${domain}: ${recovered} ${dryRun ? 'would come' : 'came'} back from the trash${failed.length > 0 ? `, ${failed.length} did not` : ''}`,
    ...(held > 0
      ? [
          `${domain}: ${held} held deletions ${dryRun ? 'would be' : 'are'} undone; other servers bring what was deleted`,
        ]
      : []),
  ];
}

/** One item of the trash, in one line. */
export function itemText({ path, at, kind, size, version, conflict }: TrashedItem): string {
  const bytes = kind === 'file' ? `${size} B` : kind;
  return `${new Date(at).toISOString()}  ${bytes.padStart(14)}  ${version}${conflict ? ' conflict' : ''}  ${shown(path)}`;
}

/** A path as a terminal may show it: one line, no control characters; a name that is not UTF-8 too. */
export function shown(path: string): string {
  return /^[^\p{C}"\\]*$/u.test(path) ? path : JSON.stringify(path).replace(/[\p{Cc}\p{Cf}]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function hasFailed(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'failed' in answer && (answer.failed as unknown[]).length > 0;
}
