/** The wire between instances: names, versions and limits. Both ends take them from here; `messages.ts` has the messages. */
import { z } from 'zod';

/** The newest protocol version; every release speaks it and, once there is one, the version before it. */
export const PROTOCOL = 1;
/** Every version that this program speaks, newest first. */
export const PROTOCOLS: readonly number[] = [PROTOCOL];

/** Roleid of whoever sends the message: the asking instance in a request, the answering one in every answer. */
export const ROLEID_HEADER = 'dfsync-roleid';
/** Protocol version of the message; a request without it, such as the first question of all, is taken as the oldest one spoken. */
export const PROTOCOL_HEADER = 'dfsync-protocol';

export const ROUTES = {
  openapi: '/v1/openapi.json',
  self: '/v1/self',
  domains: '/v1/domains',
  digests: '/v1/domains/:domain/digests',
  entries: '/v1/domains/:domain/entries',
  changes: '/v1/changes',
  file: '/v1/domains/:domain/files/*path',
  bundle: '/v1/domains/:domain/bundle',
  hashes: '/v1/domains/:domain/hashes',
} as const;

export const JSON_TYPE = 'application/json';
export const NDJSON = 'application/x-ndjson';
export const BUNDLE = 'application/vnd.dfsync.bundle';
export const OCTETS = 'application/octet-stream';
export const PROBLEM = 'application/problem+json';

/** Status of an answer that came from another instance than the one asked (RFC 9110, 15.5.20). */
export const MISDIRECTED = 421;

/** Request target: the longest path (3840 bytes) with every byte escaped is 11.5 KiB; the rest is for the domain. */
export const MAX_TARGET_BYTES = 16_384;
/** Request line and headers together: the longest target, and room for a token and what proxies add. */
export const MAX_HEADER_BYTES = 32_768;
/** Prefixes in one question: 256 of them name 4096 children, about 250 KiB of answer. */
export const MAX_PREFIXES = 256;
/** Body of a request, the list of a bundle: a full one with usual paths is a fifth of this. */
export const MAX_REQUEST_BYTES = 1 << 20;
/** Files in one bundle, or in one question for hashes: enough that the cost of a request vanishes, few enough that a broken one repeats little. */
export const MAX_BUNDLE_FILES = 1000;
/** Content in one bundle: what a receiver may hold in memory; larger files travel alone. */
export const MAX_BUNDLE_BYTES = 16 << 20;
/** A JSON answer: twice what the serving side makes of a stretch of the feed at most (8 MiB), whatever its paths. */
export const MAX_JSON_BYTES = 16 << 20;
/** One line of NDJSON or of a bundle: path, former path and target at their longest, each byte as six of JSON, and a version. */
export const MAX_LINE_BYTES = 128 << 10;
/** Entries in one answer: five times as many as are ever asked for at once, because a tree grows meanwhile. */
export const MAX_ENTRIES = 100_000;
/**
 * Text of the entries in one answer, decoded: a hundred thousand ordinary ones, and more than 500 with everything in them at its
 * longest. A few coded kilobytes could unfold to any number.
 */
export const MAX_ENTRIES_BYTES = 32 << 20;
/** A problem document: a few sentences; the rest of a longer one is not read. */
export const MAX_PROBLEM_BYTES = 16_384;
/** How long a feed may be held open without news; below every idle timeout on the way (proxies usually have 60 s). */
export const MAX_WAIT_MS = 55_000;

/** The newest version that both ends speak, or undefined. */
export function commonProtocol(ours: readonly number[], theirs: readonly number[]): number | undefined {
  const common = ours.filter(version => theirs.includes(version));
  return common.length === 0 ? undefined : Math.max(...common);
}

/** What to do where two ends have no version in common, told to the one that asked: which of them is the older one. */
export function withoutCommon(ours: readonly number[], theirs: readonly number[]): string {
  const older = Math.max(...ours) < Math.max(...theirs) ? 'this instance' : 'the peer';
  return `the peer speaks protocol ${theirs.join(', ')}, this instance ${ours.join(', ')}: none in common; update ${older}, which is the older one (each release speaks the version before its own too)`;
}

/** The line before each item of a bundle: so many raw bytes follow, or why none do. */
export const bundleHeaderSchema = z.union([
  z.object({ path: z.string(), size: z.int().min(0).describe('So many raw bytes follow.') }),
  z.object({
    path: z.string(),
    status: z.int().min(400).max(599).describe('What asking for the file alone would get.'),
  }),
]);

/** What is wrong with a message, as one short sentence: the first thing that a schema refused. */
export function whatIsWrong(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'not valid';
  return issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`;
}
