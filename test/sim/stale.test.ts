/** Replicas that were away for longer than deletions are remembered, played on whole engines with a short retention. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stage, type StageOptions } from './stage.ts';
import { EPOCH_MS } from './world.ts';

const LONG_AGO = EPOCH_MS - 90 * 86_400_000;
const RETENTION_MS = 60 * 60_000;
/** Longer than the retention and its margin. */
const LONG_MS = 80 * 60_000;

/** Instances that are equal and run, with a file to keep and one to be deleted. */
async function equal(options: StageOptions = {}): Promise<Stage> {
  const stage = new Stage({ sites: [2, 1], retentionMs: RETENTION_MS, ...options });
  for (const path of ['kept', 'doomed']) stage.write(1, path, path, LONG_AGO);
  await stage.heal();
  await stage.pass(30_000);
  return stage;
}

/** The third instance is cut off while a file is deleted, for so long that the deletion is forgotten. */
async function cutOff(options?: StageOptions): Promise<Stage> {
  const stage = await equal(options);
  stage.cut([3, 4]);
  stage.unlink(1, 'doomed');
  await stage.until('the deletion is known', () => stage.read(2, 'doomed') === undefined);
  await stage.pass(LONG_MS);
  assert.equal(stage.entry(1, 'doomed'), undefined, 'the deletion is forgotten');
  stage.world.links.heal();
  await stage.until('n3 says that it is stale', () => stage.staleTo(3).length > 0);
  return stage;
}

describe('a replica that was cut off for longer than deletions are remembered', () => {
  it('H5: brings nothing back, although it is served everything', async () => {
    const stage = await cutOff();
    stage.write(1, 'news', 'news');
    await stage.until('it has the news', () => stage.read(3, 'news') === 'news');
    await stage.pass(LONG_MS);
    for (const node of [1, 2]) assert.equal(stage.read(node, 'doomed'), undefined, `n${node}`);
    assert.equal(stage.read(3, 'doomed'), 'doomed');
    assert.ok(stage.avoids(1, 3));
    assert.deepEqual(stage.staleTo(1), []);
    assert.deepEqual(stage.staleTo(2), []);
  });

  it('brings nothing back after a restart, a crash, or one of those that it was away from', async () => {
    const stage = await cutOff();
    for (const node of [3, 1]) {
      stage.kill(node);
      stage.start(node);
      await stage.pass(60_000);
      await stage.stop(node);
      stage.start(node);
      await stage.pass(60_000);
    }
    assert.equal(stage.read(1, 'doomed'), undefined);
    assert.ok(stage.staleTo(3).length > 0);
  });

  it('gives up what its peers do not know, if they are trusted', async () => {
    const stage = await cutOff();
    stage.write(3, 'new on n3', 'new');
    stage.mkdir(3, 'tree');
    stage.write(3, 'tree/f', 'f');
    await stage.pass(60_000);
    const { trashed, failed } = await stage.accept(3, 'remote');
    assert.deepEqual(failed, []);
    assert.equal(trashed, 4);
    await stage.heal();
    for (const path of ['doomed', 'new on n3', 'tree', 'tree/f']) stage.expect(path, undefined);
    stage.expect('kept', 'kept');
    assert.deepEqual(stage.trash(3).length, 3);
    await stage.pass(60_000);
    assert.ok(!stage.avoids(1, 3));
    stage.write(3, 'afterwards', 'afterwards');
    await stage.heal();
    stage.expect('afterwards', 'afterwards');
  });

  it('spreads what it has, if it is trusted', async () => {
    const stage = await cutOff();
    await stage.accept(3, 'local');
    await stage.until('it is back', () => stage.read(2, 'doomed') === 'doomed');
    await stage.pass(60_000);
    stage.write(1, 'from 1', '1');
    stage.write(3, 'from 3', '3');
    await stage.pass(60_000);
    stage.expect('from 3', '3');
  });

  it('has to be decided for each of several', async () => {
    const stage = await cutOff({ sites: [2, 2] });
    await stage.until('n4 says so too', () => stage.staleTo(4).length > 0);
    await stage.accept(3, 'remote');
    await stage.pass(5 * 60_000);
    assert.equal(stage.read(3, 'doomed'), undefined, 'n4 has it still, and does not bring it back');
    assert.equal(stage.read(4, 'doomed'), 'doomed');
    await stage.accept(4, 'remote');
    await stage.heal();
    stage.expect('doomed', undefined);
  });
});

