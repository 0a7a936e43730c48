/**
 * A file of 20 GB, nearly all of it a hole, on its way to a peer that is killed in the middle of it: all of it arrives, what had come is not
 * asked for again, and neither disk nor memory is taken for the zeros.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { total } from '../e2e/exposition.ts';
import type { Instance } from '../e2e/instance.ts';
import { TestNetwork } from '../e2e/network.ts';
import { until } from '../e2e/until.ts';

const BYTES = 20_000_000_000;
/** What is in it: somewhere in the first and the last block, and in the middle. */
const MARKS = [100, BYTES / 2 + 1, BYTES - 5];
const MARK = 'mark';
/** The peer is killed when so much has come. */
const KILLED_AT = BYTES / 4;
/** Each piece that is written ends in a block of the disk, whatever is in it. */
const MOST_ON_DISK = BYTES / 100;
/** The highest that a process may ever take, with Node itself. */
const MOST_MEMORY_KB = 400_000;
const TIMEOUT_MS = 15 * 60_000;

/** Bytes of the file that are staged. */
function staged(peer: Instance): number {
  const area = peer.path('.dfsync/staging/acme');
  const names = readdirSync(area, { recursive: true, encoding: 'utf8' });
  return Math.max(0, ...names.map(name => statSync(`${area}/${name}`)).map(stat => (stat.isFile() ? stat.size : 0)));
}

function highestMemory({ pid }: Instance): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

describe('a file of 20 GB with holes', () => {
  let network: TestNetwork;
  let origin: Instance;
  let peer: Instance;

  before(async () => {
    network = await TestNetwork.create({ sites: { north: ['origin', 'peer'] }, domains: { acme: ['north'] } });
    [origin, peer] = [network.get('origin'), network.get('peer')];
    await Promise.all([origin.start(), peer.start()]);
  });
  after(() => network.close());

  test('arrives whole at a peer that dies meanwhile, and stays sparse', { timeout: TIMEOUT_MS }, async () => {
    origin.write('acme/small', 'small');
    await network.converge('acme');
    const file = openSync(origin.path('acme/sparse'), 'w');
    for (const at of MARKS) writeSync(file, MARK, at);
    closeSync(file);
    const { size } = statSync(origin.path('acme/sparse'));

    await peer.until('a quarter to come', () => staged(peer) > KILLED_AT);
    const highest = highestMemory(peer);
    await peer.kill();
    await peer.start();
    const there = () => statSync(peer.path('acme/sparse'), { throwIfNoEntry: false });
    await until('the file', () => there() !== undefined, { deadlineMs: TIMEOUT_MS, evidence: () => peer.tail });

    assert.equal(there()!.size, size);
    const copy = openSync(peer.path('acme/sparse'), 'r');
    for (const at of MARKS) {
      const bytes = Buffer.alloc(MARK.length);
      readSync(copy, bytes, 0, bytes.length, at);
      assert.equal(bytes.toString(), MARK, `at ${at}`);
    }
    closeSync(copy);
    assert.ok(there()!.blocks * 512 < MOST_ON_DISK, `${there()!.blocks * 512} bytes are on the disk`);
    const resumed = total(await peer.metrics(), 'dfsync_saved_bytes_total', { reason: 'resumed' });
    assert.ok(resumed >= KILLED_AT, `${resumed} bytes were not asked for again`);
    for (const kb of [highest, highestMemory(peer), highestMemory(origin)])
      assert.ok(kb < MOST_MEMORY_KB, `a process took ${kb} KB`);
    await network.converge('acme');
  });
});
