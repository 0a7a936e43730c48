/** The demonstration on a terminal: a view of the network that is redrawn in place. */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WriteStream } from 'node:tty';
import { storyOf, UNTOLD } from './demo-events.ts';
import type { DemoInstance } from './demo-instance.ts';
import { agreementLine } from './demo-lines.ts';
import { type Look, NOTHING, pictureOf } from './demo-picture.ts';
import { type Hint, type View, viewLines } from './demo-view.ts';
import { Screen, sizeOf } from './screen.ts';
import { COLOURED, UNCOLOURED } from './style.ts';

/** How often the instances are asked: what a person takes for "at once", and little work for them. */
const ASK_EVERY_MS = 500;
/** A terminal that has fewer colours is left in its own. */
const COLOURS = 8;

/** Shows the network until the signal aborts. The last state stays on the terminal, without the hints. */
export async function showLive(
  instances: readonly DemoInstance[],
  hints: readonly Hint[],
  out: WriteStream,
  signal: AbortSignal,
): Promise<void> {
  const paint = out.hasColors(COLOURS, process.env) ? COLOURED : UNCOLOURED;
  let view: View = { rows: [], everybodyHasTheSame: false, events: [], hints };
  const screen = new Screen(out, size => viewLines(view, size, paint));
  screen.open();
  let picture = NOTHING;
  let story = UNTOLD;
  while (!signal.aborted) {
    const looks = await Promise.all(instances.map(lookAt));
    if (signal.aborted) break;
    const agreement = agreementLine(looks.map(look => look.status));
    picture = pictureOf(picture, looks, Date.now());
    story = storyOf(story, picture, agreement, Date.now());
    view = { rows: picture.rows, everybodyHasTheSame: agreement !== undefined, events: story.events, hints };
    screen.refresh();
    await sleep(ASK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
  const { columns } = sizeOf(out, process.env);
  screen.close(viewLines({ ...view, hints: [] }, { columns, rows: Number.POSITIVE_INFINITY }, paint));
}

async function lookAt(instance: DemoInstance): Promise<Look> {
  const [status, received] = await Promise.all([instance.status(), instance.received()]);
  return { name: instance.place.name, status, received };
}