describe('nobody has to decide', () => {
  it('about a replica that was off for long, and holds nothing that the others do not know', async () => {
    const stage = await equal();
    await stage.stop(3);
    stage.write(1, 'kept', 'edited');
    await stage.pass(LONG_MS);
    stage.write(2, 'news', 'news');
    await stage.heal();
    await stage.pass(60_000);
    stage.write(3, 'from n3', '3');
    await stage.heal();
    stage.expect('from n3', '3');
    stage.expect('kept', 'edited');
  });

  it('about the others when one comes back that was off for long', async () => {
    const stage = await equal({ sites: [2, 2] });
    await stage.stop(3);
    await stage.stop(4);
    stage.unlink(1, 'doomed');
    await stage.pass(LONG_MS);
    stage.start();
    for (let i = 0; i < 30; i++) {
      // New files all the time: never is anybody equal to anybody.
      stage.write(1 + (i % 2), `new ${i}`, 'new');
      await stage.pass(4_000);
      for (const node of [1, 2]) assert.deepEqual(stage.staleTo(node), [], `n${node}`);
    }
    await stage.until('n4 has them', () => stage.read(4, 'new 29') === 'new');
    assert.ok(stage.staleTo(3).length > 0);
    await stage.accept(3, 'remote');
    await stage.accept(4, 'remote');
    await stage.heal();
    stage.expect('doomed', undefined);
    stage.expect('new 29', 'new');
  });

  it('about a network that was off as a whole', async () => {
    const stage = await equal();
    for (const node of [1, 2, 3]) await stage.stop(node);
    await stage.pass(LONG_MS);
    stage.write(3, 'made meanwhile', '3');
    stage.unlink(2, 'doomed');
    await stage.heal();
    stage.expect('made meanwhile', '3');
    stage.expect('doomed', undefined);
  });

  it('about a cache that is lost on an old volume', async () => {
    const stage = await equal();
    await stage.pass(LONG_MS);
    stage.kill(3, 'cache');
    await stage.heal();
    await stage.pass(60_000);
    stage.write(3, 'from n3', '3');
    await stage.heal();
    stage.expect('from n3', '3');
  });

  it('about who joins an old network', async () => {
    const stage = new Stage({ sites: [2, 1], retentionMs: RETENTION_MS });
    for (const path of ['kept', 'doomed']) stage.write(1, path, path, LONG_AGO);
    stage.start(1);
    await stage.pass(LONG_MS);
    stage.start(2);
    await stage.pass(LONG_MS);
    stage.write(3, 'brought along', '3', LONG_AGO);
    await stage.heal();
    stage.expect('brought along', '3');
    stage.expect('kept', 'kept');
  });
});

describe('both sides went on without each other for longer than deletions are remembered', () => {
  async function parted(): Promise<Stage> {
    const stage = await equal();
    stage.write(3, 'also doomed', 'doomed');
    await stage.heal();
    await stage.pass(30_000);
    stage.cut([3]);
    stage.unlink(1, 'doomed');
    stage.unlink(3, 'also doomed');
    await stage.pass(LONG_MS);
    stage.write(1, 'new on n1', '1');
    stage.write(3, 'new on n3', '3');
    await stage.pass(10_000);
    stage.world.links.heal();
    await stage.until('both say so', () => stage.staleTo(3).length > 0 && stage.staleTo(1).length > 0);
    return stage;
  }

  it('nothing comes back before somebody decides', async () => {
    const stage = await parted();
    await stage.pass(LONG_MS);
    assert.equal(stage.read(1, 'doomed'), undefined);
    assert.equal(stage.read(3, 'also doomed'), undefined);
  });

  it('one word ends it: the one side is right', async () => {
    const stage = await parted();
    await stage.accept(3, 'remote');
    await stage.heal();
    stage.expect('doomed', undefined);
    stage.expect('new on n1', '1');
    stage.expect('new on n3', undefined);
    stage.expect('also doomed', 'doomed');
    stage.write(3, 'afterwards', '3');
    await stage.heal();
    stage.expect('afterwards', '3');
    for (const node of [1, 2, 3]) assert.deepEqual(stage.staleTo(node), []);
  });

  it('or each side keeps what it has', async () => {
    const stage = await parted();
    await stage.accept(3, 'local');
    await stage.accept(1, 'local');
    await stage.heal();
    for (const path of ['doomed', 'also doomed']) stage.expect(path, 'doomed');
    for (const node of [1, 3]) stage.expect(`new on n${node}`, `${node}`);
  });
});

describe('a deletion that expires', () => {
  it('is forgotten by all, and learned again by nobody whose clock is ahead', async () => {
    const stage = await equal({ skews: { 1: 4 * 60_000, 2: -4 * 60_000, 3: 0 } });
    stage.unlink(1, 'doomed');
    await stage.until('all know it', () => [1, 2, 3].every(node => stage.entry(node, 'doomed')?.kind === 'tombstone'));
    const told = () => stage.world.log.lines.filter(line => line.includes('common/doomed is tombstone')).length;
    const before = told();
    await stage.pass(LONG_MS);
    for (const node of [1, 2, 3]) assert.equal(stage.entry(node, 'doomed'), undefined, `n${node}`);
    assert.equal(told(), before);
  });

  it('counts as no difference while the one has forgotten it and the other has not', async () => {
    const stage = await equal({ skews: { 1: 2 * 60_000, 2: -2 * 60_000, 3: 0 } });
    stage.unlink(1, 'doomed');
    await stage.pass(RETENTION_MS - 5 * 60_000);
    await stage.until('n1 has forgotten it', () => stage.entry(1, 'doomed') === undefined);
    assert.equal(stage.entry(2, 'doomed')?.kind, 'tombstone');
    for (let i = 0; i < 10; i++) {
      await stage.pass(10_000);
      for (const node of stage.world.nodes.values())
        for (const { learner } of node.engine!.loop.links)
          for (const { mismatched } of learner.links.values()) assert.equal(mismatched, 0);
    }
  });
});
