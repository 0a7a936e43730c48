/** The OpenAPI document of the peer API, made of the operations and of the schemas that both ends parse with. */
import type { z } from 'zod';
import { components, headersOf, type Json, schemaOf } from './openapi-components.ts';
import { type Message, OPERATIONS, type Operation, type QuestionHeader, type Success } from './operations.ts';
import { JSON_TYPE } from './protocol.ts';
import { EVERYWHERE } from './refusals.ts';

const CONDITIONS: Readonly<Record<QuestionHeader, Readonly<Record<string, string>>>> = {
  tags: {
    'If-Match': 'Tags, or `*`: 412 where what is here has none of them.',
    'If-None-Match': 'Tags, or `*`: 304 where what is here has one of them.',
  },
  dates: {
    'If-Modified-Since': 'A date: 304 where the file is no newer. Not looked at beside `If-None-Match`.',
    'If-Unmodified-Since': 'A date: 412 where the file is newer. Not looked at beside `If-Match`.',
  },
  ranges: {
    Range: '`bytes=a-b`, `bytes=a-` or `bytes=-n`. Several ranges, or another unit, are answered with the whole file.',
    'If-Range':
      'A strong tag: the range is looked at only where the file has it. A date never holds: it is not certain enough.',
  },
};

/**
 * The document.
 *
 * @param version of the program
 */
export function openapiDocument(version: string): Json {
  return {
    openapi: '3.1.1',
    info: {
      title: 'dfsync peer API',
      version,
      description: `What instances ask each other. Nothing is ever sent unasked. Every refusal is a problem document (RFC 9457), a target that is not listed here 404. Every answer names the instance and the version of the protocol; a message may have members that are not listed.`,
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    security: [{ token: [] }, {}],
    paths: pathsOf(OPERATIONS),
    components: components(),
  };
}

/** The target of a route in the words of OpenAPI. */
export function templateOf(route: string): string {
  return route.replace(/[:*](\w+)/g, '{$1}');
}

function pathsOf(operations: readonly Operation[]): Json {
  return Object.fromEntries(
    operations.map(operation => [
      templateOf(operation.route),
      {
        parameters: pathParameters(operation.route),
        [operation.method]: operationOf(operation),
        ...(operation.method === 'get' && { head: headOf(operation) }),
      },
    ]),
  );
}

function pathParameters(route: string): Json[] {
  const named = [...route.matchAll(/[:*](\w+)/g)].map(([, name]) => name!);
  return [...named, 'Roleid', 'Protocol', 'AcceptEncoding'].map(name => ({ $ref: `#/components/parameters/${name}` }));
}

function operationOf({ id, summary, query, headers, body, successes, refusals }: Operation): Json {
  return {
    operationId: id,
    summary,
    parameters: parametersOf(query, headers),
    ...(body && { requestBody: { required: true, content: { [JSON_TYPE]: { schema: schemaOf(body) } } } }),
    responses: responsesOf(Object.entries(successes), [...EVERYWHERE, ...refusals]),
  };
}

/** The same without bodies. A range means nothing to it, and another method is another operation's refusal. */
function headOf({ id, summary, query, headers = [], successes, refusals }: Operation): Json {
  const whole = Object.entries(successes).flatMap(([status, { type: _, ...success }]) =>
    status === '206' ? [] : [[status, success] as const],
  );
  return {
    operationId: `${id}Head`,
    summary: `The headers alone of: ${summary}`,
    parameters: parametersOf(
      query,
      headers.filter(header => header !== 'ranges'),
    ),
    responses: responsesOf(
      whole,
      [...EVERYWHERE, ...refusals].filter(status => ![405, 416, 501].includes(status)),
    ),
  };
}

function parametersOf(query: Operation['query'] = {}, headers: Operation['headers'] = []): Json[] {
  return [
    ...Object.entries(query).map(([name, { schema, description }]) => queryParameter(name, schema, description)),
    ...headers.flatMap(conditionParameters),
  ];
}

function responsesOf(successes: readonly (readonly [string, Success])[], refusals: readonly number[]): Json {
  return {
    ...Object.fromEntries(successes.map(([status, success]) => [status, successOf(success)])),
    ...Object.fromEntries(refusals.map(status => [status, { $ref: `#/components/responses/Refusal${status}` }])),
  };
}

function queryParameter(name: string, schema: z.ZodType, description: string | undefined): Json {
  const { description: own, ...rest } = schemaOf(schema);
  return { name, in: 'query', description: description ?? own, schema: rest };
}

function conditionParameters(header: QuestionHeader): Json[] {
  return Object.entries(CONDITIONS[header]).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }));
}

function successOf({ description, type, schema, line, headers = [], mayHave = [] }: Success): Json {
  return {
    description,
    headers: headersOf(headers, mayHave),
    ...(type && { content: { [type]: contentOf(schema, line) } }),
  };
}

/** OpenAPI 3.1 has no word for a stream of lines: what each of them is stands beside the schema. */
function contentOf(schema: Message | undefined, line: Message | undefined): Json {
  if (schema) return { schema: { $ref: `#/components/schemas/${schema}` } };
  return line
    ? { schema: { type: 'string' }, 'x-line-schema': { $ref: `#/components/schemas/${line}` } }
    : { schema: {} };
}
