/** What is rendered works: real instances with the rendered description, arguments, environment, probes, hooks and test pods. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { runCommand } from '../e2e/command.ts';
import { until } from '../e2e/until.ts';
import { Authority, withoutOpenssl } from '../support/certificates.ts';
import { type Pod, podsOf, resolved, type Stored } from './kubelet.ts';
import { type Any, CASES, CHECKOUT, exampleChart, fileOf, find, render } from './rendered.ts';
import { withoutTools } from './tools.ts';

const TOKENS: Stored = { 'dfsync-token': { token: 'a-token-of-peers-of-this-test\n' } };
const scratch = mkdtempSync(join(tmpdir(), 'dfsync-run-'));
const running: Pod[] = [];
after(() => {
  for (const pod of running) pod.kill();
  rmSync(scratch, { recursive: true, force: true });
});

/** The pods of each release among rendered objects, ready to be asked by the others. */
async function started(releases: readonly (readonly Any[])[], secrets: Stored): Promise<Pod[]> {
  const pods: Pod[] = [];
  const described = releases.map(objects => {
    const own = podsOf(find(objects, 'StatefulSet'), pods.length);
    pods.push(...own);
    return {
      own,
      map: objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.endsWith('-network')),
    };
  });
  for (const { own, map } of described)
    for (const pod of own) {
      pod.store({ ...secrets, [map.metadata.name]: { 'network.json': resolved(map.data['network.json'], pods) } });
      running.push(pod);
      pod.start();
    }
  const evidence = () => pods.map(({ log }) => log).join('\n');
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const)
    for (const pod of pods)
      await until(`${probe} of ${pod.name}`, async () => (await pod.probe(probe)) === 200, { evidence });
  return pods;
}

/** A file that is written in the first pod's volume arrives in the others'. */
async function assertSynchronises([first, ...others]: readonly Pod[], root: string): Promise<void> {
  writeFileSync(join(first!.path(root), 'common/greeting'), 'carried');
  for (const other of others)
    await until(
      `the file at ${other.name}`,
      () => readFileSync(join(other.path(root), 'common/greeting'), 'utf8') === 'carried',
      { evidence: () => `${first!.log}\n${other.log}` },
    );
}

/** Runs a command of the program in a pod: that it ends well. */
async function assertRuns(pod: Pod, args: readonly string[], t: TestContext): Promise<void> {
  const { output: help } = await runCommand('--help');
  if (!new RegExp(`^ {2}${args[0]} `, 'm').test(help)) {
    t.diagnostic(`NOT RUN: this program has no command ${args[0]}`);
    return;
  }
  const command = pod.run(args);
  const { code } = await command.exited;
  assert.equal(code, 0, command.output);
}

async function stopped(pods: readonly Pod[]): Promise<void> {
  assert.deepEqual(
    await Promise.all(pods.map(pod => pod.stop())),
    pods.map(() => 0),
  );
}

describe('the rendered description', { skip: withoutTools }, () => {
  for (const name of CASES.filter(each => each !== 'existing'))
    it(`of ci/${name}-values.yaml is valid, and lists every pod`, async () => {
      const objects = render({ files: [fileOf(name)] });
      const file = join(scratch, `${name}.json`);
      const { data } = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.endsWith('-network'));
      writeFileSync(file, data['network.json']);
      const { code, output } = await runCommand('check-config', file);
      assert.equal(code, 0, output);
      const set = objects.find(({ kind }) => kind === 'StatefulSet');
      for (let ordinal = 0; ordinal < (set?.spec.replicas ?? 0); ordinal++)
        assert.match(
          output,
          new RegExp(
            `^ {2}${set.metadata.name}-${ordinal} .* at ${set.metadata.name}-${ordinal}\\.${set.spec.serviceName}\\.space\\.svc\\.cluster\\.local:7420`,
            'm',
          ),
        );
    });

  it('has roleids from the base on, gateways with their outer addresses, and other sites as they were said', async () => {
    const { data } = find(render({ files: [fileOf('statefulset')] }), 'ConfigMap', 'rel-dfsync-network');
    const { sites, domains, options } = JSON.parse(data['network.json']);
    const [north, south] = sites;
    assert.deepEqual(
      north.servers.map(({ roles: [role] }: Any) => [role.name, role.roleid, role.is_cross_site, role.ext.minFree]),
      [
        ['dfsync11', 11, true, '5%'],
        ['dfsync12', 12, true, '5%'],
        ['dfsync13', 13, false, '5%'],
        ['dfsync14', 14, false, '5%'],
      ],
    );
    assert.deepEqual(
      north.servers.map((server: Any) => server.external_address),
      ['n0.example:7420', 'n1.example:7420', undefined, undefined],
    );
    assert.equal(south.servers[0].roles[1].roletype, 'www');
    assert.deepEqual([domains.length, options.trashBytes], [2, 50_000_000_000]);
  });
});

