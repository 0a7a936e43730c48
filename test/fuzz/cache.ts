/** Cache and journal: whatever stands in them, the domain starts, every file stays as it is, and nothing else is touched. */
import assert from 'node:assert/strict';
import { isEqual, isLive } from '../../src/core/entry.ts';
import { seenOf } from '../../src/folder/disk.ts';
import type { MemoryDisk } from '../sim/memory-disk.ts';
import { pathOf } from '../support/entries.ts';
import { Volume } from '../support/life.ts';
import type { Running, Target } from './target.ts';

const CACHE = '.dfsync/cache/d';
const FILES = ['a', 'd/b', 'd/\udc80', 'gone'];
const STAYING = FILES.filter(path => path !== 'gone');

/** The volume of an instance that has a cache and a journal: every line that a journal may have. */
async function lived(): Promise<Volume> {
  const volume = new Volume();
  volume.disk.mkdir('d/d', 0o755);
  for (const path of FILES) volume.write(path);
  volume.disk.symlink('a', 'd/link');
  const life = await volume.start();
  await settled(volume, life.replica.flush());
  volume.write('a', 'changed');
  volume.disk.unlink('d/gone');
  for (const path of ['a', 'gone']) life.replica.hint(pathOf(path), true);
  await volume.pass(30_000);
  life.replica.hear([[3, 5]]);
  await settled(volume, life.replica.flush());
  const records = [
    { is: life.replica.get(pathOf('a')), identity: { inode: 1, birth: 2 } },
    { will: life.replica.get(pathOf('d/b')), staged: true },
    { will: life.replica.get(pathOf('a')), moved: 'd/gone' },
    { did: [['a', 3, 4]] },
    { drop: 'nothing' },
  ];
  volume.disk.append(`${CACHE}/journal.jsonl`, Buffer.from(records.map(each => `${JSON.stringify(each)}\n`).join('')));
  life.kill();
  return volume;
}

const NAMES = ['shard-.json', 'memory.json', 'journal.jsonl'];
const first = await lived();
const contents = NAMES.map(name => Buffer.from(first.disk.readFile(`${CACHE}/${name}`)));

export const cache: Target = {
  name: 'cache',
  share: 0.2,
  // Which file it is stands in front: one digit.
  inputs: contents.map((bytes, i) => Buffer.concat([Buffer.from(String(i)), bytes])),
  async begin(): Promise<Running> {
    return {
      async run(input) {
        const name = NAMES[(input[0] ?? 0) % NAMES.length]!;
        const volume = await lived();
        volume.disk.writeFile('outside', Buffer.from('outside'), 0o600);
        volume.disk.writeFile(`${CACHE}/${name}`, input.subarray(1), 0o600);
        const before = contentsOf(volume.disk);
        const life = await volume.start();
        await volume.pass(30_000);
        assert.ok(life.replica.ready, 'it does not become ready');
        assert.deepEqual(contentsOf(volume.disk), before);
        for (const path of STAYING) {
          const entry = life.replica.get(pathOf(path));
          const stat = volume.disk.lstat(`d/${path}`);
          assert.ok(
            isLive(entry) && stat && isEqual(entry, seenOf(stat, () => '')!),
            `${path} is not what the disk has`,
          );
        }
        await settled(volume, life.replica.flush());
        await settled(volume, life.replica.close());
        life.kill();
        // What it wrote itself it reads again.
        const again = await volume.start();
        assert.ok(again.replica.ready);
        again.kill();
      },
      async [Symbol.asyncDispose]() {},
    };
  },
};

/** What takes no time by itself, on a clock that stands still. */
async function settled(volume: Volume, done: Promise<void>): Promise<void> {
  await volume.clock.settle();
  await done;
}

function contentsOf(disk: MemoryDisk): string[] {
  return ['outside', ...STAYING.map(path => `d/${path}`)].map(path => Buffer.from(disk.readFile(path)).toString());
}
