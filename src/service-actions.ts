/** What operators can have a service do. */
import { type DomainName, parsePath } from './core/path.ts';
import { type Discarded, type Recovery, restoring, undoing } from './core/recovery.ts';
import type { Mark } from './core/version.ts';
import { DiskError } from './folder/disk.ts';
import type { Replica } from './folder/replica.ts';
import { ActionError, type Actions, type Recovered, type TrashedItem } from './ops/actions.ts';
import type { Service } from './service.ts';
import type { Acceptance, Side } from './sync/acceptance.ts';
import type { Loop } from './sync/loop.ts';
import { PeerError } from './sync/peer.ts';
import { systemClock } from './system-clock.ts';

/** Items that are listed one by one. */
const MAX_LISTED = 10_000;

/** @param running the service under way, if there is one */
export function actionsOf(running: () => Service | undefined): Actions {
  const replicaOf = (domain: string): Replica => {
    const { folders } = serviceIn(running());
    const replica = folders.get(domain as DomainName);
    if (!replica)
      throw new ActionError(404, `no domain ${domain} is served here; there are: ${[...folders.keys()].join(', ')}`);
    return replica;
  };
  /** The domain, or all. */
  const named = (domain: string | undefined): DomainName[] =>
    domain === undefined ? [...serviceIn(running()).folders.keys()] : [replicaOf(domain).domain];
  /** The replica of a domain that can be changed now. */
  const standing = (domain: string): Replica => {
    const replica = replicaOf(domain);
    if (!replica.ready) throw new ActionError(503, `${domain} is being scanned for the first time; try again then`);
    if (replica.halted !== undefined) throw new ActionError(409, `${domain} stands still: ${replica.halted}`);
    return replica;
  };
  return {
    release: domain => ({ domain, released: standing(domain).decideHeld('release') }),

    async accept(domain, side) {
      const { loop } = serviceIn(running());
      const { peers, trashed, failed } = await acceptance(standing(domain).domain, side, loop);
      const nameOf = (roleid: number) =>
        loop.links.find(({ instance }) => instance.roleid === roleid)?.instance.name ?? String(roleid);
      return { domain, peers: peers.map(nameOf), trashed, failed: failed.slice(0, MAX_LISTED) };
    },

    async undo(domain, { since, dryRun }) {
      const replica = standing(domain);
      const found =
        since === undefined ? [] : undoing(await replica.discarded(since), since, path => replica.get(path));
      const report = await bringBack(replica, found, dryRun);
      if (dryRun) return { ...report, held: replica.held.paths(since).length };
      return { ...report, held: replica.decideHeld('undo', since) };
    },

    async trash(domain) {
      const items = (await replicaOf(domain).discarded()).sort((a, b) => b.at - a.at);
      return { domain, total: items.length, items: items.slice(0, MAX_LISTED).map(describe) };
    },

    async restore(domain, { path: raw, version, dryRun }) {
      const replica = standing(domain);
      const parsed = parsePath(raw);
      if ('refused' in parsed) throw new ActionError(400, `${JSON.stringify(raw)}: ${parsed.refused}`);
      const mark = version === undefined ? undefined : markOf(version);
      const all = (await replica.discarded()).filter(
        ({ path }) => path === parsed.path || path.startsWith(`${parsed.path}/`),
      );
      if (all.length === 0)
        throw new ActionError(
          404,
          `${raw} is not in the trash of this instance; try others, GET /domains/${domain}/trash lists all`,
        );
      const found = restoring(all, parsed.path, mark, path => replica.get(path));
      if (found.length === 0)
        throw new ActionError(
          409,
          `nothing of ${raw} comes back: it stands there as it is in the trash, or has no such version`,
        );
      return bringBack(replica, found, dryRun);
    },

    rescan(domain) {
      const at = systemClock.now();
      const domains = named(domain);
      for (const name of domains) replicaOf(name).rescan();
      return { domains, at };
    },

    async pause(domain) {
      const domains = named(domain);
      const lasts = 'nothing is pulled, but only until dfsync restarts; heal that and say pause again';
      return { paused: await written(lasts, writable(running()).pauses.pause(domains, systemClock.now())) };
    },

    async resume(domain) {
      const domains = named(domain);
      const lasts = 'it is pulled again, but only until dfsync restarts; heal that and say resume again';
      return { resumed: await written(lasts, writable(running()).pauses.resume(domains)) };
    },

    async redate(domain) {
      const { folders } = serviceIn(running());
      const redated: Record<string, number> = {};
      for (const name of domain === undefined ? folders.keys() : [domain])
        redated[name] = await standing(name).redate();
      return { redated };
    },
  };
}

function serviceIn(service: Service | undefined): Service {
  if (!service)
    throw new ActionError(503, 'this instance serves no domain at present; /status says why, try again when it runs');
  return service;
}

/** The service, where its volume may be written to. */
function writable(service: Service | undefined): Service {
  const running = serviceIn(service);
  const objection = running.volumeObjection;
  if (objection !== undefined) throw new ActionError(503, `it could not be written down: ${objection}; try again then`);
  return running;
}

/** @param lasts what is true all the same where it could not be written, and what to do */
async function written<T>(lasts: string, writing: Promise<T>): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    throw new ActionError(503, `it could not be written down: ${error.message}: ${lasts}`);
  }
}

async function acceptance(domain: DomainName, side: Side, loop: Loop): Promise<Acceptance> {
  try {
    const done = await loop.accept(side, domain);
    if (done && done.peers.length > 0) return done;
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    throw new ActionError(503, `a peer does not say what it has: ${error.message}; try again`);
  }
  const stale = loop.links.filter(({ learner }) => learner.links.get(domain)?.missed !== undefined);
  const where = stale.map(({ instance }) => `${instance.name} on ${instance.server}`).join(', ');
  throw new ActionError(
    409,
    stale.length > 0
      ? `${domain} is no stale replica on this instance, but on ${where}: say it there`
      : `${domain} is no stale replica on this instance: there is nothing to decide`,
  );
}

async function bringBack(replica: Replica, found: readonly Recovery[], dryRun: boolean): Promise<Recovered> {
  const failed = dryRun ? [] : await replica.recover(found.map(({ item }) => item));
  const items = found.slice(0, MAX_LISTED).map(({ item, undoes }) => ({ ...describe(item), undoes }));
  return { domain: replica.domain, dryRun, held: 0, recovered: found.length - failed.length, items, failed };
}

function describe({ path, at, seen, mark, conflict }: Discarded): TrashedItem {
  const { kind, size, mtime } = seen;
  return { path, at: Math.floor(at), kind, size, mtime, version: `${mark.stamp}.${mark.writer}`, conflict };
}

function markOf(version: string): Mark {
  const [stamp, writer] = version.split('.').map(Number);
  return { stamp: stamp!, writer: writer! };
}
