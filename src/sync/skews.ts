/**
 * The clocks of all instances against this one's. A peer's is measured; that of an instance behind a gateway is the gateway's, and what
 * lies between the two as the gateway knows it.
 */
import type { Instance } from '../core/topology.ts';

/** A peer whose clock is known, and what it says of those of others (milliseconds, by roleid). */
export interface Measured {
  readonly instance: Pick<Instance, 'roleid' | 'site'>;
  readonly learner: { readonly skewMs: number | undefined; readonly skews: Readonly<Record<number, number>> };
}

/**
 * Clocks minus this instance's, in milliseconds, by roleid; who cannot be reached is left out. A gateway is believed about the members
 * of its own site, and a member of this site about all other sites: so nothing goes round in circles.
 */
export function skewsOf(
  ownSite: string,
  links: readonly Measured[],
  instances: readonly Pick<Instance, 'roleid' | 'site'>[],
): Map<number, number> {
  const known = new Map<number, number>();
  for (const { instance, learner } of links)
    if (learner.skewMs !== undefined) known.set(instance.roleid, learner.skewMs);
  for (const isNear of [false, true])
    for (const { instance, learner } of links) {
      const { skewMs } = learner;
      if (skewMs === undefined || (instance.site === ownSite) !== isNear) continue;
      for (const { roleid, site } of instances) {
        const beyond = learner.skews[roleid];
        const isItsOwn = isNear ? site !== ownSite : site === instance.site;
        if (beyond !== undefined && isItsOwn && !known.has(roleid)) known.set(roleid, skewMs + beyond);
      }
    }
  return known;
}
