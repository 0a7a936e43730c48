/** The page of the rules names the test that holds each: those are there, under these names. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const TESTS = join(import.meta.dirname, '..');
const page = readFileSync(join(TESTS, '../src/core/README.md'), 'utf8').replaceAll('\n', ' ');
const rows = readFileSync(join(TESTS, '../src/core/README.md'), 'utf8').match(
  /^\| (?!---|law |invariant |seen ).*$/gm,
)!;

/** The files of tests that a text names, each with the names of tests that follow it, up to the next file. */
function namedIn(text: string): { file: string; names: string[] }[] {
  const pieces = text.split(/`([\w/-]+\.test\.ts|churn\/churn\.ts)`/);
  const named = [];
  for (let i = 1; i < pieces.length; i += 2) {
    const file = pieces[i]!.replace(/^test\//, '');
    // Names follow their file at once; what is quoted later in the text is something else.
    const [list = ''] = /^[:,]?\s*(?:"[^"]+"(?:,\s*)?)*/.exec(pieces[i + 1]!) ?? [];
    const names = [...list.matchAll(/"([^"]+)"/g)].map(match => match[1]!);
    named.push({ file: file.includes('/') || existsSync(join(TESTS, file)) ? file : `core/${file}`, names });
  }
  return named;
}

describe('the page of the rules', () => {
  const named = namedIn(page);

  it('names tests at all', () => {
    assert.ok(named.length > 30 && named.flatMap(({ names }) => names).length > 30, JSON.stringify(named));
  });

  it('names only tests that exist', () => {
    for (const { file, names } of named) {
      assert.ok(existsSync(join(TESTS, file)), `there is no test/${file}`);
      const text = readFileSync(join(TESTS, file), 'utf8');
      for (const name of names) assert.ok(text.includes(name), `test/${file} has no test "${name}"`);
    }
  });

  it('names a test for each law and each invariant', () => {
    const laws = rows.filter(row => !/^\| (while running|at first look)/.test(row));
    assert.ok(laws.length > 20, `${laws.length} rows`);
    assert.deepEqual(
      laws.filter(row => namedIn(row).length === 0),
      [],
    );
  });
});

it('the page of security names only tests that exist', () => {
  const named = readFileSync(join(TESTS, '../.github/SECURITY.md'), 'utf8').match(/(?<=`)test\/[^`]+(?=`)/g) ?? [];
  assert.ok(named.length > 5);
  for (const path of named) assert.ok(existsSync(join(TESTS, '..', path)), `there is no ${path}`);
});