describe('rendered pods', { skip: withoutTools }, () => {
  it('of a StatefulSet become ready, synchronise, pass "helm test" and stop', async t => {
    const objects = render({ files: [fileOf('default')], values: { tests: { timeoutSeconds: 60 } } });
    const pods = await started([objects], TOKENS);
    await assertSynchronises(pods, '/sync');
    for (const role of ['write', 'wait']) {
      const { metadata, spec } = find(objects, 'Pod', `rel-dfsync-test-${role}`);
      const [container] = spec.containers;
      const claim = spec.volumes[0].persistentVolumeClaim.claimName;
      const pod = pods.find(({ name }) => `sync-${name}` === claim)!;
      const wanted =
        spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchLabels;
      assert.equal(wanted['statefulset.kubernetes.io/pod-name'], pod.name);
      const env = Object.fromEntries(
        container.env.map(({ name, value }: Any) => [name, name === 'FILE' ? pod.path(value) : value]),
      );
      const [, ...options] = container.command;
      const child = spawn(process.execPath, [...options, ...container.args], { env, stdio: 'pipe' });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (output += text));
      const [code] = await once(child, 'close');
      assert.equal(code, 0, `${metadata.name}: ${output}`);
    }
    for (const pod of pods) {
      const [program, ...args] = pod.container.lifecycle.preStop.exec.command;
      assert.equal(program, 'dfsync');
      await assertRuns(pod, args, t);
    }
    await stopped(pods);
  });

  it('with the sidecar of the example do so too, on the volume of the application', async t => {
    const objects = render({ chart: exampleChart() });
    const pods = await started([objects], TOKENS);
    await assertSynchronises(pods, '/uploads');
    const { args } = find(objects, 'StatefulSet').spec.template.spec.initContainers[1];
    for (const pod of pods) await assertRuns(pod, args, t);
    await stopped(pods);
  });

  it('of the two sites of the example carry a file from a member of one to a member of the other, and obey their operators', async t => {
    const releases = ['north', 'south'].map(site => {
      const files = [join(CHECKOUT, 'helm/examples/two-sites/network.yaml')];
      return render({ files, release: site, namespace: site, args: ['--set', `network.site=${site}`] });
    });
    const pods = await started(releases, {
      ...TOKENS,
      'dfsync-admin': { token: 'a-token-of-operators-of-this-test\n' },
    });
    const [, member, , ...others] = pods;
    assert.deepEqual([member!.name, others.map(({ name }) => name)], ['north-dfsync-1', ['south-dfsync-1']]);
    await assertSynchronises([member!, ...others], '/sync');
    await assertRuns(member!, ['release', '--domain', 'acme.example', '--url', 'http://127.0.0.1:9420'], t);
    await stopped(pods);
  });

  it('with the certificate that cert-manager would issue trust one another', { skip: withoutOpenssl }, async () => {
    const objects = render({ files: [fileOf('cert-manager')] });
    const { spec } = find(objects, 'Certificate');
    const issued = new Authority().issue('release', { names: spec.uris.map((uri: string) => `URI:${uri}`).join(',') });
    const text = (file: string) => readFileSync(file, 'utf8');
    const secret = { 'tls.crt': text(issued.cert), 'tls.key': text(issued.key), 'ca.crt': text(issued.ca) };
    const pods = await started([objects], { ...TOKENS, [spec.secretName]: secret });
    await assertSynchronises(pods, '/sync');
    await stopped(pods);
  });

  it('with a certificate for each server take their own, and wait for their peers by that of operators', {
    skip: withoutOpenssl,
  }, async t => {
    const objects = render({ files: [fileOf('tls')], values: { replicas: 2 } });
    const authority = new Authority();
    const secret: Record<string, string> = { 'ca.crt': readFileSync(authority.ca, 'utf8') };
    for (const name of ['rel-dfsync-0', 'rel-dfsync-1']) {
      const { cert, key } = authority.issue(name, { names: `DNS:${name}` });
      secret[`${name}.crt`] = readFileSync(cert, 'utf8');
      secret[`${name}.key`] = readFileSync(key, 'utf8');
    }
    const ops = new Authority().issue('ops', { names: 'DNS:rel-dfsync-ops.space.svc' });
    const own = { 'tls.crt': readFileSync(ops.cert, 'utf8'), 'tls.key': readFileSync(ops.key, 'utf8') };
    const pods = await started([objects], { 'dfsync-certificates': secret, 'dfsync-ops': own });
    await assertSynchronises(pods, '/sync');
    for (const pod of pods) {
      const [, ...args] = pod.container.lifecycle.preStop.exec.command;
      await assertRuns(pod, args, t);
      // What it trusts is that certificate, and not everybody.
      const stranger = pod.run([...args, '--timeout', '1s', '--ops-tls-cert', authority.ca]);
      assert.equal((await stranger.exited).code, 1, stranger.output);
    }
    await stopped(pods);
  });
});
