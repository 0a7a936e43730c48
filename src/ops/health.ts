/**
 * The probes, read from what the instance says of itself. None of them fails for a peer that is lost: a restart of this instance cannot
 * heal another one, and an instance cut off from all others must go on serving its own server.
 */
import type { Vitals } from './pulse.ts';
import { escapeUnsafe } from './render.ts';
import type { CertificateStatus, DomainStatus, InstanceStatus, PeerStatus, Status } from './status.ts';

/** The engine's loop beats every 10 s at least; six missed beats are no coincidence. */
export const BEAT_LIMIT_MS = 60_000;
/** An event loop that is stalled for half of a minute cannot serve its peers. */
export const STALL_LIMIT_MS = 30_000;
/** A disk that answers a thread nothing for so long hangs; one that is slow still answers now and then. */
export const WORK_LIMIT_MS = 5 * 60_000;

/** One thing that a probe looked at. */
export interface Check {
  readonly name: string;
  /** Only `failed` fails the probe. */
  readonly state: 'ok' | 'warning' | 'failed';
  readonly reason?: string;
  /** What the operator can do. */
  readonly next?: string;
}

/** What a probe found. */
export interface Health {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** Whether the process makes progress; a failure means that only a restart helps. `now`: milliseconds since 1970, as in the status. */
export function livez(status: Status, vitals: Vitals, now: number): Health {
  const { instance, domains } = status;
  const scans = domains.flatMap(({ domain, scanning }) => (scanning ? scanningCheck(domain, scanning, now) : []));
  return healthOf([
    beatCheck(instance, vitals.beatAgeMs),
    stallCheck(vitals.stalledMs),
    threadCheck(instance.threadOwesSince, now),
    ...scans,
  ]);
}

/**
 * Whether the start is over, or well under way: the volume is ours, and every domain was scanned once or is being scanned. However long
 * a first scan takes it does not fail; one that gets stuck does.
 */
export function startupz(status: Status, now: number): Health {
  return healthOf(startChecks(status, (domain, name) => underWay(domain, name, now)));
}

/** Whether the volume is kept in sync. One halted domain is told and does not fail the probe while others go on. */
export function readyz(status: Status, now: number): Health {
  const { certificates, config, watch } = status.instance;
  const { domains } = status;
  const checks = [
    ...startChecks(status, (domain, name) => ({ ...underWay(domain, name, now), state: 'failed' })),
    ...volumeCheck(status),
    ...comparisonCheck(status),
    ...haltChecks(domains),
    ...pauseChecks(domains),
    ...heldChecks(domains),
    ...staleChecks(domains),
  ];
  checks.push(...domains.flatMap(cacheChecks), ...domains.flatMap(itemChecks));
  if (status.instance.state === 'stopping')
    checks.push({
      name: 'stopping',
      state: 'failed',
      reason: 'the instance is stopping',
      next: 'none: this is the end',
    });
  if (config.problems.length > 0)
    checks.push({
      name: 'config',
      state: 'warning',
      reason: notInForce(config.problems),
      next: 'correct what it names; the file is read again at once',
    });
  if (watch.degraded !== undefined)
    checks.push({
      name: 'watch',
      state: 'warning',
      reason: watch.degraded,
      next: 'see the log; scans still find every change',
    });
  checks.push(...certificates.map(certificateCheck));
  return healthOf(checks);
}

/** What a probe answers: a line per check that is not ok, or per check where all are asked for, and the outcome. */
export function healthText(probe: string, health: Health, verbose: boolean): string {
  const shown = verbose ? health.checks : health.checks.filter(check => check.state !== 'ok');
  return [...shown.map(checkLine), health.ok ? 'ok' : `${probe} failed`, ''].join('\n');
}

const SIGN: Record<Check['state'], string> = { ok: '[+]', warning: '[!]', failed: '[-]' };

function checkLine(check: Check): string {
  const reason = check.reason ?? check.state;
  return escapeUnsafe(
    `${SIGN[check.state]} ${check.name}: ${reason}${check.next === undefined ? '' : `; next: ${check.next}`}`,
  );
}

function healthOf(checks: readonly Check[]): Health {
  return { ok: checks.every(check => check.state !== 'failed'), checks };
}

/** Nothing is lost while the cache cannot be written: the journal goes on where it can, and a start reads the tree again. */
function cacheChecks({ domain, cacheTrouble }: DomainStatus): Check[] {
  if (cacheTrouble === undefined) return [];
  const next = 'free some space, or correct what the reason says; it is tried again every ten seconds';
  return [{ name: `cache of ${domain}`, state: 'warning', reason: `it cannot be written: ${cacheTrouble}`, next }];
}

/** Paths that wait for somebody to do something: what is never synchronised, or comes right by itself, is no news to a probe. */
const TROUBLED = ['busy', 'clock', 'refused', 'transfer', 'unreadable', 'unwritable'];

function itemChecks({ domain, items }: DomainStatus): Check[] {
  const troubled = items.filter(item => TROUBLED.includes(item.class));
  if (troubled.length === 0) return [];
  const classes = [...Map.groupBy(troubled, item => item.class)].map(([name, { length }]) => `${length} ${name}`);
  const next = `dfsync mismatches --domain ${domain} says of each why`;
  return [{ name: `paths of ${domain}`, state: 'warning', reason: `not in order: ${classes.join(', ')}`, next }];
}

/** Only a running instance has a loop that beats. */
function beatCheck(instance: InstanceStatus, ageMs: number): Check {
  if (instance.state !== 'running' || ageMs <= BEAT_LIMIT_MS) return { name: 'engine', state: 'ok' };
  const reason = `no progress for ${seconds(ageMs)} s (limit ${seconds(BEAT_LIMIT_MS)} s)`;
  return { name: 'engine', state: 'failed', reason, next: 'restart it; report the last lines of its log' };
}

function stallCheck(stalledMs: number): Check {
  if (stalledMs <= STALL_LIMIT_MS) return { name: 'event-loop', state: 'ok' };
  const reason = `stalled for ${seconds(stalledMs)} s of the last minute (limit ${seconds(STALL_LIMIT_MS)} s)`;
  return { name: 'event-loop', state: 'failed', reason, next: 'give it more CPU, or a faster volume' };
}

/** The thread that reads and writes small files answers, if it was asked anything. */
function threadCheck(since: number | undefined, now: number): Check {
  const name = 'thread';
  if (since === undefined || now - since <= WORK_LIMIT_MS) return { name, state: 'ok' };
  const reason = `no answer for ${seconds(now - since)} s from the thread that reads and writes files (limit ${seconds(WORK_LIMIT_MS)} s)`;
  return { name, state: 'failed', reason, next: 'the disk hangs: look at it (dmesg), then restart' };
}

/** A scan under way gets on. */
function scanningCheck(domain: string, scan: NonNullable<DomainStatus['scanning']>, now: number): Check {
  const name = `scan of ${domain}`;
  const paths = `${scan.paths} paths seen in ${seconds(now - scan.startedAt)} s`;
  if (now - scan.movedAt <= WORK_LIMIT_MS) return { name, state: 'ok', reason: `under way, ${paths}` };
  const reason = `stuck for ${seconds(now - scan.movedAt)} s (limit ${seconds(WORK_LIMIT_MS)} s), ${paths}`;
  return { name, state: 'failed', reason, next: 'the disk hangs: look at it (dmesg), then restart' };
}

/** A first scan that has not ended. */
function underWay({ domain, scanning }: DomainStatus, name: string, now: number): Check {
  if (!scanning)
    return {
      name,
      state: 'failed',
      reason: 'the first scan has not begun, or is being written down',
      next: 'wait; its cache is being read or written',
    };
  const check = scanningCheck(domain, scanning, now);
  const reason = `the first scan has not ended: ${check.reason}`;
  return { ...check, reason, next: check.next ?? 'wait; it takes some seconds per million files' };
}

function isIdle({ state }: InstanceStatus): boolean {
  return state === 'disabled' || state === 'unlisted' || state === 'alone';
}

function startChecks({ instance, domains }: Status, first: (domain: DomainStatus, name: string) => Check): Check[] {
  const check = instanceCheck(instance);
  if (isIdle(instance) || check.state === 'failed') return [check];
  return [check, ...domains.map(domain => scanCheck(domain, first))];
}

/** What makes it fail is told by each domain that is halted for it. */
function volumeCheck({ instance, domains }: Status): Check[] {
  if (instance.state !== 'running') return [];
  const name = 'volume';
  const wrong = domains.find(({ haltedBy }) => haltedBy === 'volume');
  if (!wrong) return [{ name, state: 'ok', reason: 'it is the one that this instance was started with' }];
  const reason = wrong.reason ?? `${wrong.domain} is not where it was`;
  return [{ name, state: 'warning', reason, next: 'mount the right volume; nothing is deleted elsewhere meanwhile' }];
}

/** Users of this server see what others have once one of them was compared with; who cannot be reached is not waited for. */
function comparisonCheck({ instance, peers }: Status): Check[] {
  if (instance.state !== 'running') return [];
  const name = 'first comparison';
  const compared = peers.find(({ lastSuccess }) => lastSuccess !== undefined);
  if (compared) return [{ name, state: 'ok', reason: `done, with ${compared.peer}` }];
  const asked = peers.filter(({ state }) => state === 'connecting');
  if (asked.length === 0) return [{ name, state: 'ok', reason: unreached(peers) }];
  const names = asked.map(({ peer }) => peer).join(', ');
  const next = 'wait; a peer that cannot be reached is not waited for';
  return [{ name, state: 'failed', reason: `no peer was compared with yet; asking ${names}`, next }];
}

function unreached(peers: readonly PeerStatus[]): string {
  return peers.length === 0
    ? 'there is no peer'
    : 'no peer can be reached; files of this server are served as they are';
}

function instanceCheck({ state, reason }: InstanceStatus): Check {
  const name = 'instance';
  switch (state) {
    case 'starting':
      return { name, state: 'failed', reason: reason ?? 'is starting', next: 'wait; the log says what it is doing' };
    case 'waiting-for-lock':
      return {
        name,
        state: 'failed',
        reason: reason ?? 'another instance holds the volume',
        next: 'wait for it to end, or stop it',
      };
    case 'disabled':
    case 'unlisted':
    case 'alone':
      return { name, state: 'ok', reason: reason === undefined ? state : `${state}: ${reason}` };
    case 'running':
    case 'stopping':
      return { name, state: 'ok' };
    default:
      return state satisfies never;
  }
}

/** A domain that is halted before its first scan waits for a person: that is no longer the start. */
function scanCheck(domain: DomainStatus, first: (domain: DomainStatus, name: string) => Check): Check {
  const name = `scan of ${domain.domain}`;
  const isOver = domain.lastScan !== undefined || domain.state === 'halted' || domain.state === 'unserved';
  return isOver ? { name, state: 'ok' } : first(domain, name);
}

function haltChecks(domains: readonly DomainStatus[]): Check[] {
  const served = domains.filter(domain => domain.state !== 'unserved');
  const halted = served.filter(domain => domain.state === 'halted');
  const state = halted.length === served.length ? 'failed' : 'warning';
  return halted.map(({ domain, reason }) => ({
    name: `domain ${domain}`,
    state,
    reason: `halted${reason === undefined ? '' : `: ${reason}`}`,
    next: 'heal the cause; /status has the details',
  }));
}

/** Nobody is served worse for it, and it is easily forgotten. */
function pauseChecks(domains: readonly DomainStatus[]): Check[] {
  return domains
    .filter(({ state }) => state === 'paused')
    .map(({ domain, pausedSince }) => ({
      name: `domain ${domain}`,
      state: 'warning',
      reason: `paused by an operator${pausedSince === undefined ? '' : ` since ${new Date(pausedSince).toISOString()}`}: nothing is pulled`,
      next: `dfsync resume --domain ${domain}`,
    }));
}

/** Whoever is cut off from its peers for it still serves its own server. */
function certificateCheck({ use, file, expiresAt, trouble }: CertificateStatus): Check {
  const name = `certificate of ${use}`;
  if (trouble === undefined) return { name, state: 'ok', reason: `ends on ${new Date(expiresAt).toISOString()}` };
  return {
    name,
    state: 'warning',
    reason: `${file}: ${trouble}`,
    next: 'put a new one in its place; it is read again',
  };
}

function heldChecks(domains: readonly DomainStatus[]): Check[] {
  return domains.flatMap(({ domain, held }) =>
    held
      ? {
          name: `deletions of ${domain}`,
          state: 'warning' as const,
          reason: `${held.deletions} are held: ${held.reason}`,
          next: `dfsync release --domain ${domain} if they were meant, else dfsync undo --held --domain ${domain}`,
        }
      : [],
  );
}

function staleChecks(domains: readonly DomainStatus[]): Check[] {
  return domains.flatMap(({ domain, stale }) =>
    stale
      ? {
          name: `replica of ${domain}`,
          state: 'warning' as const,
          reason: `${stale.peers.join(', ')} pull nothing from it: it ${lastHeard(stale.since)}, for most of the retention, and has ${stale.unknown} paths of which they have no trace: new here, or deleted there and forgotten`,
          next: `dfsync accept-remote --domain ${domain} moves these to the trash, dfsync accept-local --domain ${domain} spreads them`,
        }
      : [],
  );
}

function lastHeard(since: number | undefined): string {
  return since === undefined
    ? 'does not know of having heard of them'
    : `last heard of them on ${new Date(since).toISOString()}`;
}

function notInForce(problems: readonly string[]): string {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return `the newest network description is not in force: ${problems[0]}${more}`;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
