import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Stat } from '../../src/folder/disk.ts';
import type { ScanBatch, Sighting } from '../../src/folder/scan.ts';
import { pack, unpack } from '../../src/folder/scan-pack.ts';
import { pathOf } from '../support/entries.ts';

const number = fc.double({ noNaN: true, min: -(2 ** 52), max: 2 ** 52 });
const stat: fc.Arbitrary<Stat> = fc.record({
  kind: fc.constantFrom('file', 'directory', 'symlink', 'special'),
  size: number,
  mtime: number,
  mode: number,
  inode: number,
  birth: number,
  ctime: number,
  device: number,
  links: number,
  uid: number,
  gid: number,
});
const path = fc
  .constantFrom('f', 'd/ä', 'd/\u{1f600}/x', 'a\nb', '\udcff', 'd/\udc80x', ' ', 'x'.repeat(255))
  .map(pathOf);
const sighting: fc.Arbitrary<Sighting> = fc.oneof(
  fc.record({ path, stat }),
  fc.record({ path, stat, target: fc.constantFrom('', 'to', 'ä', '\udcff') }),
);

describe('a batch of a scan', () => {
  it('arrives as it was sent', () => {
    fc.assert(
      fc.property(fc.array(sighting, { maxLength: 30 }), sightings => {
        const batch: ScanBatch = { sightings, hidden: [{ path: undefined, why: 'EIO' }] };
        assert.deepEqual(unpack(structuredClone(pack(batch))), structuredClone(batch));
      }),
    );
  });
});
