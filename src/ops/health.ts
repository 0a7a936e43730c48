/**
 * The probes, read from what the instance says of itself. None of them looks at peers: a restart of this instance cannot heal
 * another one, and an instance cut off from all others must go on serving its own server.
 */
import type { Vitals } from './pulse.ts';
import { escapeUnsafe } from './render.ts';
import type { CertificateStatus, DomainStatus, InstanceStatus, Status } from './status.ts';

/** The engine's loop beats every 10 s at least; six missed beats are no coincidence. */
export const BEAT_LIMIT_MS = 60_000;
/** An event loop that is stalled for half of a minute cannot serve its peers. */
export const STALL_LIMIT_MS = 30_000;

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

/** Whether the process makes progress; a failure means that only a restart helps. */
export function livez(status: Status, vitals: Vitals): Health {
  return healthOf([beatCheck(status.instance, vitals.beatAgeMs), stallCheck(vitals.stalledMs)]);
}

/** Whether the start is over: the volume is ours and every domain was scanned once, or there is nothing to do here. */
export function startupz(status: Status): Health {
  return healthOf(startChecks(status));
}

/** Whether the volume is kept in sync. One halted domain is told and does not fail the probe while others go on. */
export function readyz(status: Status): Health {
  const { certificates, config, watch } = status.instance;
  const { domains } = status;
  const checks = [
    ...startChecks(status),
    ...haltChecks(domains),
    ...pauseChecks(domains),
    ...heldChecks(domains),
    ...staleChecks(domains),
  ];
  checks.push(...status.domains.flatMap(cacheChecks));
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
      reason: refusedText(config.problems),
      next: 'correct the file; it is read again',
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

function startChecks({ instance, domains }: Status): Check[] {
  const check = instanceCheck(instance);
  const idle = instance.state === 'disabled' || instance.state === 'unlisted' || instance.state === 'alone';
  return idle || check.state === 'failed' ? [check] : [check, ...domains.map(scanCheck)];
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
function scanCheck(domain: DomainStatus): Check {
  const name = `scan of ${domain.domain}`;
  if (domain.lastScan !== undefined || domain.state === 'halted' || domain.state === 'unserved')
    return { name, state: 'ok' };
  return {
    name,
    state: 'failed',
    reason: 'the first scan has not ended',
    next: 'wait; it takes some seconds per million files',
  };
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
    .map(({ domain }) => ({
      name: `domain ${domain}`,
      state: 'warning',
      reason: 'paused by an operator: nothing is pulled',
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

function refusedText(problems: readonly string[]): string {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return `the newest network description was refused: ${problems[0]}${more}`;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
