/** `dfsync demo`: four instances of two sites on this machine, for whoever wants to see dfsync work before describing a network. */
import { rmSync } from 'node:fs';
import process from 'node:process';
import { DemoInstance } from './demo-instance.ts';
import { showLive } from './demo-live.ts';
import { type DemoNetwork, makeDemoNetwork } from './demo-network.ts';
import { tellPlainly } from './demo-plain.ts';
import type { Hint } from './demo-view.ts';
import { isDrawable } from './screen.ts';

/** How to run the demonstration. */
export interface DemoOptions {
  /** Leave the temporary directory behind at the end. */
  readonly keep?: boolean;
  /** Give the first instance so many small files more, so that there is a first pull to watch. */
  readonly files?: number;
}

/**
 * Runs the demonstration network until the signal aborts: a live view on a terminal, else a line for every change of a domain.
 * Answers the exit code: 0, or 1 where an instance failed (then the temporary directory stays, for its logs).
 *
 * No instance outlives this process, however that ends.
 */
export async function demo(
  out: NodeJS.WritableStream,
  signal: AbortSignal,
  options: DemoOptions = {},
): Promise<number> {
  const network = await makeDemoNetwork(options.files);
  // From the sources or built, installed or not: what runs the demonstration runs its instances.
  const program = [process.execPath, process.argv[1]!];
  const instances = network.places.map(place => new DemoInstance(place, network.config, program));
  const say = (line: string) => out.write(`${line}\n`);

  const over = new AbortController();
  for (const { ended } of instances) void ended.then(() => over.abort());
  const until = AbortSignal.any([signal, over.signal]);
  if (isDrawable(out, process.env)) await showLive(instances, hints(network, options), out, until);
  else {
    for (const line of introduction(network, options)) say(line);
    await tellPlainly(instances, line => say(`${new Date().toTimeString().slice(0, 8)}  ${line}`), until);
  }

  if (signal.aborted) say('stopping ...');
  const failed = await stopAll(instances, say);
  const kept = failed || options.keep === true;
  if (!kept) rmSync(network.directory, { recursive: true, force: true });
  say(`stopped; ${network.directory} is ${kept ? 'left as it is' : 'removed'}`);
  return failed ? 1 : 0;
}

function hints({ directory, places }: DemoNetwork, { keep }: DemoOptions): Hint[] {
  const example = places[0]!;
  const ports = places.map(({ name, opsPort }) => `${name} ${opsPort}`).join(', ');
  const names = places.map(({ name }) => name).join(', ');
  return [
    { label: 'volumes', text: `${directory}: ${names}` },
    { label: 'ports', text: `${ports}; status page http://127.0.0.1:${example.opsPort}/` },
    { label: 'try', text: `date > ${example.root}/common/hello.txt` },
    { label: 'logs', text: `${directory}/*.log` },
    { label: 'Ctrl-C', text: keep ? 'ends it' : 'ends it and removes all' },
  ];
}

function introduction({ directory, places }: DemoNetwork, { keep }: DemoOptions): string[] {
  const example = places[0]!.root;
  return [
    `dfsync demo: two sites with two servers each, all on this machine, in ${directory}`,
    ...places.map(
      ({ name, site, gateway, root, opsPort, log }) =>
        `  ${name} of ${site}${gateway ? ' (gateway)' : ''}: :SYNC is ${root}, log ${log}, status page http://127.0.0.1:${opsPort}/`,
    ),
    'Domains: common and acme on both sites, local on north only.',
    `Try it: drop a file into one :SYNC and see it arrive in the others, for example: date > ${example}/common/hello.txt`,
    `Ctrl-C stops everything${keep ? '' : ` and removes ${directory}`}.`,
  ];
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
