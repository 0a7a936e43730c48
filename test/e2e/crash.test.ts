/** Processes that die: in the middle of a transfer, one after the other under load, and with the volume still in another's hands. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { renameSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setInterval as every } from 'node:timers/promises';
import { Instance } from './instance.ts';
import { TestNetwork, TWO_BY_TWO } from './network.ts';
import { freePort } from './ports.ts';

const SIZE = 128 << 20;
/** The transfer is stopped when this much has passed: far from both ends. */
const HALFWAY = SIZE / 2;
/** What may be sent twice: buffers on the way, the index, and what was not on disk yet. Without resuming it is half the file. */
const TOLERANCE = SIZE / 4;

describe('kill -9 in the middle of the transfer of a large file between two sites', () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create({
      sites: { north: ['n1'], south: ['s1'] },
      domains: { acme: ['north', 'south'] },
    });
    network.get('n1').write('acme/small.txt', 'small');
    await network.start();
    await network.converge('acme');
  });
  after(() => network.close());

  for (const [victim, role] of [
    ['s1', 'receiver'],
    ['n1', 'sender'],
  ] as const) {
    test(`of the ${role}: after its restart all is equal, and the transfer goes on where it was`, async () => {
      const wire = network.relay('n1');
      const before = wire.passed;
      wire.holdAfter(HALFWAY);
      network.get('n1').write(`acme/large-${role}.bin`, randomFillSync(Buffer.alloc(SIZE)));
      await network.until('half of the file to have passed', () => wire.isHeld);
      assert.ok(!network.get('s1').tree('acme').has(`large-${role}.bin`), 'nothing half-received is in the tree');
      await network.get(victim).kill();
      wire.release();
      await network.get(victim).start();
      const tree = await network.converge('acme');
      assert.equal(tree.get(`large-${role}.bin`)?.size, SIZE);
      const passed = wire.passed - before;
      assert.ok(passed < SIZE + TOLERANCE, `${passed} bytes passed for a file of ${SIZE}`);
    });
  }

  test('of both at once', async () => {
    const wire = network.relay('s1');
    wire.holdAfter(HALFWAY);
    network.get('s1').write('acme/large-both.bin', randomFillSync(Buffer.alloc(SIZE)));
    await network.until('half of the file to have passed', () => wire.isHeld);
    await Promise.all([network.get('n1').kill(), network.get('s1').kill()]);
    wire.release();
    await network.start();
    assert.equal((await network.converge('acme')).get('large-both.bin')?.size, SIZE);
  });

  test('right after an edit and a deletion: neither is forgotten', async () => {
    const origin = network.get('n1');
    for (const file of ['edited', 'deleted']) origin.write(`acme/crash/${file}`, 'before');
    await network.converge('acme');
    origin.write('acme/crash/edited', 'after');
    renameSync(origin.path('acme/crash/deleted'), `${origin.place.root}.gone`);
    await origin.kill();
    await origin.start();
    const tree = await network.barrier('acme', 'n1');
    assert.ok(!tree.has('crash/deleted'));
    assert.equal(network.get('s1').read('acme/crash/edited'), 'after');
  });

  test('what staging holds after all that is nothing', async () => {
    for (const instance of network.instances) {
      await instance.until('its staging to be empty', () => {
        const files = [...instance.tree('.dfsync/staging')].filter(([, node]) => node.kind === 'file');
        assert.deepEqual(files, []);
        return true;
      });
    }
  });
});

describe('a network of two by two under constant writes', () => {
  /** Files that each writer writes in turn. */
  const FILES = 30;
  const PAUSE_MS = 15;
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create(TWO_BY_TWO);
    await network.start();
  });
  after(() => network.close());

  test('survives a rolling restart of every instance: the last content of every file is everywhere', async () => {
    const stop = new AbortController();
    const writers = ['n1', 'n2', 's2'].map(name => writeConstantly(network.get(name), stop.signal));
    try {
      for (const instance of network.instances) {
        await instance.stop();
        await instance.start();
      }
    } finally {
      stop.abort();
    }
    const expected = (await Promise.all(writers)).flatMap(written => [...written]);
    assert.equal(expected.length, 3 * FILES, 'every file was written');
    await network.converge('acme');
    for (const instance of network.instances) {
      for (const [path, content] of expected) assert.equal(instance.read(path), content, `${path} on ${instance.name}`);
    }
  });

  /** Writes its files in turn, every other one by rename, until told to stop; answers what it wrote last. */
  async function writeConstantly(instance: Instance, signal: AbortSignal): Promise<Map<string, string>> {
    const written = new Map<string, string>();
    let round = 0;
    for await (const _ of every(PAUSE_MS)) {
      if (signal.aborted && written.size === FILES) break;
      const path = `acme/written on ${instance.name}/${round % FILES}`;
      const content = `round ${round++}`;
      if (round % 2 === 0) instance.write(path, content);
      else {
        instance.write(`${path}.tmp`, content);
        renameSync(instance.path(`${path}.tmp`), instance.path(path));
      }
      written.set(path, content);
    }
    return written;
  }
});

describe('two processes on one volume', () => {
  let network: TestNetwork;
  let second: Instance;
  before(async () => {
    network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
    second = new Instance({
      ...network.get('n1').place,
      name: 'second',
      port: await freePort(),
      opsPort: await freePort(),
    });
    await network.start();
  });
  after(async () => {
    await second.kill();
    await network.close();
  });

  test('the second waits, is not ready, and names the holder', async () => {
    const first = network.get('n1');
    second.launch();
    const reason = await second.until('it to wait for the lock', async () => {
      const { state, reason } = (await second.status()).instance;
      return state === 'waiting-for-lock' ? reason : undefined;
    });
    assert.match(reason, new RegExp(`\\b${first.pid}\\b`), 'the process');
    assert.match(reason, /\b1\b/, 'the roleid');
    assert.equal(await second.isReady(), false);
  });

  test('it takes over when the first is killed', async () => {
    await network.get('n1').kill();
    await second.until('it to be ready', () => second.isReady());
    second.write('acme/after.txt', 'taken over');
  });

  test('SIGTERM ends one that waits with exit 0, too', async () => {
    const third = network.get('n1');
    third.launch();
    try {
      await third.until(
        'it to wait for the lock',
        async () => (await third.status()).instance.state === 'waiting-for-lock',
      );
      await third.stop();
    } finally {
      await third.kill();
    }
  });
});
