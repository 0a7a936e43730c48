/** One run: a network of six on three sites under constant writes, bad wires and kills; then quiet, equality, and the account. */
import { join } from 'node:path';
import type { Instance } from '../e2e/instance.ts';
import { TestNetwork } from '../e2e/network.ts';
import type { State } from '../sim/oracle.ts';
import { type Chance, seeded } from '../sim/random.ts';
import { type Decision, decide } from './decision.ts';
import { Ledger } from './ledger.ts';
import { hashOf, statesBelow } from './state.ts';
import { kill, makeWeather, type Pause, type Range } from './trouble.ts';
import { Wire } from './wire.ts';
import { Writer } from './writer.ts';

const SITES = { north: ['n1', 'n2'], south: ['s1', 's2'], west: ['w1', 'w2'] };
/** One for all sites, one that the west neither serves nor may see. */
const DOMAINS = { acme: ['north', 'south', 'west'], pair: ['north', 'south'] };
/** Files that nobody touches, so many that no deletion of the others is held as a slip. */
const BYSTANDERS = 250;
const BYSTANDER = 'bystanders';
/** A writer rests between two things that he does, in milliseconds: some runs are slow, so that things settle in between. */
const RESTS: readonly Range[] = [
  [1, 100],
  [5, 300],
  [100, 1_500],
];
/** So does the killer: some runs leave time to become equal between two kills, some not even to start. */
const MERCIES: readonly Range[] = [
  [200, 1_500],
  [500, 5_000],
  [5_000, 20_000],
];
/**
 * Where events come from, and how often scans come. Sometimes often, and race with events; sometimes none comes, and events alone have to
 * do, which those of chokidar cannot: it loses sight of directories that are replaced again and again.
 */
const SIGHTS = [
  { watch: 'auto', scanInterval: '5s' },
  { watch: 'auto', scanInterval: '1h' },
  { watch: 'chokidar', scanInterval: '5s' },
];

/** What a killed process had staged, and nobody wants any more, is cleared by age. */
const STAGED_AT_MOST = 100;

/** How a run went. */
export interface Outcome {
  readonly violations: readonly string[];
  /** What happened, in numbers and reasons. */
  readonly summary: readonly string[];
  readonly network: TestNetwork;
}

/** Runs for so long; the caller closes the network. Throws where the instances do not become equal. */
export async function churn(seed: number, milliseconds: number): Promise<Outcome> {
  const chance = seeded(seed);
  const network = await TestNetwork.create({
    sites: SITES,
    domains: DOMAINS,
    options: chance.fork('sights').pick(SIGHTS),
  });
  try {
    return await churnIn(network, chance, milliseconds);
  } catch (error) {
    throw Object.assign(error as Error, { network });
  }
}

async function churnIn(network: TestNetwork, chance: Chance, milliseconds: number): Promise<Outcome> {
  const wires = await lay(network);
  for (const domain of Object.keys(DOMAINS))
    for (let i = 0; i < BYSTANDERS; i++)
      network.get('n1').write(`${domain}/${BYSTANDER}/${i}`, `bystander ${i}`, { date: new Date(2020, 1, 1) });
  await network.start();
  for (const domain of Object.keys(DOMAINS)) await network.converge(domain);

  const signal = AbortSignal.timeout(milliseconds);
  const pause: Pause = ms => interruptible(ms, signal);
  const ledgers = new Map(Object.keys(DOMAINS).map(domain => [domain, new Ledger(Date.now)]));
  const weathers = wires.map((wire, i) => makeWeather(wire, chance.fork(`weather ${i}`), pause, signal));
  const killer = kill(network.instances, chance.fork('killer'), chance.fork('mercy').pick(MERCIES), pause, signal);
  const writers = network.instances.map(instance => write(instance, ledgers, chance, pause, signal));
  const decisions = (await Promise.all(writers)).flat();
  await Promise.all(weathers);
  const { kills, stops, downtimes } = await killer;

  const violations: string[] = [];
  const summary = [
    `options ${JSON.stringify(network.shape.options)}`,
    `${decisions.length} decisions; ${kills} kills, ${stops} stops; weather ${JSON.stringify(sum(await Promise.all(weathers)))}`,
  ];
  for (const [domain, ledger] of ledgers) {
    const serving = network.serving(domain);
    for (const { name } of serving) await network.barrier(domain, name);
    await settled(network, domain);
    const [first] = serving;
    const tree = withoutOwn(statesBelow(first!.path(domain)));
    const trash = new Set(serving.flatMap(instance => hashesBelow(instance.path(`.dfsync/trash/${domain}`))));
    const account = ledger.close({ tree, trash, downtimes });
    violations.push(...account.violations.map(text => `${domain}/ ${text}`));
    const reasons = sum(account.lost.map(({ reason }) => ({ [reason]: 1 })));
    summary.push(
      `${domain}: ${ledger.events.length} changes, ${tree.size} paths at the end, ${trash.size} contents in the trashes, ${account.lost.length} last writes lost`,
      ...Object.entries(reasons).map(([reason, count]) => `  ${count}: ${reason}`),
    );
  }
  violations.push(...strangers(network), ...(await inOrder(network)));
  for (const wire of wires) wire.close();
  return { violations, summary, network };
}

