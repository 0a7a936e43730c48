import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PathTable } from '../../src/folder/path-table.ts';
import { pathOf } from '../support/entries.ts';

/** Rows whose hash is their own choice, so that they meet as often as a test wants. */
function tableOf(hashOf: (path: string) => number) {
  const paths: (string | undefined)[] = [];
  const table = new PathTable({
    path: row => (paths[row] === undefined ? undefined : pathOf(paths[row])),
    hash: row => hashOf(paths[row]!),
  });
  const find = (path: string) => table.find(pathOf(path), hashOf(path));
  return { paths, table, find };
}

describe('the table of paths', () => {
  for (const [name, hashOf] of [
    ['spread', (path: string) => (Number(path.slice(1)) * 2_654_435_761) >>> 0],
    ['that meet in a few slots', (path: string) => Number(path.slice(1)) % 3],
    ['at the end of the table', (path: string) => 0xffff_ffff - (Number(path.slice(1)) % 5)],
  ] as const)
    it(`is a map, whatever comes and goes: hashes ${name}`, () => {
      fc.assert(
        fc.property(fc.nat(700), fc.array(fc.nat(40), { maxLength: 300 }), (reserved, steps) => {
          const { paths, table, find } = tableOf(hashOf);
          table.reserve(reserved);
          const model = new Map<string, number>();
          for (const step of steps) {
            const path = `p${step}`;
            const row = model.get(path);
            assert.equal(find(path), row ?? -1);
            if (row === undefined) {
              model.set(path, paths.push(path) - 1);
              table.add(paths.length - 1);
            } else {
              table.remove(row);
              paths[row] = undefined;
              model.delete(path);
            }
            assert.equal(table.size, model.size);
          }
          for (const [path, row] of model) assert.equal(find(path), row);
        }),
      );
    });

  it('grows', () => {
    const { paths, table, find } = tableOf(path => Number(path.slice(1)) % 1_000);
    for (let i = 0; i < 5_000; i++) {
      paths.push(`p${i}`);
      table.add(i);
    }
    for (let i = 0; i < 5_000; i++) assert.equal(find(`p${i}`), i);
    assert.equal(find('p5000'), -1);
  });

  it('reserves nothing any more once something is there', () => {
    const { paths, table, find } = tableOf(path => Number(path.slice(1)));
    for (let i = 0; i < 100; i++) table.add(paths.push(`p${i}`) - 1);
    table.reserve(10_000);
    for (let i = 0; i < 100; i++) assert.equal(find(`p${i}`), i);
  });
});
