/** The wire between instances: names, versions, limits and the shape of every message. Both ends take them from here. */
import { z } from 'zod';
import { MAX_PREFIX } from '../core/digest.ts';
import type { DomainName } from '../core/path.ts';

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
/** Files in one bundle: enough that the cost of a request vanishes, few enough that a broken one repeats little. */
export const MAX_BUNDLE_FILES = 1000;
/** Content in one bundle: what a receiver may hold in memory; larger files travel alone. */
export const MAX_BUNDLE_BYTES = 16 << 20;
/** A JSON answer: a full stretch of the feed (a thousand changes) with the longest paths and targets, rounded up. */
export const MAX_JSON_BYTES = 96 << 20;
/** One line of NDJSON or of a bundle: path, former path and target at their longest, each byte as six of JSON, and a version. */
export const MAX_LINE_BYTES = 128 << 10;
/** Entries in one answer: a million is the largest domain aimed at; more would fill the receiver's memory. */
export const MAX_ENTRIES = 1_000_000;
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

const count = z.int().min(0);
const roleid = z.string().regex(/^[1-9]\d{0,8}$/);
const digest = z.string().regex(/^[0-9a-f]{16}$/);
const prefix = z.string().regex(new RegExp(`^[0-9a-f]{0,${MAX_PREFIX}}$`));
const heard = z.record(roleid, count);
const domain = z
  .string()
  .min(1)
  .max(255)
  .transform(name => name as DomainName);

export const selfSchema = z.object({
  roleid: z.int().min(1),
  name: z.string().max(255),
  site: z.string().max(255),
  version: z.string().max(255),
  epoch: z.string().max(255),
  clock: count,
  protocols: z.array(count).max(16),
});

export const domainsSchema = z.object({
  epoch: z.string().max(255),
  sequence: count,
  domains: z.array(
    z.object({
      domain,
      state: z.enum(['serving', 'scanning', 'halted']),
      digest,
      entries: count,
      files: count,
      bytes: count,
      heard,
    }),
  ),
});

export const digestsSchema = z.object({
  nodes: z.array(z.object({ prefix, digest, count })).max(16 * MAX_PREFIXES),
});

/** Entries stay unparsed here: one that is refused must not cost the others. */
export const changesSchema = z.object({
  epoch: z.string().max(255),
  sequence: count,
  reset: z.boolean(),
  changes: z.array(z.object({ domain, entry: z.unknown() })),
  compare: z.array(domain).default([]),
  heard: z.record(z.string(), heard),
});

const numeral = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);

export const changesQuerySchema = z.object({
  epoch: z.string().max(255).default(''),
  since: numeral.default(0),
  done: numeral.default(0),
  wait: numeral.default(0).transform(wait => Math.min(wait, MAX_WAIT_MS)),
});

/** A list of prefixes of at most so many digits, separated by commas; one empty prefix is the root. */
export const prefixesSchema = (digits: number) =>
  z
    .string()
    .transform(list => list.split(','))
    .pipe(z.array(prefix.max(digits)).max(MAX_PREFIXES));

export const bundleSchema = z.object({
  files: z.array(z.object({ path: z.string(), size: count, mtime: z.int() })),
});

/** The line before each item of a bundle: so many raw bytes follow, or why none do. */
export const bundleHeaderSchema = z.union([
  z.object({ path: z.string(), size: count }),
  z.object({ path: z.string(), status: z.int().min(400).max(599) }),
]);

/** RFC 9457. */
export const problemSchema = z.object({
  type: z.string().describe('A name for this kind of problem: no page, only the title in another form.'),
  title: z.string().describe('The kind of problem, the same each time.'),
  status: z.int().min(400).max(599),
  detail: z.string().describe('What is wrong this time, and what to do about it.'),
  protocols: z
    .array(count)
    .max(16)
    .optional()
    .describe('Where the version asked for is not spoken: those that are, newest first.'),
});

/** What is wrong with a message, as one short sentence: the first thing that a schema refused. */
export function whatIsWrong(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'not valid';
  return issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`;
}