/** Puts a wire before every instance, for those of its own site too. */
async function lay(network: TestNetwork): Promise<Wire[]> {
  const wires: Wire[] = [];
  let description = JSON.stringify(network.description());
  for (const { name, place } of network.instances) {
    const wire = await Wire.to(place.port);
    wires.push(wire);
    for (const port of [place.port, network.relays.get(name)?.port])
      description = description.replaceAll(`"127.0.0.1:${port}"`, `"127.0.0.1:${wire.port}"`);
  }
  network.describe(description);
  return wires;
}

/** Writes on an instance's volume, in all of its domains, whether it runs or not; answers what was decided. */
async function write(
  { name, place }: Instance,
  ledgers: ReadonlyMap<string, Ledger>,
  chance: Chance,
  pause: Pause,
  signal: AbortSignal,
): Promise<Decision[]> {
  const mine = chance.fork(`writer ${name}`);
  const writers = [...ledgers]
    .filter(([domain]) => DOMAINS[domain as keyof typeof DOMAINS].includes(place.site))
    .map(([domain, ledger]) => new Writer(place.roleid, join(place.root, domain), ledger));
  const rest = chance.fork('rest').pick(RESTS);
  const decisions: Decision[] = [];
  while (!signal.aborted) {
    const decision = decide(mine);
    decisions.push(decision);
    mine.pick(writers).perform(decision);
    await pause(mine.int(...rest));
  }
  return decisions;
}

/** Waits until all say that they are in sync, and are equal still. */
async function settled(network: TestNetwork, domain: string): Promise<void> {
  for (const instance of network.serving(domain))
    await instance.until(`${domain} to be in sync`, async () => {
      const { state, wanted } = await instance.domain(domain);
      return state === 'in-sync' && wanted === 0;
    });
  await network.converge(domain);
}

/** What a barrier left, and what nobody touched, is no writer's. */
function withoutOwn(tree: ReadonlyMap<string, State>): Map<string, State> {
  return new Map(
    [...tree].filter(([path]) => !path.startsWith('.mark-') && path !== BYSTANDER && !path.startsWith(`${BYSTANDER}/`)),
  );
}

function hashesBelow(directory: string): string[] {
  return [...statesBelow(directory)].flatMap(([, state]) => (state.kind === 'file' ? [state.content] : []));
}

/** What no instance may have: changed bystanders, another site's domain. */
function strangers(network: TestNetwork): string[] {
  const found: string[] = [];
  for (const instance of network.instances) {
    for (const domain of Object.keys(DOMAINS)) {
      const isServed = network.serving(domain).includes(instance);
      const kept = [...statesBelow(instance.path(`${domain}/${BYSTANDER}`))];
      if (!isServed && instance.tree(domain).size > 0)
        found.push(`${instance.name} has ${domain}, which its site does not serve`);
      const whole = kept.filter(
        ([path, state]) => state.kind === 'file' && state.content === hashOf(Buffer.from(`bystander ${path}`)),
      );
      if (isServed && whole.length !== BYSTANDERS)
        found.push(`${instance.name} has ${whole.length} bystanders of ${domain}`);
    }
  }
  return found;
}

/** What instances say is not in order although all is quiet. */
async function inOrder(network: TestNetwork): Promise<string[]> {
  const found: string[] = [];
  for (const instance of network.instances) {
    for (const { directory, items, held } of (await instance.status()).domains) {
      for (const { path, class: problem, message } of items)
        found.push(`${instance.name}: ${directory}/${path} is listed as ${problem}: ${message}`);
      if (held) found.push(`${instance.name} holds ${held.deletions} deletions of ${directory}: ${held.reason}`);
      const staged = hashesBelow(instance.path(`.dfsync/staging/${directory}`)).length;
      if (staged > STAGED_AT_MOST) found.push(`${instance.name} has ${staged} files of ${directory} left in staging`);
    }
  }
  return found;
}

async function interruptible(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>(resolve => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

function sum(counts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const count of counts) for (const [key, value] of Object.entries(count)) total[key] = (total[key] ?? 0) + value;
  return total;
}
