import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Operation } from '../../src/core/operation.ts';
import { Drift } from '../../src/folder/drift.ts';
import { pathOf } from '../support/entries.ts';
import { Lookout, SETTLE_MS } from '../support/lookout.ts';

/** Longer than an event may be under way. */
const LATE_MS = 15_000;

it('what only a scan finds is drift, once, and by what was done', async () => {
  const out = await Lookout.over(({ disk }) => {
    for (const name of ['edited', 'deleted']) disk.writeFile(`d/${name}`, Buffer.from(name), 0o644);
    disk.mkdir('d/removed', 0o755);
  });
  out.write('created');
  out.write('edited', 'other');
  out.disk.unlink('d/deleted');
  out.disk.rmdir('d/removed');
  await out.scan();
  await out.pass(LATE_MS);
  assert.deepEqual(out.drift.sort(), ['create', 'delete', 'rmdir', 'update']);
  await out.scan();
  await out.pass(LATE_MS);
  assert.equal(out.drift.length, 4, 'a second scan finds nothing new');
  await out.stop();
});

it('what an event announced is none, be it before the scan, or a moment after', async () => {
  const out = await Lookout.over(({ disk }) => disk.mkdir('d/dir', 0o755));
  out.write('before');
  out.hint('before');
  out.write('after');
  out.disk.mkdir('d/new', 0o755);
  out.write('new/below');
  await out.scan();
  await out.pass(SETTLE_MS);
  out.hint('after', true);
  out.hint('new', false, true);
  await out.pass(LATE_MS);
  assert.deepEqual(out.drift, []);
  await out.stop();
});

it('what the first scan finds nobody could have announced', async () => {
  const out = await Lookout.over(({ disk }) => disk.writeFile('d/f', Buffer.from('f'), 0o644));
  await out.pass(LATE_MS);
  assert.deepEqual(out.drift, []);
  await out.stop();
});

it('so much that it cannot be waited for counts at once', () => {
  const told: Operation[] = [];
  const drift = new Drift(operation => told.push(operation));
  for (let i = 0; i < 10_001; i++) drift.found(pathOf(`f${i}`), 'create', 0);
  assert.equal(told.length, 1);
  drift.tell(LATE_MS);
  assert.equal(told.length, 10_001);
});
