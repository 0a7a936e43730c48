/** Commands of the README that are no commands of dfsync: each is run as it stands there, on volumes of a network. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TestNetwork } from './network.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const GROUP = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim();
const HAS_CURL = spawnSync('curl', ['--version']).error === undefined;

let network: TestNetwork;
before(async () => {
  network = await TestNetwork.create({ sites: { north: ['n1', 'n2'] }, domains: { acme: ['north'] } });
  network.get('n1').write('acme/site/index.html', 'the first', { mode: 0o640 });
  await network.start();
  await network.converge('acme');
});
after(() => network.close());

/** Runs the one line of the README that begins so, with what it is about in the place of its examples. */
function run(beginning: string, examples: Readonly<Record<string, string>>, cwd = network.directory): string {
  const lines = README.split('\n').filter(line => line.startsWith(`    ${beginning}`));
  assert.equal(lines.length, 1, `the README has ${lines.length} lines "${beginning}"`);
  let line = lines[0]!;
  for (const [example, real] of Object.entries(examples)) {
    assert.ok(line.includes(example), `${example} in: ${line}`);
    line = line.replaceAll(example, real);
  }
  return execFileSync('sh', ['-c', line], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('what the README says to do', () => {
  test('so that a group may write everywhere', async () => {
    run('chgrp -R web', { web: GROUP, ':SYNC': network.get('n1').place.root });
    assert.equal(statSync(network.get('n1').path('acme')).mode & 0o2070, 0o2070);
    assert.equal(statSync(network.get('n1').path('acme/site')).mode & 0o2070, 0o2070);
    await network.converge('acme');
    assert.equal(statSync(network.get('n2').path('acme/site/index.html')).mode & 0o777, 0o660);
  });

  test('to get one file back from the trash by hand', async () => {
    network.get('n1').write('acme/site/index.html', 'the second, longer one');
    await network.converge('acme');
    const { root } = network.get('n2').place;
    const [day] = readdirSync(join(root, '.dfsync/trash/acme'));
    const [item] = readdirSync(join(root, '.dfsync/trash/acme', day!, 'site'));
    run('cp -p', { '2026-03-01': day!, 'index.html~1772355600000.1': item!, ':SYNC': root });
    await network.until('it to be back', () => network.get('n1').read('acme/site/index.html') === 'the first');
    await network.converge('acme');
  });

  test('to remove a day of the trash', async () => {
    const { root } = network.get('n2').place;
    const [day] = readdirSync(join(root, '.dfsync/trash/acme'));
    const said = /`(rm -r ':SYNC\/\.dfsync\/trash\/acme\/2026-03-01')`/.exec(README.replaceAll('\n', ' '))![1]!;
    execFileSync('sh', ['-c', said.replace('2026-03-01', day!).replace(':SYNC', root)]);
    assert.match(await network.get('n2').operate('trash', 'list'), /^(?![\s\S]*index\.html)/);
    network.get('n1').write('acme/site/index.html', 'the third');
    await network.converge('acme');
    assert.match(await network.get('n2').operate('trash', 'list'), /index\.html/);
  });

  test('to read what an instance says of its API', { skip: !HAS_CURL && 'curl is not installed' }, () => {
    const { port, tokenFile } = network.get('n1').place;
    const text = run('curl -H', { 'n1.example:7420': `127.0.0.1:${port}` }, dirname(tokenFile));
    assert.match(JSON.parse(text).openapi, /^3\.1/);
  });

  test('to begin with', { skip: !HAS_CURL && 'curl is not installed' }, () => {
    const told = README.match(/`curl -s localhost:9420\/readyz\?verbose`/g) ?? [];
    assert.ok(told.length > 2);
    const line = told[0]!.slice(1, -1).replace('9420', String(network.get('n1').place.opsPort));
    assert.match(execFileSync('sh', ['-c', line], { encoding: 'utf8' }), /^\[\+\] [\s\S]*^ok$/m);
  });
});
