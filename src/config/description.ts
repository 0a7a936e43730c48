/** The nodes of the network description, each read by itself; the rules between them are in `rules.ts`. */
import { z } from 'zod';
import { parsePath } from '../core/path.ts';
import type { Options } from '../core/topology.ts';
import { parseAddress } from './address.ts';
import { isObject, readFields } from './fields.ts';
import { readOptions } from './options.ts';
import { Findings, pathTo } from './problem.ts';

/** A node with the path where it stands; what is missing or bad in it is undefined. */
interface Node {
  readonly at: string;
  readonly name: string | undefined;
}

/** A role node of roletype `dfsync`. */
export interface RoleNode extends Node {
  readonly roleid: number | undefined;
  readonly iface: string | undefined;
  readonly enabled: boolean;
  readonly gateway: boolean;
  readonly separate: boolean | undefined;
  readonly options: Partial<Options>;
}

export interface ServerNode extends Node {
  readonly address: string | undefined;
  readonly externalAddress: string | undefined;
  readonly roles: readonly RoleNode[];
  /** Some role could not be told to be of another roletype. */
  readonly unclear: boolean;
}

export interface SiteNode extends Node {
  readonly servers: readonly ServerNode[];
}

export interface DomainNode extends Node {
  readonly directory: string | undefined;
  readonly sites: readonly string[];
}

/** The whole document. */
export interface Description {
  readonly sites: readonly SiteNode[];
  readonly domains: readonly DomainNode[];
  readonly options: Partial<Options>;
}

/** Only instances of this roletype are ours; the platform's other roles are none of our business. */
const ROLETYPE = 'dfsync';

/** Roleids are kept in signed 32-bit columns. */
const MAX_ROLEID = 2 ** 31 - 1;

const MAX_NAME = 255;

/** A name that is shown in logs and metrics: one line of text. */
const label = z
  .string()
  .max(MAX_NAME, `longer than ${MAX_NAME} characters`)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'must not be empty and has no control characters');

/** A domain's name is also part of URLs and a key of JSON objects. */
const domainName = z
  .string()
  .max(MAX_NAME, `longer than ${MAX_NAME} characters`)
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._@+-]*$/u,
    'must start with a letter or digit, and go on with these, blanks or any of . _ @ + -',
  );

const address = z.string().transform((raw, context) => {
  const parsed = parseAddress(raw);
  if ('address' in parsed) return parsed.address;
  context.addIssue({ code: 'custom', message: parsed.refused });
  return z.NEVER;
});

const list = z.array(z.unknown());

const DOCUMENT = {
  sites: list.min(1, 'lists no site'),
  domains: list.optional(),
  options: z.unknown(),
};

const SITE = { name: label, servers: list.min(1, 'lists no server') };

const SERVER = { name: label, address, external_address: orEmpty(address.optional()), roles: list };

const DOMAIN = { name: domainName, directory: z.string().optional(), sites: z.array(label) };

const ROLE = {
  name: z.string().regex(/^[A-Za-z][A-Za-z0-9]*$/, 'must be Latin letters and digits and start with a letter'),
  roletype: z.string(),
  iface: label,
  ext: z.unknown(),
  enabled: orEmpty(z.boolean().default(true)),
  is_cross_site: orEmpty(z.boolean().default(false)),
  roleid: z.int().min(1, 'must be at least 1').max(MAX_ROLEID, `must be at most ${MAX_ROLEID}`),
  separate: z.boolean(),
};

/** Reads every node; what is wrong in one hides nothing in another. */
export function readDescription(raw: unknown, findings: Findings): Description {
  const fields = readFields(DOCUMENT, raw, '', findings);
  return {
    sites: readList(fields?.sites, 'sites', findings, readSite),
    domains: readList(fields?.domains, 'domains', findings, readDomain),
    options: readOptions(fields?.options, 'options', findings, 'network'),
  };
}

function readSite(raw: unknown, at: string, findings: Findings): SiteNode {
  const fields = readFields(SITE, raw, at, findings);
  return { at, name: fields?.name, servers: readList(fields?.servers, pathTo(at, 'servers'), findings, readServer) };
}

function readServer(raw: unknown, at: string, findings: Findings): ServerNode {
  const fields = readFields(SERVER, raw, at, findings);
  const roles = readList(fields?.roles, pathTo(at, 'roles'), findings, readRole);
  return {
    at,
    name: fields?.name,
    address: fields?.address,
    externalAddress: fields?.external_address ?? fields?.address,
    roles: roles.filter(role => typeof role === 'object'),
    unclear: fields?.roles === undefined || roles.includes('unclear'),
  };
}

/** A role node; a disabled one takes no part in validation, so whatever is wrong with it is a warning. */
function readRole(raw: unknown, at: string, findings: Findings): RoleNode | 'other' | 'unclear' {
  if (isObject(raw) && typeof raw.roletype === 'string' && raw.roletype !== ROLETYPE) return 'other';
  const enabled = !(isObject(raw) && raw.enabled === false);
  const own = new Findings();
  const fields = readFields(ROLE, raw, at, own);
  const options = readOptions(fields?.ext, pathTo(at, 'ext'), own, 'instance');
  if (enabled) findings.add(own);
  else findings.addAsWarnings(own);
  if (fields?.roletype === undefined) return 'unclear';
  const { name, roleid, iface, separate } = fields;
  return { at, name, roleid, iface, separate, enabled, gateway: fields.is_cross_site ?? false, options };
}

function readDomain(raw: unknown, at: string, findings: Findings): DomainNode {
  const fields = readFields(DOMAIN, raw, at, findings);
  const name = fields?.name;
  const directory = fields?.directory ?? name;
  const refused = directory === undefined ? undefined : refuseDirectory(directory);
  if (refused !== undefined)
    findings.problem(pathTo(at, fields?.directory === undefined ? 'name' : 'directory'), refused);
  return { at, name, directory: refused === undefined ? directory : undefined, sites: fields?.sites ?? [] };
}

function refuseDirectory(directory: string): string | undefined {
  const parsed = parsePath(directory);
  if ('refused' in parsed) return `is no directory of :SYNC: ${parsed.refused}`;
  if (directory.includes('/')) return 'must be one first-level directory of :SYNC, without "/"';
  // Made by fsck on every ext file system, and never synchronised.
  if (directory === 'lost+found') return 'lost+found belongs to the file system';
  return undefined;
}

function readList<T>(
  items: unknown[] | undefined,
  at: string,
  findings: Findings,
  read: (raw: unknown, at: string, findings: Findings) => T,
): T[] {
  return (items ?? []).map((item, i) => read(item, pathTo(at, i), findings));
}

/** The platform writes "" for a field that is not set (or nothing, or null). */
function orEmpty<S extends z.ZodType>(schema: S) {
  return z.preprocess(value => (value === '' ? undefined : value), schema);
}
