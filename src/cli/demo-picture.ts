/** What is to be seen of the demonstration network: a row for each instance and domain, made from what the instances say. */
import type { DomainState, DomainStatus, InstanceState, Status } from '../ops/status.ts';
import { type Amount, type Progress, progressOf, rateOf, type Sample, withSample, workOf } from './demo-progress.ts';

/** So many files on their way are worth a bar after the first pull too. */
const MANY_FILES = 100;

/** What one round of questions brought from one instance. */
export interface Look {
  readonly name: string;
  /** Undefined where it did not answer. */
  readonly status: Status | undefined;
  /** By domain: bytes of files received since it started; undefined where it did not answer. */
  readonly received: ReadonlyMap<string, number> | undefined;
}

/** A domain on an instance; or an instance that says nothing of domains (yet), with an empty directory. */
export interface Row extends Amount {
  readonly instance: string;
  readonly directory: string;
  readonly state: DomainState | InstanceState | 'no answer';
  /** Why it is in this state, where that needs saying. */
  readonly reason?: string;
  readonly lagSeconds: number;
  readonly mismatched: number;
  /** Bytes of files received in a second. */
  readonly rate: number;
  /** While much is on its way. */
  readonly progress?: Progress;
  readonly digest: string;
  readonly conflicts: number;
}

/** Everything at one moment, and what the next one has to know of it. */
export interface Picture {
  readonly rows: readonly Row[];
  /** The last answer of each instance. */
  readonly known: ReadonlyMap<string, Status>;
  /** By {@link keyOf}. */
  readonly tracks: ReadonlyMap<string, Track>;
}

/** The way of a domain on an instance until now. */
interface Track {
  readonly samples: readonly Sample[];
  /** It once had all that was there. */
  readonly wasComplete: boolean;
}

export const NOTHING: Picture = { rows: [], known: new Map(), tracks: new Map() };

/** What a row is about. */
export function keyOf({ instance, directory }: Pick<Row, 'instance' | 'directory'>): string {
  return `${instance}/${directory}`;
}

/** The picture after one more round. `now`: milliseconds since 1970. */
export function pictureOf(before: Picture, looks: readonly Look[], now: number): Picture {
  const known = new Map(before.known);
  for (const { name, status } of looks) if (status) known.set(name, status);
  const tracks = new Map(before.tracks);
  const allAnswered = looks.every(({ name }) => known.has(name));

  const domainRow = (look: Look, status: Status, domain: DomainStatus): Row => {
    const row = ofDomain(look.name, status, domain);
    const total = allAnswered ? totalOf(domain, [...known.values()]) : undefined;
    const track = tracks.get(keyOf(row));
    if (look.status === undefined) return { ...row, state: 'no answer' };
    const received = look.received?.get(domain.domain) ?? track?.samples.at(-1)?.received ?? 0;
    const samples = withSample(track?.samples ?? [], { at: now, work: workOf(domain), received });
    const isComplete = total !== undefined && workOf(domain) >= total && domain.wanted === 0;
    const wasComplete = track?.wasComplete === true || (isComplete && domain.state === 'in-sync');
    tracks.set(keyOf(row), { samples, wasComplete });
    const isMuch = domain.state === 'syncing' && (wasComplete ? domain.wanted >= MANY_FILES : !isComplete);
    return { ...row, rate: rateOf(samples), ...(isMuch && { progress: progressOf(samples, total) }) };
  };

  const rows = looks.flatMap(look => {
    const status = known.get(look.name);
    if (status && status.domains.length > 0) return status.domains.map(domain => domainRow(look, status, domain));
    return [ofInstance(look.name, status, look.status !== undefined)];
  });
  return { rows, known, tracks };
}

/**
 * What there will be of a domain once it is everywhere: what the one that has most has, or what one has and wants. Undefined
 * as long as somebody is still counting.
 */
function totalOf(
  { domain, files, bytes, wanted, wantedBytes }: DomainStatus,
  all: readonly Status[],
): number | undefined {
  const same = all.flatMap(({ domains }) => domains.filter(other => other.domain === domain));
  if (same.some(({ state }) => state === 'starting' || state === 'scanning')) return undefined;
  return Math.max(workOf({ files: files + wanted, bytes: bytes + wantedBytes }), ...same.map(workOf));
}

function ofDomain(instance: string, { peers }: Status, domain: DomainStatus): Row {
  const { directory, state, reason, files, bytes, digest, conflicts } = domain;
  const between = peers.flatMap(peer => peer.domains.filter(at => at.domain === domain.domain));
  return {
    instance,
    directory,
    state,
    ...(reason !== undefined && { reason }),
    files,
    bytes,
    digest,
    conflicts,
    lagSeconds: Math.max(0, ...between.map(at => Math.round(at.lagSeconds))),
    mismatched: Math.max(0, ...between.map(at => at.mismatched)),
    rate: 0,
  };
}

function ofInstance(instance: string, status: Status | undefined, answers: boolean): Row {
  const { state = 'starting', reason } = status?.instance ?? {};
  return {
    instance,
    directory: '',
    state: status && !answers ? 'no answer' : state,
    ...(reason !== undefined && { reason }),
    ...{ files: 0, bytes: 0, lagSeconds: 0, mismatched: 0, rate: 0, digest: '', conflicts: 0 },
  };
}
