/** Whether everything is in sync, and if not, what is in the way, why, and what to do: read from the status alone. */
import { linkKey } from './live.js';
import { counted, duration, visible } from './words.js';

/** An origin that is not heard of for so long is cut off from here; it says that it is there every 10 s. */
const SILENT_MS = 60_000;
/** A clock that is off by so much is worth a look … */
const SKEW_MS = 60_000;
/** … and by so much its changes are not taken. */
const MAX_SKEW_MS = 10 * 60_000;

/** What differs is compared again every some seconds: if it stays for so long, it does not heal by itself. */
const DIFFERING_MS = 60_000;

/** What to do about paths that are not in order, by class. @type {Record<string, string>} */
export const NEXT = {
  busy: 'let the file rest, ignore it, or raise settle',
  unreadable: 'correct the permissions, or make room; it is tried again',
  unwritable: 'correct the permissions, or make room; it is tried again',
  transfer: 'look at the peer and the network; it is tried again',
  attributes: 'nothing: the file system keeps other dates or modes, which is no change',
  clock: 'set the clocks (NTP), then run dfsync redate on that peer',
  gone: 'nothing, if it was deleted; it clears at the next comparison',
  waiting: 'look at the path on both sides',
  mount: 'give the mount a domain of its own, or ignore it',
  refused: 'bring all servers to one release; look at that peer',
};

/** Listed, and nothing to act upon: a date that the file system does not keep, a socket. */
const QUIET = ['attributes', 'special'];
/** They may stay for long, and stop nothing else. */
const LASTING = ['busy', 'mount', 'gone'];

const HEADLINES = { bad: 'Not in sync', warn: 'Needs a look', busy: 'Catching up', ok: 'In sync' };

/** What a state of a peer means. @type {Record<string, string>} */
const TROUBLES = {
  backoff: 'does not answer',
  refused: 'refuses this instance',
  misrouted: 'is not who answers at its address',
  'not-served': 'serves nothing of what is shared',
};

/**
 * @typedef {object} Finding
 * @property {'bad' | 'warn' | 'busy'} level
 * @property {string} what
 * @property {string} [why]
 * @property {string} [next]
 * @property {boolean} [isWish] a person has to say what was meant
 * @property {string} [at] the part of the page that tells more
 */

/** @typedef {import('./live.js').Moment} Moment */
/** @typedef {import('../status.ts').DomainStatus} DomainStatus */
/** @typedef {import('../status.ts').PeerStatus} PeerStatus */
/** @typedef {import('../status.ts').InstanceStatus} InstanceStatus */

/**
 * @param {Moment} moment
 * @returns {{ level: import('./words.js').Level, headline: string, summary: string, findings: Finding[] }}
 */
export function verdictOf(moment) {
  const { instance, domains, peers } = moment.status;
  const idle = idleHeadline(instance);
  if (idle) return { ...idle, summary: instance.reason ?? '', findings: ofInstance(instance) };
  const findings = [
    ...domains.flatMap(ofDomain),
    ...peers.flatMap(peer => ofPeer(peer, moment)),
    ...silent(moment),
    ...ofInstance(instance),
  ];
  const rank = { bad: 0, warn: 1, busy: 2 };
  findings.sort((a, b) => rank[a.level] - rank[b.level]);
  const level = findings[0]?.level ?? 'ok';
  const bad = findings.filter(each => each.level === 'bad');
  // All that is known is where it should be: only somebody has to say whether something was meant.
  const headline = bad.length > 0 && bad.every(({ isWish }) => isWish) ? 'Needs a decision' : HEADLINES[level];
  return { level, headline, summary: summaryOf(moment), findings };
}

/** @param {InstanceStatus} instance */
function idleHeadline({ state }) {
  switch (state) {
    case 'starting':
      return { level: /** @type {const} */ ('busy'), headline: 'Starting' };
    case 'stopping':
      return { level: /** @type {const} */ ('warn'), headline: 'Stopping' };
    case 'waiting-for-lock':
      return { level: /** @type {const} */ ('bad'), headline: 'Waiting for the volume' };
    case 'disabled':
    case 'unlisted':
    case 'alone':
      return { level: /** @type {const} */ ('idle'), headline: `Nothing to do: ${state}` };
    default:
      return undefined;
  }
}

