/** Mistakes in the values: each fails while the chart is rendered, with a sentence that says what to do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CASES, fileOf, renderText, TOKEN } from './rendered.ts';
import { withoutTools } from './tools.ts';

const role = (roleid: number, more: object = {}) => ({
  name: `dfsync${roleid}`,
  iface: 'eth0',
  roleid,
  roletype: 'dfsync',
  separate: true,
  ...more,
});
const server = (name: string, roleid: number, more: object = {}) => ({
  name,
  address: `${name}.example`,
  roles: [role(roleid, { is_cross_site: true, ...more })],
});
const south = { name: 'south', servers: [server('s1', 101)] };
const network = (more: object) => ({ ...TOKEN, network: more });
const domain = (name: string, directory?: string, sites = ['main']) => ({
  name,
  ...(directory && { directory }),
  sites,
});

const REFUSED: Record<string, [object, RegExp]> = {
  'no way to keep strangers out': [{}, /name a Secret in token\.existingSecret \(kubectl create secret/],
  'a DaemonSet without a directory': [
    { ...TOKEN, kind: 'daemonset' },
    /volume\.hostPath is empty: say which directory/,
  ],
  'a DaemonSet without its nodes': [
    { ...TOKEN, kind: 'daemonset', volume: { hostPath: '/srv' } },
    /network\.sites does not list site "main": list it with a server for each node/,
  ],
  'a relative directory': [{ ...TOKEN, kind: 'daemonset', volume: { hostPath: 'srv' } }, /"srv" is not absolute/],
  'a directory of nodes for a StatefulSet': [
    { ...TOKEN, volume: { hostPath: '/srv' } },
    /hostPath is for kind daemonset/,
  ],
  'a Deployment without a claim': [{ ...TOKEN, kind: 'deployment' }, /volume\.existingClaim is empty: name the claim/],
  'a claim for a StatefulSet': [{ ...TOKEN, volume: { existingClaim: 'one' } }, /existingClaim is for kind deployment/],
  'too little time to stop': [
    { ...TOKEN, terminationGracePeriodSeconds: 30 },
    /is 30, and must be .* raise it above 30/,
  ],
  'TLS without a certificate': [
    { tls: { enabled: true } },
    /name a Secret in tls\.existingSecret, or set tls\.certManager/,
  ],
  'a Certificate that is not used': [
    { ...TOKEN, tls: { certManager: { enabled: true, issuerRef: { name: 'one' } } } },
    /would not be used; set tls\.enabled/,
  ],
  'a Certificate without an issuer': [
    { tls: { enabled: true, certManager: { enabled: true } } },
    /issuerRef has no name: say which Issuer/,
  ],
  'a Certificate for whoever a description lists': [
    {
      network: { existingConfigMap: 'one' },
      tls: { enabled: true, certManager: { enabled: true, issuerRef: { name: 'one' } } },
    },
    /make the Certificate yourself/,
  ],
  'two descriptions': [network({ existingConfigMap: 'one', existingSecret: 'two' }), /are both set: keep one/],
  'two monitors': [
    { ...TOKEN, metrics: { serviceMonitor: { enabled: true }, podMonitor: { enabled: true } } },
    /scraped twice: keep one/,
  ],
  'a ServiceMonitor without a service': [
    { ...TOKEN, metrics: { serviceMonitor: { enabled: true } }, service: { ops: { enabled: false } } },
    /needs service\.ops\.enabled/,
  ],
  'a policy for the application': [
    { ...TOKEN, kind: 'sidecar', networkPolicy: { enabled: true } },
    /would cut off the application/,
  ],
  'a budget for a sidecar': [
    { ...TOKEN, kind: 'sidecar', podDisruptionBudget: { enabled: true } },
    /are the application's; disable it/,
  ],
  'a gateway that is no pod': [
    network({ gateways: [3] }),
    /has ordinal 3, but replicas is 3: the last pod has ordinal 2/,
  ],
  'more addresses than gateways': [network({ externalAddresses: ['a', 'b'] }), /2 addresses for 1 gateways: one each/],
  'gateways of a service that are none': [
    { ...TOKEN, service: { gateway: { type: 'LoadBalancer' } }, network: { gateways: [] } },
    /network\.gateways is empty: list the ordinals/,
  ],
  'a site of pods without a gateway': [
    network({ gateways: [], sites: [south] }),
    /site "main" has no gateway, .*\(network\.gateways for pods\)/,
  ],
  'another site without a gateway': [
    network({ sites: [{ name: 'south', servers: [server('s1', 101, { is_cross_site: false })] }] }),
    /site "south" has no gateway, .*set is_cross_site: true/,
  ],
  'a gateway that is disabled': [
    network({ sites: [{ name: 'south', servers: [server('s1', 101, { enabled: false })] }] }),
    /site "south" has no gateway/,
  ],
  'roleids that collide': [
    network({ sites: [{ name: 'south', servers: [server('s1', 2)] }] }),
    /roleid 2 is that of server "rel-dfsync-1" .*unique.*network\.roleidBase/,
  ],
  'servers of one name': [
    network({ sites: [{ name: 'south', servers: [server('s1', 101), server('s1', 102)] }] }),
    /server "s1" of site "south" has the name of another server/,
  ],
  'gateways behind one address': [
    network({
      sites: [
        {
          name: 'south',
          servers: ['s1', 's2'].map((name, at) => ({ ...server(name, 101 + at), external_address: 'x' })),
        },
      ],
    }),
    /are gateways at the same address x: every gateway needs its own/,
  ],
  'a server with two': [
    network({
      sites: [
        { name: 'south', servers: [{ ...server('s1', 101), roles: [role(101, { is_cross_site: true }), role(102)] }] },
      ],
    }),
    /has 2 enabled dfsync roles: disable all but one/,
  ],
  'a server with none': [
    network({
      sites: [{ name: 'south', servers: [server('s1', 101), { ...server('s2', 102), roles: [{ roletype: 'www' }] }] }],
    }),
    /server "s2" .* has no role of roletype dfsync: add one/,
  ],
  'a role without a roleid': [
    network({
      sites: [
        {
          name: 'south',
          servers: [{ ...server('s1', 101), roles: [{ ...role(101, { is_cross_site: true }), roleid: undefined }] }],
        },
      ],
    }),
    /has a dfsync role without roleid: add it/,
  ],
  'a site that is listed without its pods': [
    network({ sites: [{ name: 'main', servers: [server('other', 1)] }] }),
    /lists site "main" without the pod "rel-dfsync-0", which would do nothing/,
  ],
  'two domains on one directory': [
    network({ domains: [domain('a.example', 'web'), domain('b.example', 'web')] }),
    /domains "a\.example" and "b\.example" are both on the directory "web"/,
  ],
  'two domains of one name': [network({ domains: [domain('a', 'x'), domain('a', 'y')] }), /lists "a" twice/],
  'a domain common': [network({ domains: [domain('common')] }), /lists common, which exists on every site/],
  'a domain on the directory of common': [network({ domains: [domain('a', 'common')] }), /choose another one/],
  'a directory that is a path': [network({ domains: [domain('a', 'x/y')] }), /must be one first-level directory/],
  'a domain of an unknown site': [
    network({ domains: [domain('a', 'a', ['north'])] }),
    /which there is not: known are main/,
  ],
  // By the schema.
  'a value that there is not': [{ ...TOKEN, replica: 2 }, /replica/],
  'a value inside that there is not': [{ ...TOKEN, volume: { sise: '1Gi' } }, /sise/],
  'a kind that there is not': [{ ...TOKEN, kind: 'job' }, /kind/],
  'a server without an address': [
    network({ sites: [{ name: 'south', servers: [{ name: 's1', roles: [] }] }] }),
    /address/,
  ],
};

describe('values that cannot work are refused', { skip: withoutTools }, () => {
  for (const [name, [values, message]] of Object.entries(REFUSED))
    it(name, () =>
      assert.throws(
        () => renderText({ values }),
        (error: Error) => message.test(error.message.replaceAll('\n', ' ')) || assert.fail(error.message),
      ),
    );

  it('all of them at once', () => {
    const values = { kind: 'daemonset', network: { domains: [domain('common')] } };
    assert.throws(
      () => renderText({ values }),
      (error: Error) => (error.message.match(/^ {2}- /gm)?.length ?? 0) === 4 || assert.fail(error.message),
    );
  });

  it('and every case of ci/ is none', () => {
    for (const name of CASES) renderText({ files: [fileOf(name)] });
  });
});
