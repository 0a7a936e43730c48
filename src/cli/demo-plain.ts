/** The demonstration where there is no terminal to draw on: a line for every change. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../ops/status.ts';
import type { DemoInstance } from './demo-instance.ts';
import { agreementLine, domainLines } from './demo-lines.ts';

/** How often the instances are asked: what a person takes for "at once". */
const ASK_EVERY_MS = 500;

/** Tells what changes, until the signal aborts. */
export async function tellPlainly(
  instances: readonly DemoInstance[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const told = new Map<string, string>();
  let agreed: string | undefined;
  while (!signal.aborted) {
    const statuses = await Promise.all(instances.map(instance => instance.status()));
    if (signal.aborted) return;
    tellChanges(instances, statuses, told, say);
    const agreement = agreementLine(statuses);
    if (agreement !== undefined && agreement !== agreed) say(agreement);
    agreed = agreement;
    await sleep(ASK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

function tellChanges(
  instances: readonly DemoInstance[],
  statuses: readonly (Status | undefined)[],
  told: Map<string, string>,
  say: (line: string) => void,
): void {
  for (const [i, { place }] of instances.entries()) {
    const status = statuses[i];
    if (!status) continue;
    for (const [domain, line] of domainLines(place.name, status)) {
      const key = `${place.name}/${domain}`;
      if (told.get(key) !== line) say(line);
      told.set(key, line);
    }
  }
}
