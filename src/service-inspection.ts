/** What operators can look into of a service. */
import { type DomainName, parsePath } from './core/path.ts';
import type { Replica } from './folder/replica.ts';
import { ActionError } from './ops/actions.ts';
import type { Inspection } from './ops/inspection.ts';
import type { Status } from './ops/status.ts';
import type { Service } from './service.ts';
import { mismatchesOf } from './service-mismatches.ts';
import type { PeerNames } from './service-status.ts';
import { verifyAll } from './service-verify.ts';
import { whyOf } from './service-why.ts';

/** The service under way, and what is known around it. */
export interface Inspected {
  service(): Service | undefined;
  status(): Status;
  names(): PeerNames;
  readonly root: string;
}

export function inspectionOf(is: Inspected): Inspection {
  let verifying = false;
  const running = (): Service => {
    const service = is.service();
    if (service) return service;
    throw new ActionError(503, 'this instance serves no domain at present; /status says why, try again when it runs');
  };
  const replicasOf = (domain: string | undefined): Replica[] => {
    const { folders } = running();
    if (domain === undefined) return [...folders.values()];
    const replica = folders.get(domain as DomainName);
    if (replica) return [replica];
    throw new ActionError(404, `no domain ${domain} is served here; there are: ${[...folders.keys()].join(', ')}`);
  };
  return {
    mismatches(domain) {
      const replicas = replicasOf(domain);
      const states = new Map(is.status().domains.map(each => [each.domain, each]));
      return replicas.map(replica => mismatchesOf(replica, running(), is.names(), states.get(replica.domain)!));
    },

    why(raw, signal) {
      const { replica, rest } = placed(raw, is.root, replicasOf(undefined));
      const parsed = parsePath(rest);
      if ('refused' in parsed) throw new ActionError(400, `${JSON.stringify(raw)}: ${parsed.refused}`);
      return whyOf(parsed.path, replica, running(), is.names(), signal);
    },

    async verify({ domain, content }, tell, signal) {
      const replicas = replicasOf(domain);
      const scanning = replicas.find(({ ready }) => !ready);
      if (scanning)
        throw new ActionError(503, `${scanning.domain} is being scanned for the first time; try again then`);
      if (verifying) throw new ActionError(409, 'another verification is under way; try again when it has ended');
      verifying = true;
      try {
        await verifyAll(replicas, running(), is.names(), content, tell, signal);
      } finally {
        verifying = false;
      }
    },
  };
}

/** The domain of a path below `:SYNC`, by its directory or its name, and what follows; a path with all of the root's before it too. */
function placed(raw: string, root: string, replicas: readonly Replica[]): { replica: Replica; rest: string } {
  const below = `/${raw}`.startsWith(`${root}/`) ? raw.slice(root.length) : raw;
  const [first = '', ...rest] = below.replace(/^\/+|\/+$/g, '').split('/');
  const replica =
    replicas.find(({ directory }) => directory === first) ?? replicas.find(({ domain }) => domain === first);
  if (replica && rest.length > 0) return { replica, rest: rest.join('/') };
  const known = replicas.map(({ directory }) => directory).join(', ');
  throw new ActionError(
    404,
    `${JSON.stringify(raw)}: a path is DIRECTORY/PATH as below :SYNC; directories that are served here: ${known}`,
  );
}
