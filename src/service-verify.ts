/** Verifying all domains, or one: a fresh scan here, then the comparison with every peer. */
import type { DomainName } from './core/path.ts';
import type { Replica } from './folder/replica.ts';
import type { VerifyLine, VerifyProgress, VerifyResult } from './ops/inspection.ts';
import type { Service } from './service.ts';
import type { PeerNames } from './service-status.ts';
import { unaskedOf } from './service-unasked.ts';
import { type Compared, type Hashed, type Other, verify } from './sync/verify.ts';
import { systemClock } from './system-clock.ts';

/** How often it is told how far it is. */
const TELL_MS = 500;
/** How often it is looked whether a scan has ended. */
const LOOK_MS = 100;
/** What a scan noticed is announced by then, unless it never stands still. */
const ANNOUNCED_MS = 12_000;
/** Differences that are told one by one, of a domain; all are counted. */
const MAX_TOLD = 10_000;

type DomainResult = VerifyResult['domains'][number];

/** Verifies one domain after the other and tells what it finds. */
export async function verifyAll(
  replicas: readonly Replica[],
  service: Service,
  names: PeerNames,
  content: boolean,
  tell: (line: VerifyLine) => void,
  signal: AbortSignal,
): Promise<void> {
  const domains: DomainResult[] = [];
  for (const replica of replicas) domains.push(await verifyDomain(replica, service, names, content, tell, signal));
  const equal = domains.every(
    ({ reason, peers }) =>
      reason === undefined && peers.every(peer => peer.reason === undefined && peer.different + peer.unchecked === 0),
  );
  tell({ result: { equal, domains } });
}

async function verifyDomain(
  replica: Replica,
  service: Service,
  names: PeerNames,
  content: boolean,
  tell: (line: VerifyLine) => void,
  signal: AbortSignal,
): Promise<DomainResult> {
  const { domain } = replica;
  const nameOf = (roleid: number) => names.get(roleid) ?? String(roleid);
  const hashed = { files: 0, bytes: 0 };
  let phase: VerifyProgress['phase'] = 'scan';
  let told = 0;
  const progress = () => {
    const { files, bytes } = replica.totals;
    tell({ progress: { domain, phase, ...hashed, ofFiles: files, ofBytes: bytes } });
  };
  const ticking = setInterval(progress, TELL_MS);
  try {
    progress();
    const reason = await scanned(replica, signal);
    for (const [path] of replica.held.first(MAX_TOLD))
      tell({ difference: { domain, path, peer: '', class: 'missing' } });
    phase = content ? 'content' : 'index';
    const { others, silent } = peersOf(service, domain);
    const compared = await verify(
      {
        folder: replica,
        others,
        clock: systemClock,
        ownHashes: (files, ended) => service.ownHashes(replica, files, ended),
        onFound: ({ roleid, path, difference }) => {
          if (++told <= MAX_TOLD) tell({ difference: { domain, path, peer: nameOf(roleid), class: difference } });
        },
        onHashed: ({ files, bytes }: Hashed) => {
          hashed.files += files;
          hashed.bytes += bytes;
        },
      },
      content,
      signal,
    );
    const { files, bytes } = replica.totals;
    const peers = [...compared, ...silent].map(({ roleid, ...rest }) => ({ peer: nameOf(roleid), ...rest }));
    const objection = reason ?? heldReason(replica);
    const unasked = unaskedOf(replica, service, names);
    const why = objection !== undefined && { reason: objection };
    return { domain, files, bytes, hashed: hashed.files, ...why, peers, unasked };
  } finally {
    clearInterval(ticking);
  }
}

/** Deletions that are held make this instance differ from its index, and so from whoever has the same index. */
function heldReason({ held, domain }: Replica): string | undefined {
  return held.size === 0
    ? undefined
    : `${held.size} deletions are held here: dfsync release or undo --held --domain ${domain}`;
}

/** A scan that began now, and the announcement of what it found; answers why it does not count, or undefined. */
async function scanned(replica: Replica, signal: AbortSignal): Promise<string | undefined> {
  const askedAt = systemClock.now();
  replica.rescan();
  while ((replica.lastScan?.startedAt ?? 0) < askedAt) {
    if (replica.halted !== undefined) return replica.halted;
    await systemClock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
  const until = systemClock.now() + ANNOUNCED_MS;
  while (replica.unannounced > 0 && systemClock.now() < until) {
    await systemClock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
  return replica.lastScan?.objection;
}

/** Those that can be compared with, and those that should be and cannot. */
function peersOf(service: Service, domain: DomainName): { others: Other[]; silent: Compared[] } {
  const others: Other[] = [];
  const silent: Compared[] = [];
  for (const { active, learner, instance, peer } of service.loop.links) {
    // Of several gateways of a site one is asked; what it has, the others have from it.
    if (!active || ![...learner.sharedDomains()].includes(domain)) continue;
    const { roleid } = instance;
    if (learner.state === 'live') others.push({ roleid, peer });
    else
      silent.push({
        roleid,
        different: 0,
        memory: 0,
        unchecked: 0,
        reason: `it is not asked: ${learner.state}${learner.reason === undefined ? '' : `, ${learner.reason}`}`,
      });
  }
  return { others, silent };
}
