import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parentOf } from '../../src/core/path.ts';
import { LiveChildren } from '../../src/folder/live-children.ts';
import { pathOf } from '../support/entries.ts';

/** Parents of which one begins like another, or lies in another. */
const PATHS = ['a', 'b', 'a/a', 'a/b', 'ab/a', 'a b/a', 'a/a/a', 'a/a/b', 'ä/a', '\udcff/a'].map(pathOf);

describe('the live children of directories', () => {
  it('are as many as came and did not go, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PATHS), { maxLength: 60 }), steps => {
        const children = new LiveChildren();
        const live = new Set<string>();
        for (const path of steps) {
          if (live.delete(path)) children.remove(path);
          else {
            live.add(path);
            children.add(path);
          }
          for (const directory of [...PATHS, ...PATHS.flatMap(each => parentOf(each) ?? [])])
            assert.equal(
              children.of(directory),
              PATHS.filter(each => live.has(each) && parentOf(each) === directory).length,
            );
        }
      }),
    );
  });

  it('of a hundred thousand directories are told apart', () => {
    const children = new LiveChildren();
    const directories = Array.from({ length: 100_000 }, (_, i) => `d${i}`);
    for (const directory of directories) children.add(pathOf(`${directory}/f`));
    for (const directory of directories) assert.equal(children.of(pathOf(directory)), 1);
    for (const directory of directories) children.remove(pathOf(`${directory}/f`));
    for (const directory of directories) assert.equal(children.of(pathOf(directory)), 0);
  });
});
