/** The network description: whatever the text, a network that can be run or a list of problems. */
import assert from 'node:assert/strict';
import { parseNetwork } from '../../src/config/network.ts';
import { sharedDomains, sourcesOf } from '../../src/core/topology.ts';
import { EXAMPLE } from '../config/networks.ts';
import { always, type Target } from './target.ts';

const YAML = `
options: &options { minFree: 5%, ignore: ["*.swp"], settle: 1s }
domains: [{ name: acme.example, directory: acme, sites: [north] }]
sites:
  - name: north
    servers:
      - { name: n1, address: "10.0.0.1:7420", external_address: n1.example, roles: [{ name: d1, iface: lo, roleid: 1, roletype: dfsync, separate: true, ext: [*options] }] }
      - { name: n2, address: "[::1]:7421", roles: [{ name: d2, iface: lo, roleid: 2, roletype: dfsync, separate: false, enabled: true }] }
`;

export const description: Target = {
  name: 'description',
  share: 1,
  inputs: [Buffer.from(EXAMPLE), Buffer.from(YAML)],
  begin: always(input => {
    const parsed = parseNetwork(input.toString('utf8'));
    if ('problems' in parsed) {
      assert.ok(parsed.problems.length > 0, 'refused without a problem');
      for (const { path, message } of parsed.problems) assert.ok(typeof path === 'string' && message !== '');
      return;
    }
    const { instances, domains } = parsed.network;
    const directories = domains.map(({ directory }) => directory);
    assert.equal(new Set(directories).size, directories.length, 'two domains in one directory');
    for (const directory of directories)
      assert.ok(!/[/\0]|^\.{0,2}$|^\.dfsync$/.test(directory), `a domain in ${JSON.stringify(directory)}`);
    for (const instance of instances) {
      assert.ok(Number.isSafeInteger(instance.roleid) && instance.roleid > 0);
      assert.match(instance.address, /^\S+:\d{1,5}$/);
      for (const each of ['digestIntervalMs', 'scanIntervalMs', 'settleMs'] as const)
        assert.ok(instance.options[each] > 0 && Number.isFinite(instance.options[each]), each);
      const { group, remote } = sourcesOf(parsed.network, instance);
      assert.ok(![...group, ...[...remote.values()].flat()].includes(instance), 'it would pull from itself');
      sharedDomains(parsed.network, instance.site, instance.site);
    }
  }),
};
