/** The OpenAPI document as a test reads it: references resolved, and answers held against what it says of them. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { openapiDocument } from '../../src/peer/openapi.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document of documents, looked into freely
export type Tree = any;

export const DOCUMENT: Tree = openapiDocument('0.1.0');

/** What a `$ref` leads to. */
export function resolve(node: Tree): Tree {
  if (node?.$ref === undefined) return node;
  const found = node.$ref
    .slice(2)
    .split('/')
    .reduce((at: Tree, key: string) => at?.[key], DOCUMENT);
  assert.ok(found !== undefined && node.$ref.startsWith('#/'), `${node.$ref} leads nowhere`);
  return found;
}

/** Every object in the document, with the way to it. */
export function* walk(node: Tree, way: readonly string[] = []): Generator<readonly [Tree, readonly string[]]> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield [node, way];
  for (const [key, child] of Object.entries(node)) yield* walk(child, [...way, key]);
}

/** One method of one target. */
export interface Documented {
  readonly id: string;
  readonly method: string;
  readonly template: string;
  readonly operation: Tree;
  readonly statuses: readonly number[];
}

export const DOCUMENTED: readonly Documented[] = Object.entries<Tree>(DOCUMENT.paths).flatMap(([template, item]) =>
  Object.entries<Tree>(item)
    .filter(([key]) => key !== 'parameters')
    .map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      template,
      operation,
      statuses: Object.keys(operation.responses).map(Number),
    })),
);

/** An answer as it came. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Headers that HTTP itself puts on any answer. */
const OF_HTTP = ['date', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-type'];

/** Fails unless the answer is one that the document has for the operation: status, headers, media type and body. */
export function assertDocumented({ id, operation, method }: Documented, answer: Answered): void {
  const { status, headers } = answer;
  const isCoded = headers['content-encoding'] === 'zstd' && answer.body.length > 0;
  const body = isCoded ? zstdDecompressSync(answer.body) : answer.body;
  const label = `${id} ${status}`;
  const response = resolve(operation.responses[status]);
  assert.ok(response, `${label} is not in the document: ${body.toString('latin1').slice(0, 200)}`);
  const known = Object.entries<Tree>(response.headers).map(([name, header]) => [name.toLowerCase(), resolve(header)]);
  for (const [name, { required }] of known)
    if (required) assert.ok(headers[name] !== undefined, `${label} has no ${name}`);
  for (const name of Object.keys(headers))
    assert.ok(
      OF_HTTP.includes(name) || known.some(([one]) => one === name),
      `${label}: ${name} is not in the document`,
    );
  if (method === 'HEAD' && body.length === 0) return;
  const type = headers['content-type'];
  const content = response.content?.[type ?? ''];
  if (response.content === undefined) assert.equal(body.length, 0, `${label} has a body`);
  else assert.ok(content, `${label}: ${type} is not in the document`);
  if (content?.['x-line-schema']) for (const line of linesOf(body)) assertValid(content['x-line-schema'], line, label);
  else if (type?.includes('json')) assertValid(content.schema, JSON.parse(body.toString()), label);
}

/** The lines of NDJSON, and those of a bundle, which say how much of content to skip. */
function* linesOf(body: Buffer): Generator<Tree> {
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf('\n', at);
    assert.ok(end > at, 'a line that does not end');
    const line = JSON.parse(body.subarray(at, end).toString());
    yield line;
    at = end + 1 + ('size' in line && !('kind' in line) ? line.size : 0);
  }
}

/** Fails unless a value is what a schema of the document says, and has no member that the schema does not list. */
export function assertValid(schema: Tree, value: unknown, label: string): void {
  const result = validatorOf(schema).safeParse(value);
  assert.ok(result.success, `${label}: ${result.error?.message} in ${JSON.stringify(value)?.slice(0, 300)}`);
}

/** What JSON schema says that a value is, by zod's reading of it. */
export function validatorOf(schema: Tree, how: 'closed' | 'open' = 'closed'): z.ZodType {
  const [own, defs] = [schema, DOCUMENT.components.schemas].map(part =>
    JSON.parse(JSON.stringify(part).replaceAll('#/components/schemas/', '#/$defs/')),
  );
  const whole = { ...own, $defs: defs };
  if (how === 'closed')
    for (const [node] of walk(whole))
      if (node.type === 'object' && node.properties) node.additionalProperties ??= false;
  return z.fromJSONSchema({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...whole });
}
