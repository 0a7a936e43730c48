/** What happened between two pictures of the demonstration network, for people. */
import { formatBytes, formatCount } from './demo-lines.ts';
import { keyOf, type Picture, type Row } from './demo-picture.ts';

/** More than any view shows. */
const KEPT = 20;

/** Something that happened. */
export interface Event {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** What was told, and what the next telling has to know of it. */
export interface Story {
  /** The newest last. */
  readonly events: readonly Event[];
  /** What was last told of each row, by {@link keyOf}. */
  readonly told: ReadonlyMap<string, Row>;
  readonly agreement?: string;
}

export const UNTOLD: Story = { events: [], told: new Map() };

/** The story with what happened since; `agreement` says that everybody has the same, where that is so. */
export function storyOf(before: Story, { rows }: Picture, agreement: string | undefined, now: number): Story {
  const told = new Map(before.told);
  const texts = rows.flatMap(row => {
    const last = told.get(keyOf(row));
    const text = textOf(last, row);
    if (text !== undefined || !last) told.set(keyOf(row), row);
    return text === undefined ? [] : [`${row.instance} ${row.directory}`.trimEnd().concat(`: ${text}`)];
  });
  if (agreement !== undefined && agreement !== before.agreement) texts.push('everybody has the same');
  const events = [...before.events, ...texts.map(text => ({ at: now, text }))].slice(-KEPT);
  return { events, told, ...(agreement !== undefined && { agreement }) };
}

/** What is new of a row since something was last told of it, if that is worth telling. */
function textOf(last: Row | undefined, row: Row): string | undefined {
  if (row.state === 'no answer') return last?.state === row.state ? undefined : 'does not answer';
  if (last?.state === 'no answer') return 'answers again';
  if (row.reason !== undefined && row.reason !== last?.reason) return `${row.state}, ${row.reason}`;
  if (last !== undefined && row.conflicts > last.conflicts)
    return `${counted(row.conflicts - last.conflicts, 'conflict')}; what lost is in the trash`;
  if (row.state !== 'in-sync' || row.progress) return undefined;
  // What is on its way is told once it has arrived; and that nothing is there is nothing to tell.
  if (row.files === 0 && !last?.files) return undefined;
  if (last?.state === 'in-sync' && last.digest === row.digest) return undefined;
  const more = row.files - (last?.files ?? 0);
  const isFirst = last?.state !== 'in-sync' || last.files === 0;
  const change = isFirst || more === 0 ? '' : ` (${more > 0 ? '+' : '−'}${formatCount(Math.abs(more))})`;
  return `${counted(row.files, 'file')}${change}, ${formatBytes(row.bytes)}`;
}

function counted(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}
