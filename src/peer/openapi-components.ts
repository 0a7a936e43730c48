/** What the operations of the OpenAPI document have in common: messages, refusals, headers, parameters. */
import { z } from 'zod';
import { entrySchema, PATH_RULES, versionSchema } from './entry-format.ts';
import {
  changesSchema,
  digestsSchema,
  domainsSchema,
  hashSchema,
  problemSchema,
  roleidHeaderSchema,
  selfSchema,
  unparsedEntry,
} from './messages.ts';
import { type Message, OPERATIONS } from './operations.ts';
import { bundleHeaderSchema, PROBLEM, PROTOCOL_HEADER, ROLEID_HEADER } from './protocol.ts';
import { type AnswerHeader, REFUSALS } from './refusals.ts';

/** A piece of the document. */
export type Json = Record<string, unknown>;

const MESSAGES: Readonly<Record<Message | 'Version', z.ZodType>> = {
  Self: selfSchema,
  Domains: domainsSchema,
  Digests: digestsSchema,
  Entry: entrySchema,
  Version: versionSchema,
  Changes: changesSchema,
  BundleHeader: bundleHeaderSchema,
  Hash: hashSchema,
  Problem: problemSchema,
};

/** Headers of answers that only some have. */
const ANSWER_HEADERS: Readonly<Record<AnswerHeader, string>> = {
  ETag: 'A strong tag; of a file `"date-size"`, the date in ms since 1970. A coded form has a tag of its own.',
  Vary: 'That the answer depends on the codings that are accepted.',
  'Content-Encoding': '`zstd`, where it is accepted and the answer is long enough to gain by it.',
  'Content-Range': 'Which bytes of how many.',
  'Accept-Ranges': '`bytes`.',
  'Last-Modified': 'The date of the file, cut to the second; none for one to come, or one that HTTP cannot say.',
  'Retry-After': 'Seconds after which asking again makes sense.',
  'WWW-Authenticate': '`Bearer`.',
  Allow: 'The methods that the target has.',
  'Accept-Encoding': 'The codings that a question may be in.',
};

/** The `components` of the document. */
export function components(): Json {
  return {
    securitySchemes: {
      token: { type: 'http', scheme: 'bearer', description: 'Not needed where the instance has no token file.' },
    },
    parameters: PARAMETERS,
    headers: answerHeaders(),
    responses: Object.fromEntries(Object.keys(REFUSALS).map(status => [`Refusal${status}`, refusalOf(Number(status))])),
    schemas: messageSchemas(),
  };
}

/** The headers of an answer: those that it always has, and those that it may have. */
export function headersOf(always: readonly AnswerHeader[], maybe: readonly AnswerHeader[]): Json {
  return {
    ...Object.fromEntries(
      [ROLEID_HEADER, PROTOCOL_HEADER, ...always].map(name => [name, { $ref: `#/components/headers/${name}` }]),
    ),
    ...Object.fromEntries(maybe.map(name => [name, { description: ANSWER_HEADERS[name], schema: { type: 'string' } }])),
  };
}

/** The JSON schema of what a question may hold. */
export function schemaOf(schema: z.ZodType): Json {
  return bare(z.toJSONSchema(schema, { io: 'input' }) as Json);
}

/** Without what says where a schema is from: here the document says it. */
function bare({ $schema: _, $id: __, ...schema }: Json): Json {
  return schema;
}
const PARAMETERS = {
  Roleid: {
    name: ROLEID_HEADER,
    in: 'header',
    required: true,
    description: 'The roleid of the asking instance.',
    schema: schemaOf(roleidHeaderSchema),
  },
  Protocol: {
    name: PROTOCOL_HEADER,
    in: 'header',
    description: 'The version of the protocol that the question is in; without it, the oldest one that is spoken.',
    schema: { type: 'string', pattern: '^\\d{1,9}$' },
  },
  AcceptEncoding: {
    name: 'Accept-Encoding',
    in: 'header',
    description: 'RFC 9110: `zstd` and `identity` are to be had for the index and bundles, `identity` for a file.',
    schema: { type: 'string' },
  },
  domain: {
    name: 'domain',
    in: 'path',
    required: true,
    description: 'The name of a domain, percent-encoded.',
    schema: { type: 'string', minLength: 1 },
  },
  path: {
    name: 'path',
    in: 'path',
    required: true,
    description: `A path in the domain: its bytes percent-encoded, but for the slashes, which stay. ${PATH_RULES}`,
    schema: { type: 'string', minLength: 1 },
  },
};

function refusalOf(status: number): Json {
  const { description, header, mayHave = [] } = REFUSALS[status]!;
  return {
    description,
    headers: headersOf(header ? [header] : [], mayHave),
    content: { [PROBLEM]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

/** Those that some answer always has. */
function answerHeaders(): Json {
  const always = new Set<string>([
    ...OPERATIONS.flatMap(({ successes }) => Object.values(successes).flatMap(({ headers = [] }) => headers)),
    ...Object.values(REFUSALS).flatMap(({ header }) => header ?? []),
    ROLEID_HEADER,
    PROTOCOL_HEADER,
  ]);
  const described = {
    [ROLEID_HEADER]: 'The roleid of the answering instance: an answer with another one than expected is misrouted.',
    [PROTOCOL_HEADER]: 'The version of the protocol that the answer is in.',
    ...ANSWER_HEADERS,
  };
  return Object.fromEntries(
    Object.entries(described)
      .filter(([name]) => always.has(name))
      .map(([name, description]) => [name, { description, required: true, schema: { type: 'string' } }]),
  );
}

/** Messages as they may come: members that are not listed are let through, as both ends do. */
function messageSchemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(MESSAGES)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    uri: id => `#/components/schemas/${id}`,
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === unparsedEntry) jsonSchema.$ref = '#/components/schemas/Entry';
    },
  });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema as Json)]));
}
