/**
 * Runs in a thread of its own, loaded by URL as a piscina task and imported by nobody: compiles schemas of handlers and
 * checks values against them. It may be ended at any time.
 */
import { messageOf } from '../errors.ts';
import type { JsonValue } from '../model/json.ts';
import { compileSchema, type SchemaCheck, type SchemaFault } from './json-schema.ts';

/** JSON texts: a string crosses threads cheaper than a tree. */
export interface SchemaTask {
  readonly schema: string;
  /** Null to see only whether the schema compiles. */
  readonly value: string | null;
}

export type SchemaAnswer = { readonly faults: readonly SchemaFault[] } | { readonly broken: string };

const COMPILED_MAX = 64;
const compiled = new Map<string, SchemaCheck>();

// untrusted: both texts.
export default function checkSchema({ schema, value }: SchemaTask): SchemaAnswer {
  let check: SchemaCheck;
  try {
    check = compiledOf(schema);
  } catch (error) {
    return { broken: messageOf(error) };
  }
  if (value === null) return { faults: [] };
  try {
    return { faults: check(JSON.parse(value) as JsonValue) };
  } catch (error) {
    // A schema that refers to itself goes as deep as the value does.
    return { faults: [{ path: [], message: `cannot be checked: ${messageOf(error)}` }] };
  }
}

function compiledOf(schema: string): SchemaCheck {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const check = compileSchema(JSON.parse(schema) as JsonValue);
  if (compiled.size >= COMPILED_MAX) compiled.delete(compiled.keys().next().value ?? '');
  compiled.set(schema, check);
  return check;
}
