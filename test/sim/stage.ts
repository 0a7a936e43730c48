/** A world for a scripted trace: instances, of one site unless said otherwise, that share one domain, played by hand. */
import assert from 'node:assert/strict';
import type { Entry } from '../../src/core/entry.ts';
import type { RelPath } from '../../src/core/path.ts';
import { COMMON } from '../../src/core/topology.ts';
import type { Acceptance, Side } from '../../src/sync/acceptance.ts';
import type { MemoryDisk } from './memory-disk.ts';
import type { MemoryOptions } from './memory-volume.ts';
import type { SimNode } from './node.ts';
import { network } from './schedule.ts';
import { contentsBelow } from './tree.ts';
import { differences } from './verdict.ts';
import { EPOCH_MS, World } from './world.ts';

/** All must be equal within so long. */
const WITHIN_MS = 20 * 60_000;
const DIRECTORY = 'common';

export interface StageOptions {
  /** Instances of each site, all of them gateways. */
  readonly sites?: readonly number[];
  /** By roleid, milliseconds. */
  readonly skews?: Readonly<Record<number, number>>;
  /** How long deletions are remembered; default: a year. */
  readonly retentionMs?: number;
  /** What all volumes are like. */
  readonly volume?: Omit<MemoryOptions, 'now'>;
}

export class Stage {
  readonly world: World;

  constructor({ sites = [2], skews = {}, retentionMs, volume }: StageOptions = {}) {
    const usual = network(sites.map(size => ({ size, gateways: size })));
    const instances = usual.instances.map(instance => ({
      ...instance,
      options: { ...instance.options, ...(retentionMs !== undefined && { retentionMs }) },
    }));
    const net = { ...usual, instances };
    this.world = new World({ seed: 1, scenario: 'calm', network: net, skews, seededNodes: [], steps: [] });
    if (volume) for (const node of this.world.nodes.values()) node.format(volume);
  }

  node(roleid: number): SimNode {
    return this.world.nodes.get(roleid)!;
  }

  disk(roleid: number): MemoryDisk {
    return this.node(roleid).disk;
  }

  /** Starts instances, all of them unless some are named. */
  start(...roleids: readonly number[]): void {
    for (const roleid of roleids.length > 0 ? roleids : this.world.nodes.keys()) this.node(roleid).start();
  }

  /** Milliseconds since the trace began. */
  get time(): number {
    return this.world.clock.now() - EPOCH_MS;
  }

  pass(ms: number): Promise<boolean> {
    return this.world.until(this.world.clock.now() + ms);
  }

  /** Lets time pass until something is so. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const met = await this.world.until(this.world.clock.now() + WITHIN_MS, holds);
    assert.ok(met, `${what} within ${WITHIN_MS / 60_000} virtual minutes`);
  }

  /** Starts whoever is down, mends everything, and lets all become equal. */
  async heal(): Promise<void> {
    this.world.links.heal();
    this.start();
    let different = ['not looked at'];
    for (const end = this.world.clock.now() + WITHIN_MS; different.length > 0 && this.world.clock.now() < end; ) {
      await this.pass(1000);
      different = [...this.world.failures, ...differences(this.world)];
    }
    assert.deepEqual(different, []);
  }

  /** Cuts all links, or those between two groups. */
  cut(group?: readonly number[]): void {
    const roleids = [...this.world.nodes.keys()];
    for (const a of roleids)
      for (const b of roleids)
        if (a < b && (!group || group.includes(a) !== group.includes(b))) this.world.links.cut(a, b);
  }

  /** Where a path of the domain is on a volume. */
  place(path: string): string {
    return `${DIRECTORY}/${path}`;
  }

  write(roleid: number, path: string, content: string, date?: number): void {
    const place = this.place(path);
    const mode = this.disk(roleid).lstat(place)?.mode ?? 0o644;
    this.disk(roleid).writeFile(place, Buffer.from(content), mode);
    if (date !== undefined) this.disk(roleid).setDate(place, date);
  }

