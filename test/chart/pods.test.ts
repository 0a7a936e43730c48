/** What is rendered, looked at: each kind, its identity and volume, the security profile, services, the sidecar. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Any, CASES, exampleChart, fileOf, find, render, renderText, TOKEN } from './rendered.ts';
import { withoutTools } from './tools.ts';

const WORKLOADS = ['StatefulSet', 'DaemonSet', 'Deployment'];
const of = (name: string) => render({ files: [fileOf(name)] });
const workloadIn = (objects: readonly Any[]) => objects.find(({ kind }) => WORKLOADS.includes(kind));
const podOf = (objects: readonly Any[]) => workloadIn(objects).spec.template.spec;
const containerOf = (objects: readonly Any[]) => podOf(objects).containers[0];
const serverOf = (container: Any) => container.env.find(({ name }: Any) => name === 'DFSYNC_SERVER');

/** What breaks the profile `restricted` of Pod Security. */
function breaches(pod: Any): string[] {
  const found: string[] = [];
  const expect = (holds: unknown, what: string) => holds || found.push(what);
  expect(pod.securityContext.runAsNonRoot === true, 'runAsNonRoot');
  expect(pod.securityContext.runAsUser > 0, 'runAsUser');
  expect(pod.securityContext.seccompProfile?.type === 'RuntimeDefault', 'seccompProfile');
  expect(!pod.hostNetwork && !pod.hostPID && !pod.hostIPC, 'namespaces of the host');
  for (const { name, securityContext, ports = [] } of [...(pod.initContainers ?? []), ...pod.containers]) {
    expect(securityContext?.allowPrivilegeEscalation === false, `${name}: allowPrivilegeEscalation`);
    expect(securityContext?.capabilities?.drop?.includes('ALL'), `${name}: capabilities`);
    expect(!ports.some((port: Any) => port.hostPort), `${name}: hostPort`);
  }
  const allowed = ['configMap', 'emptyDir', 'persistentVolumeClaim', 'secret'];
  for (const { name, ...source } of pod.volumes ?? [])
    expect(allowed.includes(Object.keys(source)[0]!), `volume ${name}: ${Object.keys(source)[0]}`);
  return found;
}

