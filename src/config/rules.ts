/** The rules between the nodes of the network description. Each reports everything that breaks it. */
import { COMMON } from '../core/topology.ts';
import type { Description, RoleNode, ServerNode, SiteNode } from './description.ts';
import { type Findings, pathTo } from './problem.ts';

/** Roleids of the platform end here; its own example has a larger one all the same. */
const LAST_USUAL_ROLEID = 9999;

/** Checks every rule. */
export function checkRules(description: Description, findings: Findings): void {
  checkNames(description, findings);
  checkRoleids(description, findings);
  for (const server of serversOf(description)) checkServer(server, findings);
  checkGateways(description, findings);
  checkAddresses(description, findings);
  checkDomains(description, findings);
}

function checkNames(description: Description, findings: Findings): void {
  const servers = serversOf(description);
  for (const [what, nodes] of [
    ['site', description.sites],
    ['server', servers],
    ['domain', description.domains],
  ] as const)
    repeats<{ at: string; name: string | undefined }>(
      nodes,
      node => node.name,
      (node, first) =>
        findings.problem(
          pathTo(node.at, 'name'),
          `"${node.name}" is also the name of ${first.at}; every ${what} needs its own name`,
        ),
    );
  const enabled = servers.flatMap(server => server.roles).filter(role => role.enabled);
  repeats(
    enabled,
    role => role.name,
    (role, first) =>
      findings.warn(
        pathTo(role.at, 'name'),
        `"${role.name}" is also the name of ${first.at}; logs will be hard to read`,
      ),
  );
}

function checkRoleids(description: Description, findings: Findings): void {
  const roles = serversOf(description).flatMap(server => server.roles);
  // Enabled ones first: of a pair it is the disabled one that is told, and only as a warning.
  const ordered = [...roles.filter(role => role.enabled), ...roles.filter(role => !role.enabled)];
  repeats(
    ordered,
    role => role.roleid,
    (role, first) => {
      const at = pathTo(role.at, 'roleid');
      if (role.enabled)
        findings.problem(at, `${role.roleid} is also the roleid of ${first.at}; it must be unique in the whole system`);
      else
        findings.warn(
          at,
          `${role.roleid} is also the roleid of ${first.at}; do not start this disabled instance with --roleid`,
        );
    },
  );
  for (const { at, roleid } of roles)
    if (roleid !== undefined && roleid > LAST_USUAL_ROLEID)
      findings.warn(pathTo(at, 'roleid'), `${roleid} is larger than ${LAST_USUAL_ROLEID}`);
}

function checkServer(server: ServerNode, findings: Findings): void {
  const [first, ...more] = server.roles.filter(role => role.enabled);
  for (const role of more)
    findings.problem(
      role.at,
      `is the second enabled dfsync of its server, after ${first?.at}; disable or remove one (one :SYNC, one dfsync)`,
    );
  if (server.roles.length === 0 && !server.unclear)
    findings.problem(
      pathTo(server.at, 'roles'),
      'has no role of roletype dfsync; add one (it may be disabled) or remove the server',
    );
}

function checkGateways({ sites }: Description, findings: Findings): void {
  if (sites.length < 2) return;
  for (const site of sites)
    if (site.servers.length > 0 && !site.servers.some(server => server.roles.some(isActiveGateway)))
      findings.problem(
        site.at,
        `site "${site.name}" has no gateway, and there is more than one site; set is_cross_site: true on one of its enabled dfsync roles`,
      );
}

/** Peers are told apart by address: inside a site by the inner one, gateways from other sites by the outer one. */
function checkAddresses({ sites }: Description, findings: Findings): void {
  for (const site of sites)
    repeats(
      site.servers.filter(isActive),
      server => server.address,
      (server, first) =>
        findings.problem(
          pathTo(server.at, 'address'),
          `${server.address} is also the address of ${first.at}; every server needs its own host:port`,
        ),
    );
  if (sites.length < 2) return;
  const gateways = sites.flatMap((site: SiteNode) =>
    site.servers.filter(server => server.roles.some(isActiveGateway)).map(server => ({ site, server })),
  );
  repeats(
    gateways,
    ({ server }) => server.externalAddress,
    ({ site, server }, first) => {
      if (site === first.site && server.address === first.server.address) return;
      findings.problem(
        pathTo(server.at, 'external_address'),
        `${server.externalAddress} is also how other sites reach ${first.server.at}; every gateway needs its own host:port, also behind a load balancer`,
      );
    },
  );
}

function checkDomains({ domains, sites }: Description, findings: Findings): void {
  const known = new Set(sites.map(site => site.name));
  for (const domain of domains) {
    if (domain.name === COMMON)
      findings.problem(pathTo(domain.at, 'name'), `"${COMMON}" exists on every site without being listed; remove it`);
    else if (domain.directory === COMMON)
      findings.problem(
        pathTo(domain.at, 'directory'),
        `"${COMMON}" is the directory of every site; choose another one`,
      );
    if (domain.sites.length === 0) findings.warn(pathTo(domain.at, 'sites'), 'no site serves this domain');
    for (const [i, site] of domain.sites.entries()) {
      const at = pathTo(pathTo(domain.at, 'sites'), i);
      if (!known.has(site)) findings.problem(at, `there is no site "${site}"; known: ${[...known].join(', ')}`);
      else if (domain.sites.indexOf(site) < i) findings.warn(at, `"${site}" is listed twice`);
    }
  }
  repeats(
    domains,
    domain => domain.directory,
    (domain, first) =>
      findings.problem(
        pathTo(domain.at, 'directory'),
        `"${domain.directory}" is also the directory of ${first.at}; every domain needs its own`,
      ),
  );
}

function serversOf(description: Description): ServerNode[] {
  return description.sites.flatMap(site => site.servers);
}

function isActive(server: ServerNode): boolean {
  return server.roles.some(role => role.enabled);
}

function isActiveGateway(role: RoleNode): boolean {
  return role.enabled && role.gateway;
}

/** Tells every item whose key an earlier item has, with the first such item; an undefined key repeats nothing. */
function repeats<T>(items: readonly T[], keyOf: (item: T) => unknown, tell: (item: T, first: T) => void): void {
  const seen = new Map<unknown, T>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, item);
    else tell(item, first);
  }
}
