/** Everything that is known of one path, here and at all peers that can be asked; and who else would have to be. */
import { type Entry, isEqual } from './core/entry.ts';
import type { RelPath } from './core/path.ts';
import { compareEntries, decidingRule } from './core/resolve.ts';
import { newest } from './core/version.ts';
import { ignoringPattern } from './folder/ignore.ts';
import type { Replica } from './folder/replica.ts';
import type { Opinion, UnaskedInstance, Why } from './ops/inspection.ts';
import type { Service } from './service.ts';
import type { PeerNames } from './service-status.ts';
import { unaskedOf } from './service-unasked.ts';
import type { Link } from './sync/loop.ts';
import { PeerError } from './sync/peer.ts';

/** A peer that has not answered by then is one of those that do not. */
const ASK_MS = 5_000;

interface Answer {
  readonly link: Link | undefined;
  readonly entry?: Entry | undefined;
  readonly error?: string;
}

/** Asks all peers at once. */
export async function whyOf(
  path: RelPath,
  replica: Replica,
  service: Service,
  names: PeerNames,
  signal: AbortSignal,
): Promise<Why> {
  const answers: Answer[] = [
    { link: undefined, entry: replica.get(path) },
    ...(await Promise.all(service.loop.links.map(link => ask(link, replica, path, signal)))),
  ];
  const known = answers.flatMap(({ entry }) => entry ?? []);
  const winner = known.reduce<Entry | undefined>(
    (best, entry) => (best && compareEntries(best, entry) >= 0 ? best : entry),
    undefined,
  );
  const unasked = unaskedOf(replica, service, names);
  const opinions = answers.map(answer => opinionOf(answer, winner, service, names));
  const ignoredBy = ignoringPattern(service.self.options.ignore, path);
  const heldSince = replica.heldSince(path);
  const problem = replica.problems.get(path);
  const want = wantOf(replica, path, service, names);
  const facts = {
    ...(ignoredBy !== undefined && { ignoredBy }),
    ...(heldSince !== undefined && { heldSince }),
    ...(problem && { problem: { class: problem.class, message: problem.message, since: problem.since } }),
    ...(want && { want }),
  };
  const stop = replica.halted ?? (replica.ready ? replica.objection() : 'the first scan has not ended');
  return {
    domain: replica.domain,
    directory: replica.directory,
    path,
    says: [...sentences(facts, opinions, replica, winner, stop), ...unasked.map(unaskedText)],
    disk: diskOf(replica, path),
    opinions,
    unasked,
    ...facts,
  };
}

async function ask(link: Link, replica: Replica, path: RelPath, signal: AbortSignal): Promise<Answer> {
  const { active, learner, peer } = link;
  if (!active) return { link, error: 'it stands by: another gateway of its site is asked' };
  if (![...learner.sharedDomains()].includes(replica.domain)) return { link, error: 'it does not serve this domain' };
  try {
    const entries = await peer.entriesAt(
      replica.domain,
      [path],
      AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]),
    );
    return { link, entry: entries.find(entry => entry.path === path) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { link, error: error instanceof PeerError ? error.message : `no answer within ${ASK_MS / 1000} s` };
  }
}

function opinionOf(
  { link, entry, error }: Answer,
  winner: Entry | undefined,
  service: Service,
  names: PeerNames,
): Opinion {
  const instance = link?.instance ?? service.self;
  const mark = entry && newest(entry.version);
  const wins = entry !== undefined && winner !== undefined && isEqual(entry, winner);
  const rule = entry && winner && !wins ? decidingRule(winner, entry) : undefined;
  const { path: _, ...shown } = entry ?? { path: '' as RelPath };
  return {
    peer: names.get(instance.roleid) ?? instance.name,
    roleid: instance.roleid,
    site: instance.site,
    self: link === undefined,
    ...(entry && { entry: shown as Omit<Entry, 'path'> }),
    ...(mark && {
      writer: mark.writer === 0 ? 'nobody' : (names.get(mark.writer) ?? `roleid ${mark.writer}`),
      changedAt: mark.stamp,
    }),
    ...(error !== undefined && { error }),
    wins,
    ...(rule !== undefined && { rule }),
  };
}