describe('a pod', { skip: withoutTools }, () => {
  it('is never let down to the profile "restricted", but for the volume and port of a node', () => {
    for (const name of CASES.filter(each => !['everything', 'sidecar'].includes(each))) {
      const objects = of(name);
      const pods = [podOf(objects), ...objects.filter(({ kind }) => kind === 'Pod').map(({ spec }) => spec)];
      const found = pods.flatMap(breaches);
      assert.deepEqual(
        found,
        name === 'daemonset'
          ? ['dfsync: hostPort', 'volume sync: hostPath', 'volume sync: hostPath', 'volume sync: hostPath']
          : [],
        name,
      );
    }
    assert.deepEqual(breaches(podOf(render({ chart: exampleChart() }))), []);
  });

  it('has a read-only root, no token of Kubernetes, secrets for its group, and no subPath', () => {
    const objects = of('statefulset');
    const pod = podOf(objects);
    assert.equal(pod.automountServiceAccountToken, false);
    assert.equal(pod.securityContext.fsGroupChangePolicy, 'OnRootMismatch');
    assert.equal(containerOf(objects).securityContext.readOnlyRootFilesystem, true);
    const secrets = pod.volumes.filter(({ secret }: Any) => secret);
    assert.deepEqual(
      secrets.map(({ name, secret }: Any) => [name, secret.secretName, secret.defaultMode]),
      [
        ['dfsync-admin-token', 'dfsync-admin', 0o440],
        ['dfsync-read-token', 'dfsync-read', 0o440],
        ['dfsync-token', 'dfsync-token', 0o440],
      ],
    );
    assert.ok(containerOf(objects).volumeMounts.every(({ subPath }: Any) => subPath === undefined));
  });

  it('of a StatefulSet is the server of its name, on a claim of its own', () => {
    const objects = of('statefulset');
    const { spec } = find(objects, 'StatefulSet');
    assert.equal(serverOf(containerOf(objects)).valueFrom.fieldRef.fieldPath, 'metadata.name');
    assert.equal(spec.serviceName, 'rel-dfsync-peers');
    assert.equal(spec.volumeClaimTemplates[0].metadata.name, 'sync');
    assert.deepEqual(spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Retain', whenScaled: 'Retain' });
  });

  it('of a DaemonSet is the server of its node, on a directory there', () => {
    const objects = of('daemonset');
    const [container, [sync]] = [containerOf(objects), podOf(objects).volumes];
    assert.equal(serverOf(container).valueFrom.fieldRef.fieldPath, 'spec.nodeName');
    assert.deepEqual(sync, { name: 'sync', hostPath: { path: '/srv/sync', type: 'Directory' } });
    assert.equal(container.ports[0].hostPort, 7420);
  });

  it('on a directory of its node demands a marker from the first upgrade on', () => {
    const files = [fileOf('daemonset')];
    const demands = (args: string[]) => containerOf(render({ files, args })).args.includes('--require-volume');
    assert.equal(demands([]), false);
    assert.equal(demands(['--is-upgrade']), true);
    assert.equal(demands(['--is-upgrade', '--set', 'volume.require=never']), false);
    assert.equal(demands(['--set', 'volume.require=always']), true);
    assert.ok(!containerOf(render({ values: TOKEN, args: ['--is-upgrade'] })).args.includes('--require-volume'));
  });

  it('of a Deployment is alone with its claim, also during an update', () => {
    const objects = of('deployment');
    const { spec } = find(objects, 'Deployment');
    assert.deepEqual([spec.replicas, spec.strategy], [1, { type: 'Recreate' }]);
    assert.equal(serverOf(containerOf(objects)).value, 'rel-dfsync');
    assert.equal(podOf(objects).volumes[0].persistentVolumeClaim.claimName, 'uploads');
  });

  it('waits for its peers before it stops, and has the time to', () => {
    const objects = render({ values: TOKEN });
    const { command } = containerOf(objects).lifecycle.preStop.exec;
    assert.deepEqual(command, ['dfsync', 'wait', '--timeout', '20s', '--url', 'http://127.0.0.1:9420']);
    assert.ok(podOf(objects).terminationGracePeriodSeconds > 30);
  });

  it('asks itself in TLS where operators do, and knows its own certificate', () => {
    const container = containerOf(of('tls'));
    assert.deepEqual(container.lifecycle.preStop.exec.command.slice(-2), ['--url', 'https://127.0.0.1:9420']);
    const told = Object.fromEntries(container.env.map(({ name, value }: Any) => [name, value]));
    assert.equal(told.DFSYNC_OPS_TLS_CERT, '/etc/dfsync/ops-tls/tls.crt');
    assert.equal(told.DFSYNC_OPS_TLS_KEY, '/etc/dfsync/ops-tls/tls.key');
    const values = { dfsync: { opsTls: { existingSecret: 'dfsync-ops', certKey: '$(DFSYNC_SERVER).crt' } } };
    const { spec } = find(render({ chart: exampleChart(), values }), 'StatefulSet').spec.template;
    const wait = spec.initContainers[1];
    assert.deepEqual(wait.args.slice(-2), ['--url', 'https://127.0.0.1:9420']);
    assert.deepEqual(
      wait.env.map(({ name, value }: Any) => [name, value]),
      [
        ['DFSYNC_SERVER', undefined],
        ['DFSYNC_OPS_TLS_CERT', '/etc/dfsync/ops-tls/$(DFSYNC_SERVER).crt'],
      ],
    );
    const mounted = spec.volumes.find(({ name }: Any) => name === wait.volumeMounts[0].name);
    assert.deepEqual(
      [wait.volumeMounts[0].mountPath, mounted.secret.secretName],
      ['/etc/dfsync/ops-tls', 'dfsync-ops'],
    );
  });

  it('is of the image by digest before tag', () => {
    assert.match(containerOf(of('everything')).image, /^registry\.example\/mirror\/dfsync@sha256:0{64}$/);
    const image = { registry: '', tag: 'v2' };
    assert.equal(containerOf(render({ values: { ...TOKEN, image } })).image, 'dfsync/dfsync:v2');
  });

  it('takes names that YAML would read as something else', () => {
    const values = {
      token: { existingSecret: '123' },
      volume: { storageClass: 'true', mountPath: '/a: b #c' },
      priorityClassName: '7',
      network: { existingConfigMap: '456', key: 'on' },
    };
    const objects = render({ values, namespace: '42' });
    const [pod, container] = [podOf(objects), containerOf(objects)];
    for (const { metadata } of objects) assert.equal(metadata.namespace, '42');
    assert.ok(container.args.includes('--root=/a: b #c') && container.args.includes('--config=/etc/dfsync/network/on'));
    assert.deepEqual(
      [pod.priorityClassName, pod.volumes[0].configMap.name, pod.volumes.at(-1).secret.secretName],
      ['7', '456', '123'],
    );
    assert.equal(find(objects, 'StatefulSet').spec.volumeClaimTemplates[0].spec.storageClassName, 'true');
    const daemon = render({ files: [fileOf('daemonset')], values: { volume: { hostPath: '/srv/a: b' } } });
    assert.equal(podOf(daemon).volumes[0].hostPath.path, '/srv/a: b');
  });

  it('takes every passthrough', () => {
    const objects = of('everything');
    const [pod, container] = [podOf(objects), containerOf(objects)];
    assert.equal(container.args.at(-1), '--log-level=debug');
    assert.deepEqual(
      pod.containers.map(({ name }: Any) => name),
      ['dfsync', 'beside'],
    );
    assert.deepEqual(
      pod.initContainers.map(({ name }: Any) => name),
      ['before'],
    );
    for (const field of 'nodeSelector tolerations affinity topologySpreadConstraints priorityClassName runtimeClassName dnsPolicy dnsConfig hostAliases imagePullSecrets'.split(
      ' ',
    ))
      assert.ok(pod[field] !== undefined, field);
    find(objects, 'ConfigMap', 'rel-text');
    assert.ok(
      objects
        .filter(({ metadata }) => metadata.labels)
        .every(({ metadata, kind }) => metadata.labels.team === 'web' || kind === 'Pod'),
    );
  });
});

describe('services', { skip: withoutTools }, () => {
  it('find pods that are not ready, for peers', () => {
    const { spec } = find(of('default'), 'Service', 'rel-dfsync-peers');
    assert.deepEqual([spec.clusterIP, spec.publishNotReadyAddresses], ['None', true]);
  });

  it('lead to one gateway each', () => {
    const objects = of('statefulset');
    for (const ordinal of [0, 1]) {
      const { spec } = find(objects, 'Service', `rel-dfsync-gateway-${ordinal}`);
      assert.equal(spec.type, 'LoadBalancer');
      assert.equal(spec.selector['statefulset.kubernetes.io/pod-name'], `rel-dfsync-${ordinal}`);
    }
    assert.equal(find(of('deployment'), 'Service', 'rel-dfsync-gateway-0').spec.ports[0].nodePort, 30_420);
  });

  it('select the pods and nothing of a test', () => {
    for (const name of CASES.filter(each => each !== 'sidecar')) {
      const objects = of(name);
      const labels = workloadIn(objects).spec.template.metadata.labels;
      const { selector } = workloadIn(objects).spec;
      const holds = (wanted: Any, have: Any) => Object.entries(wanted).every(([key, value]) => have[key] === value);
      assert.ok(holds(selector.matchLabels, labels), name);
      for (const service of objects.filter(({ kind }) => kind === 'Service'))
        assert.ok(holds({ ...service.spec.selector, 'statefulset.kubernetes.io/pod-name': undefined }, labels), name);
      for (const pod of objects.filter(({ kind }) => kind === 'Pod'))
        assert.ok(!holds(selector.matchLabels, pod.metadata.labels), `${name}: ${pod.metadata.name}`);
    }
  });

  it('of operators are those that a ServiceMonitor selects', () => {
    const objects = of('monitoring');
    const wanted = find(objects, 'ServiceMonitor').spec.selector.matchLabels;
    const chosen = objects
      .filter(
        ({ kind, metadata }) =>
          kind === 'Service' && Object.entries(wanted).every(([key, value]) => metadata.labels[key] === value),
      )
      .map(({ metadata }) => metadata.name);
    assert.deepEqual(chosen, ['rel-dfsync-ops']);
    assert.equal(find(of('tls'), 'ServiceMonitor').spec.endpoints[0].scheme, 'https');
  });
});

describe('a network policy', { skip: withoutTools }, () => {
  it('lets in peers and Prometheus, out to peers and DNS, and nothing else', () => {
    const { spec } = find(of('network-policy'), 'NetworkPolicy');
    const ports = (rules: Any[]) => rules.map(rule => rule.ports.map((each: Any) => each.port));
    assert.deepEqual(spec.policyTypes, ['Ingress', 'Egress']);
    assert.deepEqual(ports(spec.ingress), [[7420], [9420]]);
    assert.deepEqual(ports(spec.egress), [[7420], [7420, 30_420], [53, 53]]);
    for (const rule of [...spec.ingress, ...spec.egress]) assert.ok((rule.from ?? rule.to).length > 0);
  });
});

describe('the sidecar', { skip: withoutTools }, () => {
  const objects = withoutTools ? [] : render({ chart: exampleChart() });

  it('in the example is the container of the chart, as a native one', () => {
    const values = { ...TOKEN, volume: { mountPath: '/uploads' } };
    const own = containerOf(render({ values }));
    const [
      {
        restartPolicy,
        volumeMounts: [mine, ...mounts],
        ...sidecar
      },
    ] = podOf(objects).initContainers;
    const {
      volumeMounts: [, ...others],
      ...rest
    } = own;
    assert.equal(restartPolicy, 'Always');
    assert.deepEqual(mine, { name: 'uploads', mountPath: '/uploads' });
    assert.deepEqual([sidecar, mounts], [rest, others]);
    assert.ok(sidecar.startupProbe, 'without one the next container would not wait for it');
  });

  it('gets an init container after it that waits, and all volumes that it mounts', () => {
    const pod = podOf(objects);
    assert.deepEqual(
      pod.initContainers.map(({ name }: Any) => name),
      ['dfsync', 'dfsync-wait'],
    );
    const volumes = [
      ...pod.volumes,
      ...workloadIn(objects).spec.volumeClaimTemplates.map(({ metadata }: Any) => metadata),
    ];
    const names = volumes.map(({ name }: Any) => name);
    for (const { name } of pod.initContainers[0].volumeMounts) assert.ok(names.includes(name), name);
  });

  it('makes no pods by itself, and its services find those of the application', () => {
    assert.equal(objects.filter(({ kind }) => WORKLOADS.includes(kind)).length, 1);
    const { selector } = find(objects, 'Service', 'rel-dfsync-peers').spec;
    const { labels } = workloadIn(objects).spec.template.metadata;
    for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value);
    assert.equal(workloadIn(objects).spec.serviceName, 'rel-dfsync-peers');
  });

  it('can be a plain one, for which nothing can wait', () => {
    const set = (value: string) => ({ chart: exampleChart(), args: ['--set', value] });
    assert.throws(
      () => renderText(set('dfsync.sidecar.native=false')),
      /init containers run before a plain sidecar starts/,
    );
    assert.throws(() => renderText(set('replicas=3')), /must be the same/);
  });
});
