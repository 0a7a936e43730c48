/** Instances of a network, as far as tests need to say something of them. */
import type { Instance, Options } from '../../src/core/topology.ts';

export const OPTIONS: Options = {
  digestIntervalMs: 10_000,
  scanIntervalMs: 3_600_000,
  settleMs: 1_000,
  fsync: 'off',
  minFreeRatio: 0,
  trashDays: 30,
  trashBytes: { ratio: 1 },
  ignore: [],
  retentionMs: 365 * 86_400_000,
  watch: 'off',
};

/** An enabled instance on a server of its own. */
export function instance(roleid: number, site: string, gateway = false): Instance {
  const name = `dfsync${roleid}`;
  const address = `server${roleid}:7420`;
  return {
    roleid,
    name,
    site,
    server: `server${roleid}`,
    iface: 'lo',
    enabled: true,
    gateway,
    separate: true,
    address,
    externalAddress: address,
    options: OPTIONS,
  };
}
