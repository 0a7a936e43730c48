/** What a request says, parsed; whatever is no question of the protocol throws a {@link Problem}. */
import type { z } from 'zod';
import { type DomainName, parsePath, type RelPath } from '../core/path.ts';
import type { FileRef } from '../sync/peer.ts';
import type { Context } from './asked.ts';
import { parseAcceptEncoding } from './coding.ts';
import { bundleSchema, hashesSchema } from './messages.ts';
import { Problem } from './problem.ts';
import { JSON_TYPE, MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES, MAX_REQUEST_BYTES, whatIsWrong } from './protocol.ts';

/** The domain, from our own decoding of the target, never from the router's. */
export function domainOf(ctx: Context): DomainName {
  return ctx.state.target.segments[2] as DomainName;
}

/** A path that the tree may have; 400 for any other. */
export function pathOf(raw: string): RelPath {
  const parsed = parsePath(raw);
  if ('refused' in parsed) throw new Problem(400, 'Path refused', parsed.refused);
  return parsed.path;
}

/** The value of a query parameter; 400 where there are several. */
export function single(ctx: Context, name: string): string | undefined {
  const values = ctx.state.target.query.get(name);
  if (values !== undefined && values.length > 1)
    throw new Problem(400, 'Malformed question', `${name} is given more than once`);
  return values?.[0];
}

/** What a schema makes of a part of the question; 400 for what it refuses. */
export function parse<T>(schema: z.ZodType<T>, raw: unknown, what: string): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new Problem(400, 'Malformed question', `${what}: ${whatIsWrong(parsed.error)}`);
}

/** The files that a bundle is asked for; 413 for more than one holds. */
export function bundleIn(raw: unknown): FileRef[] {
  const { files } = parse(bundleSchema, raw, 'bundle');
  if (files.length > MAX_BUNDLE_FILES)
    throw new Problem(413, 'Bundle too large', `a bundle has at most ${MAX_BUNDLE_FILES} files`);
  if (files.reduce((sum, file) => sum + file.size, 0) > MAX_BUNDLE_BYTES)
    throw new Problem(413, 'Bundle too large', `a bundle has at most ${MAX_BUNDLE_BYTES} bytes of content`);
  return files.map(file => ({ ...file, path: pathOf(file.path) }));
}

/** The files whose content is to be hashed; 413 for more than one question may name. */
export function hashedIn(raw: unknown): FileRef[] {
  const { files } = parse(hashesSchema, raw, 'hashes');
  if (files.length > MAX_BUNDLE_FILES)
    throw new Problem(413, 'Too many files', `at most ${MAX_BUNDLE_FILES} files are hashed for one question`);
  return files.map(file => ({ ...file, path: pathOf(file.path) }));
}

/** Nothing, or 406 where the plain bytes, which are all there is, are not accepted. */
export function plainOnly(ctx: Context): void {
  if (parseAcceptEncoding(ctx.get('Accept-Encoding')).identity > 0) return;
  throw new Problem(406, 'Coding not acceptable', 'content of files is sent as it is: do not refuse identity');
}

/**
 * The body as JSON; 413 past the limit. Reads on past it without keeping anything: whoever is still sending would not see an
 * answer.
 */
export async function readJson(ctx: Context): Promise<unknown> {
  const type = ctx.get('Content-Type');
  if (type !== '' && !ctx.is(JSON_TYPE))
    throw new Problem(415, 'Media type not supported', `a request is ${JSON_TYPE}, this one says ${type}`);
  const coding = ctx.get('Content-Encoding');
  if (coding !== '' && coding.toLowerCase() !== 'identity')
    throw new Problem(415, 'Coding not supported', `a request is not coded, this one says ${coding}`, {
      'accept-encoding': 'identity',
    });
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of ctx.req) {
    length += chunk.length;
    if (length <= MAX_REQUEST_BYTES) parts.push(chunk);
    else parts.length = 0;
  }
  if (length > MAX_REQUEST_BYTES)
    throw new Problem(413, 'Request too large', `a request has at most ${MAX_REQUEST_BYTES} bytes`);
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new Problem(400, 'Malformed request', 'the body is not JSON');
  }
}
