/** The shape of every message between instances. Both ends parse with these, and the OpenAPI document is made of them. */
import { z } from 'zod';
import { MAX_PREFIX } from '../core/digest.ts';
import type { DomainName } from '../core/path.ts';
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES, MAX_PREFIXES, MAX_WAIT_MS } from './protocol.ts';

/** Versions of the protocol in one message: far more than any release speaks. */
const MAX_PROTOCOLS = 16;

const count = z.int().min(0);
const roleid = z.string().regex(/^[1-9]\d{0,8}$/);
const digest = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .describe('Sum of the hashes of entries, 16 hex digits.');
const prefix = z.string().regex(new RegExp(`^[0-9a-f]{0,${MAX_PREFIX}}$`));
const heard = z.record(roleid, count).describe('By origin (roleid): the newest heartbeat that arrived, ms since 1970.');
const epoch = z.string().max(255).describe('New at every start of the answering instance.');
const sequence = count.describe('Place in the feed.');
const domain = z
  .string()
  .min(1)
  .max(255)
  .transform(name => name as DomainName);
const protocols = z.array(count).max(MAX_PROTOCOLS);

export const selfSchema = z.object({
  roleid: z.int().min(1),
  name: z.string().max(255),
  site: z.string().max(255),
  version: z.string().max(255).describe('Of the program.'),
  epoch,
  clock: count.describe('Time of the answering instance, ms since 1970.'),
  protocols: protocols.describe('Versions of this protocol that it speaks.'),
  skews: z
    .record(roleid, z.number())
    .optional()
    .describe('Clocks of other instances (roleid) minus that of the answering one, ms, as far as it knows them.'),
});

const attendance = z
  .object({
    created: count.describe('Creation of its volume.'),
    before: count.describe('Its last heartbeat before its start; 0: none is known.'),
    since: count.describe('Its start.'),
    forgotten: count.describe('No deletion of a later date was forgotten by it, or by whom it has heard of.'),
  })
  .describe('When the answering instance was there to hear and to be heard; ms since 1970.');

const domainState = z.object({
  domain,
  state: z.enum(['serving', 'scanning', 'halted']).describe('`serving`, or why nothing can be asked of it yet.'),
  digest,
  entries: count.describe('Tombstones included.'),
  files: count.describe('Live files.'),
  bytes: count.describe('Of the live files.'),
  heard,
  attendance: attendance.optional(),
});

export const domainsSchema = z.object({
  epoch,
  sequence,
  domains: z.array(domainState),
});

export const digestsSchema = z.object({
  nodes: z
    .array(z.object({ prefix, digest, count: count.describe('Entries below the node.') }))
    .max(16 * MAX_PREFIXES)
    .describe('The children of the nodes that were asked for; an empty child may be left out.'),
});

/** An entry in a stretch of the feed stays unparsed there: one that is refused must not cost the others. */
export const unparsedEntry = z.unknown();

export const changesSchema = z.object({
  epoch,
  sequence: sequence.describe('The cursor to ask with next: everything up to here was looked at.'),
  reset: z.boolean().describe('The feed no longer covers the cursor, or the epoch is another one: compare digests.'),
  changes: z.array(z.object({ domain, entry: unparsedEntry })),
  compare: z.array(domain).default([]).describe('Domains that have become ready since: worth comparing now.'),
  states: z.array(domainState).optional().describe('Where there is nothing new: what `domains` would answer.'),
  heard: z.record(z.string(), heard).describe('By domain; valid once everything up to the cursor is applied.'),
});

const numeral = z.string().regex(/^\d{1,15}$/);

export const changesQuerySchema = z.object({
  epoch: z.string().max(255).default('').describe('The epoch that the cursor belongs to.'),
  since: numeral.default('0').transform(Number).describe('Cursor: the last sequence that was looked at.'),
  done: numeral.default('0').transform(Number).describe('Everything up to here is applied by the asking instance.'),
  wait: numeral
    .default('0')
    .transform(wait => Math.min(Number(wait), MAX_WAIT_MS))
    .describe(`Milliseconds for which the answer may be held back until there is news; ${MAX_WAIT_MS} at most.`),
});

/** A list of prefixes of at most so many digits, separated by commas; one empty prefix is the root. */
export const prefixesSchema = (digits: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-f]{0,${digits}}(,[0-9a-f]{0,${digits}})*$`), `prefixes have at most ${digits} hex digits`)
    .transform(list => list.split(','))
    .pipe(z.array(z.string()).max(MAX_PREFIXES));

export const bundleSchema = z.object({
  files: z
    .array(z.object({ path: z.string(), size: count, mtime: z.int().describe('Milliseconds since 1970.') }))
    .describe(`Exactly these versions; ${MAX_BUNDLE_FILES} files and ${MAX_BUNDLE_BYTES} bytes of content at most.`),
});

export const hashesSchema = z.object({
  files: bundleSchema.shape.files.describe(`Exactly these versions, of any size; ${MAX_BUNDLE_FILES} files at most.`),
});

/** A line of the answer to a question for hashes. */
export const hashSchema = z.union([
  z.object({
    path: z.string(),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('SHA-256 of the content, in hex.'),
  }),
  z.object({ path: z.string(), at: count.describe('So many bytes of a large file are hashed; the hash is to come.') }),
  z.object({
    path: z.string(),
    status: z.int().min(400).max(599).describe('What asking for the file would get: it is not so here.'),
  }),
]);

/** What the header that names the asking instance holds. */
export const roleidHeaderSchema = z.string().regex(/^\d{1,9}$/);

/** RFC 9457. */
export const problemSchema = z.object({
  type: z.string().describe('A name for this kind of problem: no page, only the title in another form.'),
  title: z.string().describe('The kind of problem, the same each time.'),
  status: z.int().min(400).max(599),
  detail: z.string().describe('What is wrong this time, and what to do about it.'),
  protocols: protocols.optional().describe('Where the version asked in is not spoken: those that are.'),
});
