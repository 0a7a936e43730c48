/** What an origin renamed does not travel. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry } from '../../src/core/entry.ts';
import { pathOf, tombstone } from '../support/entries.ts';
import { type Life, START, type Volume } from '../support/life.ts';
import { carryOut, known, NEW } from '../support/wishes.ts';

describe('content that is here already', () => {
  const renamed = (life: Life, from: string, to: string): Entry => {
    const old = life.entry(from)!;
    return { ...old, path: pathOf(to), version: NEW, from: { path: old.path, version: old.version } };
  };

  it('is taken from the trash', async () => {
    const volume = await known();
    const life = await volume.start();
    const wanted = renamed(life, 'f', 'moved');
    await carryOut(volume, life, [tombstone('f', NEW, START)]);
    assert.ok(life.replica.reuse(wanted));
    assert.equal(life.replica.received(wanted), wanted.size);
    await life.end();
  });

  it('is copied from the very version that was renamed', async () => {
    const volume = await known();
    const life = await volume.start();
    assert.ok(life.replica.reuse(renamed(life, 'f', 'moved')));
    await life.end();
  });

  const others: [name: string, change: (volume: Volume, wanted: Entry) => Entry][] = [
    ['another version', (_, wanted) => ({ ...wanted, from: { path: wanted.from!.path, version: { 9: 9 } } })],
    [
      'something else on the disk',
      (volume, wanted) => {
        volume.write('f', 'edited!');
        return wanted;
      },
    ],
    ['no rename asserted', (_, { from: __, ...wanted }) => wanted],
    ['another size', (_, wanted) => ({ ...wanted, size: 99 })],
  ];
  for (const [name, change] of others)
    it(`is not taken where there is ${name}`, async () => {
      const volume = await known();
      const life = await volume.start();
      assert.equal(life.replica.reuse(change(volume, renamed(life, 'f', 'moved'))), false);
      await life.end();
    });
});
