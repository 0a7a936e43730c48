/** Makes a failing schedule smaller: takes steps out, many at once first, as long as it still fails. */
import type { Schedule, Step } from './schedule.ts';

/** The smallest schedule found that still fails; costs some dozens to hundreds of runs. */
export async function shrink(schedule: Schedule, fails: (schedule: Schedule) => Promise<boolean>): Promise<Schedule> {
  let { steps } = schedule;
  for (let chunk = Math.ceil(steps.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    for (let at = 0; at < steps.length; ) {
      const fewer = [
        ...steps.slice(0, at),
        ...steps.slice(at, at + chunk).filter(isNeeded),
        ...steps.slice(at + chunk),
      ];
      if (fewer.length < steps.length && (await fails({ ...schedule, steps: fewer }))) steps = fewer;
      else at += chunk;
    }
  }
  return { ...schedule, steps };
}

/** Without a start nothing runs before the end. */
function isNeeded(step: Step): boolean {
  return step.do === 'start';
}
