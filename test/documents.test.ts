/** What the pages of this repository lead to is there: files, and sections of pages. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const PAGES = globSync(['*.md', '{.github,helm,src,test}/**/*.md'], { cwd: ROOT }).sort();

/** The text without its blocks of code, which lead nowhere. */
function proseOf(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '');
}

/** The names of a page's sections, as GitHub makes them: a second one of a name gets a number. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of proseOf(page).matchAll(/^#{1,6} +(.+)$/gm)) {
    const name = heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = name;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${name}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

describe('links', () => {
  for (const page of PAGES)
    test(`of ${page} lead somewhere`, () => {
      for (const [link, file, anchor] of proseOf(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
        const target = file === '' ? page : join(dirname(page), file!);
        assert.ok(existsSync(join(ROOT, target)), `${link}: no ${target}`);
        if (anchor !== undefined) assert.ok(anchorsOf(target).has(anchor), `${link}: no such section in ${target}`);
      }
    });

  test('are looked for where there are many', () => {
    assert.ok(PAGES.includes('README.md'));
    assert.ok(anchorsOf('README.md').size > 40);
    assert.ok([...proseOf('README.md').matchAll(/\]\(#/g)].length > 20);
  });
});
