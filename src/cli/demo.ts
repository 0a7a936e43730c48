/** `dfsync demo`: four instances of two sites on this machine, for whoever wants to see dfsync work before describing a network. */
import { rmSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../ops/status.ts';
import { DemoInstance } from './demo-instance.ts';
import { agreementLine, domainLines } from './demo-lines.ts';
import { type DemoNetwork, makeDemoNetwork } from './demo-network.ts';

/** How often the instances are asked: what a person takes for "at once". */
const ASK_EVERY_MS = 500;

/** How to run the demonstration. */
export interface DemoOptions {
  /** Leave the temporary directory behind at the end. */
  readonly keep?: boolean;
}

/**
 * Runs the demonstration network until the signal aborts, telling every change of every domain in one line. Answers the exit
 * code: 0, or 1 where an instance failed (then the temporary directory stays, for its logs).
 *
 * No instance outlives this process, however that ends.
 */
export async function demo(
  out: NodeJS.WritableStream,
  signal: AbortSignal,
  options: DemoOptions = {},
): Promise<number> {
  const network = await makeDemoNetwork();
  // From the sources or built, installed or not: what runs the demonstration runs its instances.
  const program = [process.execPath, process.argv[1]!];
  const instances = network.places.map(place => new DemoInstance(place, network.config, program));
  const say = (line: string) => out.write(`${line}\n`);
  for (const line of introduction(network, options)) say(line);

  const over = new AbortController();
  for (const { ended } of instances) void ended.then(() => over.abort());
  const timed = (line: string) => say(`${new Date().toTimeString().slice(0, 8)}  ${line}`);
  await report(instances, timed, AbortSignal.any([signal, over.signal]));

  if (signal.aborted) say('stopping ...');
  const failed = await stopAll(instances, say);
  const kept = failed || options.keep === true;
  if (!kept) rmSync(network.directory, { recursive: true, force: true });
  say(`stopped; ${network.directory} is ${kept ? 'left as it is' : 'removed'}`);
  return failed ? 1 : 0;
}

function introduction({ directory, places }: DemoNetwork, { keep }: DemoOptions): string[] {
  const example = places[0]!.root;
  return [
    `dfsync demo: two sites with two servers each, all on this machine, in ${directory}`,
    ...places.map(
      ({ name, site, gateway, root, opsPort, log }) =>
        `  ${name} of ${site}${gateway ? ' (gateway)' : ''}: :SYNC is ${root}, log ${log}, http://127.0.0.1:${opsPort}/status and /metrics`,
    ),
    'Domains: common and acme on both sites, local on north only.',
    `Try it: drop a file into one :SYNC and see it arrive in the others, for example: date > ${example}/common/hello.txt`,
    `Ctrl-C stops everything${keep ? '' : ` and removes ${directory}`}.`,
  ];
}

/** Tells what changes, until the signal aborts. */
async function report(
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

/** Stops every instance and waits for all; tells of those that failed, and whether any did. */
async function stopAll(instances: readonly DemoInstance[], say: (line: string) => void): Promise<boolean> {
  for (const instance of instances) instance.stop();
  let failed = false;
  for (const instance of instances) {
    const failure = await instance.ended;
    if (failure === undefined) continue;
    failed = true;
    say(`${instance.place.name} ${failure}; the end of ${instance.place.log}:`);
    for (const line of instance.lastLines()) say(`  ${line}`);
  }
  return failed;
}
