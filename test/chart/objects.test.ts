/** Every object of every case is one that Kubernetes and the operators take. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { parse, stringify } from 'yaml';
import { type Any, CASES, CHART, CHECKOUT, exampleChart, fileOf, find, render, renderText, TOKEN } from './rendered.ts';
import { helm, KUBERNETES, kubeconform, modelOf, schemaLocation, withoutTools } from './tools.ts';

const scratch = mkdtempSync(join(tmpdir(), 'dfsync-objects-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
/** Checked by the types of their operators. */
const FOREIGN = ['ServiceMonitor', 'PodMonitor', 'PrometheusRule', 'Certificate'];

function conform(text: string, version: string): { status: number | null; output: string } {
  const skipped = ['-skip', FOREIGN.join(',')];
  const args = ['-strict', '-summary', '-kubernetes-version', `${version}.0`, ...skipped];
  const { status, stdout, stderr } = spawnSync(kubeconform, [...args, '-schema-location', schemaLocation, '-'], {
    input: text,
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

describe('the chart', { skip: withoutTools }, () => {
  for (const name of CASES)
    it(`is fine with ci/${name}-values.yaml by lint`, () => {
      execFileSync(helm, ['lint', '--strict', CHART, '--values', fileOf(name)], { stdio: 'pipe' });
    });

  // All in one go: most of the time is the reading of the schemas.
  const all = () => {
    const texts = CASES.map(name => renderText({ files: [fileOf(name)] }));
    return [...texts, renderText({ chart: exampleChart() })].join('\n---\n');
  };
  for (const version of KUBERNETES)
    it(`is what Kubernetes ${version} takes, in all cases and in the example`, () => {
      const { status, output } = conform(all(), version);
      assert.equal(status, 0, output);
      // With nothing to look at it is content, too.
      assert.match(output, /Summary: [1-9][0-9]+/);
    });

  it('is checked by something that finds faults', () => {
    const text = renderText({ values: TOKEN });
    assert.equal(conform(text.replace('serviceName:', 'servicename:'), '1.37').status, 1);
    assert.equal(conform(text.replace('replicas: 3', 'replicas: three'), '1.28').status, 1);
  });
});

describe('objects of operators', { skip: withoutTools }, () => {
  const objects = CASES.flatMap(name => render({ files: [fileOf(name)] })).filter(({ kind }) => FOREIGN.includes(kind));

  it('are among the cases', () => {
    const kinds = new Set(objects.map(({ kind }) => kind));
    for (const kind of ['ServiceMonitor', 'PodMonitor', 'Certificate']) assert.ok(kinds.has(kind), kind);
  });

  it('are what their validators take', async () => {
    for (const object of objects) {
      const model = (await import(pathToFileURL(modelOf(object.apiVersion)).href)) as Any;
      new model[object.kind](object).validate();
      const broken = { ...object, spec: 'none' };
      assert.throws(() => new model[object.kind](broken).validate(), object.kind);
    }
  });

  it('have no field that their types lack', () => {
    const check = (text: string) => {
      const file = join(scratch, 'objects.ts');
      writeFileSync(file, text);
      const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--skipLibCheck', '--types', '', '--ignoreConfig'];
      return spawnSync(join(CHECKOUT, 'node_modules/.bin/tsc'), [...flags, file], { cwd: scratch, encoding: 'utf8' });
    };
    const declared = objects.map(
      (object, at) =>
        `import type { I${object.kind} as T${at} } from ${JSON.stringify(modelOf(object.apiVersion))};\nexport const o${at}: T${at} = ${JSON.stringify(object)};\n`,
    );
    const fine = check(declared.join(''));
    assert.equal(fine.status, 0, fine.stdout);
    const wrong = check(declared.join('').replace('"interval"', '"intervall"'));
    assert.match(wrong.stdout, /intervall/);
  });
});

describe('the alerts and the dashboard', { skip: withoutTools }, () => {
  const chosen = { files: [fileOf('monitoring')] };
  const has = (file: string) => existsSync(join(CHART, 'files', file));

  it('are the files, once there are any', t => {
    const objects = render(chosen);
    if (!has('alerts.yaml')) {
      assert.throws(() => find(objects, 'PrometheusRule'));
      t.diagnostic('there is no files/alerts.yaml yet');
      return;
    }
    const { spec } = find(objects, 'PrometheusRule');
    assert.deepEqual(spec, parse(readFileSync(join(CHART, 'files/alerts.yaml'), 'utf8')));
    const file = join(scratch, 'rules.yaml');
    writeFileSync(file, stringify(spec));
    const { status, error, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    if (error) t.diagnostic('promtool is not installed: the rules are not checked');
    else assert.equal(status, 0, stderr);
  });

  it('lead to the runbooks that the values name', () => {
    const runbooks = 'https://wiki.example/$1/dfsync';
    const objects = render({ ...chosen, values: { metrics: { rules: { runbooks } } } });
    const [{ rules }] = find(objects, 'PrometheusRule').spec.groups;
    assert.ok(rules.length > 10);
    for (const { alert, annotations } of rules)
      assert.equal(annotations.runbook_url, `${runbooks}#${alert.toLowerCase()}`);
    assert.throws(
      () => renderText({ ...chosen, values: { metrics: { rules: { runbooks: 'README.md' } } } }),
      /runbooks/,
    );
  });

  it('of Grafana is whole', t => {
    const objects = render(chosen);
    if (!has('dashboard.json')) {
      assert.throws(() => find(objects, 'ConfigMap', 'rel-dfsync-dashboard'));
      t.diagnostic('there is no files/dashboard.json yet');
      return;
    }
    const { data } = find(objects, 'ConfigMap', 'rel-dfsync-dashboard');
    assert.ok(JSON.parse(data['dfsync.json']).panels.length > 0);
  });
});
