/** The simulated world: plays a schedule with whole engines, waits for quiet, and says everything that is wrong with the end. */
import { type Entry, isLive } from '../../src/core/entry.ts';
import type { HoldLimits } from '../../src/core/holding.ts';
import type { DomainName, RelPath } from '../../src/core/path.ts';
import { dominates } from '../../src/core/version.ts';
import { FAIR, Links } from './links.ts';
import type { MemoryDisk, Snapshot } from './memory-disk.ts';
import { SimNode } from './node.ts';
import type { UserEvent } from './oracle.ts';
import { seeded } from './random.ts';
import { RunLog } from './run-log.ts';
import type { Memory, Schedule, Step } from './schedule.ts';
import { mayTakeBack, untoldOf } from './untold.ts';
import { ANCHOR, Users } from './users.ts';
import { differences, judgement } from './verdict.ts';
import { VirtualClock } from './virtual-clock.ts';

/** When runs begin. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);
/** After everything has healed, all must be equal within so long: the longest backoff is 10 minutes. */
const CONVERGED_WITHIN_MS = 30 * 60_000;
/** Then nothing may change any more for so long. */
const SILENT_MS = 10 * 60_000;
/** So low that users of small trees reach it. */
const HOLD_LIMITS = { files: 2, share: 0.4, all: 4 };
/** So long operators take to decide about deletions that are held. */
const DECIDE_MS = 3 * 60_000;
/** How long before the start the first tree was made. */
const FOUNDED_BEFORE_MS = 15 * 60_000;
/** Pulling may take so many steps for each path and node after everything has healed: more is ping-pong. */
const ROUNDS = 30;

/** How a run ended. */
export interface Outcome {
  /** What is wrong; empty: nothing. */
  readonly failures: readonly string[];
  /** The same for the same schedule. */
  readonly hash: string;
  readonly lines: readonly string[];
}

/** Plays a schedule to its end. */
export async function play(schedule: Schedule): Promise<Outcome> {
  const world = new World(schedule, HOLD_LIMITS);
  try {
    world.found();
    for (const step of schedule.steps) await world.step(step);
    await world.quiet();
  } catch (error) {
    world.failures.push(error instanceof Error ? `${error.stack}` : String(error));
  }
  world.end();
  return { failures: world.failures, hash: world.log.hash(), lines: world.log.lines };
}

