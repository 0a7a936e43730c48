/**
 * Reads an object field by field, so that one bad field hides neither the others nor what the rules between nodes have to say
 * about them.
 */
import type { z } from 'zod';
import { type Findings, pathTo } from './problem.ts';

/** The fields that an object may have. */
export type Shape = Readonly<Record<string, z.ZodType>>;

/** The fields that were read; one that is missing or bad is undefined. */
export type Fields<S extends Shape> = { readonly [K in keyof S]: z.output<S[K]> | undefined };

/**
 * The fields of an object, or undefined where the value is none. Every bad field is a problem, every unknown one a warning;
 * null counts as missing.
 *
 * @param noun what an unknown field is called
 */
export function readFields<S extends Shape>(
  shape: S,
  raw: unknown,
  at: string,
  findings: Findings,
  noun = 'field',
): Fields<S> | undefined {
  if (!isObject(raw)) {
    findings.problem(at, `expected an object, found ${nameOf(raw)}`);
    return undefined;
  }
  for (const key of Object.keys(raw))
    if (!Object.hasOwn(shape, key))
      findings.warn(pathTo(at, key), `unknown ${noun}, ignored; known: ${Object.keys(shape).join(', ')}`);
  const fields = Object.entries(shape).map(([key, schema]) => {
    const value = Object.hasOwn(raw, key) ? (raw[key] ?? undefined) : undefined;
    return [key, readField(schema, value, pathTo(at, key), findings)];
  });
  return Object.fromEntries(fields);
}

/** Whether a value is an object with fields, not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readField(schema: z.ZodType, value: unknown, at: string, findings: Findings): unknown {
  const result = schema.safeParse(value, { error: explain });
  if (result.success) return result.data;
  for (const issue of result.error.issues) findings.problem(issue.path.reduce(pathOf, at), issue.message);
  return undefined;
}

function pathOf(at: string, key: PropertyKey): string {
  return pathTo(at, typeof key === 'number' ? key : String(key));
}

/** Messages in the operator's words; undefined leaves the schema's own. */
function explain(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') {
    const expected = issue.expected === 'int' ? 'whole number' : issue.expected === 'array' ? 'list' : issue.expected;
    return issue.input === undefined
      ? `is missing; expected a ${expected}`
      : `expected a ${expected}, found ${nameOf(issue.input)}`;
  }
  if (issue.code === 'invalid_value') return `expected one of ${issue.values.join(', ')}, found ${nameOf(issue.input)}`;
  return undefined;
}

/** A value as a message names it: short, whatever it is. */
function nameOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
