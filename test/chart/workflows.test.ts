/** The workflows: actionlint, and what it does not look at. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { type Any, CHECKOUT } from './rendered.ts';
import { actionlint, withoutTools } from './tools.ts';

const DIRECTORY = join(CHECKOUT, '.github/workflows');
const files = readdirSync(DIRECTORY);
const textOf = (file: string) => readFileSync(join(DIRECTORY, file), 'utf8');

describe('workflows', () => {
  it('are clean', { skip: withoutTools }, () => {
    const { status, stdout } = spawnSync(
      actionlint,
      files.map(file => join(DIRECTORY, file)),
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stdout);
  });

  it('pin every action by its hash, and say the version', () => {
    const used = files.flatMap(file => textOf(file).match(/uses: .*/g) ?? []);
    assert.ok(used.length > 5);
    for (const line of used) assert.match(line, /^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    const hashes = new Map(used.map(line => line.split(/[@ ]/).slice(1, 3) as [string, string]));
    for (const line of used) assert.ok(line.includes(hashes.get(line.split(/[@ ]/)[1]!)!), `two versions: ${line}`);
  });

  it('may do what they must, and no job writes but those of a release', () => {
    for (const file of files) {
      const { permissions, jobs } = parse(textOf(file)) as Any;
      assert.ok(permissions !== undefined, file);
      const all = [permissions, ...Object.values<Any>(jobs).map(job => job.permissions ?? {})];
      const writes = all.flatMap(each => Object.entries(each).filter(([, may]) => may === 'write'));
      if (file !== 'release.yml') assert.deepEqual(writes, [], file);
    }
  });

  it('run scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'));
    const named = files.flatMap(file => [...textOf(file).matchAll(/npm run ([\w:]+)/g)].map(match => match[1]!));
    assert.ok(named.length > 0);
    for (const name of named) assert.ok(scripts[name], name);
  });
});
