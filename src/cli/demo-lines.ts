/** What the demonstration says of its instances: plain lines, made from what they say of themselves. */
import type { DomainStatus, Status } from '../ops/status.ts';

/** Enough of a digest to see by eye that two are equal. */
const DIGEST_SHOWN = 8;

/** One line for each domain of an instance, by domain. */
export function domainLines(name: string, { domains, peers }: Status): Map<string, string> {
  return new Map(domains.map(domain => [domain.domain, domainLine(name, domain, peers)]));
}

function domainLine(name: string, domain: DomainStatus, peers: Status['peers']): string {
  const between = peers.flatMap(peer => peer.domains.filter(at => at.domain === domain.domain));
  const lag = Math.max(0, ...between.map(at => Math.round(at.lagSeconds)));
  const mismatched = Math.max(0, ...between.map(at => at.mismatched));
  return [
    `${name}  ${domain.directory.padEnd(6)}  ${domain.state.padEnd(8)}`,
    `files ${domain.files}`,
    `size ${formatBytes(domain.bytes)}`,
    `lag ${lag} s`,
    `mismatched ${mismatched}`,
    `digest ${domain.digest.slice(0, DIGEST_SHOWN)}`,
    ...(domain.reason === undefined ? [] : [domain.reason]),
  ].join('  ');
}

/** One line once every instance has the same in every domain that it serves, else undefined. */
export function agreementLine(statuses: readonly (Status | undefined)[]): string | undefined {
  const all = statuses.flatMap(status => status?.domains ?? []);
  if (all.length === 0 || statuses.includes(undefined)) return undefined;
  const byName = Map.groupBy(all, domain => domain.domain);
  const agreed = [...byName.values()].every(same =>
    same.every(({ state, digest }) => state === 'in-sync' && digest === same[0]!.digest),
  );
  if (!agreed) return undefined;
  const domains = [...byName.values()].map(([first, ...others]) => {
    return `${first!.directory} (${first!.files} files on ${others.length + 1} servers)`;
  });
  return `everybody has the same: ${domains.join(', ')}`;
}

const COUNT = new Intl.NumberFormat('en-US');

/** A whole number for people. */
export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** A size for people, in units of 1000. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}
