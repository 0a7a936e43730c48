/** `dfsync check-config FILE`: what a network description means, without starting anything. */
import { NetworkFile } from '../config/network-file.ts';
import { formatProblem } from '../config/problem.ts';
import { domainsOf, type Instance, type Network, sharedDomains, sourcesOf } from '../core/topology.ts';

/** Exit code for an invalid or unreadable description. */
export const EXIT_INVALID_CONFIG = 3;

/**
 * Writes to `out` who pulls from whom, for which domains; to `err` every warning and problem. Answers the exit code: 0, or
 * {@link EXIT_INVALID_CONFIG}.
 */
export async function checkConfig(
  file: string,
  out: NodeJS.WritableStream,
  err: NodeJS.WritableStream,
): Promise<number> {
  const parsed = new NetworkFile(file).load();
  for (const warning of parsed.warnings) err.write(`warning: ${formatProblem(warning)}\n`);
  if ('network' in parsed) {
    out.write(`${describeNetwork(parsed.network).join('\n')}\n`);
    return 0;
  }
  for (const problem of parsed.problems) err.write(`error: ${formatProblem(problem)}\n`);
  err.write(
    `${file}: not a valid network description, ${counted(parsed.problems.length, 'error')}; correct and check again\n`,
  );
  return EXIT_INVALID_CONFIG;
}

/** The meaning of a network, in lines of text. */
export function describeNetwork(network: Network): string[] {
  const { domains, sites, instances } = network;
  const disabled = instances.filter(each => !each.enabled).length;
  return [
    `${counted(sites.length, 'site')}, ${counted(instances.length, 'instance')}${disabled > 0 ? ` (${disabled} disabled)` : ''}, ${counted(domains.length, 'domain')}`,
    ...(instances.length - disabled === 1 ? ['one enabled instance in all: it has nothing to synchronise with'] : []),
    ...domains.map(
      domain =>
        `domain ${domain.name}: directory ${domain.directory}, ${domain.sites.length > 0 ? listed('site', domain.sites) : 'served nowhere'}`,
    ),
    ...sites.flatMap(site => ['', ...describeSite(network, site)]),
  ];
}

function describeSite(network: Network, site: string): string[] {
  const members = network.instances.filter(each => each.site === site);
  return [
    `site ${site}: ${listed('domain', namesOf(domainsOf(network, site)))}`,
    ...members.flatMap(each => describeInstance(network, each)),
  ];
}

function describeInstance(network: Network, self: Instance): string[] {
  const outer = self.externalAddress === self.address ? '' : `, from other sites ${self.externalAddress}`;
  const marks = [self.gateway && 'gateway', self.separate && 'separate', !self.enabled && 'disabled'].filter(Boolean);
  const title = `  ${nameOf(self)} at ${self.address}${outer}, interface ${self.iface}${marks.map(mark => `, ${mark}`).join('')}`;
  if (!self.enabled) return [title];
  const pulls = describePulls(network, self);
  return [title, ...(pulls.length > 0 ? pulls : ['nobody']).map(pull => `    pulls from ${pull}`)];
}

function describePulls(network: Network, self: Instance): string[] {
  const { group, remote } = sourcesOf(network, self);
  const inner = namesOf(domainsOf(network, self.site)).join(', ');
  const members = group.map(peer => `${nameOf(peer)} at ${peer.address}: ${inner}`);
  const gateways = [...remote].map(([site, peers]) => {
    const names = peers.map(peer => `${nameOf(peer)} at ${peer.externalAddress}`);
    return `site ${site} by ${names.join(', else ')}: ${namesOf(sharedDomains(network, self.site, site)).join(', ')}`;
  });
  return [...members, ...gateways];
}

function nameOf(instance: Instance): string {
  return `${instance.server} (${instance.name}, roleid ${instance.roleid})`;
}

function namesOf(domains: readonly { readonly name: string }[]): string[] {
  return domains.map(domain => domain.name);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function listed(noun: string, names: readonly string[]): string {
  return `${noun}${names.length === 1 ? '' : 's'} ${names.join(', ')}`;
}
