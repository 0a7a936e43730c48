import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathOf } from '../support/entries.ts';
import { SETTLE_MS, Volume } from '../support/life.ts';

async function running() {
  const volume = new Volume();
  for (const path of ['f', 'g']) volume.write(path);
  await volume.pass(10 * SETTLE_MS);
  return { volume, life: await volume.start() };
}

describe('a replica reports', () => {
  it('its scans, why they began and how they ended', async () => {
    const { volume, life } = await running();
    life.replica.rescan();
    await volume.pass(SETTLE_MS);
    life.objection = 'another volume';
    life.replica.rescan();
    await volume.pass(SETTLE_MS);
    life.objection = undefined;
    await volume.pass(20_000);
    const scans = life.reports.flatMap(report => (report.did === 'scan' ? `${report.trigger} ${report.result}` : []));
    assert.deepEqual(scans, ['start ok', 'lost-events ok', 'lost-events objected', 'retry ok']);
    await volume.pass(2 * 3_600_000);
    assert.ok(life.reports.some(report => report.did === 'scan' && report.trigger === 'interval'));
    await life.end();
  });

  it('changes made here, by what was done, and nothing of those applied for a peer', async () => {
    const { volume, life } = await running();
    life.reports.length = 0;
    volume.write('new');
    volume.disk.rename('d/f', 'd/moved');
    volume.disk.chmod('d/g', 0o600);
    for (const path of ['new', 'f', 'moved', 'g']) life.replica.hint(pathOf(path), true);
    await volume.pass(5 * SETTLE_MS);
    const sums = new Map<string, number>();
    for (const report of life.reports)
      for (const [operation, count] of report.did === 'change' ? Object.entries(report.operations) : [])
        sums.set(operation, (sums.get(operation) ?? 0) + count);
    assert.deepEqual([...sums].sort(), [
      ['chmod', 1],
      ['create', 1],
      ['delete', 1],
      ['rename', 1],
    ]);
    await life.end();
  });

  it('whether its cache was written', async () => {
    const { life } = await running();
    await life.end();
    assert.deepEqual(life.reports.at(-1), { did: 'flush', result: 'ok' });
  });
});
