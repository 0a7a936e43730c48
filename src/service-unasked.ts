/** Whom an instance cannot ask: only gateways have links to other sites. */
import { unaskedBy } from './core/topology.ts';
import type { Replica } from './folder/replica.ts';
import type { UnaskedInstance } from './ops/inspection.ts';
import type { Service } from './service.ts';
import type { PeerNames } from './service-status.ts';

/** The instances of a domain that this one has no link to. */
export function unaskedOf({ domain, heard }: Replica, { network, self }: Service, names: PeerNames): UnaskedInstance[] {
  return unaskedBy(network, self, domain).map(({ instance: { roleid, name, site, server }, askers }) => {
    const at = heard.get(roleid);
    const askOn = askers.map(asking => asking.server);
    return { peer: names.get(roleid) ?? name, roleid, site, server, askOn, ...(at !== undefined && { heard: at }) };
  });
}
