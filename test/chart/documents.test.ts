/** The chart's README: its table is that of the values, and what its commands name is there. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { CASES, CHART, CHECKOUT, exampleChart, fileOf, find, render, renderText } from './rendered.ts';
import { withoutTools } from './tools.ts';
import { README, readValues, withTable } from './values-table.ts';

const readme = readFileSync(README, 'utf8');
const values = readFileSync(join(CHART, 'values.yaml'), 'utf8');
/** Lines of code. */
const commands = readme.split('\n').flatMap(line => /^ {4,}(\S.*)$/.exec(line)?.[1] ?? []);

describe('the README of the chart', () => {
  it('has the table of the values as they are (node test/chart/values-table.ts)', () => {
    assert.equal(readme, withTable(readme, readValues(values).rows));
  });

  it('tells every value', () => {
    assert.deepEqual(readValues(values).untold, []);
    assert.deepEqual(readValues('# -- told\na: 1\nb:\n  c: 2\n').untold, ['b.c']);
  });

  it('names files that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(match => join(dirname(README), match[1]!));
    const said = commands
      .flatMap(line => line.match(/(?<=\s)(helm|\.ci)\/[\w./-]+/g) ?? [])
      .map(path => join(CHECKOUT, path));
    assert.ok(links.length > 4 && said.length > 6);
    for (const path of [...links, ...said]) assert.ok(existsSync(path), path);
  });

  it('installs and upgrades what can be rendered', { skip: withoutTools }, () => {
    const helm = commands.filter(line => /^helm (install|upgrade) /.test(line));
    assert.ok(helm.length >= 5);
    for (const line of helm) {
      const [, , release, chart, ...flags] = line.split(/\s+/);
      const args = flags
        .filter(flag => flag !== '--create-namespace')
        .map(flag => (flag.startsWith('helm/') ? join(CHECKOUT, flag) : flag));
      assert.match(
        renderText({ chart: join(CHECKOUT, chart!), release: release!, args }),
        /kind: (StatefulSet|DaemonSet)/,
      );
    }
  });

  it('looks at objects that it installs', { skip: withoutTools }, () => {
    const file = join(CHECKOUT, 'helm/examples/two-sites/network.yaml');
    for (const site of ['north', 'south']) {
      const text = renderText({
        release: site,
        namespace: site,
        files: [file],
        args: ['--set', `network.site=${site}`],
      });
      assert.ok(commands.includes(`kubectl -n ${site} rollout status statefulset/${site}-dfsync`));
      assert.match(text, new RegExp(`kind: StatefulSet\\nmetadata:\\n {2}name: ${site}-dfsync\\n`));
    }
  });

  it('says of sidecars what the example does', { skip: withoutTools }, () => {
    const example = readFileSync(join(CHECKOUT, 'helm/examples/web/templates/web.yaml'), 'utf8');
    const includes = (text: string) =>
      new Set([...text.matchAll(/include "(dfsync\.[\w.]+)"/g)].map(match => match[1]));
    assert.deepEqual(includes(commands.join('\n')), includes(example));
    assert.match(renderText({ chart: exampleChart() }), /restartPolicy: Always/);
  });
});

it('the program, its image, the chart and the changes are of one version, on one Node', () => {
  const textOf = (file: string) => readFileSync(join(CHECKOUT, file), 'utf8');
  const { version, repository, devDependencies } = JSON.parse(textOf('package.json'));
  const chart = parse(textOf('helm/dfsync/Chart.yaml'));
  assert.equal(chart.home, repository);
  assert.ok(textOf('Dockerfile').includes(`\nARG SOURCE=${repository}\n`));
  // The image is published under the name of the repository.
  assert.equal(`https://github.com/${parse(values).image.repository}`, repository);
  assert.deepEqual([chart.version, chart.appVersion], [version, version]);
  assert.match(textOf('Dockerfile'), new RegExp(`^ARG VERSION=${version}$`, 'm'));
  assert.match(textOf('Dockerfile'), new RegExp(`^ARG NODE_IMAGE=.*/node:${devDependencies.node}-slim$`, 'm'));
  assert.match(textOf('CHANGELOG.md'), new RegExp(`^## ${version}$`, 'm'));
  assert.equal(parse(textOf('helm/examples/web/Chart.yaml')).dependencies[0].version, version);
});

describe('the notes', { skip: withoutTools }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'dfsync-notes-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  /** Helm shows them after an installation only: here the same text is an object of the chart. */
  const notesOf = (files: readonly string[], args: readonly string[] = []): string => {
    const chart = join(scratch, 'dfsync');
    cpSync(CHART, chart, { recursive: true });
    const text = readFileSync(join(chart, 'templates/NOTES.txt'), 'utf8');
    const object = 'kind: Notes\nmetadata: { name: notes }\ntext: |\n{{ include "notes" . | indent 2 }}\n';
    writeFileSync(join(chart, 'templates/notes.yaml'), `{{ define "notes" }}${text}{{ end }}${object}`);
    return find(render({ chart, files, args }), 'Notes').text;
  };

  it('say in every case what runs and how to look, and complain of nothing needlessly', () => {
    for (const name of CASES) {
      const notes = notesOf([fileOf(name)]);
      assert.match(notes, /What runs\n {2}\S[\s\S]*How to look\n {2}kubectl/, name);
      assert.doesNotMatch(
        notes.replace(/MISSING: this chart has no files.*/g, ''),
        /MISSING|INSECURE|<no value>|%!/,
        name,
      );
    }
  });

  it('say what is missing', () => {
    const south = join(scratch, 'south.json');
    const roles = [{ name: 'd', iface: 'eth0', roleid: 9, roletype: 'dfsync', separate: true, is_cross_site: true }];
    const sites = [{ name: 'south', servers: [{ name: 's1', address: 's1', roles }] }];
    writeFileSync(south, JSON.stringify({ network: { sites } }));
    const said = (args: string[], files: string[] = []) => notesOf(files, args);
    assert.match(said(['--set', 'insecure=true']), /INSECURE: whoever reaches port 7420 reads every file/);
    assert.match(said(['--set', 'insecure=true,replicas=1']), /MISSING: there is one server in all/);
    assert.match(said(['--set', 'insecure=true'], [south]), /MISSING: network\.externalAddresses/);
    assert.match(said(['--set', 'token.existingSecret=one']), /Nobody may release held deletions/);
  });
});