/** How old what is known of the farthest server is. @param {Moment} moment */
function summaryOf(moment) {
  const { domains } = moment.status;
  const oldest = Math.min(...domains.flatMap(domain => originsOf(moment, domain).map(({ at }) => at ?? 0)));
  const servers = new Set(domains.flatMap(domain => originsOf(moment, domain).map(({ roleid }) => roleid))).size;
  if (servers === 0) return `${counted(domains.length, 'domain')}; no other server is known`;
  const rest = `${counted(servers, 'other server')} in ${counted(domains.length, 'domain')}`;
  if (oldest === 0) return `Not yet heard of all ${rest}`;
  return `Here is all that ${rest} had ${duration(moment.now - oldest)} ago`;
}

/**
 * The other instances that serve a domain, and when everything up to which is here.
 *
 * @param {Moment} moment
 * @param {DomainStatus} domain
 */
export function originsOf({ network, status }, { domain, heard }) {
  const sites = new Set(network?.domains.find(({ name }) => name === domain)?.sites ?? []);
  const others = network?.instances.filter(
    ({ roleid, enabled, site }) => enabled && roleid !== status.instance.roleid && sites.has(site),
  );
  return (others ?? []).map(({ roleid, server, site }) => ({ roleid, server, site, at: heard[roleid] }));
}

/** @param {DomainStatus} domain @returns {Finding[]} */
function ofDomain({ domain, state, reason, held, stale, wanted, fetching, items }) {
  /** @type {Finding[]} */
  const findings = [];
  if (state === 'halted')
    findings.push({ level: 'bad', what: `${domain} is halted`, ...(reason && { why: reason }), at: 'domains' });
  else if (state === 'starting' || state === 'scanning')
    findings.push({ level: 'busy', what: `${domain} is being scanned for the first time`, at: 'domains' });
  // An operator has it pull nothing.
  else if (state === 'paused')
    findings.push({
      level: 'warn',
      what: `${domain} is paused`,
      ...(reason && { why: reason }),
      next: 'resume it',
      at: 'domains',
    });
  if (held)
    findings.push({
      level: 'bad',
      what: `${domain}: ${counted(held.deletions, 'deletion')} held`,
      why: held.reason,
      next: 'release them, or undo them',
      isWish: true,
      at: 'decisions',
    });
  if (stale)
    findings.push({
      level: 'bad',
      what: `${domain}: this server may hold what was deleted elsewhere and forgotten: ${counted(stale.unknown, 'path')}`,
      why: `${stale.peers.join(', ')} pull nothing of it from here`,
      next: 'say whether the others or this server are right',
      isWish: true,
      at: 'decisions',
    });
  if (wanted > 0 && state === 'syncing')
    findings.push({
      level: 'busy',
      what: `${domain}: ${counted(wanted, 'entry')} on the way here`,
      ...(fetching > 0 && { why: `${counted(fetching, 'transfer')} under way` }),
      at: 'domains',
    });
  const wrong = items.filter(item => !QUIET.includes(item.class));
  if (wrong.length > 0)
    findings.push({
      level: wrong.some(isForPeople) ? 'bad' : 'warn',
      what: `${domain}: ${counted(wrong.length, 'path')} not in order`,
      why: `${visible(wrong[0]?.path ?? '')}: ${visible(wrong[0]?.message ?? '')}`,
      at: 'items',
    });
  return findings;
}

/** Nothing tries it again until a person did something. @param {import('../status.ts').ItemProblem} item */
function isForPeople(item) {
  return item.nextTry === undefined && !LASTING.includes(item.class);
}

/** @param {PeerStatus} peer @param {Moment} moment @returns {Finding[]} */
function ofPeer({ peer, roleid, site, state, reason, lastContact, skewMs, domains }, { network, now, differingSince }) {
  const server = network?.instances.find(each => each.roleid === roleid)?.server ?? peer;
  /** @type {Finding[]} */
  const findings = [];
  const at = 'links';
  if (state === 'connecting') findings.push({ level: 'busy', what: `${server} of ${site} is being connected`, at });
  else if (state !== 'live' && state !== 'standby') {
    const since = lastContact === undefined ? 'it never answered' : `last answer ${duration(now - lastContact)} ago`;
    const trouble = TROUBLES[state] ?? state;
    findings.push({
      level: 'bad',
      what: `${server} of ${site} ${trouble}; ${since}`,
      ...(reason && { why: reason }),
      at,
    });
  } else {
    for (const each of domains)
      findings.push(...ofPeerDomain(server, each, now - (differingSince.get(linkKey(peer, each.domain)) ?? now)));
  }
  if (skewMs !== undefined && Math.abs(skewMs) > SKEW_MS)
    findings.push({
      level: skewMs > MAX_SKEW_MS ? 'bad' : 'warn',
      what: `the clock of ${server} is ${duration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}`,
      next: 'set the clocks (NTP)',
      at,
    });
  return findings;
}

