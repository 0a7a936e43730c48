/** What can be asked of an instance, as the OpenAPI document lists it: each operation, its question and its answers. */
import { z } from 'zod';
import { MAX_PREFIX } from '../core/digest.ts';
import { bundleSchema, changesQuerySchema, hashesSchema, prefixesSchema } from './messages.ts';
import { BUNDLE, JSON_TYPE, NDJSON, OCTETS, ROUTES } from './protocol.ts';
import type { AnswerHeader } from './refusals.ts';

/** Headers of questions, by what they are for. */
export type QuestionHeader = 'tags' | 'dates' | 'ranges';
/** Messages by the names that they have in the document. */
export type Message = 'Self' | 'Domains' | 'Digests' | 'Entry' | 'Changes' | 'BundleHeader' | 'Hash' | 'Problem';

/** What comes with a status below 400. */
export interface Success {
  readonly description: string;
  /** Nothing: an answer without a body. */
  readonly type?: string;
  /** Of a JSON body. */
  readonly schema?: Message;
  /** Of each line, where the body has lines. */
  readonly line?: Message;
  /** Headers that it always has. */
  readonly headers?: readonly AnswerHeader[];
  /** Headers that it may have. */
  readonly mayHave?: readonly AnswerHeader[];
}

/** One thing to ask. Where it is a GET, the same can be asked as HEAD. */
export interface Operation {
  readonly id: string;
  readonly method: 'get' | 'post';
  readonly route: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, { readonly schema: z.ZodType; readonly description?: string }>>;
  readonly headers?: readonly QuestionHeader[];
  readonly body?: z.ZodType;
  readonly successes: Readonly<Record<number, Success>>;
  /** Statuses that it refuses with, besides those of `EVERYWHERE`. */
  readonly refusals: readonly number[];
}

const prefix = (digits: number) => ({ schema: prefixesSchema(digits) });
const coded = { headers: ['Vary'], mayHave: ['Content-Encoding'] } as const;
const tagged = { headers: ['Vary', 'ETag'], mayHave: ['Content-Encoding'] } as const;
const had: Success = { description: 'The asker has it already.', headers: ['ETag'], mayHave: ['Vary'] };

/** The questions about a file: all of it, a part, or whether it is another one by now. */
const file = { headers: ['ETag', 'Accept-Ranges'], mayHave: ['Last-Modified'] } as const;

/** Everything that can be asked. */
export const OPERATIONS: readonly Operation[] = [
  {
    id: 'openapi',
    method: 'get',
    route: ROUTES.openapi,
    summary: 'This document.',
    headers: ['tags'],
    successes: { 200: { description: 'OpenAPI 3.1.', type: JSON_TYPE, ...tagged }, 304: had },
    refusals: [412],
  },
  {
    id: 'self',
    method: 'get',
    route: ROUTES.self,
    summary: 'Who answers, and which versions of the protocol it speaks. To be asked first, without a version.',
    successes: { 200: { description: 'The instance.', type: JSON_TYPE, schema: 'Self', ...coded } },
    refusals: [],
  },
  {
    id: 'domains',
    method: 'get',
    route: ROUTES.domains,
    summary: 'The domains that are served to the asking instance, with the roots of their digests.',
    headers: ['tags'],
    successes: { 200: { description: 'The domains.', type: JSON_TYPE, schema: 'Domains', ...tagged }, 304: had },
    refusals: [412],
  },
  {
    id: 'digests',
    method: 'get',
    route: ROUTES.digests,
    summary: 'The children of nodes of a digest tree.',
    query: {
      prefix: { ...prefix(MAX_PREFIX - 1), description: 'Nodes, separated by commas; an empty one is the root.' },
    },
    headers: ['tags'],
    successes: { 200: { description: 'The children.', type: JSON_TYPE, schema: 'Digests', ...tagged }, 304: had },
    refusals: [404, 412],
  },
  {
    id: 'entries',
    method: 'get',
    route: ROUTES.entries,
    summary: 'The entries below nodes of a digest tree, or those of single paths.',
    query: {
      prefix: {
        ...prefix(MAX_PREFIX),
        description:
          'Nodes, separated by commas; an empty one, as none, is the root. Not looked at where a path is given.',
      },
      path: { schema: z.array(z.string()), description: 'One path, repeated for more; what has no entry is left out.' },
    },
    successes: { 200: { description: 'One entry a line.', type: NDJSON, line: 'Entry', ...coded } },
    refusals: [404],
  },
  {
    id: 'changes',
    method: 'get',
    route: ROUTES.changes,
    summary: 'The feed: what has changed since a cursor. The answer waits for news as long as the question says.',
    query: Object.fromEntries(Object.entries(changesQuerySchema.shape).map(([name, schema]) => [name, { schema }])),
    successes: { 200: { description: 'A stretch of the feed.', type: JSON_TYPE, schema: 'Changes', ...coded } },
    refusals: [],
  },
  {
    id: 'file',
    method: 'get',
    route: ROUTES.file,
    summary:
      'The content of a file, or a part of it. A connection that ends before the last byte means that it changed.',
    headers: ['tags', 'dates', 'ranges'],
    successes: {
      200: { description: 'The file.', type: OCTETS, ...file },
      206: {
        description: 'The part.',
        type: OCTETS,
        headers: [...file.headers, 'Content-Range'],
        mayHave: file.mayHave,
      },
      304: { description: 'The asker has it already.', headers: file.headers, mayHave: file.mayHave },
    },
    refusals: [404, 409, 412, 416],
  },
  {
    id: 'bundle',
    method: 'post',
    route: ROUTES.bundle,
    summary: 'Many small files in one answer, in the order asked for.',
    body: bundleSchema,
    successes: {
      200: {
        description: 'For each file one line of JSON, and after one with a size so many raw bytes of content.',
        type: BUNDLE,
        line: 'BundleHeader',
        ...coded,
      },
    },
    refusals: [404, 413, 415],
  },
  {
    id: 'hashes',
    method: 'post',
    route: ROUTES.hashes,
    summary: 'SHA-256 of the content of files, read for the occasion, in the order asked for.',
    body: hashesSchema,
    successes: {
      200: {
        description: 'For each file a line; of a large one, from time to time how far it is.',
        type: NDJSON,
        line: 'Hash',
      },
    },
    refusals: [404, 413, 415],
  },
];
