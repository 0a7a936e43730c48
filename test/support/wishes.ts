/** What peers wish of a replica: a tree that it knows, wanted entries, and the actions that make them true. */
import type { Entry } from '../../src/core/entry.ts';
import { type Action, plan } from '../../src/core/plan.ts';
import type { Who } from '../sim/memory-disk.ts';
import type { MemoryOptions } from '../sim/memory-volume.ts';
import { file } from './entries.ts';
import { type Life, SETTLE_MS, START, Volume } from './life.ts';

/** The site that wishes come from. */
export const VIA = 'south';
/** A version of that site, later than all that the tree has. */
export const NEW = { 3: START + 60_000 };

/** A volume with a tree that an instance has known since its first life. */
export async function known(options: Partial<MemoryOptions> = {}, who?: Who): Promise<Volume> {
  const volume = new Volume(undefined, options, who);
  volume.disk.mkdir('d/dir', 0o755);
  volume.disk.mkdir('d/dir/sub', 0o755);
  for (const path of ['f', 'g', 'dir/a', 'dir/sub/b', ...Array.from({ length: 10 }, (_, i) => `keep${i}`)])
    volume.write(path);
  volume.disk.symlink('f', 'd/link');
  await volume.pass(10 * SETTLE_MS);
  await (await volume.start()).end();
  return volume;
}

export const content = (path: string) => Buffer.from(`new ${path}`);
export const wishedFile = (path: string, mode = 0o640) =>
  file(path, NEW, { size: content(path).length, mtime: START + 59_000, mode });

export function actionsFor(life: Life, wanted: readonly Entry[]): readonly Action[] {
  return plan(
    life.replica,
    wanted.map(entry => ({ entry })),
    7,
    life.clock.now(),
  ).actions;
}

/** What is to be fetched has come. */
export async function stage(life: Life, actions: readonly Action[]): Promise<void> {
  const fetched = actions.filter(action => action.do === 'fetch');
  await life.replica.put(fetched.map(({ entry }) => ({ entry, bytes: content(entry.path) })));
}

/** Has wanted entries made true; answers how that went. */
export async function carryOut(volume: Volume, life: Life, wanted: readonly Entry[]): Promise<string[]> {
  const actions = actionsFor(life, wanted);
  await stage(life, actions);
  const applied = life.replica.apply(actions, () => VIA);
  await volume.clock.settle();
  return (await applied).map(({ result }) => result);
}