  mkdir(roleid: number, path: string, mode = 0o755): void {
    this.disk(roleid).mkdir(this.place(path), mode);
  }

  unlink(roleid: number, path: string): void {
    this.disk(roleid).unlink(this.place(path));
  }

  rmdir(roleid: number, path: string): void {
    this.disk(roleid).rmdir(this.place(path));
  }

  /** Content of a file, the kind of anything else; undefined: nothing. */
  read(roleid: number, path: string): string | undefined {
    const stat = this.disk(roleid).lstat(this.place(path));
    return stat?.kind === 'file' ? Buffer.from(this.disk(roleid).readFile(this.place(path))).toString() : stat?.kind;
  }

  /** That a path stands so on all instances. */
  expect(path: string, content: string | undefined): void {
    for (const node of this.world.nodes.keys()) assert.equal(this.read(node, path), content, `${path} on n${node}`);
  }

  expectMode(path: string, mode: number): void {
    for (const node of this.world.nodes.keys()) assert.equal(this.disk(node).lstat(this.place(path))?.mode, mode);
  }

  entry(roleid: number, path: string): Entry | undefined {
    return this.node(roleid)
      .engine?.replicas.get(COMMON)
      ?.get(path as RelPath);
  }

  /** Whether an instance has learned of something at a path that it has not yet. */
  wants(roleid: number, path: string): boolean {
    return (
      this.node(roleid)
        .engine?.loop.domain(COMMON)
        ?.wants.get(path as RelPath) !== undefined
    );
  }

  /** Lets an instance scan as soon as it can. */
  rescan(roleid: number): void {
    this.node(roleid).engine!.replicas.get(COMMON)!.rescan();
  }

  /** Whether an instance ever announced or applied a deletion of a path. */
  hadTombstone(roleid: number, path: string): boolean {
    return this.world.log.lines.some(line => line.includes(` n${roleid}: ${COMMON}/${path} is tombstone`));
  }

  entries(roleid: number): number {
    return this.node(roleid).engine!.replicas.get(COMMON)!.totals.entries;
  }

  /** Contents in an instance's trash. */
  trash(roleid: number): string[] {
    return contentsBelow(this.disk(roleid), `.dfsync/trash/${DIRECTORY}`).map(id => id.replace(/#\d+$/, ''));
  }

  /** Peers that wait for an operator to decide about an instance, because it is a stale replica. */
  staleTo(roleid: number): number[] {
    const links = this.node(roleid).engine!.loop.links;
    return links.flatMap(({ learner }) =>
      (learner.links.get(COMMON)?.outOfTouch?.unknown ?? 0) > 0 ? learner.roleid : [],
    );
  }

  /** Whether an instance does not pull from a peer, because that is a stale replica. */
  avoids(roleid: number, peer: number): boolean {
    const links = this.node(roleid).engine!.loop.links;
    return links.some(({ learner }) => learner.roleid === peer && learner.links.get(COMMON)?.missed !== undefined);
  }

  /** An operator takes a side on a stale replica. */
  async accept(roleid: number, side: Side): Promise<Acceptance> {
    let done: Acceptance | undefined;
    void this.node(roleid)
      .engine!.loop.accept(side, COMMON)
      .then(answer => {
        done = answer;
      });
    await this.until(`n${roleid} has accepted ${side}`, () => done !== undefined);
    return done!;
  }

  /** The process of an instance ends as by SIGTERM. */
  async stop(roleid: number): Promise<void> {
    void this.node(roleid).stop();
    await this.until(`n${roleid} has stopped`, () => this.node(roleid).engine === undefined);
  }

  /** The process of an instance dies; its cache may be lost, or what was not yet in its shards. */
  kill(roleid: number, lost?: 'cache' | 'journal'): void {
    this.node(roleid).kill();
    const cache = '.dfsync/cache';
    if (lost === 'cache') this.disk(roleid).restore({ path: cache, tree: undefined });
    if (lost === 'journal') this.disk(roleid).unlink(`${cache}/${DIRECTORY}/journal.jsonl`);
  }
}