/** @param {string} server @param {PeerStatus['domains'][number]} domain @param {number} differsMs @returns {Finding[]} */
function ofPeerDomain(server, { domain, state, mismatched, wanted }, differsMs) {
  if (state === 'halted')
    return [{ level: 'bad', what: `${domain} is halted on ${server}`, next: 'look there', at: 'links' }];
  if (state === 'stale-replica')
    return [
      {
        level: 'bad',
        what: `${domain}: ${server} may hold what was deleted elsewhere and forgotten; nothing is pulled from it`,
        next: `decide on the status page of ${server}`,
        isWish: true,
        at: 'links',
      },
    ];
  if (state === 'not-served')
    return [
      {
        level: 'warn',
        what: `${domain} is not served by ${server}`,
        next: 'give all servers the same description',
        at: 'links',
      },
    ];
  if (state === 'scanning') return [{ level: 'busy', what: `${domain} is being scanned on ${server}`, at: 'links' }];
  if (mismatched > 0 && wanted === 0)
    return [
      {
        level: differsMs > DIFFERING_MS ? 'warn' : 'busy',
        what: `${domain}: ${counted(mismatched, 'entry')} differed from ${server} when last compared`,
        why: 'nothing of it is wanted here: it is on the way there, or waits there',
        next: `if it stays, look at the paths that are not in order on ${server}`,
        at: 'links',
      },
    ];
  return [];
}

/** Servers of which nothing is heard although no link to them is known to fail. @param {Moment} moment @returns {Finding[]} */
function silent(moment) {
  const { instance, domains, peers } = moment.status;
  const failing = peers.filter(({ state }) => state !== 'live' && state !== 'standby').map(({ roleid }) => roleid);
  /** @type {Map<number, { place: string, at: number | undefined, domains: string[] }>} */
  const quiet = new Map();
  for (const { domain, heard } of domains.map(each => ({ domain: each.domain, heard: originsOf(moment, each) })))
    for (const { roleid, server, site, at } of heard) {
      if (failing.includes(roleid) || moment.now - (at ?? 0) <= SILENT_MS) continue;
      const known = quiet.get(roleid) ?? { place: `${server} of ${site}`, at, domains: [] };
      const oldest = known.at === undefined || at === undefined ? undefined : Math.min(known.at, at);
      quiet.set(roleid, { ...known, at: oldest, domains: [...known.domains, domain] });
    }
  return [...quiet.values()].map(({ place, at, domains }) =>
    at === undefined && moment.now - instance.startedAt <= SILENT_MS
      ? { level: 'busy', what: `${place} is not heard of yet (${domains.join(', ')})`, at: 'map' }
      : {
          level: 'warn',
          what: `${place} ${at === undefined ? 'was never heard of' : `is not heard of for ${duration(moment.now - at)}`} (${domains.join(', ')})`,
          why: 'it is down, or a link on the way from it is',
          next: 'look there, and at the gateways between',
          at: 'map',
        },
  );
}

/** @param {InstanceStatus} instance @returns {Finding[]} */
function ofInstance({ config, watch, certificates }) {
  /** @type {Finding[]} */
  const findings = [];
  const at = 'instance';
  if (config.problems.length > 0)
    findings.push({
      level: 'warn',
      what: 'the newest network description is not in force',
      why: config.problems.join('; '),
      next: 'correct what it names; the file is read again at once',
      at,
    });
  if (watch.degraded !== undefined)
    findings.push({ level: 'warn', what: 'only scans find changes', why: watch.degraded, next: 'see the log', at });
  for (const { file, trouble } of certificates)
    if (trouble !== undefined) findings.push({ level: 'warn', what: `certificate ${file}`, why: trouble, at });
  return findings;
}