export class World {
  readonly clock = new VirtualClock(EPOCH_MS);
  readonly log = new RunLog(() => this.clock.now() - EPOCH_MS);
  readonly failures: string[] = [];
  readonly links = new Links(error => this.#onBug(error));
  readonly users = new Users();
  readonly nodes = new Map<number, SimNode>();
  readonly schedule: Schedule;
  /** By domain, events that nodes were made to forget. */
  readonly excused = new Map<DomainName, Set<number>>();
  /** Nodes whose disk has failed to read. */
  readonly #unread = new Set<number>();
  /** Events made while their node's cache was lost and it had not looked yet, or what they put an end to could not be read. */
  readonly #blind = new Set<number>();
  readonly #chance;
  readonly #snapshots = new Map<number, Snapshot>();
  /** Things that end by themselves, by when. */
  readonly #later: { at: number; act: () => void }[] = [];
  readonly #crashing = new Map<number, Extract<Step, { do: 'crash' }>>();
  /** By node that died, what it may have made in its last moment. */
  readonly #untold = new Map<number, ReadonlyMap<DomainName, ReadonlySet<string>>>();

  constructor(schedule: Schedule, holdLimits?: HoldLimits) {
    this.schedule = schedule;
    this.#chance = seeded(schedule.seed);
    const { clock, links, log } = this;
    const chance = this.#chance.fork('engines');
    const onBug = (error: unknown) => this.#onBug(error);
    for (const instance of schedule.network.instances)
      this.nodes.set(
        instance.roleid,
        new SimNode(instance, schedule.skews[instance.roleid] ?? 0, {
          clock,
          links,
          log,
          chance,
          network: schedule.network,
          ...(holdLimits && { holdLimits }),
          onBug,
        }),
      );
    for (const node of this.nodes.values()) for (const { directory } of node.domains) node.disk.mkdir(directory, 0o755);
  }

  /** Lets time pass up to a step (milliseconds since the beginning), and does it. */
  async step(step: Step): Promise<void> {
    await this.until(EPOCH_MS + step.at);
    this.#do(step);
  }

  /** Lets time pass, burying who dies and ending what ends meanwhile. Ends early, with true, where `stop` says so. */
  async until(at: number, stop: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      this.#later.sort((a, b) => a.at - b.at);
      const next = Math.min(at, this.#later[0]?.at ?? Number.POSITIVE_INFINITY);
      await this.clock.run(next, () => this.#died() !== undefined || stop());
      const dead = this.#died();
      if (dead) this.#bury(dead);
      else if (stop()) return true;
      else if (this.#later[0] && this.#later[0].at <= next) this.#later.shift()!.act();
      else return false;
    }
  }

  /** Heals everything, lets all nodes become equal and silent, and judges. */
  async quiet(): Promise<void> {
    await this.#heal();
    const healed = this.clock.now();
    const steps = this.#applied();
    let different = ['not looked at'];
    let releaseAt = healed + DECIDE_MS;
    while (different.length > 0 && this.clock.now() < healed + CONVERGED_WITHIN_MS && this.failures.length === 0) {
      await this.until(this.clock.now() + 1000);
      different = differences(this);
      if (different.length === 0 || this.clock.now() >= releaseAt) {
        releaseAt = this.clock.now() + DECIDE_MS;
        different.push(...this.#release());
      }
    }
    this.log.add('world', `quiet after ${(this.clock.now() - healed) / 1000} s`);
    this.failures.push(...different);
    if (this.failures.length === 0) await this.#silence();
    const taken = this.#applied() - steps;
    if (taken > this.#stepsAllowed())
      this.failures.push(`ping-pong: ${taken} steps were taken after everything had healed`);
    if (this.failures.length === 0) this.failures.push(...judgement(this));
  }

  /** Ends all processes. */
  end(): void {
    for (const node of this.nodes.values()) node.kill();
  }

  /**
   * Operators release what is held: at the latest after a while, because what stands where a held directory was waits for that. It
   * makes the nodes differ again.
   */
  #release(): string[] {
    return [...this.nodes.values()].flatMap(node =>
      [...node.engine!.replicas].flatMap(([domain, replica]) => {
        const held = replica.decideHeld('release');
        if (held > 0) this.log.add(node.name, `releases ${held} of ${domain}`);
        return held > 0 ? [`${node.name} has held ${held} deletions of ${domain} until now`] : [];
      }),
    );
  }

  async #silence(): Promise<void> {
    const sequences = () => [...this.nodes.values()].map(node => node.engine?.feed.sequence).join(' ');
    const before = sequences();
    await this.until(this.clock.now() + SILENT_MS);
    if (sequences() !== before) this.failures.push(`not silent: the feeds went from ${before} to ${sequences()}`);
    this.failures.push(...differences(this));
  }

  async #heal(): Promise<void> {
    this.log.add('world', 'heals');
    // Whoever is to come back does, at once.
    while (this.#later.length > 0) this.#later.shift()!.act();
    this.#crashing.clear();
    this.links.heal();
    for (const node of this.nodes.values()) {
      node.deaf = 0;
      node.refusal = () => undefined;
      // What is left of a fuse must not end the peace.
      node.engine?.disk.failAfter(Number.POSITIVE_INFINITY);
      node.start();
      for (const replica of node.engine!.replicas.values()) replica.rescan();
    }
  }

  #do(step: Step): void {
    if (step.do !== 'user') this.log.add('world', JSON.stringify(step));
    switch (step.do) {
      case 'user':
        this.#operate(step);
        break;
      case 'start':
        this.#node(step.node).start();
        break;
      case 'stop':
        this.#stop(step);
        break;
      case 'crash':
        this.#crash(step);
        break;
      case 'snapshot':
        this.#snapshots.set(step.node, this.#node(step.node).disk.snapshot('.dfsync/cache'));
        break;
      case 'cut':
        this.#cut([[step.a, step.b]], step.forMs);
        break;
      case 'isolate':
        this.#isolate(step);
        break;
      case 'weather': {
        const { lost, repeated, torn } = step;
        this.links.weather = { lost, repeated, torn, latencyMs: 2000 };
        this.#after(step.forMs, () => {
          this.links.weather = FAIR;
        });
        break;
      }
      case 'deaf':
        this.#deafen(step);
        break;
      case 'sicken':
        this.#sicken(step);
        break;
      default:
        step satisfies never;
    }
  }

  #operate({ id, node: roleid, domain, operation }: Extract<Step, { do: 'user' }>): void {
    const node = this.#node(roleid);
    const served = node.domains.find(({ name }) => name === domain)!;
    const who = { node: roleid, operation: id, chance: this.#chance.fork(`step ${id}`), now: node.now() };
    this.log.add(node.name, `user in ${domain}: ${this.users.perform(operation, node.disk, served, who)}`);
    this.#excuseBlind(domain, id, node);
    if (!node.engine) this.#excuseUntold(domain, id, roleid);
  }