function wantOf(replica: Replica, path: RelPath, service: Service, names: PeerNames): Why['want'] {
  const want = service.loop.domain(replica.domain)?.wants.get(path);
  if (!want) return undefined;
  const peers = [...want.sources.keys()].map(roleid => names.get(roleid) ?? String(roleid));
  const { since, tries, nextTry, transfer } = want;
  return { peers, since, tries, nextTry, transferring: transfer !== undefined };
}

function diskOf(replica: Replica, path: RelPath): Why['disk'] {
  try {
    const stands = replica.stands(path);
    if (stands === undefined) return { kind: 'nothing' };
    if (stands === 'other') return { kind: 'other' };
    const { kind, size, mtime, mode } = stands;
    return kind === 'file' ? { kind, size, mtime, mode } : { kind, mode };
  } catch (error) {
    return { kind: error instanceof Error ? error.message : String(error) };
  }
}

/** What it all means, the most important first. */
function sentences(
  facts: Pick<Why, 'ignoredBy' | 'heldSince' | 'problem' | 'want'>,
  opinions: readonly Opinion[],
  { domain }: Replica,
  winner: Entry | undefined,
  stop: string | undefined,
): string[] {
  const { ignoredBy, heldSince, problem, want } = facts;
  const says: string[] = [];
  const date = (ms: number) => new Date(ms).toISOString();
  if (ignoredBy !== undefined) says.push(`it is ignored by the pattern ${ignoredBy}: no server synchronises it`);
  if (stop !== undefined) says.push(`nothing is pulled here: ${stop}`);
  if (heldSince !== undefined)
    says.push(
      `it went missing here at ${date(heldSince)}, and its deletion is held: dfsync release --domain ${domain} if that was meant, else dfsync undo --held --domain ${domain}`,
    );
  if (problem) says.push(`${problem.class} since ${date(problem.since)}: ${problem.message}`);
  if (want) says.push(wantText(want));
  says.push(...verdict(opinions, winner));
  return says;
}

function wantText({ peers, since, tries, nextTry, transferring }: NonNullable<Why['want']>): string {
  const when = transferring
    ? 'it is on its way'
    : tries === 0
      ? 'it is next'
      : `tried ${tries} times, again at ${new Date(nextTry).toISOString()}`;
  return `it comes from ${peers.join(' or ')}, wanted since ${new Date(since).toISOString()}: ${when}`;
}

function unaskedText({ server, site, askOn, heard }: UnaskedInstance): string {
  const known = heard === undefined ? '' : `; its changes up to ${new Date(heard).toISOString()} are here`;
  return `${server} of ${site} is not asked, there is no link from here: dfsync why on ${askOn.join(' or ')} asks it${known}`;
}

function verdict(opinions: readonly Opinion[], winner: Entry | undefined): string[] {
  const silent = opinions.filter(({ error }) => error !== undefined).map(({ peer }) => peer);
  const unasked = silent.length > 0 ? [`not known: ${silent.join(', ')}`] : [];
  if (!winner) return ['no instance that answered has ever known of it', ...unasked];
  const answered = opinions.filter(({ error }) => error === undefined);
  const have = answered.filter(({ wins }) => wins).map(({ peer }) => peer);
  const lose = answered.filter(({ wins }) => !wins);
  const state = winner.kind === 'tombstone' ? `deleted at ${new Date(winner.mtime).toISOString()}` : 'the same';
  if (lose.length === 0) return [`${state} on all that answered: ${have.join(', ')}`, ...unasked];
  return [
    `what ${have.join(', ')} ${have.length > 1 ? 'have' : 'has'} wins`,
    ...lose.map(({ peer, rule, entry }) =>
      entry ? `it wins over that of ${peer} by: ${rule}` : `${peer} knows nothing of it yet`,
    ),
    ...unasked,
  ];
}
