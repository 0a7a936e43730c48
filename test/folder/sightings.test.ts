import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hashPath } from '../../src/core/digest.ts';
import type { Stat } from '../../src/folder/disk.ts';
import { type Sighting, Sightings } from '../../src/folder/sightings.ts';
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

/** As another thread gets them. */
function sent(sightings: Sightings): Sightings {
  const packed = sightings.pack();
  return new Sightings(structuredClone(packed, { transfer: [packed.numbers.buffer] }));
}

describe('what a scan met', () => {
  it('arrives as it was sent', () => {
    fc.assert(
      // More than there is room for at first, at times.
      fc.property(fc.array(sighting, { maxLength: 300, size: 'max' }), sightings => {
        assert.deepEqual([...sent(Sightings.of(sightings))], structuredClone(sightings));
      }),
    );
  });

  it('knows the path of each, and its hash, and takes no other one for it', () => {
    fc.assert(
      fc.property(fc.array(sighting, { minLength: 1, maxLength: 30 }), path, (sightings, other) => {
        const there = sent(Sightings.of(sightings));
        for (const [i, { path }] of sightings.entries()) {
          assert.equal(there.hash(i), hashPath(path).high);
          assert.ok(there.isAt(i, path));
          assert.equal(there.isAt(i, other), other === path);
          assert.ok(!there.isAt(i, pathOf(`${path}/x`)) && !there.isAt(i, pathOf(`x/${path}`)));
        }
      }),
    );
  });

  it('is nothing any more when it was freed', () => {
    const sightings = Sightings.of([{ path: pathOf('f'), stat: fc.sample(stat, 1)[0]! }]);
    sightings.free();
    assert.deepEqual([...sightings], []);
  });

  it('is empty when it was sent, and takes others', () => {
    fc.assert(
      fc.property(fc.array(sighting), fc.array(sighting), (first, second) => {
        const sightings = Sightings.of(first);
        // Reading makes what must not last.
        assert.deepEqual([...sightings], structuredClone(first));
        assert.deepEqual([...sent(sightings)], structuredClone(first));
        assert.equal(sightings.length, 0);
        for (const { path, stat, target } of second) sightings.add(path, stat, target);
        assert.deepEqual([...sightings], structuredClone(second));
        assert.deepEqual([...sent(sightings)], structuredClone(second));
      }),
    );
  });
});
