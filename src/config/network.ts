/** The network description as the program uses it. */
import type { DomainName } from '../core/path.ts';
import { COMMON, type Domain, type Instance, type Network, type Options } from '../core/topology.ts';
import { type Description, type DomainNode, type RoleNode, readDescription, type ServerNode } from './description.ts';
import { parseText } from './document.ts';
import { DEFAULT_OPTIONS } from './options.ts';
import { Findings, type Problem } from './problem.ts';
import { checkRules } from './rules.ts';

/** What a text says: a valid network and the document as it was given, or everything that is wrong with it. */
export type Parsed =
  | { readonly network: Network; readonly document: unknown; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/** Parses and validates a network description, JSON or YAML. Never throws; every problem is told at once. */
export function parseNetwork(text: string): Parsed {
  const findings = new Findings();
  const document = parseText(text, findings);
  const description = document && readDescription(document.value, findings);
  if (description !== undefined) checkRules(description, findings);
  const { problems, warnings } = findings;
  if (description === undefined || problems.length > 0) return { problems, warnings };
  return { network: build(description), document: document?.value, warnings };
}

/** Who an instance is told to be: by its roleid, or by the name of its server. */
export type Identity = { readonly roleid: number } | { readonly server: string };

/** The instance of an identity, an enabled one before a disabled one; undefined where the network does not list it. */
export function identify(network: Network, identity: Identity): Instance | undefined {
  return network.instances.find(each =>
    'roleid' in identity ? each.roleid === identity.roleid : each.server === identity.server,
  );
}

function build(description: Description): Network {
  const sites = description.sites.map(site => site.name!);
  const options = { ...DEFAULT_OPTIONS, ...description.options };
  const instances = description.sites.flatMap(site =>
    site.servers.flatMap(server => server.roles.map(role => instanceOf(site.name!, server, role, options))),
  );
  const listed = instances.filter(instance => instance !== undefined);
  return {
    domains: [{ name: COMMON, directory: COMMON, sites }, ...description.domains.map(domainOf)],
    sites,
    // A disabled instance may share its roleid or server with an enabled one: whoever searches meets the enabled one first.
    instances: [...listed.filter(each => each.enabled), ...listed.filter(each => !each.enabled)],
  };
}

/** Undefined only for a disabled role: nothing that is wrong with it refuses the description. */
function instanceOf(site: string, server: ServerNode, role: RoleNode, options: Options): Instance | undefined {
  const { roleid, name, iface, separate, enabled, gateway } = role;
  if (roleid === undefined || name === undefined || iface === undefined || separate === undefined) return undefined;
  return {
    roleid,
    name,
    site,
    server: server.name!,
    iface,
    enabled,
    gateway,
    separate,
    address: server.address!,
    externalAddress: server.externalAddress!,
    options: { ...options, ...role.options },
  };
}

function domainOf(node: DomainNode): Domain {
  return { name: node.name as DomainName, directory: node.directory!, sites: [...new Set(node.sites)] };
}
