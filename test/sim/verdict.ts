/** What is wrong with a world: what differs between its nodes, and what the oracle has against that on which they agree. */
import type { Entry } from '../../src/core/entry.ts';
import type { DomainName } from '../../src/core/path.ts';
import type { Domain, Network } from '../../src/core/topology.ts';
import type { Replica } from '../../src/folder/replica.ts';
import type { SimNode } from './node.ts';
import { describeViolation, judge, NO_HISTORY, type State } from './oracle.ts';
import { contentsBelow, treeOf } from './tree.ts';
import type { Users } from './users.ts';

/** What is judged. */
export interface Judged {
  readonly nodes: ReadonlyMap<number, SimNode>;
  readonly schedule: { readonly network: Network };
  readonly users: Users;
  readonly excused: ReadonlyMap<DomainName, ReadonlySet<number>>;
}

/** Staged files of transfers that were overtaken, which a start sweeps a day later. */
const STAGED_AT_MOST = 20;

/** Why the nodes are not equal and quiet yet. */
export function differences({ nodes, schedule }: Judged): string[] {
  return schedule.network.domains.flatMap(domain => {
    const serving = [...nodes.values()].filter(node => domain.sites.includes(node.instance.site));
    const busy = serving.flatMap(node => unready(node, domain));
    if (busy.length > 0) return busy;
    const digests = serving.map(node => node.engine!.replicas.get(domain.name)!.digest);
    if (new Set(digests).size > 1)
      return [
        `${domain.name}: the digests differ: ${serving.map((node, i) => `${node.name} ${digests[i]}`).join(', ')}`,
      ];
    return serving.flatMap(node => unlikeDisk(node, domain));
  });
}

/** What is wrong once all nodes are equal. */
export function judgement(world: Judged): string[] {
  const nodes = [...world.nodes.values()];
  return [
    ...nodes.flatMap(node => strangers(node)),
    ...nodes.flatMap(node => staged(node)),
    ...world.schedule.network.domains.flatMap(domain => judgeDomain(world, domain)),
  ];
}

function unready(node: SimNode, { name }: Domain): string[] {
  const replica = node.engine?.replicas.get(name);
  if (!replica?.ready) return [`${node.name} is not ready in ${name}`];
  if (replica.halted !== undefined) return [`${node.name} stands still in ${name}: ${replica.halted}`];
  const wants = [...(node.engine!.loop.domain(name)?.wants.list() ?? [])];
  return wants.map(
    ({ path, entry, tries }) =>
      `${node.name} wants ${name}/${path}: ${entry.kind} ${JSON.stringify(entry.version)} after ${tries} tries`,
  );
}

function unlikeDisk(node: SimNode, { name, directory }: Domain): string[] {
  const tree = treeOf(node.disk, directory);
  const indexed = new Map(liveEntries(node.engine!.replicas.get(name)!).map(entry => [entry.path as string, entry]));
  const paths = new Set([...tree.keys(), ...indexed.keys()]);
  return [...paths]
    .filter(path => !matches(tree.get(path), indexed.get(path)))
    .map(
      path =>
        `${node.name} has ${name}/${path} as ${JSON.stringify(tree.get(path))}, its index says ${JSON.stringify(indexed.get(path))}`,
    );
}

/** What should be on the disk. */
function liveEntries(replica: Replica): Entry[] {
  return [...replica.entries()].filter(({ kind, path }) => kind !== 'tombstone' && !replica.isHeld(path));
}

function matches(state: State | undefined, entry: Entry | undefined): boolean {
  if (state?.kind !== entry?.kind) return false;
  switch (state?.kind) {
    case 'file':
      return state.mtime === entry!.mtime && state.mode === entry!.mode && state.content.endsWith(`#${entry!.size}`);
    case 'directory':
      return state.mode === entry!.mode;
    case 'symlink':
      return state.target === entry!.target;
    case undefined:
      return true;
    default:
      return state satisfies never;
  }
}

function judgeDomain({ nodes, users, excused }: Judged, { name, directory, sites }: Domain): string[] {
  const serving = [...nodes.values()].filter(node => sites.includes(node.instance.site));
  const [first, ...others] = serving.map(node => treeOf(node.disk, directory));
  const unequal = others.findIndex(tree => show(tree) !== show(first!));
  if (unequal >= 0)
    return [
      `${name}: ${serving[unequal + 1]!.name} has other contents than ${serving[0]!.name} under equal digests: ${unlike(others[unequal]!, first!)}`,
    ];
  const trash = new Set(serving.flatMap(node => contentsBelow(node.disk, `.dfsync/trash/${directory}`)));
  const history = users.histories.get(name) ?? NO_HISTORY;
  return judge(history, first!, trash, excused.get(name)).map(violation => `${name}: ${describeViolation(violation)}`);
}

function show(tree: ReadonlyMap<string, State>): string {
  return JSON.stringify([...tree].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function unlike(a: ReadonlyMap<string, State>, b: ReadonlyMap<string, State>): string {
  return [...a]
    .filter(([path, state]) => JSON.stringify(state) !== JSON.stringify(b.get(path)))
    .map(([path]) => path)
    .join(', ');
}

/** Nothing may be on a server but the domains of its site. */
function strangers(node: SimNode): string[] {
  const mapped = new Set(['.dfsync', ...node.domains.map(({ directory }) => directory)]);
  return node.disk
    .list('')
    .filter(name => !mapped.has(name))
    .map(name => `${node.name} has ${name}, which its site does not serve`);
}

function staged(node: SimNode): string[] {
  const left = node.domains.flatMap(({ directory }) => {
    const staging = `.dfsync/staging/${directory}`;
    return node.disk.list(staging).flatMap(shard => node.disk.list(`${staging}/${shard}`));
  });
  return left.length > STAGED_AT_MOST ? [`${node.name} has ${left.length} files left in staging`] : [];
}