  /** What takes back what a process had made without having written it down. */
  #excuseUntold(domain: DomainName, operation: number, node: number): void {
    const untold = this.#untold.get(node)?.get(domain);
    this.#excuse(
      domain,
      event => event.operation === operation && untold?.has(event.path) === true && mayTakeBack(event),
    );
  }

  /** A change that only a date could tell of is forgotten where it has none, and with it what the same node had dated there before. */
  #excuseBlind(domain: DomainName, operation: number, node: SimNode): void {
    const { roleid } = node.instance;
    const remembers = this.#remembers(node, domain);
    const events = this.users.histories.get(domain)?.events ?? [];
    const made = events.filter(
      event => event.operation === operation && !(remembers && this.#hasMet(node, domain, event)),
    );
    for (const { id } of made) this.#blind.add(id);
    const undated = new Set(made.filter(event => !this.#isDated(event, node.now())).map(({ path }) => path));
    this.#excuse(domain, event => event.node === roleid && this.#blind.has(event.id) && undated.has(event.path));
  }

  /** Whether an engine can know what an event put an end to: a disk that fails hides what stands there. */
  #hasMet({ instance, engine }: SimNode, domain: DomainName, { path, before }: UserEvent): boolean {
    const replica = engine?.replicas.get(domain);
    return !before || !replica || !this.#unread.has(instance.roleid) || replica.get(path as RelPath) !== undefined;
  }

  /** Whether an engine is, or was, here that knows what was before: else only dates count, as in a pre-seeded tree. */
  #remembers(node: SimNode, domain: DomainName): boolean {
    const digestOf = (of: SimNode) => of.engine?.replicas.get(domain)?.digest;
    const digest = digestOf(node);
    // After a loss the others have to tell again what was forgotten.
    if (digest !== undefined && [...this.nodes.values()].some(other => other !== node && digestOf(other) === digest))
      node.forgetful.delete(domain);
    return node.known.has(domain) && !node.forgetful.has(domain);
  }

  #stop({ node: roleid, forMs }: Extract<Step, { do: 'stop' }>): void {
    const node = this.#node(roleid);
    this.#untold.delete(roleid);
    void node.stop().then(() => this.#after(forMs, () => node.start()));
  }

  #crash(step: Extract<Step, { do: 'crash' }>): void {
    const { engine } = this.#node(step.node);
    if (!engine || this.#crashing.has(step.node)) return;
    this.#crashing.set(step.node, step);
    engine.disk.failAfter(step.after, step.torn);
  }

  #isolate({ node, forMs }: Extract<Step, { do: 'isolate' }>): void {
    this.#cut(
      [...this.nodes.keys()].map(other => [node, other]),
      forMs,
    );
  }

  #cut(pairs: readonly (readonly [number, number])[], forMs: number): void {
    for (const [a, b] of pairs) this.links.cut(a, b);
    this.#after(forMs, () => {
      for (const [a, b] of pairs) this.links.mend(a, b);
    });
  }

  #deafen({ node: roleid, loss, declared, forMs }: Extract<Step, { do: 'deaf' }>): void {
    const node = this.#node(roleid);
    node.deaf = loss;
    this.#after(forMs, () => {
      node.deaf = 0;
      if (declared) for (const replica of node.engine?.replicas.values() ?? []) replica.rescan();
    });
  }

  /** A full disk still reads; one that fails does not. */
  #sicken({ id, node: roleid, code, share, forMs }: Extract<Step, { do: 'sicken' }>): void {
    const node = this.#node(roleid);
    const chance = this.#chance.fork(`step ${id}`);
    if (code !== 'ENOSPC') this.#unread.add(roleid);
    node.refusal = mutation => (mutation === (code === 'ENOSPC') && chance.chance(share) ? code : undefined);
    this.#after(forMs, () => {
      node.refusal = () => undefined;
    });
  }

  #after(ms: number, act: () => void): void {
    this.#later.push({ at: this.clock.now() + ms, act });
  }

  #died(): SimNode | undefined {
    for (const node of this.nodes.values()) if (node.engine?.disk.dead) return node;
    return undefined;
  }

  /** Takes a dead process away, and with it perhaps some of what it knew. */
  #bury(node: SimNode): void {
    const { roleid } = node.instance;
    const step = this.#crashing.get(roleid);
    this.#crashing.delete(roleid);
    this.#untold.set(roleid, untoldOf(node));
    if (step && step.memory !== 'whole') this.#forget(node, step.memory);
    else if (node.engine!.unwritten.size > 0) {
      this.#excuseUnheard(node);
      for (const domain of node.engine!.unwritten) node.forgetful.add(domain);
    }
    node.bury();
    this.#after(step?.forMs ?? 0, () => node.start());
  }

  #forget(node: SimNode, memory: Memory): void {
    const cache = '.dfsync/cache';
    this.#excuseUnheard(node);
    for (const { name } of node.domains) node.forgetful.add(name);
    const snapshot = this.#snapshots.get(node.instance.roleid);
    this.log.add(node.name, `finds its cache ${memory}`);
    if (memory === 'lost') node.disk.restore({ path: cache, tree: undefined });
    else if (memory === 'older' && snapshot) node.disk.restore(snapshot);
    else if (memory === 'without journal')
      for (const { directory } of node.domains)
        for (const name of ['journal.jsonl', 'journal.before.jsonl'])
          if (node.disk.lstat(`${cache}/${directory}/${name}`)) node.disk.unlink(`${cache}/${directory}/${name}`);
  }

  /** What no other instance has heard of yet is lost with the cache, as far as a look at the disk cannot tell. */
  #excuseUnheard(node: SimNode): void {
    for (const [domain, replica] of node.engine?.replicas ?? []) {
      const others = [...this.nodes.values()].flatMap(other =>
        other === node ? [] : (other.engine?.replicas.get(domain) ?? []),
      );
      this.#excuse(domain, ({ path }) => {
        const mine = replica.get(path as RelPath);
        if (mine && !showsOn(node.disk, `${replica.directory}/${path}`, mine)) return true;
        return !mine || !others.some(other => dominates(other.get(mine.path)?.version ?? {}, mine.version));
      });
    }
  }

  /** A file whose date tells of the change, among clocks that are right. */
  #isDated({ after }: UserEvent, now: number): boolean {
    return (
      after?.kind === 'file' && after.mtime === now && Object.values(this.schedule.skews).every(skew => skew === 0)
    );
  }

  #excuse(domain: DomainName, forgotten: (event: UserEvent) => boolean): void {
    const excused = this.excused.get(domain) ?? new Set();
    this.excused.set(domain, excused);
    for (const event of this.users.histories.get(domain)?.events ?? []) if (forgotten(event)) excused.add(event.id);
  }

  /** Gives the first node, and those that are pre-seeded, a tree. */
  found(): void {
    const [first, ...others] = [...this.nodes.values()];
    // Older than any clock is off: a tree dated in the future outranks what is done to it, where nothing but dates is known.
    const { skewMs } = first!;
    first!.skewMs = -FOUNDED_BEFORE_MS;
    for (const domain of first!.domains) {
      first!.disk.writeFile(`${domain.directory}/${ANCHOR}`, Buffer.from('anchor\n'), 0o644);
      this.users.found(first!.disk, domain, { node: 1, operation: -100 });
      const chance = this.#chance.fork(`tree of ${domain.name}`);
      const made = ['create', 'unpack', 'makeDirectory', 'symlink', 'treeForFile', 'create'] as const;
      made.forEach((operation, i) => {
        const who = { node: 1, operation: -1 - i, chance: chance.fork(i), now: first!.now() };
        this.users.perform(operation, first!.disk, domain, who);
      });
      for (const other of others)
        if (this.schedule.seededNodes.includes(other.instance.roleid) && other.domains.includes(domain))
          other.disk.restore(first!.disk.snapshot(domain.directory));
    }
    first!.skewMs = skewMs;
  }

  #applied(): number {
    let applied = 0;
    for (const { engine } of this.nodes.values()) applied += engine?.applied ?? 0;
    return applied;
  }

  #stepsAllowed(): number {
    const paths = [...this.users.histories.values()].flatMap(({ events }) => events.map(({ path }) => path));
    return ROUNDS * (new Set(paths).size + 1) * this.nodes.size;
  }

  #node(roleid: number): SimNode {
    return this.nodes.get(roleid)!;
  }

  #onBug(error: unknown): void {
    this.failures.push(`an engine failed: ${error instanceof Error ? error.stack : error}`);
  }
}

/** Whether the disk shows what an entry says: if not, a change is not announced yet. */
function showsOn(disk: MemoryDisk, place: string, entry: Entry): boolean {
  const stat = disk.lstat(place);
  if (!isLive(entry) || !stat) return isLive(entry) === (stat !== undefined);
  if (stat.kind !== entry.kind) return false;
  if (entry.kind === 'symlink') return disk.readlink(place) === entry.target;
  return (
    stat.mode === entry.mode && (entry.kind !== 'file' || (stat.size === entry.size && stat.mtime === entry.mtime))
  );
}
